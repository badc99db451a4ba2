"""
A process that takes events as Logflare's ingest API does, by its published rules, and shows what it stored.

    python tests/server/archives/logflare_server.py        prints its port

The rules: an API key; exactly one of `source` and `source_name`; a batch, gzip allowed; keys rewritten to column
names; what is empty dropped; lists of lists and mixed lists refused; a column keeps the type of its first value;
events are taken one by one, and those that are refused are named with 406.
"""

import gzip
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "an-ingest-key"
BODY_BYTES = 12_000_000
EMPTY: tuple[Any, ...] = (None, "", {}, [])


class RefusedError(Exception):
    """
    Why an event is not stored.
    """


class Source:
    """
    What is stored, and the column types that it made.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.columns: dict[str, str] = {}
        self.rewritten: list[str] = []
        self.busy = 0

    def take(self, event: Any) -> str | None:
        """
        Store *event*; return why not.
        """
        try:
            body = self.cleaned(event)
        except RefusedError as error:
            return str(error)
        if not body.get("message") and not body.get("event_message"):
            return "message is missing"
        found = dict(self.typed("", body))
        other = [name for name, kind in found.items() if self.columns.get(name, kind) != kind]
        if other:
            return f"{other[0]} is {self.columns[other[0]]}"
        self.columns |= found
        self.events.append(body)
        return None

    def cleaned(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.name(k): c for k, v in value.items() if (c := self.cleaned(v)) not in EMPTY}
        if isinstance(value, list):
            kinds = {type(item) for item in value}
            if list in kinds or len(kinds) > 1:
                raise RefusedError("a list of lists, or a mixed one")
            return [c for item in value if (c := self.cleaned(item)) not in EMPTY]
        return value

    def name(self, key: str) -> str:
        fit = re.sub(r"[^A-Za-z0-9_]", "_", key)[:128]
        if fit == key and not key[:1].isdigit():
            return key
        self.rewritten.append(key)
        return f"_{fit}"[:128]

    def typed(self, name: str, value: Any):
        yield name, type(value).__name__
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from self.typed(f"{name}.{key}", inner)
        if isinstance(value, list):
            for item in value:
                yield from self.typed(f"{name}[]", item)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source = Source()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        parts = urlsplit(self.path)
        said = parse_qs(parts.query)
        if parts.path == "/busy":
            self.source.busy = int(said["times"][0])
            self.answer(200, {})
        elif self.headers.get("authorization") != f"Bearer {KEY}":
            self.answer(401, {"error": "Unauthorized"})
        elif parts.path != "/api/logs" or ("source" in said) == ("source_name" in said):
            self.answer(406, {"message": "Source or source_name needed"})
        elif self.source.busy > 0:
            self.source.busy -= 1
            self.answer(429, {"error": "Source rate is over the limit"}, {"retry-after": "0"})
        else:
            self.ingest(body)

    def ingest(self, body: bytes) -> None:
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if len(body) > BODY_BYTES:
            self.answer(413, {"error": "too large"})
            return
        errors = [why for event in json.loads(body)["batch"] if (why := self.source.take(event))]
        self.answer(406 if errors else 200, {"message": errors or "Logged!"})

    def do_GET(self) -> None:
        source = self.source
        self.answer(200, {"events": source.events, "columns": source.columns, "rewritten": source.rewritten})

    def answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {**(headers or {}), "content-length": str(len(data))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """
        Say nothing of requests.
        """


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
