"""
Requests of a page or worker, of which the failed and the slow become entries. Pure.

After the domain `Network` of the Chrome DevTools Protocol. Bodies are never read. Of the headers only those
are read that name a trace.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tracelog.cli.chrome.remote import plain_map, plain_number
from tracelog.core.headers import Incoming, read_headers

Params = Mapping[str, Any]
Raw = dict[str, Any]

NO_REASON: Final = "no reason given"

UNDER_WAY: Final = 2_000
"""Requests remembered of one page: more than a browser keeps going; the oldest is forgotten."""

_SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
_TRACE_HEADERS: Final = frozenset({"traceparent", "x-trace-id"})
_TIMING: Final = re.compile(r"\btrace(?:parent)?;\s*desc=\"?([^\",;]{1,128})")
"""How a server tells a page its trace (W3C Trace Context, editor's draft)."""


class Call(msgspec.Struct, kw_only=True):
    """
    One request under way.

    Attributes:
        wall_ms: Unix time of its start where that was seen; *began* is the browser's own clock in seconds.
        incoming: The trace that its headers name, or those of its answer.
    """

    method: str
    url: str
    wall_ms: float | None
    began: float
    incoming: Incoming | None
    kind: str = ""
    status: int | None = None


class Calls:
    """
    The requests of one target.

    Args:
        slow_ms: Duration from which an answered request is told.
        is_ours: Whether an address is the server that entries are sent to: what is sent there is no news.
    """

    def __init__(self, slow_ms: float, is_ours: Callable[[str], bool]) -> None:
        self._slow_ms = slow_ms
        self._is_ours = is_ours
        self._under_way: dict[str, Call] = {}

    def sent(self, params: Params) -> Call | None:
        """
        Note a request that was sent, or sent on by a redirection, and return it.
        """
        request = plain_map(params.get("request"))
        url = str(request.get("url", ""))
        if not self._is_told(url):
            return None
        name = str(params.get("requestId"))
        before = self._under_way.pop(name, None) if "redirectResponse" in params else None
        call = before or Call(
            method=str(request.get("method", "GET")),
            url=url,
            wall_ms=plain_number(params.get("wallTime")) * 1000.0,
            began=plain_number(params.get("timestamp")),
            incoming=None,
            kind=str(params.get("type", "")),
        )
        call.incoming = trace_of(plain_map(request.get("headers"))) or call.incoming
        self._note(name, call)
        return call

    def answered(self, params: Params) -> Call | None:
        """
        Note what was answered, and return the request.
        """
        response = plain_map(params.get("response"))
        call = self._under_way.get(str(params.get("requestId"))) or self._overheard(params, response)
        if call is None:
            return None
        call.status = int(plain_number(response.get("status")))
        call.incoming = call.incoming or trace_of(plain_map(response.get("headers")))
        return call

    def finished(self, params: Params) -> Iterator[tuple[Call, Raw]]:
        """
        Yield a request that has its whole answer, where that is a refusal or was slow.
        """
        call = self._under_way.pop(str(params.get("requestId")), None)
        if call is None:
            return
        took, status = _took(call, params), call.status or 0
        if status >= 400 or took >= self._slow_ms:
            level = "error" if status >= 500 else "warn" if status >= 400 else "info"
            yield call, _told(call, level, str(status or "done"), took)

    def failed(self, params: Params) -> Iterator[tuple[Call, Raw]]:
        """
        Yield a request that nobody answered; one that the page itself took back only where that was slow.
        """
        call = self._under_way.pop(str(params.get("requestId")), None)
        if call is None:
            return
        took = _took(call, params)
        if params.get("canceled"):
            if took >= self._slow_ms:
                yield call, _told(call, "info", "aborted", took)
            return
        parts = (params.get("errorText"), params.get("blockedReason"))
        why = [str(part) for part in parts if part]
        cors = plain_map(params.get("corsErrorStatus")).get("corsError")
        why += [f"CORS {cors}"] if cors else []
        yield call, _told(call, "error", f"failed: {', '.join(why) or NO_REASON}", took)

    def opened(self, params: Params) -> Iterator[tuple[Call, Raw]]:
        """
        Note a WebSocket; when it was opened does not matter, so no clock is asked.
        """
        url = str(params.get("url", ""))
        call = Call(method="WebSocket", url=url, wall_ms=None, began=0.0, incoming=None, kind="WebSocket")
        self._note(str(params.get("requestId")), call)
        return iter(())

    def broke(self, params: Params) -> Iterator[tuple[Call, Raw]]:
        """
        Yield a WebSocket that failed.
        """
        call = self._under_way.get(str(params.get("requestId")))
        if call is not None:
            yield (
                call,
                _told(call, "error", f"failed: {params.get('errorMessage') or NO_REASON}", None),
            )

    def closed(self, params: Params) -> Iterator[tuple[Call, Raw]]:
        self._under_way.pop(str(params.get("requestId")), None)
        return iter(())

    def _overheard(self, params: Params, response: Params) -> Call | None:
        """
        Note a request that was sent before this page was attached to, as that of a new tab is.
        """
        url = str(response.get("url", ""))
        if not self._is_told(url):
            return None
        sent = plain_map(response.get("timing")).get("requestTime") or params.get("timestamp")
        call = Call(method="GET", url=url, wall_ms=None, began=plain_number(sent), incoming=None)
        self._note(str(params.get("requestId")), call)
        return call

    def _is_told(self, url: str) -> bool:
        return url.partition(":")[0] in _SCHEMES and not self._is_ours(url)

    def _note(self, name: str, call: Call) -> None:
        if len(self._under_way) >= UNDER_WAY:
            del self._under_way[next(iter(self._under_way))]
        self._under_way[name] = call


def trace_of(headers: Mapping[str, Any]) -> Incoming | None:
    """
    Return the trace that *headers* of a request or its answer name.
    """
    named = {name.lower(): str(value) for name, value in headers.items()}
    said = {name: value for name, value in named.items() if name in _TRACE_HEADERS}
    if "traceparent" not in said and (found := _TIMING.search(named.get("server-timing", ""))):
        said["traceparent"] = found[1]
    return read_headers(said) if said else None


def _took(call: Call, params: Params) -> float:
    return max(0.0, (plain_number(params.get("timestamp")) - call.began) * 1000.0)


def _told(call: Call, level: str, outcome: str, took: float | None) -> Raw:
    context = {"method": call.method, "target": call.url, "status": call.status, "request": call.kind}
    return {
        "level": level,
        "logger": "network",
        "message": f"{call.method} {call.url.partition('#')[0]} {outcome}",
        "timestamp": call.wall_ms,
        "duration_ms": took,
        "context": {name: value for name, value in context.items() if value},
    }
