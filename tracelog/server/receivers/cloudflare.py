"""
Cloudflare Workers: tail events and Logpush records become entries.

One invocation of a worker is one hop: an entry with its duration, its console lines and its uncaught errors.
The shapes are those of the Tail Workers API and of the Logpush dataset `workers_trace_events`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tracelog.core.clean import plain_text
from tracelog.core.console import console_text
from tracelog.core.entry import Limits
from tracelog.core.headers import Incoming, read_headers
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import InvalidEntryError
from tracelog.server.receivers.gather import Gatherer, Names, Raw, object_of, plain, shared
from tracelog.server.receivers.items import check_type, read_items
from tracelog.server.receivers.logpush import as_tail, is_logpush
from tracelog.server.receivers.texts import merged, number, read_line

TYPES: Final = (
    "application/json",
    "application/x-ndjson",
    "application/jsonl",
    "text/plain",
    "application/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "",
)
"""Logpush says `text/plain`, or the type of its file."""

OWN_PATH: Final = "/webhooks/cloudflare"
SIGNS: Final = frozenset({"event", "logs", "exceptions", "outcome", "eventTimestamp", "scriptName"})
"""A tail event has most of these; a value with none of them is something else."""

WARNED: Final = ("canceled", "responseStreamDisconnected")
"""Outcomes for which the caller is to blame; all others are errors."""

LEVELS: Final = {name: name for name in ("debug", "log", "info", "warn", "error")}


def receive(body: bytes, content_type: str, *, now_ms: float, mint: Mint, limits: Limits) -> Batch:
    """
    Return the entries of an inflated body: tail events as an array or one a line, or Logpush records.

    Raises:
        InvalidBodyError: When the body as a whole cannot be read; single bad items are drops of the batch.
    """
    check_type(content_type, TYPES)
    items = read_items(body, limits.entries_compact)
    if len(items) == 1 and _is_trial(items[0]):
        items = []
    gatherer = Gatherer(body, now_ms=now_ms, mint=mint, limits=limits)
    most = limits.entries_compact
    return gatherer.gather(
        items, lambda index, item: _Invocation(_within(item, most), index, gatherer.names).entries()
    )


def _within(item: Any, most: int) -> dict[str, Any]:
    """
    Return *item*, an object that tells of no more than *most* lines and errors.
    """
    event: dict[str, Any] = object_of(item, "a tail event")
    told = sum(len(_list(event.get(name))) for name in ("logs", "exceptions", "Logs", "Exceptions"))
    if told > most:
        raise InvalidEntryError(
            f"the event has more than {most:,} lines and errors, more than a worker can say",
            reason="too_many",
        )
    return event


def _is_trial(item: Any) -> bool:
    """
    Whether *item* is what Logpush sends once to see whether somebody answers: an object with a `content` and
    no field of an event.
    """
    return isinstance(item, dict) and "content" in item and item.keys() <= {"content", "filename"}


class _Invocation:
    """
    One tail event being read.

    Raises:
        InvalidEntryError: When it is no tail event, or tells of its own delivery.
    """

    def __init__(self, item: dict[str, Any], index: int, names: Names) -> None:
        self.item: Mapping[str, Any] = as_tail(item) if is_logpush(item) else item
        if not self.item.keys() & SIGNS:
            raise InvalidEntryError(
                "the item is neither a tail event nor a record of workers_trace_events", reason="no_event"
            )
        self.event = plain(self.item.get("event"))
        self.request = plain(self.event.get("request"))
        self.url = plain_text(self.request.get("url") or "")
        if _path(self.url) == OWN_PATH:
            raise InvalidEntryError(
                "the event tells of its own delivery and would go round for ever; "
                "do not tail the worker that forwards tail events",
                reason="loop",
            )
        self.logs = [_log(log) for log in _list(self.item.get("logs"))]
        incoming = _incoming(self.request.get("headers"))
        named = next((log["trace_id"] for log in self.logs if "trace_id" in log), None)
        self.trace_id = incoming.trace_id if incoming else named or names.trace(index)
        self.shared: Raw = {
            "system": "worker",
            "service": shared(_text(self.item.get("scriptName"))),
            "logger": shared(_text(self.item.get("entrypoint"))),
            "release": shared(_release(self.item.get("scriptVersion"))),
            "span_id": names.span(index),
            "parent_id": incoming.parent_id if incoming else None,
        }

    def entries(self) -> list[Raw]:
        """
        Return the fields of its entries: the invocation, its console lines, its uncaught errors.
        """
        parts = [self._invocation(), *self.logs, *map(_exception, _list(self.item.get("exceptions")))]
        began = self.item.get("eventTimestamp")
        return [
            {"timestamp": began, "trace_id": self.trace_id} | self.shared | _present(part) for part in parts
        ]

    def _invocation(self) -> Raw:
        outcome = self.item.get("outcome")
        status = plain(self.event.get("response")).get("status")
        parts = [*self._title(), *(plain_text(status) for _ in range(status is not None))]
        if _is_bad(outcome):
            parts.append(plain_text(outcome))
        kept = {key: value for key, value in self.item.items() if key not in {"logs", "exceptions"}}
        raw: Raw = {"level": _level(outcome, status), "message": " ".join(parts), "context": kept}
        wall = number(self.item.get("wallTime"))
        return raw if wall is None else raw | {"duration_ms": wall}

    def _title(self) -> Iterator[str]:
        if self.url:
            yield plain_text(self.request.get("method") or "GET")
            yield self.url.partition("?")[0].partition("#")[0]
            return
        for key, title in _TITLES.items():
            if self.event.get(key) is not None:
                yield title
                yield plain_text(self.event[key])
                return
        yield plain_text(self.item.get("eventType") or "invocation")


_TITLES: Final = {
    "rpcMethod": "rpc",
    "cron": "scheduled",
    "queue": "queue",
    "mailFrom": "email",
    "scheduledTime": "alarm",
}
"""What an event that is no request is told by, the most telling first."""


def _log(log: Any) -> Raw:
    """
    Return the fields of a console line; `logs[].message` holds the arguments as they were given.
    """
    if not isinstance(log, dict):
        return {"level": "info", **read_line(plain_text(log))}
    arguments = log.get("message")
    line = read_line(console_text(arguments if isinstance(arguments, list) else [arguments]))
    level = log.get("level")
    known = LEVELS.get(level.lower(), level) if isinstance(level, str) else level
    raw: Raw = {"timestamp": log.get("timestamp"), "level": known}
    error = next((plain(info) for info in _list(log.get("errorInfo")) if plain(info)), None)
    if error is not None:
        raw |= _thrown(error)
    more = {key: value for key, value in log.items() if key not in {"timestamp", "level", "message"}}
    return raw | line | {"context": merged(line.get("context") or {}, more) or None}


def _exception(value: Any) -> Raw:
    if not isinstance(value, dict):
        return {"level": "error", "message": plain_text(value)}
    raw = _thrown(value)
    error = raw["error"]
    more = {key: item for key, item in value.items() if key not in {"timestamp", "name", "message", "stack"}}
    return raw | {
        "timestamp": value.get("timestamp"),
        "level": "error",
        "message": f"{error['type']}: {error['message']}",
        "context": more or None,
    }


def _thrown(error: Mapping[str, Any]) -> Raw:
    """
    Return the fields of a thrown error; the runtime's stack begins below the line that names it.
    """
    kind = _text(error.get("name")) or "Error"
    message = "" if error.get("message") is None else plain_text(error["message"])
    raw: Raw = {"error": {"type": kind, "message": message}}
    stack = error.get("stack")
    if isinstance(stack, str) and stack:
        raw["stack"] = stack if stack.startswith(kind) else f"{kind}: {message}\n{stack}"
    return raw


def _level(outcome: Any, status: Any) -> str:
    if _is_bad(outcome):
        return "warn" if outcome in WARNED else "error"
    code = number(status)
    return "error" if code is not None and code >= 500 else "info"


def _is_bad(outcome: Any) -> bool:
    return outcome is not None and outcome != "ok"


def _incoming(headers: Any) -> Incoming | None:
    return read_headers(headers) if isinstance(headers, dict) else None


def _release(version: Any) -> str | None:
    said = plain(version)
    return _text(said.get("tag")) or _text(said.get("id"))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:  # no address, so not ours
        return ""


def _present(raw: Raw) -> Raw:
    return {key: value for key, value in raw.items() if value is not None}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
