"""
A page and its FastAPI backend in one trace: `tracelog serve`, then `python examples/page_fastapi/app.py`,
then http://127.0.0.1:8082 in a browser. Needs fastapi.

The page has one script tag. Its calls carry the trace, the middleware goes on with it, and the error of the
backend and that of the page stand in one report: `tracelog show latest-error`.
"""

import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse

import tracelog
from tracelog.integrations import asgi

LOGS = os.environ.get("TRACELOG_URL", "http://127.0.0.1:8787")
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

log = tracelog.get_logger("shop")
stock = {"tea": 1000}
app = FastAPI()


@app.get("/")
def page() -> HTMLResponse:
    return HTMLResponse(PAGE.replace("LOGS", LOGS))


@app.post("/orders/{item}")
def order(item: str) -> dict[str, int]:
    log.info("ordering", item=item)
    if stock.get(item, 0) < 1:
        log.error("not in stock", item=item)
        raise HTTPException(409, f"no {item} in stock")
    stock[item] -= 1
    return {"left": stock[item]}


if __name__ == "__main__":
    tracelog.configure(service="shop", url=LOGS)
    uvicorn.run(asgi.Middleware(app), port=int(os.environ.get("PORT", "8082")), log_level="warning")
