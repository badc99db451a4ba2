"""
What the command lines of Convex and Cloudflare print about their functions, read as the server reads what
these systems send: `npx convex logs --jsonl` and `wrangler tail --format json`.

Convex's command prints the entries of its function log (`get(stream_function_logs)`), one for each run of a
function with the lines it printed. They are told in the words of the log stream, which has the same facts.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tracelog.core.entry import Entry
from tracelog.core.wire import Reader
from tracelog.errors import InvalidBodyError
from tracelog.server.receivers import cloudflare, convex
from tracelog.server.receivers.aliases import Aliases

Raw = dict[str, Any]

TAIL: Final = frozenset({"outcome", "eventTimestamp"})
"""Fields that every tail event has, and hardly a log line of anybody's own."""

RUN: Final = frozenset({"kind", "udfType", "logLines"})
"""Those of an entry of Convex's function log."""

TYPES: Final = {"Query": "query", "Mutation": "mutation", "Action": "action", "HttpAction": "http_action"}
_JSON: Final = "application/json"


class Platforms:
    """
    Reads the objects of one stream, and remembers which trace a request of Convex belongs to.
    """

    def __init__(self) -> None:
        self._convex = convex.Receiver(Aliases())

    def entries(self, raw: Mapping[str, Any], reader: Reader) -> Iterator[Entry] | None:
        """
        Return the entries of *raw*, or None when it is no object of these platforms.
        """
        try:
            if raw.keys() >= TAIL:
                batch = cloudflare.receive(_body([raw]), _JSON, **_shared(reader))
            elif raw.keys() >= RUN:
                batch = self._convex.receive(_body([*_events(raw)]), _JSON, **_shared(reader))
            else:
                return None
        except (InvalidBodyError, RecursionError):  # it only looks like one: it is a line like any other
            return None
        return map(_unnamed, batch.entries) if batch.entries else None


def _events(run: Mapping[str, Any]) -> Iterator[Raw]:
    """
    Yield the events of the log stream that *run* is: its lines, and its end.
    """
    function = {
        "path": run.get("identifier"),
        "type": TYPES.get(str(run.get("udfType"))),
        "cached": run.get("cachedResult"),
        "request_id": run.get("requestId"),
    }
    lines = run.get("logLines")
    for line in lines if isinstance(lines, list) else ():
        yield _line(line, function, run)
    if run.get("kind") == "Completion":
        yield {**_kept(run), **_end(run), "topic": "function_execution", "function": function}


def _line(line: Any, function: Raw, run: Mapping[str, Any]) -> Raw:
    if not isinstance(line, dict):
        return {
            "topic": "console",
            "timestamp": _ms(run.get("timestamp")),
            "function": function,
            "message": line,
        }
    said = line.get("messages")
    path = line.get("udfPath") or function["path"]
    return {
        "topic": "console",
        "timestamp": line.get("timestamp"),
        "function": {**function, "path": path, "component_path": line.get("componentPath")},
        "log_level": line.get("level"),
        "message": " ".join(map(str, said)) if isinstance(said, list) else said,
        "is_truncated": line.get("isTruncated"),
    }


def _end(run: Mapping[str, Any]) -> Raw:
    error = run.get("error")
    return {
        "timestamp": _ms(run.get("timestamp")),
        "execution_time_ms": _ms(run.get("executionTime")),
        "status": "failure" if error else "success",
        "error_message": error,
        "will_retry": run.get("willRetry"),
    }


def _kept(run: Mapping[str, Any]) -> Raw:
    return {
        name: value for name, value in run.items() if name not in {"logLines", "error", "message", "convex"}
    }


def _ms(seconds: Any) -> float | None:
    return seconds * 1000.0 if isinstance(seconds, int | float) else None


def _unnamed(entry: Entry) -> Entry:
    entry.id = ""  # made of the bytes for a sender that repeats; here the client names and numbers
    return entry


def _body(items: list[Any]) -> bytes:
    return json.dumps(items).encode()  # takes half characters, as the receivers do


def _shared(reader: Reader) -> dict[str, Any]:
    return {"now_ms": reader.now_ms, "mint": reader.mint, "limits": reader.limits}
