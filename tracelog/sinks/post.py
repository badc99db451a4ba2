"""
One HTTP/1.1 connection that is kept, with a deadline for each whole attempt: what sinks send through.

The standard library's client is the cheapest real one (a quarter of the cost of the next) and logs nothing.
It has no deadline of its own: a server that sends one byte a second would hold the thread, so reads pass
through `_DeadlineReader`. Redirects and proxies are not followed: the key goes to the given address only.
"""

import http.client
import io
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from tracelog.core.text import one_line
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks.answer import SAID_CHARS

ATTEMPT_S: Final = 5.0
"""Whole attempt, from connecting (to each address of the host) to the last byte of the answer."""

ANSWER_BYTES: Final = 1024 * 1024
"""More than the answer to a batch of 10,000 rejected entries."""

_KEY: Final = re.compile(r"[\x21-\x7e]+")
_UNFIT_HOST: Final = re.compile(r"[\x00-\x20\x7f]")


class Answer(NamedTuple):
    """
    What came back: status, headers by their names in lower case, and at most a megabyte of body.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Post:
    """
    Posts bodies to one address; belongs to one thread.

    Args:
        url: The address, `http://` or `https://`, with or without a path, checked by `address_of`.
        tail: What is added to its path, and the query.
        timeout: Seconds for one attempt.
    """

    def __init__(self, url: SplitResult, tail: str = "", *, timeout: float = ATTEMPT_S) -> None:
        self.url = f"{url.scheme}://{url.netloc}{url.path}"
        self._secure = url.scheme == "https"
        self._host = url.hostname or ""
        self._port = url.port
        self._path = quote(url.path.rstrip("/"), safe="/%:@!$&'()*+,;=~") + tail
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._process = 0
        self._tls: ssl.SSLContext | None = None

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """
        Post *body* and return the answer; a connection that was closed while it was idle is opened again.

        Raises:
            SinkUnavailableError: When there is none.
        """
        deadline = time.monotonic() + self._timeout
        if self._connection is not None:
            try:
                return self._attempt(body, headers, deadline)
            except _IDLE_CLOSE:
                self.close()  # closed by the server while it was idle, which says nothing about the server
            except (http.client.HTTPException, OSError) as error:
                raise self._unavailable(error) from error
        try:
            return self._attempt(body, headers, deadline)
        except (http.client.HTTPException, OSError) as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """
        Let go of the connection; a later post opens a new one. In a forked child the parent's stays open.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._process == os.getpid():
            connection.close()
        else:
            _leave(connection)

    def _attempt(self, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        connection = self._connection = self._connection or self._connect(deadline)
        connection.sock.settimeout(_left(deadline))
        connection.response_class = lambda sock, **options: http.client.HTTPResponse(  # type: ignore[assignment]
            _DeadlineSocket(sock, deadline),  # type: ignore[arg-type]
            **options,
        )
        with suppress(BrokenPipeError, ConnectionResetError):  # who refuses early stops reading, and says why
            connection.request("POST", self._path, body, dict(headers))
        response = connection.getresponse()
        answer = response.read(ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, answer)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        left = _left(deadline)
        connection: http.client.HTTPConnection
        if self._secure:
            self._tls = self._tls or ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=left, context=self._tls)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=left)
        connection.connect()
        self._process = os.getpid()
        return connection

    def _unavailable(self, error: Exception) -> SinkUnavailableError:
        self.close()
        said = one_line((str(error) or type(error).__name__)[:SAID_CHARS])
        return SinkUnavailableError(f"{self.url} did not answer: {said}")


_IDLE_CLOSE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""How a kept-alive connection shows that the server closed it while it was idle."""


_inherited: Final[list[http.client.HTTPConnection]] = []
"""Connections of parents. A thread that reads from one holds a lock of its buffer; a forked child that closes
the buffer waits for that lock, and no thread is there to release it."""


def _leave(connection: http.client.HTTPConnection) -> None:
    _inherited.append(connection)
    if connection.sock is not None and (descriptor := connection.sock.detach()) >= 0:
        socket.close(descriptor)


class _DeadlineReader(io.RawIOBase):
    """
    Reads a socket until a moment of the monotonic clock, however slowly the bytes trickle.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # holds the socket open until the answer is read
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """
    The one method of a socket that `http.client` reads answers through.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._reader = _DeadlineReader(sock, deadline)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer took too long")
    return left


def address_of(url: str) -> SplitResult:
    """
    Return the parts of *url*.

    Raises:
        ConfigError: Without showing user, password or query, which may hold a secret.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        fits = parts.scheme in {"http", "https"} and host and not _UNFIT_HOST.search(host)
        fits = fits and parts.port != 0
    except ValueError:  # a port that is none, a bracket that is not closed, a label that is too long
        fits = False
    if not fits:
        raise ConfigError("url must be an address such as http://127.0.0.1:8787 or https://logs.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("url must be an address alone; give the ingest key as key=, not inside the url")
    return parts


def bearer_of(key: str | None) -> str:
    """
    Return *key* as it stands in a header, without blanks around it.

    Raises:
        ConfigError: When it cannot stand there.
    """
    key = (key or "").strip()
    if key and not _KEY.fullmatch(key):
        raise ConfigError("key must be visible ASCII characters without spaces")
    return key
