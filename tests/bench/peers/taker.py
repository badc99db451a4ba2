"""
A server that takes batches and counts the entries in them, for the benchmark of the client's way to HTTP.

It answers what our server answers, and tells at `GET /` how many entries it has read.
"""

import socketserver
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec

from tracelog.core.encoding import inflate

_rows = msgspec.msgpack.Decoder(tuple[msgspec.Raw, list[msgspec.Raw]])


class Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    entries = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        encoding = self.headers.get("content-encoding", "")
        rows = len(_rows.decode(inflate(body, encoding.encode(), limit=1 << 26))[1])
        Taker.entries += rows
        self._answer(msgspec.json.encode({"success": True, "accepted": rows, "stored": rows}))

    def do_GET(self) -> None:
        self._answer(b"%d" % Taker.entries)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """
        It says nothing.
        """


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Taker) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
        sys.exit(0)
