"""
A Starlette backend that calls another one with httpx, and one trace through both: `python
examples/starlette_httpx.py`, then `curl -X POST http://127.0.0.1:8081/orders/tea`.

Each handler goes on with the trace of the request it got; `inject()` hands it on. Entries are printed, or
go to TRACELOG_URL where that is set. With `--once` the program makes one call to itself, checks that both
hops logged under the caller's trace, and ends.
"""

import sys
import threading
import time

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import tracelog
from tracelog.sinks import MemorySink

log = tracelog.get_logger("shop")
stock = {"tea": 3}


async def order(request: Request) -> Response:
    item = request.path_params["item"]
    with tracelog.trace("POST /orders", headers=request.headers, area="orders") as here:
        log.info("order received", item=item)
        async with httpx.AsyncClient(base_url=str(request.base_url)) as http:
            answer = await http.post(f"/stock/{item}", headers=tracelog.inject())
        if answer.is_error:
            log.error("stock answered %d", answer.status_code)
            return JSONResponse({"error": f"no {item} left", "trace_id": here.trace_id}, 502)
        return JSONResponse({"ordered": item, "trace_id": here.trace_id})


async def take(request: Request) -> Response:
    item = request.path_params["item"]
    with tracelog.trace("POST /stock", headers=request.headers, area="stock"):
        if stock.get(item, 0) < 1:
            log.warning("out of stock", item=item)
            return JSONResponse({"error": "out of stock"}, 409)
        stock[item] -= 1
        log.info("taken from stock", item=item, left=stock[item])
        return JSONResponse({"left": stock[item]})


app = Starlette(
    routes=[
        Route("/orders/{item}", order, methods=["POST"]),
        Route("/stock/{item}", take, methods=["POST"]),
    ]
)


def check_once() -> None:
    """
    Make one call under a trace of our own and look at what was logged.
    """
    sink = MemorySink()
    tracelog.configure(service="shop", sinks=[sink])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with tracelog.trace("curl") as here:
        answer = httpx.post(f"{address}/orders/tea", headers=tracelog.inject())
    server.should_exit = True
    thread.join()
    tracelog.flush()
    spans = {entry.message: entry for entry in sink.entries if entry.duration_ms is not None}
    found = [answer.status_code, {entry.trace_id for entry in sink.entries}, *sorted(spans)]
    found += [spans["POST /orders"].parent_id, spans["POST /stock"].parent_id]
    wanted = [200, {here.trace_id}, "POST /orders", "POST /stock", "curl"]
    wanted += [here.span_id, spans["POST /orders"].span_id]
    if found != wanted:
        sys.exit(f"not one trace: {found} instead of {wanted}")
    print(f"ok: {len(sink.entries)} entries of {len(spans)} hops under trace {here.trace_id}")


if __name__ == "__main__":
    if "--once" in sys.argv:
        check_once()
    else:
        tracelog.configure(service="shop")
        uvicorn.run(app, port=8081)
