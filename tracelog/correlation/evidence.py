"""
What links one error to the next: named exceptions, HTTP statuses, names of the called, and the time between.

Each question is answered from two entries alone. Which errors are asked about, and which answer wins, is
decided in `links.py`.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from tracelog.core.entry import Entry

CONFIDENCE: Final[Mapping[str, float]] = {
    "exception": 1.0,
    "parent_hop": 0.9,
    "http_status": 0.8,
    "outlasted": 0.75,
    "shared_value": 0.7,
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
    r"(?:\b(?:status|returned|responded|response|answered|code|http|got|received|gave)\b[^0-9\n]{0,16}|(?:[-=]>|\u2192)\s{0,3})([45]\d\d)\b",
    re.IGNORECASE,
)
_SEARCHED: Final = 2_000
"""Characters of a message that are searched: what a caller reports stands at its beginning."""

_IMPATIENT: Final = re.compile(
    r"time[sd]?[ _-]?out|deadline|abort|cancel|too long|waiting for|no (?:answer|response|reply) (?:in|with)",
    re.IGNORECASE,
)
"""The words of the libraries of six languages for a call that nobody waits for any longer."""

_WORD: Final = re.compile(r"[\w-]+")

_VALUE: Final = re.compile(r"(?=[\w-]{0,40}\d)(?=[\d-]{0,40}[A-Za-z_])[\w-]{6,64}|\d{5,20}")
"""A word with letters and a digit, as ids of orders and customers are made, or a long number. Words in
plain letters name kinds of things, not things; short numbers count or measure."""

CATCH_ALL: Final = 500
"""The status that a program answers with when it does not know better (RFC 9110 §15.6.1)."""

VALUES: Final = 32
"""Ids looked at in one text: who lists more dumps data."""

QUOTED: Final = 12
"""Characters from which on an exception's text in another's line is a quotation and no accident."""


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


def answered(entry: Entry) -> int | None:
    """
    Return the HTTP status in the context of *entry*.
    """
    context = entry.context
    if context is None:
        return None
    for key in STATUS_KEYS:
        value = context.get(key)
        if isinstance(value, int | str) and str(value).isdecimal() and 100 <= int(value) <= 599:
            return int(value)
    return None


def logged_status(entry: Entry) -> int | None:
    """
    Return the HTTP status in the context of *entry*, if it tells of an error.
    """
    status = answered(entry)
    return status if status is not None and status >= 400 else None


def values_in(entry: Entry) -> frozenset[str]:
    """
    Return the ids that the texts of *entry* mention, the trace's own apart.
    """
    texts = [entry.message[:_SEARCHED], *(message[:_SEARCHED] for _, message in exceptions(entry))]
    found = (match.group() for text in texts for match in islice(_VALUE.finditer(text), VALUES))
    return frozenset(found) - {entry.trace_id}


def quotes(effect: Entry, cause: Entry) -> bool:
    """
    Whether the text of *effect* repeats what an exception of *cause* said, as a failure told over the wire
    does.
    """
    said = effect.message[:_SEARCHED]
    return any(len(message) >= QUOTED and message in said for _, message in exceptions(cause))


def status_of(entry: Entry) -> int | None:
    """
    Return the HTTP error status that *entry* tells of, in its context or its message.
    """
    if (status := logged_status(entry)) is not None:
        return status
    found = _STATUS.search(entry.message, 0, _SEARCHED)
    return int(found[1]) if found else None


def tells_of(caller: Entry, called: Entry) -> bool:
    """
    Whether *caller* reports an HTTP error that *called* can have answered: it names it, or the status is the
    same.
    """
    status = status_of(caller)
    return status is not None and (status_of(called) == status or names(caller, called))


def is_impatient(entry: Entry) -> bool:
    """
    Whether *entry* says that somebody stopped waiting.
    """
    return any(
        _IMPATIENT.search(text, 0, _SEARCHED) is not None
        for text in (entry.message, *(part for pair in exceptions(entry) for part in pair))
    )


def points_to(caller: Entry, called: Entry) -> bool:
    """
    Whether *caller* reports an HTTP error of just *called*: it names it, or has the same status and that says
    something. Any failure is a 500.
    """
    status = status_of(caller)
    if status is None:
        answer = logged_status(called)  # in whatever words: its name and what it answered
        return answer is not None and names(caller, called) and str(answer) in _words(caller.message).split()
    return names(caller, called) or (status != CATCH_ALL and status_of(called) == status)


def names(caller: Entry, called: Entry) -> bool:
    """
    Whether the text of *caller* names the system or the service of *called*.
    """
    said = _words(caller.message[:_SEARCHED])
    return any(_words(name) in said for name in (called.system, called.service) if name)


def _words(text: str) -> str:
    """
    Return the words of *text* in small letters, each between spaces.
    """
    return f" {' '.join(_WORD.findall(text.lower()))} "
