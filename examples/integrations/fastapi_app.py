"""
A FastAPI app whose requests, log calls and exceptions are one trace each: `python
examples/integrations/fastapi_app.py`, then `curl -i http://127.0.0.1:8082/orders/cup`. Needs fastapi.

With `--once` it makes two requests to itself, one that fails, and ends.
"""

import http.client
import logging
import sys
import threading
import time

import fastapi
import uvicorn

import tracelog
from tracelog.integrations import logging as stdlib
from tracelog.integrations.asgi import Middleware

log = logging.getLogger("shop")
api = fastapi.FastAPI()


@api.get("/orders/{item}")
async def order(item: str) -> dict[str, int]:
    log.warning("ordering %s", item)
    return {"left": {"tea": 1}[item]}


app = Middleware(api)


def call_once() -> None:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    for item in ("tea", "cup"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", f"/orders/{item}")
        connection.getresponse().read()
        connection.close()
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    tracelog.configure(service="shop")
    stdlib.setup()
    if "--once" in sys.argv:
        call_once()
        tracelog.flush()
    else:
        uvicorn.run(app, port=8082)
