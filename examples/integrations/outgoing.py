"""
Calls by four HTTP libraries, each a hop that the called system goes on from: `python
examples/integrations/outgoing.py`. Needs httpx, httpx2, requests and urllib3.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import httpx2
import requests
import urllib3

import tracelog
from tracelog.integrations import instrument

CALLS: dict[str, Callable[[str], object]] = {
    "httpx": httpx.get,
    "httpx2": httpx2.get,
    "requests": lambda url: requests.get(url, timeout=5),
    "urllib3": lambda url: urllib3.PoolManager().request("GET", url),
}


class Stock(BaseHTTPRequestHandler):
    """
    Another system: it logs under the trace that its caller hands on.
    """

    def do_GET(self) -> None:
        with tracelog.trace(f"serve {self.path}", headers=self.headers):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """
        Nothing: tracelog tells of the request.
        """


if __name__ == "__main__":
    tracelog.configure(service="shop", propagate_to=["127.0.0.1"])
    instrument(*CALLS)
    with HTTPServer(("127.0.0.1", 0), Stock) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with tracelog.trace("place order"):
            for library, call in CALLS.items():
                call(f"http://127.0.0.1:{server.server_port}/{library}")
        server.shutdown()
    tracelog.flush()
