"""
A Litestar app whose requests, log calls and exceptions are one trace each: `python
examples/integrations/litestar_app.py`, then `curl -i http://127.0.0.1:8082/orders/cup`. Needs litestar.

With `--once` it makes two requests to itself, one that fails, and ends.
"""

import http.client
import logging
import sys
import threading
import time

import uvicorn
from litestar import Litestar, get
from litestar.params import FromPath

import tracelog

log = logging.getLogger("shop")


@get("/orders/{item:str}")
async def order(item: FromPath[str]) -> dict[str, int]:
    log.warning("ordering %s", item)
    return {"left": {"tea": 1}[item]}


app = Litestar([order], logging_config=None)


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
    tracelog.instrument("litestar", "logging")
    if "--once" in sys.argv:
        call_once()
        tracelog.flush()
    else:
        uvicorn.run(app, port=8082)
