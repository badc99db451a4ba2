"""
What a page says and what goes wrong in it, as fields of an entry. Pure.

After the events of the domains `Runtime` and `Log` of the Chrome DevTools Protocol. A reader returns None for
an event that is no news.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracelog.cli.chrome.remote import (
    call_text,
    find_error,
    first_place,
    plain_list,
    plain_map,
    stack_text,
    text_of,
    thrown,
)

Params = Mapping[str, Any]
Raw = dict[str, Any]

LEVELS: Final = {
    **dict.fromkeys(("log", "dir", "dirxml", "table", "trace", "startGroup", "startGroupCollapsed"), "log"),
    "debug": "debug",
    "info": "info",
    "warning": "warn",
    "error": "error",
    "assert": "error",
    "count": "info",
    "timeEnd": "info",
}
"""Console calls that say something, by the severities of the WHATWG console."""

STACKED: Final = frozenset({"error", "warning", "trace", "assert"})
"""Console calls whose whole stack is kept; of the others only the place."""

LOG_LEVELS: Final = {"verbose": "debug", "info": "info", "warning": "warn", "error": "error"}

TOLD_OTHERWISE: Final = frozenset({"network", "worker"})
"""Sources of lines that are told with more by others: failed requests by `calls.py`, and what a worker said,
which its page repeats, by the worker."""


def console(params: Params) -> Raw | None:
    """
    Return what a console call said.
    """
    kind = str(params.get("type"))
    if kind not in LEVELS:
        return None
    arguments = plain_list(params.get("args"))
    if kind == "assert":
        arguments = _asserted(arguments)
    stack = params.get("stackTrace")
    raw: Raw = {
        "level": LEVELS[kind],
        "logger": "console",
        "message": call_text(arguments),
        "timestamp": params.get("timestamp"),
        "context": {"at": first_place(stack)},
    }
    error = find_error(arguments)
    if error is not None:
        return raw | {"error": error.error, "stack": error.stack}
    return raw | {"stack": stack_text(stack)} if kind in STACKED else raw


def exception(params: Params) -> Raw | None:
    """
    Return what was thrown and caught by nobody, or the rejection that nobody handled.
    """
    details = plain_map(params.get("exceptionDetails"))
    value = plain_map(details.get("exception"))
    lead = str(details.get("text") or "Uncaught")
    frames = stack_text(details.get("stackTrace"))
    raw: Raw = {"level": "error", "logger": "exception", "timestamp": params.get("timestamp")}
    if not value:
        return raw | {"message": lead, "stack": frames}
    told = thrown(value)
    return raw | {"message": f"{lead} {text_of(value)}", "error": told.error, "stack": told.stack or frames}


def log(params: Params) -> Raw | None:
    """
    Return what the browser itself has to say about a page: violations, deprecations, interventions.
    """
    entry = plain_map(params.get("entry"))
    if str(entry.get("source")) in TOLD_OTHERWISE:
        return None
    return {
        "level": LOG_LEVELS.get(str(entry.get("level")), "info"),
        "logger": str(entry.get("source") or "log"),
        "message": str(entry.get("text", "")),
        "timestamp": entry.get("timestamp"),
        "stack": stack_text(entry.get("stackTrace")),
        "context": {"at": entry.get("url"), "category": entry.get("category")},
    }


def _asserted(arguments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return the *arguments* of an assertion as the console prints them (WHATWG Console §1.1.1).
    """
    lead = "Assertion failed"
    first = arguments[0] if arguments else {}
    if first.get("value") == "console.assert" and len(arguments) == 1:  # how Chromium tells of none at all
        return [{"type": "string", "value": lead}]
    if first.get("type") == "string":
        return [{**first, "value": f"{lead}: {first.get('value', '')}"}, *arguments[1:]]
    return [{"type": "string", "value": lead}, *arguments]
