"""
Apps on real sockets, and requests as bytes of the wire.
"""

import http.client
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

import uvicorn

PATIENCE_S = 20.0


class Answer(NamedTuple):
    """
    What came back.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Served:
    """
    A server in a thread, on a free port of 127.0.0.1, within a `with` block.
    """

    port = 0

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def ready(self) -> bool:
        return self.port != 0

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not self.ready():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        return self.ask("GET", path, headers)

    def ask(
        self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """
        Send one request; a header may be given twice.
        """
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            line.putrequest(method, path)
            for name, value in headers:
                line.putheader(name, value)
            if body:
                line.putheader("Content-Length", str(len(body)))
            line.endheaders(body or None)
            answer = line.getresponse()
            try:
                data = answer.read()
            except http.client.IncompleteRead as short:
                data = short.partial
            return Answer(answer.status, answer.getheaders(), data)
        finally:
            line.close()


class Asgi(Served):
    """
    An ASGI app under uvicorn.
    """

    def __init__(self, app: Any, **settings: Any) -> None:
        super().__init__()
        given = {"port": 0, "log_config": None, "lifespan": "auto", **settings}
        self._server = uvicorn.Server(uvicorn.Config(app, **given))

    def run(self) -> None:
        self._server.run()

    def ready(self) -> bool:
        if self._server.started:
            self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self._server.started

    def stop(self) -> None:
        self._server.should_exit = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        return


class Wsgi(Served):
    """
    A WSGI app under the server of the standard library.
    """

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._server = make_server("127.0.0.1", 0, app, handler_class=_Silent)
        self.port = self._server.server_port

    def run(self) -> None:
        self._server.serve_forever(poll_interval=0.01)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
