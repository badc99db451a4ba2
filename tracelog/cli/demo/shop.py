"""
The demo's shop: takes an order and has it charged by billing, under the trace that came in.
"""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import tracelog
from tracelog.cli.demo.backend import delivered, run
from tracelog.cli.demo.calls import post

log = tracelog.get_logger("shop.orders")


async def checkout(request: Request) -> Response:
    with tracelog.trace("POST /checkout", headers=request.headers, area="checkout"):
        log.info("order received", headers=dict(request.headers))
        order = await request.body()
        with tracelog.span("POST billing/charge"):
            url = f"{request.app.state.next_url}/charge"
            status, answer = await asyncio.to_thread(post, url, order, tracelog.inject())
        if status != 200:
            log.error("charge failed: billing answered %d", status)
            return JSONResponse({"error": "the order could not be charged"}, 502)
        log.info("order placed")
        return Response(answer, 201, media_type="application/json")


def main() -> None:
    run(
        Starlette(routes=[Route("/checkout", checkout, methods=["POST"])], lifespan=delivered), service="shop"
    )


if __name__ == "__main__":
    main()
