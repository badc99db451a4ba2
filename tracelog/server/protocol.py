"""
Connections of the server that runs alone: uvicorn's, with bounds, and a short way for `POST /log`.

`Punctual` adds what uvicorn lacks: a deadline for a request to arrive (a connection that trickles one byte a
second would stay open for ever and hold up the stop), a bound on headers, and answers of our own shape.
`Direct` answers plain `POST /log` requests without a task, an event and a scope for each; every other
request, and every unusual one, takes uvicorn's way through the ASGI app, which answers the same.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tracelog.server.access import Sender
from tracelog.server.answers import refuse
from tracelog.server.ingest import Taken
from tracelog.server.log import LogEndpoint, Reply

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a request line with its headers, or of anything else that brings a request no further."""

MOST_HEADERS: Final = 100
DIGITS: Final = 9
"""Of a plain Content-Length. The long way reads any other."""

_UNUSUAL: Final = frozenset({b"transfer-encoding", b"upgrade", b"expect"})


def _last_words(status: int, error: str, reason: str, *more: bytes) -> bytes:
    body = refuse(status, error, reason).body
    lines = (
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        *more,
        b"connection: close",
    )
    return STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n" + body


TOO_SLOW: Final = _last_words(408, "the request came too slowly", "too_slow")
NO_HTTP: Final = _last_words(400, "this is no HTTP/1.1 request that can be read", "http")
LARGE_HEAD: Final = _last_words(
    431,
    f"the headers are more than {MOST_HEADERS} or larger than {LARGEST_HEAD // 1024} KiB",
    "headers_too_large",
)
STOPPING: Final = _last_words(
    503, "the server is stopping; send the request again", "stopping", b"retry-after: 1"
)


class _LargeHeadError(Exception):
    """
    Ends the reading of a request from within the parser.
    """


class Punctual(HttpToolsProtocol):
    """
    A connection with a deadline and a bound on headers.

    Attributes:
        waiting_since: Loop time since which the rest of a request is awaited; None while nothing is.
    """

    waiting_since: float | None = None
    _useless = 0
    _got_on = False
    _piece = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.waiting_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()
        self._got_on = False
        self._piece = len(data)
        super().data_received(data)
        if self._got_on:
            self._useless = 0
            return
        self._useless += self._piece
        if self._useless > LARGEST_HEAD:
            self.turn_away(LARGE_HEAD)

    def on_headers_complete(self) -> None:
        self.check_head()
        if not self.url.startswith(b"/"):
            self._name_host()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.waiting_since = None

    def check_head(self) -> None:
        """
        Note that a request's headers are there; refuse them when they are too many or too large.
        """
        self._got_on = True
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()  # behind another request, in the same piece
        large = self._piece + self._useless > LARGEST_HEAD and self._head_size() > LARGEST_HEAD
        if large or len(self.headers) > MOST_HEADERS:
            raise _LargeHeadError

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words; ours have our shape
        large = len(self.headers or ()) > MOST_HEADERS or self._head_size() > LARGEST_HEAD
        self.turn_away(LARGE_HEAD if large else NO_HTTP)

    def turn_away(self, words: bytes) -> None:
        """
        End the connection, with *words* where they cannot be taken for the answer to something else.

        A request that is complete and waits for its answer gets it first.
        """
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self.headers is not None and self._may_speak(cycle) and not self.transport.is_closing():
            self.transport.write(words)
        self.transport.close()

    def _may_speak(self, cycle: Any) -> bool:
        """
        Whether the sender expects the answer to the request that is arriving, and nothing else.
        """
        if cycle is None:
            return True
        if cycle.response_complete:
            return not cycle.more_body
        return not cycle.response_started and not self.pipeline

    def _name_host(self) -> None:
        """
        Let the host in the request line count, where there is one, and not the header (RFC 9112 §3.2.2).
        """
        _, mark, rest = self.url.partition(b"://")
        if mark:
            host = rest.partition(b"/")[0].partition(b"?")[0]
            self.headers[:] = [*(header for header in self.headers if header[0] != b"host"), (b"host", host)]

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers or ())


