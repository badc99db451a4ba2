"""
What links one error to the next: named exceptions, HTTP statuses, names of the called, and the time between.

Each question is answered from two entries alone. Which errors are asked about, and which answer wins, is
decided in `chains.py`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tracelog.core.entry import Entry

CONFIDENCE: Final[Mapping[str, float]] = {
    "exception": 1.0,
    "parent_hop": 0.9,
    "http_status": 0.8,
    "same_hop": 0.7,
    "time_order": 0.5,
}
"""How sure a link of each kind is: a named cause is certain, a coincidence in time is a coin's toss."""

AGAINST_THE_CLOCK: Final = 0.5
"""A cause that the clocks put after its effect: across sources cause is believed, but not much."""

MAX_CAUSES: Final = 32
"""Deepest nesting of causes that an entry can carry (its depth limit)."""

STATUS_KEYS: Final = ("status", "status_code", "statusCode", "http.status_code", "http.response.status_code")
_STATUS: Final = re.compile(
    r"\b(?:status|returned|responded|answered|code|http)\b[^0-9\n]{0,16}([45]\d\d)\b", re.IGNORECASE
)
_SEARCHED: Final = 2_000
"""Characters of a message that are searched: what a caller reports stands at its beginning."""

_WORD: Final = re.compile(r"[\w-]+")


def exceptions(entry: Entry) -> Iterator[tuple[str, str]]:
    """
    Yield `(type, message)` of the error of *entry* and of each of its causes, outermost first.
    """
    error: Any = entry.error
    for _ in range(MAX_CAUSES):
        if not isinstance(error, dict):
            return
        kind, message = error.get("type"), error.get("message")
        if isinstance(kind, str) and isinstance(message, str) and message:
            yield kind, message
        error = error.get("cause")


def status_of(entry: Entry) -> int | None:
    """
    Return the HTTP error status that *entry* tells of, in its context or its message.
    """
    for key in STATUS_KEYS:
        value = (entry.context or {}).get(key)
        if isinstance(value, int | str) and str(value).isdecimal() and 400 <= int(value) <= 599:
            return int(value)
    found = _STATUS.search(entry.message, 0, _SEARCHED)
    return int(found[1]) if found else None


def tells_of(caller: Entry, called: Entry) -> bool:
    """
    Whether *caller* reports an HTTP error that *called* can have answered: it names it, or the status is the
    same.
    """
    status = status_of(caller)
    if status is None:
        return False
    if status_of(called) == status:
        return True
    said = _words(caller.message[:_SEARCHED])
    return any(_words(name) in said for name in (called.system, called.service) if name)


def _words(text: str) -> str:
    """
    Return the words of *text* in small letters, each between spaces.
    """
    return f" {' '.join(_WORD.findall(text.lower()))} "
