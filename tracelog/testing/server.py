"""
A real server within a test: in a thread, on a free port of this machine, with a store in memory.
"""

import http.client
import json
import threading
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from tracelog.client.default import flush
from tracelog.config import server_settings
from tracelog.server.app import App
from tracelog.server.run import Server

START_S: Final = 20.0
"""Longest wait for the server to listen, and to stop."""

FLUSH_S: Final = 2.0
"""Longest wait for what the default client has logged."""


class LocalServer:
    """
    A server that listens within the block.

    Args:
        settings: Of the server; limits are off and the port is free unless they say otherwise.

    Attributes:
        url: Where clients send, known within the block.

    Raises:
        ConfigError: When a setting is wrong.
    """

    def __init__(self, **settings: Any) -> None:
        given = {"port": 0, "store": "sqlite::memory:", "limits": False, **settings}
        resolved = server_settings(given)
        self.url = ""
        self._port = 0
        self._listens = threading.Event()
        self._server = Server(App(resolved), resolved, self._ready)
        self._thread = threading.Thread(target=self._server.run, name="tracelog-server", daemon=True)

    def entries(self, trace: str = "latest") -> list[dict[str, Any]]:
        """
        Return the entries of a *trace* as JSON objects, in the order of their times; none without it.

        Args:
            trace: Its id, a unique beginning of it, `latest` or `latest-error`.
        """
        found = self.get(f"/api/v1/traces/{quote(trace)}")
        return list(found.get("entries", ()))

    def get(self, path: str) -> Any:
        """
        Return the JSON that the server answers to `GET path`.
        """
        return json.loads(self._asked(path)[1])

    def brief(self, budget: int) -> str:
        """
        Return the latest trace with an error, else the latest, as Markdown of at most *budget* tokens; empty
        without any. What the default client has logged is delivered before.
        """
        flush(FLUSH_S)
        for ref in ("latest-error", "latest"):
            status, body = self._asked(f"/api/v1/traces/{ref}/export?format=md&budget={budget}")
            if status == HTTPStatus.OK:
                return body.decode()
        return ""

    def _asked(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=START_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self) -> None:
        """
        Stop as a signal does, and wait until everything is closed.
        """
        self._server.should_exit = True
        self._thread.join(START_S)

    def _ready(self, port: int) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self._listens.set()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listens.wait(START_S):
            raise RuntimeError("the server did not start; what it said stands on standard error")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()
