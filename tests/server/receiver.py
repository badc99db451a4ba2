"""
A receiver of webhooks as a real HTTP server, which answers what it is told to.
"""

import queue
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self


class Delivery(NamedTuple):
    """
    One request that came.
    """

    headers: dict[str, str]
    body: bytes


class Receiver:
    """
    Listens within its block.

    Args:
        answers: Status of each answer, in turn; then 200.
    """

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.came: queue.Queue[Delivery] = queue.Queue()
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - the name that the library calls
                body = handler.rfile.read(int(handler.headers["content-length"]))
                self.came.put(Delivery({k.lower(): v for k, v in handler.headers.items()}, body))
                status = left.pop(0) if left else 200
                handler.send_response(status)
                handler.send_header("content-length", "0")
                handler.end_headers()

            def log_message(handler, *_: Any) -> None:  # noqa: N805 - quiet
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?token=t0"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
