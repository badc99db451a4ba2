"""
Convex Log Streams: the events of its webhook become entries.

After the shapes that Convex publishes (schema V2 of its log stream events; V1 is translated first). Every
field of an event is kept under `context` by its own name; what has a field of ours stands there, too. One
event is one entry.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tracelog.core.clean import plain_text
from tracelog.core.entry import Limits
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import InvalidEntryError
from tracelog.server.receivers.aliases import Aliases
from tracelog.server.receivers.convex_v1 import is_v1, translate
from tracelog.server.receivers.gather import Gatherer, Raw, object_of, plain
from tracelog.server.receivers.items import check_type, read_items
from tracelog.server.receivers.texts import merged, number, read_line

TYPES: Final = ("application/json", "application/x-ndjson", "application/jsonl", "text/plain", "")
"""Convex says `application/json` of both its formats; the first byte tells them apart."""

LEVELS: Final = {"DEBUG": "debug", "INFO": "info", "LOG": "log", "WARN": "warn", "ERROR": "error"}
STATISTICS: Final = frozenset(
    {
        "scheduler_stats",
        "scheduled_job_lag",
        "current_storage_usage",
        "concurrency_stats",
        "storage_api_bandwidth",
        "log_stream_egress",
    }
)
"""Topics that measure the deployment and belong to no request."""

REQUEST: Final = "convex request"
"""Where a draft keeps its request until the traces of all are known; the blank keeps it off every field."""

_LEADING: Final = re.compile(r"'((?:[^'\\]++|\\.)*+)'(?=[ ]|\Z)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-F]{2})|(.))", re.DOTALL)
_CONTROL: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_FAILURE: Final = re.compile(r"(?:Uncaught )?([A-Z][\w$]{0,99}): ")
_FRAMES: Final = re.compile(r"\n[ \t]+at ")
_W3C: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.:-]")


class Receiver:
    """
    Reads webhook bodies and remembers which request belongs to which trace.

    Args:
        aliases: What earlier bodies told.
    """

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases

    def receive(self, body: bytes, content_type: str, *, now_ms: float, mint: Mint, limits: Limits) -> Batch:
        """
        Return the entries of an inflated webhook body: a JSON array of events, or one event a line.

        Raises:
            InvalidBodyError: When the body as a whole cannot be read; single bad events are drops of the
                batch.
        """
        check_type(content_type, TYPES)
        gatherer = Gatherer(body, now_ms=now_ms, mint=mint, limits=limits)
        return gatherer.gather(
            read_items(body, limits.entries_compact),
            lambda _index, item: [draft(object_of(item, "an event"))],
            lambda raws: settle(raws, self._aliases, gatherer.names.digest),
        )


def draft(event: Mapping[str, Any]) -> Raw:
    """
    Return the fields of the entry that *event* means; `settle` gives it its trace.

    Raises:
        InvalidEntryError: When it has no topic, so that nobody can say what it is.
    """
    if is_v1(event):
        event = translate(event)
    topic = event.get("topic")
    if not isinstance(topic, str) or not topic:
        raise InvalidEntryError("the event has no topic; send Convex's log stream events", reason="no_topic")
    deployment = plain(event.get("convex"))
    function = plain(event.get("function"))
    raw: Raw = {
        "system": "convex",
        "service": _first_text(deployment, "project_slug", "project_name", "deployment_name"),
        "environment": _first_text(deployment, "deployment_type"),
        "logger": _first_text(function, "path"),
        "timestamp": event.get("timestamp"),
        REQUEST: _first_text(function, "request_id") or "",
    }
    said = _READERS.get(topic, _read_other)(event)
    kept = {key: value for key, value in event.items() if key not in {"timestamp", "message"}}
    return raw | said | {"context": merged(kept, said.get("context"))}


def settle(raws: list[Raw], aliases: Aliases, digest: str) -> None:
    """
    Give each of *raws* its trace: the one it names, else the one of its request, else one made of its
    request.
    """
    aliases.begin(digest)
    drafts = [(raw, request) for raw in raws if (request := raw.pop(REQUEST, None)) is not None]
    for raw, request in drafts:
        if request and "trace_id" in raw:
            aliases.learn(request, raw["trace_id"])
    for raw, request in drafts:
        if "trace_id" not in raw:
            own = _own_trace(request or _deployment(raw))
            trace_id = aliases.settle(request, own) if request else own
            if trace_id:
                raw["trace_id"] = trace_id


def _own_trace(name: str) -> str:
    """
    Return the trace of a request that nobody has named one for: its id, where the caller made it a W3C trace
    id, else a name made of it.
    """
    if _W3C.fullmatch(name):
        return name
    return f"convex:{_UNFIT.sub('_', name)[:100]}" if name else ""


def _deployment(raw: Raw) -> str:
    return _first_text(plain(raw["context"].get("convex")), "deployment_name") or ""


def _read_console(event: Mapping[str, Any]) -> Raw:
    text = event.get("message")
    level = event.get("log_level")
    raw: Raw = {"level": LEVELS.get(level, level) if isinstance(level, str) else level}
    return raw | (read_line(_unquote(text)) if isinstance(text, str) else {"message": text})


def _read_execution(event: Mapping[str, Any]) -> Raw:
    """
    The event is written when the function ends; an entry that closes a span tells when it began.
    """
    function = plain(event.get("function"))
    names = [name for key in ("type", "path") if (name := _first_text(function, key))]
    raw: Raw = {"level": "info", "message": " ".join(names) or "function"}
    ended, took = number(event.get("timestamp")), number(event.get("execution_time_ms"))
    if took is not None:
        raw["duration_ms"] = took
        if ended is not None and took >= 0:
            raw["timestamp"] = ended - took
    if event.get("status") != "success" and (event.get("error_message") or event.get("status") == "failure"):
        raw |= _read_failure(event)
    return raw


def _read_failure(event: Mapping[str, Any]) -> Raw:
    text = plain_text(event.get("error_message") or "the function failed")
    head = _FRAMES.split(text, maxsplit=1)[0]
    kind = _FAILURE.match(head)
    error = {"type": kind[1], "message": head[kind.end() :]} if kind else {"type": "Error", "message": head}
    level = "warn" if event.get("will_retry") is True else "error"
    return {"level": level, "message": head, "error": error, "stack": text}


def _read_other(event: Mapping[str, Any]) -> Raw:
    topic = event["topic"]
    message = event.get("message")
    if isinstance(message, str):
        return {"level": "info", "message": message}
    shown = {
        key: value
        for key, value in event.items()
        if key not in {"topic", "timestamp", "convex", "function"} and isinstance(value, str | int | float)
    }
    parts = [topic, *(f"{key}={plain_text(value)}" for key, value in shown.items())]
    return {"level": "debug" if topic in STATISTICS else "info", "message": " ".join(parts)}


def _unquote(text: str) -> str:
    """
    Return *text* with the string it begins with as the program wrote it: Convex shows it in quotes.
    """
    found = _LEADING.match(text)
    if found is None:
        return text
    return _ESCAPE.sub(_unescape, found[1]) + text[found.end() :]


def _unescape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _CONTROL.get(found[2], found[2])


def _first_text(values: Mapping[str, Any], *names: str) -> str | None:
    return next((v for name in names if isinstance(v := values.get(name), str) and v), None)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Raw]]] = {
    "console": _read_console,
    "function_execution": _read_execution,
}
"""Topics that need more than their fields put side by side."""
