"""
The real server in a thread, and a client that sends bytes as they are: tests see what a socket sees.
"""

import asyncio
import http.client
import io
import json
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tracelog.config import ServerSettings, server_settings
from tracelog.server.app import App
from tracelog.server.protocol import Punctual
from tracelog.server.run import Server
from tracelog.stores import Store

PATIENCE_S = 20.0
"""Seconds after which a silent server has failed its test."""


def settings_of(**given: Any) -> ServerSettings:
    """
    Return settings that nothing outside the test has a part in.
    """
    return server_settings(
        {"port": 0, "store": "sqlite::memory:", "limits": False, **given}, environ={}, folder=Path("/")
    )


class Answer(NamedTuple):
    """
    One answer from the wire.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Prompt(Server):
    """
    The server, which hears at once that it is to stop: uvicorn looks every tenth of a second, tests stop hundreds.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)

    def tell(self) -> None:
        """
        Let it stop, as a signal does. Called from another thread, while it listens or when it has ended.
        """
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended, and its loop with it
            self.loop.call_soon_threadsafe(self._told.set)


class Running:
    """
    A server on a free port of 127.0.0.1; as context manager it listens within the block.

    Args:
        store: Instead of the one that the settings name.
        direct: Whether plain `POST /log` takes the short way; else uvicorn's and the ASGI app's.
        store_url: Where entries are; in memory when not given.
        given: Further settings.
    """

    def __init__(
        self, store: Store | None = None, *, direct: bool = True, store_url: str | None = None, **given: Any
    ) -> None:
        self.settings = settings_of(**({"store": store_url} if store_url else {}), **given)
        self.app = App(self.settings, store=store)
        self.port = 0
        self._listens = threading.Event()
        self.server = Prompt(self.app, self.settings, self._ready)
        if not direct:
            self.server.config.http = Punctual
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    def _ready(self, port: int) -> None:
        self.port = port
        self._listens.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listens.wait(PATIENCE_S)
        return self

    def stop(self) -> None:
        """
        Stop as a signal does, and wait until everything is closed.
        """
        self.server.tell()
        self._thread.join(PATIENCE_S / 4)
        waits_for = self._waits_for() if self._thread.is_alive() else ""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), waits_for

    def _waits_for(self) -> str:
        """
        Return where the server stands that does not stop.
        """
        said = io.StringIO()
        for task in asyncio.all_tasks(self.server.loop):
            task.print_stack(file=said)
        return said.getvalue()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def connect(self) -> "Line":
        return Line(self.port)

    def ask(self, data: bytes) -> Answer:
        """
        Send one request on a connection of its own and return its answer.
        """
        with self.connect() as line:
            line.send(data)
            return line.answer(data)

    def get(self, target: str, *headers: tuple[str, str]) -> Answer:
        return self.ask(request("GET", target, headers=headers))

    def post(self, body: Any, *headers: tuple[str, str], target: str = "/log") -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(request("POST", target, data, headers=headers))

    def messages(self) -> list[str]:
        """
        Return the messages of all entries in the store.
        """
        found = self.get("/api/v1/search?limit=1000").json
        return [entry["message"] for entry in found["entries"]]


class Line:
    """
    One connection.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, asked: bytes = b"POST") -> Answer:
        """
        Read one answer to the request *asked*.

        Raises:
            ConnectionError: When the connection ends first.
        """
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._file.readline()
            if not line:
                raise ConnectionError(f"closed after {head!r}")
            head += line
        status = int(head.split(b" ", 2)[1])
        fields = http.client.parse_headers(io.BytesIO(head.partition(b"\r\n")[2]))
        headers = tuple((name.lower(), value) for name, value in fields.items())
        length = int(dict(headers).get("content-length", "0"))
        body = b"" if asked.startswith(b"HEAD") else self._file.read(length)
        return Answer(status, headers, body)

    def closed(self) -> bool:
        """
        Wait for the end of the connection; False when more data comes instead.
        """
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


def request(
    method: str = "POST",
    target: str = "/log",
    body: bytes | None = None,
    *,
    headers: Iterable[tuple[str, str]] = (),
    version: str = "1.1",
) -> bytes:
    """
    Return the bytes of a request; host and length are added unless *headers* say them.
    """
    given = list(headers)
    names = {name.lower() for name, _ in given}
    if "host" not in names:
        given.insert(0, ("Host", "127.0.0.1"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        given.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in given)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
