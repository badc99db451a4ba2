"""
Web sites for a browser to visit: pages made on the spot, a small API, a socket, and a note of every request.
"""

import base64
import hashlib
import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Behind the key of every handshake (RFC 6455 §1.3)."""


class Seen(NamedTuple):
    """
    A request as it came; names of headers in lower case.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Site:
    """
    One origin.

    Attributes:
        pages: By path, a page and the headers beside its type.
        seen: Every request, in order.
        slow_s: How long `/slow` takes.
        forward_to: Where `/proxy` sends bodies on to; None refuses the connection without an answer.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.seen: list[Seen] = []
        self.forward_to: str | None = None
        self.slow_s = 1.6
        self._number = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def page(self, html: str, *, kind: str = "text/html", **headers: str) -> str:
        """
        Put up a page and return its address.
        """
        self._number += 1
        path = f"/page{self._number}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (html, {"content-type": kind, **named})
        return self.url + path

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.partition("?")[0] == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.site.seen.append(Seen(self.command, self.path, headers, body))
        path = self.path.partition("?")[0]
        if path in self.site.pages:
            html, extra = self.site.pages[path]
            self._answer(200, html.encode(), extra)
        elif path == "/socket":
            self._socket(headers["sec-websocket-key"])
        elif path == "/proxy":
            self._forward(body)
        elif path == "/slow":
            time.sleep(self.site.slow_s)
            self._answer(200, b"{}", {})
        elif path.startswith("/status/"):
            self._answer(int(path.removeprefix("/status/")), b"{}", {"content-type": "application/json"})
        else:
            self._answer(404, b"", {})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        origin = self.headers.get("origin")
        allowed = {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": "traceparent, content-type",
        }
        for name, value in {
            **(allowed if origin else {}),
            **headers,
            "content-length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _socket(self, key: str) -> None:
        """
        Shake hands and close with code 1000.
        """
        accept = base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET).digest()).decode()
        self.send_response(101)
        for name, value in {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": accept,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"\x88\x02\x03\xe8")
        self.rfile.read(8)  # the other side's closing frame, masked
        self.close_connection = True

    def _forward(self, body: bytes) -> None:
        if self.site.forward_to is None:
            self.close_connection = True
            return
        request = urllib.request.Request(self.site.forward_to, body, {"content-type": "text/plain"})
        with urllib.request.urlopen(request) as answer:
            self._answer(answer.status, answer.read(), {"content-type": "application/json"})


@contextmanager
def open_site() -> Iterator[Site]:
    """
    Serve a site on a free port.
    """
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.site = site = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


class Logs:
    """
    A running server as a reader sees it.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}") as answer:
            return json.load(answer)

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """
        Return the entries of a trace, those of each source in its own order.
        """
        entries = self.read(f"traces/{trace_id}")["entries"]
        return sorted(entries, key=lambda entry: (entry["source"], entry["seq"]))

    def messages(self, trace_id: str) -> list[str]:
        return [entry["message"] for entry in self.trace(trace_id)]
