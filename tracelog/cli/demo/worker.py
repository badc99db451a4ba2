"""
The demo's edge worker: checks the session, hands the call and its trace on to the shop. Standard library
only.

It logs by plain HTTP, one JSON object a line, as a program without any tracelog client does.
"""

import itertools
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tracelog.cli.demo.calls import addresses, post, post_entries, say


class Edge(ThreadingHTTPServer):
    """
    The worker in front of the shop at `shop_url`, logging to `log_url`.
    """

    daemon_threads = False  # stopping waits for the entries of the last call

    log_url = shop_url = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.source = f"edge-{os.urandom(6).hex()}"
        self.numbers = itertools.count()


class Call(BaseHTTPRequestHandler):
    """
    One incoming call.
    """

    server: Edge

    def do_POST(self) -> None:
        """
        Forward the call; answer first, log afterwards, as a worker does with `waitUntil`.
        """
        started = time.time()
        body = self.rfile.read(int(self.headers["content-length"]))
        _, trace_id, caller, flags = self.headers["traceparent"].split("-")
        hop = {"trace_id": trace_id, "span_id": os.urandom(8).hex(), "parent_id": caller}
        bearer = self.headers["authorization"]
        entries = [self._entry("info", f"session ok, authorization: {bearer}", **hop)]
        headers = {"traceparent": f"00-{trace_id}-{hop['span_id']}-{flags}", "authorization": bearer}
        status, answer = post(f"{self.server.shop_url}{self.path}", body, headers)
        if status >= 500:
            said = f"shop answered {status} to POST {self.path}"
            entries.append(self._entry("error", said, **hop, context={"status": status}))
            status, answer = 500, b'{"error":"checkout failed"}'
        self._answer(status, answer)
        took = (time.time() - started) * 1000.0
        closing = {**hop, "timestamp": started * 1000.0, "duration_ms": took, "context": {"status": status}}
        entries.append(self._entry("info", f"POST {self.path}", **closing))
        lines = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        post_entries(self.server.log_url, lines, "application/x-ndjson")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """
        Print nothing: what there is to say is an entry.
        """

    def _entry(self, level: str, message: str, **fields: Any) -> dict[str, Any]:
        entry = {
            "timestamp": time.time() * 1000.0,
            "system": "worker",
            "service": "edge",
            "source": self.server.source,
        }
        return {**entry, "seq": next(self.server.numbers), "level": level, "message": message, **fields}

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def main() -> None:
    with Edge() as edge:
        thread = threading.Thread(target=edge.serve_forever, args=(0.05,))
        thread.start()
        try:
            say(f"ready {edge.server_port}")
            edge.log_url, edge.shop_url = addresses()
            say("set")
            sys.stdin.read()
        finally:  # without it a server whose socket is closed would ask for connections for ever
            edge.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
