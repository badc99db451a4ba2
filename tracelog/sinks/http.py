"""
Entries to an ingestion server by HTTP: one kept-alive connection, compact batches, compressed once.

The standard library's client is the cheapest real one (a quarter of the cost of the next) and logs nothing.
It has no deadline of its own: a server that sends one byte a second would hold the thread, so reads pass
through `_DeadlineReader`. Redirects and proxies are not followed: the key goes to the given address only.
"""

import http.client
import io
import re
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from tracelog.core.encoding import Compressor
from tracelog.core.text import one_line
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks.answer import SAID_CHARS, read_answer
from tracelog.sinks.base import Parcel, Receipt

ATTEMPT_S: Final = 5.0
"""Whole attempt, from connecting (to each address of the host) to the last byte of the answer."""

ANSWER_BYTES: Final = 1024 * 1024
"""More than the answer to a batch of 10,000 rejected entries."""

_KEY: Final = re.compile(r"[\x21-\x7e]+")
_UNFIT_HOST: Final = re.compile(r"[\x00-\x20\x7f]")


class HttpSink:
    """
    Posts parcels to `<url>/log`.

    Args:
        url: Address of the server, `http://` or `https://`, with or without a path prefix.
        key: Ingest key, sent as a bearer token.
        timeout: Seconds for one attempt.

    Raises:
        ConfigError: When *url* is no HTTP address or *key* cannot stand in a header.
    """

    guarded: Final = True

    def __init__(self, url: str, *, key: str | None = None, timeout: float = ATTEMPT_S) -> None:
        parts = _address(url)
        key = (key or "").strip()
        if key and not _KEY.fullmatch(key):
            raise ConfigError("key must be visible ASCII characters without spaces")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~") + "/log"
        self._key = key.encode()
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._tls: ssl.SSLContext | None = None
        self._compress = Compressor()
        self._headers = {
            "User-Agent": "tracelog-python/1",
            **({"Authorization": f"Bearer {key}"} if key else {}),
        }

    def __call__(self, parcel: Parcel) -> Receipt:
        status, headers, answer = self._send(parcel)
        if status == 415 and parcel.memo[0] == "zstd":  # a server without the library for it
            self._compress = Compressor(zstd=False)
            parcel.memo = None
            status, headers, answer = self._send(parcel)
        if self._key:
            answer = answer.replace(self._key, b"[key]")
        return read_answer(status, headers, answer, sent=parcel.kept, now=time.time())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, parcel: Parcel) -> tuple[int, dict[str, str], bytes]:
        if parcel.memo is None:
            parcel.memo = self._compress(parcel.body)
        encoding, body = parcel.memo
        headers = {**self._headers, "Content-Type": parcel.content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
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

    def _attempt(
        self, body: bytes, headers: dict[str, str], deadline: float
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self._connection = self._connection or self._connect(deadline)
        connection.sock.settimeout(_left(deadline))
        connection.response_class = lambda sock, **options: http.client.HTTPResponse(  # type: ignore[assignment]
            _DeadlineSocket(sock, deadline),  # type: ignore[arg-type]
            **options,
        )
        with suppress(BrokenPipeError, ConnectionResetError):  # who refuses early stops reading, and says why
            connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        answer = response.read(ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        left = _left(deadline)
        connection: http.client.HTTPConnection
        if self._secure:
            self._tls = self._tls or ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=left, context=self._tls)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=left)
        connection.connect()
        return connection

    def _unavailable(self, error: Exception) -> SinkUnavailableError:
        self.close()
        said = one_line((str(error) or type(error).__name__)[:SAID_CHARS])
        return SinkUnavailableError(f"{self.url} did not answer: {said}")


_IDLE_CLOSE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""How a kept-alive connection shows that the server closed it while it was idle."""


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


def _address(url: str) -> SplitResult:
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
