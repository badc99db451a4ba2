"""
A Python service behind the worker: `python backend.py URL` logs there and prints the port that it listens on.
"""

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import tracelog
from tracelog.integrations.asgi import Middleware

log = tracelog.get_logger("shop")


async def order(request: Request) -> JSONResponse:
    log.warning("out of %s", request.path_params["item"])
    return JSONResponse({"error": "out of stock"}, 503)


def main() -> None:
    tracelog.configure(service="shop", url=sys.argv[1])
    app = Starlette(routes=[Route("/orders/{item}", order, methods=["POST"])])
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(Middleware(app), log_level="warning")).run(sockets=[listener])


main()
