"""
A stand-in for Upstash's REST interface over a real server, after its documentation: what clients can tell apart. The
official clients are its judges (`test_upstash_clients.py`).

Bodies as JSON or in the path, `/pipeline` and `/multi-exec`, bearer or `_token`, base64 replies except `OK`,
400 for a refused command and 200 for a pipeline that has refusals in it. Errors keep their codes, so it speaks
to the server by itself: client libraries take the codes off.
"""

import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "AX-se=cret+token"


class RefusedError(Exception):
    """
    An error reply, its code first.
    """


class Line:
    """
    One connection to the server behind.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")

    def ask(self, *commands: list[Any]) -> list[Any]:
        packed = b""
        for command in commands:
            values = [str(each).encode() for each in command]
            packed += b"*%d\r\n" % len(values)
            packed += b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in values)
        self._socket.sendall(packed)
        return [self._read() for _ in commands]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _read(self) -> Any:
        head = self._file.readline()
        kind, rest = head[:1], head[1:-2]
        if kind == b"-":
            return RefusedError(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if rest == b"-1":
            return None
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        data = self._file.read(int(rest) + 2)
        return data[:-2]


class Handler(BaseHTTPRequestHandler):
    """
    One client's connection.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    server: "UpstashServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        given = self.headers.get("Authorization", "").removeprefix("Bearer ") or query.get("_token", [""])[0]
        self.server.seen.append((self.path, dict(self.headers), body))
        if self.server.faults:
            self.server.faults.pop(0)(self)
        elif given != TOKEN:
            self._answer(401, {"error": "WRONGPASS invalid or missing auth token"})
        elif url.path == "/pipeline":
            self._answer(200, [self._told(each) for each in self.server.line().ask(*json.loads(body))])
        elif url.path == "/multi-exec":
            self._answer(200, self._together(json.loads(body)))
        else:
            path = [unquote(part) for part in url.path.strip("/").split("/") if part]
            command = [*path, *([body.decode()] if path and body else [])] or json.loads(body)
            told = self._item(command)
            self._answer(400 if "error" in told else 200, told)

    do_GET = do_POST  # noqa: N815 - the name that the base class looks for

    def answer(self, status: int, body: bytes) -> None:
        """
        Send *body* as it is.
        """
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """
        Say nothing.
        """

    def _answer(self, status: int, told: Any) -> None:
        self.answer(status, json.dumps(told).encode())

    def _item(self, command: list[Any]) -> dict[str, Any]:
        return self._told(*self.server.line().ask(command))

    def _together(self, commands: list[Any]) -> Any:
        told = self.server.line().ask(["MULTI"], *commands, ["EXEC"])[-1]
        return self._told(told) if isinstance(told, RefusedError) else [self._told(each) for each in told]

    def _told(self, reply: Any) -> dict[str, Any]:
        return {"error": str(reply)} if isinstance(reply, RefusedError) else {"result": self._plain(reply)}

    def _plain(self, reply: Any) -> Any:
        if isinstance(reply, list):
            return [self._plain(each) for each in reply]
        if not isinstance(reply, bytes):
            return reply
        if reply == b"OK" or self.headers.get("Upstash-Encoding") != "base64":
            return reply.decode("utf-8", "replace")
        return base64.b64encode(reply).decode()


class UpstashServer(ThreadingHTTPServer):
    """
    The REST interface in front of the server on *port*.

    Attributes:
        seen: Path, headers and body of every request.
        faults: Each answers one of the next requests instead.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = port
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.faults: list[Any] = []
        self._own = threading.local()
        self._lines: list[Line] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def line(self) -> Line:
        """
        Return this thread's own connection to the server behind.
        """
        if not hasattr(self._own, "line"):
            self._own.line = Line(self.behind)
            self._lines.append(self._own.line)
        return self._own.line

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        for line in self._lines:
            line.close()
