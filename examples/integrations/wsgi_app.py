"""
A WSGI app whose requests, log calls and exceptions are one trace each: `python
examples/integrations/wsgi_app.py`, then `curl -i http://127.0.0.1:8084/orders/tea`. With `--once` it makes
one request to itself and ends.
"""

import http.client
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

import tracelog
from tracelog.integrations.wsgi import Middleware

log = tracelog.get_logger("shop")


def shop(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    log.info("ordering %s", environ["PATH_INFO"].rpartition("/")[2])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ordered\n"]


app = Middleware(shop)

if __name__ == "__main__":
    tracelog.configure(service="shop")
    once = "--once" in sys.argv
    with make_server("127.0.0.1", 0 if once else 8084, app) as server:
        if once:
            threading.Thread(target=server.handle_request, daemon=True).start()
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
            connection.request("GET", "/orders/tea")
            connection.getresponse().read()
        else:
            server.serve_forever()
    tracelog.flush()
