"""
An aiohttp server that calls itself with aiohttp's client, and one trace through both: `python
examples/integrations/aiohttp_app.py`, then `curl -i http://127.0.0.1:8087/orders/tea`. Needs aiohttp. With
`--once` it makes one request to itself and ends.
"""

import asyncio
import sys

from aiohttp import ClientSession, web

import tracelog
from tracelog.integrations.aiohttp import setup

log = tracelog.get_logger("shop")


async def order(request: web.Request) -> web.Response:
    log.info("ordering %s", request.match_info["item"])
    async with ClientSession() as http, http.get(f"http://{request.host}/stock") as answer:
        return web.Response(text=await answer.text())


async def stock(_request: web.Request) -> web.Response:
    return web.Response(text="3 left\n")


def shop() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/orders/{item}", order), web.get("/stock", stock)])
    return app


async def call_once() -> None:
    runner = web.AppRunner(shop())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with ClientSession() as http, http.get(f"http://{host}:{port}/orders/tea") as answer:
        await answer.read()
    await runner.cleanup()


if __name__ == "__main__":
    tracelog.configure(service="shop")
    setup()
    if "--once" in sys.argv:
        asyncio.run(call_once())
        tracelog.flush()
    else:
        web.run_app(shop(), host="127.0.0.1", port=8087)
