"""
A route of the program's own origin that passes on what its pages log, for pages that cannot reach the server.

    app.mount("/logs", Relay("http://127.0.0.1:8787", key=…))     # Starlette, FastAPI: any ASGI app
    Relay(…).wsgi                                                 # the same as a WSGI app

A page then says `<script src="/logs/tracelog.js">`. Only pages of the same origin are heard, the key stays on
this side, and what is passed on is logged as no request: each would bring an entry for the entries of a page.
"""

import asyncio
import http.client
import ssl
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from tracelog.integrations import asgi, wsgi
from tracelog.sinks.post import address_of, bearer_of

BODY_BYTES: Final = 4 * 1024 * 1024
"""What a request of the server's may hold."""

AT_ONCE: Final = 16
"""Requests passed on at the same time: a server that hangs must not take all threads of the program."""

TIMEOUT_S: Final = 5.0
_SCRIPTS: Final = frozenset({"tracelog.js", "tracelog.mjs", "tracelog-core.js", "tracelog-widget.js"})
"""What a page asks for; what else the server has is for others."""

_PASSED_ON: Final = ("accept-encoding", "content-type", "content-encoding", "user-agent", "if-none-match")
_PASSED_BACK: Final = (
    "content-type",
    "content-encoding",
    "vary",
    "retry-after",
    "server-timing",
    "cache-control",
    "etag",
)
_SAME: Final = frozenset({"same-origin", "none"})


class Reply(NamedTuple):
    """
    An answer for the page.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Relay:
    """
    An ASGI app, and as `wsgi` a WSGI app, that passes on to a server of ours.

    Args:
        url: The server.
        key: An ingest key of it, best one that is `public` and of the system `browser`, without `origins`.

    Raises:
        ConfigError: When *url* is no address or *key* cannot stand in a header.
    """

    def __init__(self, url: str, *, key: str | None = None) -> None:
        self._url = address_of(url)
        self._key = bearer_of(key)
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """
        Return the server's answer to a page. Never raises; waits for the server.

        Args:
            method: `POST` for what a page logs, `GET` for the browser client.
            path: What was asked for; only its end says something.
            headers: Of the page's request, names in lower case.
            body: What the page sends.
        """
        name = path.rpartition("/")[2]
        is_script = method == "GET" and name in _SCRIPTS
        if not is_script and method != "POST":
            return _refused(405, "method", "pages POST here what they log, and GET /tracelog.js")
        if not is_script and not _is_own(headers):
            return _refused(403, "origin", "only pages of the same origin are heard here")
        if len(body) > BODY_BYTES:
            return _refused(413, "too_large", f"a request may hold {BODY_BYTES:,} bytes")
        if not self._room.acquire(blocking=False):
            return _refused(503, "busy", "too much is being passed on already", retry_after=1)
        try:
            return self._ask(method, f"/{name}" if is_script else "/log", headers, body)
        except (OSError, http.client.HTTPException) as error:
            return _refused(503, "unreachable", f"the log server did not answer: {type(error).__name__}", 5)
        finally:
            self._room.release()

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        host, port = self._url.hostname or "", self._url.port
        sent = {name: headers[name] for name in _PASSED_ON if headers.get(name)}
        if self._key:
            sent["authorization"] = f"Bearer {self._key}"
        if self._tls is None:
            line = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        else:
            line = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        try:
            line.request(method, self._url.path.rstrip("/") + path, body or None, sent)
            answer = line.getresponse()
            given = {name: value for name in _PASSED_BACK if (value := answer.getheader(name))}
            return Reply(answer.status, given, answer.read(BODY_BYTES))
        finally:
            line.close()

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        if (watched := scope.get(asgi.KEY)) is not None:
            watched.ended = True
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        body, more = bytearray(), True
        while more and len(body) <= BODY_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        given = (scope["method"], scope["path"], headers, bytes(body))
        reply = await asyncio.to_thread(self.pass_on, *given)
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        await send({"type": "http.response.body", "body": reply.body})

    def wsgi(self, environ: wsgi.Environ, start_response: wsgi.StartResponse) -> Iterable[bytes]:
        """
        The same as a WSGI app.
        """
        if (watched := environ.get(wsgi.KEY)) is not None:
            watched.ended = True
        headers = {
            name[5:].replace("_", "-").lower(): environ[name] for name in environ if name[:5] == "HTTP_"
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        length = environ.get("CONTENT_LENGTH") or "0"
        size = min(int(length), BODY_BYTES + 1) if length.isdecimal() else 0
        body = environ["wsgi.input"].read(size) if size else b""
        reply = self.pass_on(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), headers, body)
        phrase = http.client.responses.get(reply.status, "Answer")
        start_response(f"{reply.status} {phrase}", [*reply.headers.items()])
        return [reply.body]


def _is_own(headers: Mapping[str, str]) -> bool:
    """
    Whether a page of this origin speaks: browsers say so by Fetch Metadata, older ones by the origin alone.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _SAME
    origin: Any = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _refused(status: int, reason: str, error: str, retry_after: int | None = None) -> Reply:
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return Reply(status, headers, msgspec.json.encode({"success": False, "error": error, "reason": reason}))
