"""
A program that logs everything to a tracelog server that it carries itself: its own requests, uvicorn's access
log, the root logger at debug. Run by `test_feedback.py`: prints its port, ends with its standard input.
"""

import logging
import os
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import tracelog
from tracelog.integrations.asgi import Middleware
from tracelog.integrations.logging import Handler
from tracelog.server import create_app


async def work(_request):
    tracelog.get_logger("shop").info("worked")
    return PlainTextResponse("ok")


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    tracelog.configure(service="feeding", url=f"http://127.0.0.1:{port}/logs", flush_interval=0.02)
    logs = create_app(store="sqlite::memory:", limits=False)
    app = Middleware(Starlette(routes=[Route("/work", work), Mount("/logs", logs)]))
    logging.basicConfig(level=logging.DEBUG, handlers=[Handler()], force=True)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=True, lifespan="off"))

    def follow() -> None:
        os.read(0, 1)
        server.should_exit = True

    threading.Thread(target=follow, daemon=True).start()
    print(port, flush=True)
    server.run([listening])


if __name__ == "__main__":
    main()
