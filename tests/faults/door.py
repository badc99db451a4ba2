"""
The address that the programs under test are given: a door in front of who receives, with a fault to choose.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

SLOW_S = 0.5
HANG_S = 60.0
"""Longer than any program waits."""

LEAVING_S = 10.0
"""So long a request under way is waited for."""

PASSED_ON = ("content-type", "content-encoding", "authorization")


class Answer(NamedTuple):
    """
    What a receiver says to a request.
    """

    status: int
    headers: dict[str, str]
    body: bytes


Receiver = Callable[[str, dict[str, str], bytes], Answer]
"""Takes path, headers and body of a `POST`."""

AWAY = Answer(503, {}, b"")


class Door:
    """
    Listens on a port of 127.0.0.1 within a `with` block.

    Args:
        receiver: Who gets what is let through.
        fault: `none`, `slow` (each request takes half a second), `twice` (503 to the first two), `away` (503
            to all) or `hang` (no answer at all).
    """

    def __init__(self, receiver: Receiver, fault: str = "none") -> None:
        self.fault = fault
        self._receiver = receiver
        self._refused = 0
        self._counting = threading.Condition()
        self._inside = 0
        self._closing = threading.Event()
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
                with door.passing():
                    answer = door.answer(self.path, kept, body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                """
                Nothing: a request is what the tests look at.
                """

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                """
                Nothing: programs that are killed leave their connections as they are.
                """

        self._server = Server(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def passing(self) -> Iterator[None]:
        """
        A request on its way: what its program gave up may arrive all the same, and is to be there when it is counted.
        """
        with self._counting:
            self._inside += 1
        try:
            yield
        finally:
            with self._counting:
                self._inside -= 1
                self._counting.notify_all()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """
        Return what is said to a request; None for nothing.
        """
        if self.fault == "hang":
            self._closing.wait(HANG_S)
            return None
        with self._counting:
            refuses = self.fault == "away" or (self.fault == "twice" and self._refused < 2)
            self._refused += refuses
        if refuses:
            return AWAY
        if self.fault == "slow":
            time.sleep(SLOW_S)
        return self._receiver(path, headers, body)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        with self._counting:
            self._counting.wait_for(lambda: self._inside == 0, LEAVING_S)
        self._server.server_close()


def passing_to(port: int) -> Receiver:
    """
    Return a receiver that passes requests on to a server on *port* of this machine.
    """

    def receive(path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            dropped = {"content-length", "transfer-encoding", "connection"}
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
            return Answer(answer.status, kept, answer.read())
        finally:
            connection.close()

    return receive
