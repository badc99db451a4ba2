"""
A FastAPI app correlated by one call: `python examples/integrations/auto.py`, then `curl -i
http://127.0.0.1:8083/orders/cup`. Needs fastapi and httpx.

Nothing below `instrument` knows of tracelog; still the request, the log call, the outgoing call, the request
that it causes and the exception are one trace. With `--once` it makes one request to itself and ends.
"""

import tracelog
from tracelog.integrations import instrument

tracelog.configure(service="shop")
instrument("auto")

import logging  # noqa: E402 - loaded later or earlier, both work
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import fastapi  # noqa: E402
import httpx  # noqa: E402
import uvicorn  # noqa: E402

log = logging.getLogger("shop")
app = fastapi.FastAPI()


@app.get("/orders/{item}")
def order(item: str, request: fastapi.Request) -> int:
    log.warning("ordering %s", item)
    return httpx.get(f"{request.base_url}stock/{item}").raise_for_status().json()


@app.get("/stock/{item}")
def stock(item: str) -> int:
    return {"tea": 1}[item]


def call_once() -> None:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    httpx.get(f"http://127.0.0.1:{port}/orders/cup")
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    if "--once" in sys.argv:
        call_once()
        tracelog.flush()
    else:
        uvicorn.run(app, port=8083)
