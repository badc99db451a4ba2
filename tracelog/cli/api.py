"""
The server's reading endpoints, asked over the standard library's HTTP client; used by every command that
reads.

It asks, waits a bounded time and turns whatever goes wrong into one sentence with an exit code. It retries
nothing: a person at a terminal repeats a command, and `tail` repeats its own.
"""

import http.client
import ssl
from collections.abc import Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from tracelog.cli.failure import UNREACHABLE, USAGE, CommandError, exit_code
from tracelog.config import reader_settings

T = TypeVar("T")

ANSWER_S: Final = 30.0
"""Longest silence of the server: a search through a full store takes seconds, never half a minute."""

ANSWER_BYTES: Final = 512 * 1024 * 1024
"""A bound against a stranger's endless answer; the largest export of a trace is far below."""


class Api:
    """
    One server.

    Args:
        url: Its address, with or without a path prefix.
        key: Read key, sent as a bearer token.
        timeout: Seconds of silence after which it counts as unreachable.

    Raises:
        CommandError: When *url* is no HTTP address.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = ANSWER_S) -> None:
        self._key = key
        self._timeout = timeout
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if host is None or parts.scheme not in {"http", "https"}:
            raise CommandError("--url must be an address such as http://127.0.0.1:8787", USAGE)
        self._host, self._port, self._secure = host, port, parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        name = f"[{host}]" if ":" in host else host
        self.url = f"{parts.scheme}://{name}{f':{port}' if port else ''}{self._prefix}"

    def get(self, path: str, **options: str | float | None) -> bytes:
        """
        Return the body of the answer to `GET path?options`; options that are None are left out.

        Raises:
            CommandError: When there is no answer, or one that refuses.
        """
        status, body = self.ask(path, **options)
        if status != http.client.OK:
            raise CommandError(self._refusal(status, body), exit_code(status))
        return body

    def ask(self, path: str, **options: str | float | None) -> tuple[int, bytes]:
        """
        Return status and body of the answer to `GET path?options`, whatever it says.

        Raises:
            CommandError: When there is no answer.
        """
        asked = urlencode({name: value for name, value in options.items() if value is not None})
        return self._asked(f"{self._prefix}{path}{'?' if asked else ''}{asked}")

    def _asked(self, target: str, sent: bytes | None = None, method: str = "GET") -> tuple[int, bytes]:
        try:
            return self._attempt(target, sent, method)
        except (http.client.HTTPException, OSError) as error:
            said = str(error) or type(error).__name__
            raise CommandError(
                f"{self.url} does not answer ({said}); start it with `tracelog serve`, "
                "or name another server with --url or TRACELOG_URL",
                UNREACHABLE,
            ) from error

    def lines(self, path: str, last: str = "", **options: str | float | None) -> Iterator[bytes]:
        """
        Yield the lines of an endless answer to `GET path?options`, resumed behind the event *last*.

        Raises:
            CommandError: When there is no answer, one that refuses, or it ends.
        """
        asked = urlencode({name: value for name, value in options.items() if value is not None})
        connection = self._connection()
        try:
            headers = self._headers() | ({"Last-Event-ID": last} if last else {})
            connection.request("GET", f"{self._prefix}{path}?{asked}", headers=headers)
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise CommandError(
                    self._refusal(answer.status, answer.read(ANSWER_BYTES)), exit_code(answer.status)
                )
            yield from answer
        except (http.client.HTTPException, OSError) as error:
            said = str(error) or type(error).__name__
            raise CommandError(f"{self.url} does not answer ({said})", UNREACHABLE) from error
        finally:
            connection.close()

    def post(self, path: str, value: Any) -> bytes:
        """
        Return the body of the answer to `POST path` with *value* as JSON.

        Raises:
            CommandError: When there is no answer, or one that refuses.
        """
        return self.send("POST", path, msgspec.json.encode(value))

    def send(self, method: str, path: str, sent: bytes | None = None) -> bytes:
        """
        Return the body of the answer to *method* of *path*, with *sent* as it is.

        Raises:
            CommandError: When there is no answer, or one that refuses.
        """
        status, body = self._asked(f"{self._prefix}{path}", sent, method)
        if status != http.client.OK:
            raise CommandError(self._refusal(status, body), exit_code(status))
        return body

    def read(self, path: str, kind: type[T], **options: str | float | None) -> T:
        """
        Return the answer to `GET path?options`, JSON, as *kind*.

        Raises:
            CommandError: As `get`, and when the answer is nothing like it.
        """
        body = self.get(path, **options)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CommandError(
                f"{self.url} answered something that is no tracelog server's", UNREACHABLE
            ) from error

    def _attempt(self, target: str, sent: bytes | None, method: str) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            headers = self._headers()
            if sent is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, target, body=sent, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(ANSWER_BYTES)
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        key = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return {"Accept": "*/*", "User-Agent": "tracelog-cli/1", "Connection": "close", **key}

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _refusal(self, status: int, body: bytes) -> str:
        try:
            said = msgspec.json.decode(body)["error"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
            return f"{self.url} answered {status} and no more; is it a tracelog server?"
        hint = "; give a read key with --key or TRACELOG_KEY" if status == http.client.UNAUTHORIZED else ""
        return f"{said}{hint}"


def open_api(url: str | None, key: str | None) -> Api:
    """
    Return the server that *url* names, else `TRACELOG_URL`, else the default address.

    Raises:
        ConfigError: When a variable or pyproject.toml holds a wrong value.
        CommandError: When the address is none.
    """
    settings = reader_settings({"url": url, "key": key})
    return Api(settings.url, key=settings.key)


def trace_path(ref: str, more: str = "") -> str:
    """
    Return the path of the trace that *ref* means.

    Raises:
        CommandError: When *ref* says nothing.
    """
    return f"/api/v1/traces/{quote(checked(ref), safe='')}{more}"


def checked(ref: str) -> str:
    """
    Return *ref*.

    Raises:
        CommandError: When it says nothing.
    """
    if not ref.strip():
        raise CommandError(
            "REF is empty; give a trace id, its first 8 characters or more, a traceparent, latest or "
            "latest-error",
            USAGE,
        )
    return ref
