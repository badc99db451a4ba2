"""
A Flask app whose requests, log calls and exceptions are one trace each: `python
examples/integrations/flask_app.py`, then `curl -i http://127.0.0.1:8085/orders/cup`. Needs flask. With
`--once` it makes two requests to itself, one that fails, and ends.
"""

import sys

import flask

import tracelog
from tracelog.integrations.flask import init_app

app = flask.Flask("shop")
init_app(app)
log = tracelog.get_logger("shop")


@app.get("/orders/<item>")
def order(item: str) -> dict[str, int]:
    log.info("ordering %s", item)
    return {"left": {"tea": 1}[item]}


if __name__ == "__main__":
    tracelog.configure(service="shop")
    if "--once" in sys.argv:
        for item in ("tea", "cup"):
            app.test_client().get(f"/orders/{item}").close()
        tracelog.flush()
    else:
        app.run(port=8085)