class _Told:
    """
    Stands where uvicorn keeps an event that wakes a task; there is no task to wake.
    """

    def set(self) -> None:
        """
        Nobody waits.
        """


class _DirectCycle:
    """
    One request on the short way, in the shape in which uvicorn keeps its own cycles.
    """

    __slots__ = (
        "disconnected",
        "headers",
        "keep_alive",
        "message_event",
        "more_body",
        "parts",
        "response_complete",
        "response_started",
        "sender",
    )

    def __init__(self, headers: dict[bytes, bytes], sender: Sender, *, keep_alive: bool) -> None:
        self.headers = headers
        self.sender = sender
        self.keep_alive = keep_alive
        self.parts: list[bytes] = []
        self.more_body = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.message_event = _Told()


class Direct(Punctual):
    """
    A connection that takes the short way where it can. Subclasses carry the *endpoint* of their app.
    """

    endpoint: LogEndpoint

    def on_headers_complete(self) -> None:
        cycle = self._direct_cycle()
        if cycle is None:
            super().on_headers_complete()
            return
        self._got_on = True
        if self._piece + self._useless > LARGEST_HEAD or self.waiting_since is None:
            self.check_head()
        self.cycle = cycle  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        cycle: Any = self.cycle
        if type(cycle) is _DirectCycle:
            self._got_on = True
            cycle.parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        cycle: Any = self.cycle
        if type(cycle) is not _DirectCycle or not cycle.more_body:
            super().on_message_complete()
            return
        self.waiting_since = None
        cycle.more_body = False
        parts = cycle.parts
        cycle.parts = []  # a body that is read is not kept until its answer goes out
        try:
            taken = self.endpoint.begin(cycle.headers, b"".join(parts), cycle.sender)
        except Exception as error:
            self._answer(cycle, self.endpoint.refuse(error, cycle.sender))
            return
        if taken.stored is None:
            self._answer(cycle, self.endpoint.end(taken, cycle.sender))
        else:
            taken.stored.add_done_callback(lambda _done: self._stored(cycle, taken))

    def _direct_cycle(self) -> _DirectCycle | None:
        """
        Return a cycle for the short way, or None for requests that are not plain enough for it: another path
        or method, a body of unknown or forbidden length, a sender that is not admitted, one request behind
        another, or a sender that does not read its answers.
        """
        if self.url.partition(b"?")[0] != b"/log" or self.parser.get_method() != b"POST":
            return None
        headers = dict(self.headers)
        if (
            len(headers) != len(self.headers)
            or len(headers) > MOST_HEADERS
            or not _UNUSUAL.isdisjoint(headers)
        ):
            return None
        length = headers.get(b"content-length", b"")
        if len(length) > DIGITS or not length.isdigit() or int(length) > self.endpoint.settings.limit.body:
            return None
        if (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        try:
            sender = self.endpoint.admit(headers, self.url.partition(b"?")[2], self.client)
        except Exception:
            return None  # the long way says the same, in words
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return _DirectCycle(headers, sender, keep_alive=keep_alive)

    def _stored(self, cycle: _DirectCycle, taken: Taken) -> None:
        reply = self.endpoint.end(taken, cycle.sender)
        if cycle.disconnected:
            return  # stored all the same; the sender repeats it and is told: duplicate
        self._answer(cycle, reply)

    def _answer(self, cycle: _DirectCycle, reply: Reply) -> None:
        if self.transport.is_closing():
            return
        lines = [b"content-type: application/json\r\ncontent-length: %d\r\n" % len(reply.body)]
        for name, value in reply.headers:
            lines.append(b"%s: %s\r\n" % (name, value))
            if name == b"connection":
                cycle.keep_alive = False
        if not cycle.keep_alive and b"connection" not in dict(reply.headers):
            lines.append(b"connection: close\r\n")
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join((STATUS_LINE[reply.status], *lines, b"\r\n", reply.body)))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def protocol_for(endpoint: LogEndpoint) -> type[asyncio.Protocol]:
    """
    Return the class of connections that serve *endpoint* on the short way.
    """
    return type("Connection", (Direct,), {"endpoint": endpoint})
