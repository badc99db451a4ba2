"""
A site whose pages log through a route of its own: start `tracelog serve`, then `python
examples/integrations/relay_app.py`, open http://127.0.0.1:8085 and press the button. With `--once` it brings
a log server with it, says what the page would say, shows what was stored, and ends.
"""

import asyncio
import json
import sys
from typing import Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from tracelog.integrations.relay import Relay
from tracelog.testing import LocalServer

PAGE: Final = """
<!doctype html><title>Shop</title>
<script src="/logs/tracelog.js"></script>
<button onclick="console.log('ordering tea')">Order</button>
"""


async def index(_request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE)


def site(logs: str) -> Starlette:
    """
    Return the site; what its pages log goes on to the server at *logs*.
    """
    return Starlette(routes=[Route("/", index), Mount("/logs", Relay(logs))])


async def say(app: Starlette, *entries: dict[str, str]) -> None:
    """
    Post *entries* as a page of *app* does.
    """
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as page:
        own = {"sec-fetch-site": "same-origin"}
        (await page.post("/logs/log", content=json.dumps(entries), headers=own)).raise_for_status()


if __name__ == "__main__":
    if "--once" in sys.argv:
        with LocalServer() as server:
            said = {"trace_id": "from_a_page", "system": "browser", "message": "ordering tea"}
            asyncio.run(say(site(server.url), said))
            for entry in server.entries("from_a_page"):
                print(json.dumps(entry))
    else:
        uvicorn.run(site("http://127.0.0.1:8787"), port=8085)
