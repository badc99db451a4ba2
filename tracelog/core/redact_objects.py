"""
Values read as their program means them: words of a command, a labelled field, a list of headers.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, islice
from typing import Any, Final

from tracelog.core.object_fields import MAX_FIELDS
from tracelog.core.redact_replace import Span

MAX_WORDS: Final = 4_096
"""Words of a command that are read as one line: more than a system lets through for most programs."""

_LABELS: Final = (
    *("name", "key", "field", "header", "variable", "label", "param", "parameter", "property", "attribute"),
    *("option", "env", "column", "setting", "k"),
)
_PLACES: Final = ("loc", "path", "instancepath", "instance_path")
"""Labels that are lists: what validators say of `["body", "password"]` is about its last name."""

_VALUES: Final = frozenset(("value", "val", "values", "v"))
"""What the other field of `{"name": "DB_PASSWORD", "value": "…"}` is called, in lower case."""

_STATES: Final = frozenset(
    {"old", "new", "oldvalue", "newvalue", "old_value", "new_value", "before", "after", "previous", "current"}
    | {"default", "data", "content", "input", "secretvalue"}
)
"""The same in an audit, a schema, a validation; beside a label of several words these are something else."""

_MOST_PLACES: Final = 3
"""Last parts of a place in which its name is looked for; numbers of items are none."""

_OPENS, _BETWEEN, _CLOSES = b'["', b'", "', b'"]'
_QUIET: Final = bytes(code if code > 0x20 and code not in b"\"'`\\" else 1 for code in range(256))
"""Blanks and quotes within a word end nothing."""

_KEY_BEGINS: Final = b"-----"

_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")
_HEADERS: Final = frozenset(
    {
        "host",
        "accept",
        "user-agent",
        "content-type",
        "connection",
        "authorization",
        "cookie",
        "set-cookie",
        "date",
    }
)
"""Of a list of headers and values, one is surely among these."""


def labelled(value: Mapping[Any, Any]) -> tuple[frozenset[Any], str] | None:
    """
    Return the keys and the label of what *value* says about a name: `{"name": "token", "value": "…"}`.
    """
    found = {key.lower(): key for key in islice(value, MAX_FIELDS) if isinstance(key, str)}
    if _VALUES.isdisjoint(found) and _STATES.isdisjoint(found):
        return None
    label = next(
        (value[found[word]] for word in _LABELS if isinstance(value.get(found.get(word)), str)), None
    ) or _last_name(value, found)
    if label is None:
        return None
    named = _VALUES if " " in label else _VALUES | _STATES
    return frozenset(found[word] for word in named.intersection(found)), label


def _last_name(value: Mapping[Any, Any], found: Mapping[str, Any]) -> str | None:
    """
    Return the last name of the place in a document that *value* speaks of.
    """
    for word in _PLACES:
        place = value.get(found.get(word))
        if isinstance(place, str) and place.startswith("/") and "op" in found:
            place = place.split("/")  # RFC 6902: {"op": "replace", "path": "/password", "value": "…"}
        if isinstance(place, list | tuple):
            return next((each for each in reversed(place[-_MOST_PLACES:]) if isinstance(each, str)), None)
    return None


def header_values(items: Sequence[Any]) -> dict[int, str]:
    """
    Return which of *items* is the value of which header, where they are a flat list of both, as Node has it:
    `["Host", "db", "X-Api-Key", "…"]`; nothing for other lists.
    """
    names = items[:MAX_FIELDS:2]
    if len(items) % 2 or not all(isinstance(name, str) and _HEADER.fullmatch(name) for name in names):
        return {}
    if not any(name.lower() in _HEADERS for name in names):
        return {}
    return {2 * number + 1: name for number, name in enumerate(names)}


def within_words(words: Sequence[Any], find: Callable[[bytes], list[Span]]) -> dict[int, list[Span]]:
    """
    Return the secrets of a command given as *words*, `["mysql", "-p", "x"]`: word → spans in it.

    The words are read as one line, as a program prints them; what *find* finds there is told for each word.
    """
    if not 1 < len(words) <= MAX_WORDS or not any(
        isinstance(word, str) and (word.startswith("-") or word == "AUTH") for word in words
    ):
        return {}
    texts = [_quiet(encoded(word)) for word in words]
    starts = list(accumulate((len(text) + len(_BETWEEN) for text in texts), initial=len(_OPENS)))
    found: dict[int, list[Span]] = {}
    for span in find(_OPENS + _BETWEEN.join(texts) + _CLOSES):
        for number in range(max(0, bisect_right(starts, span.start) - 1), len(texts)):
            start = starts[number]
            if start >= span.end:
                break
            part = span._replace(
                start=max(0, span.start - start), end=min(len(texts[number]), span.end - start)
            )
            if part.start < part.end:
                found.setdefault(number, []).append(part)
    return found


def encoded(word: Any) -> bytes:
    """
    Return the text of *word*, as bytes.
    """
    return word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")


def _quiet(text: bytes) -> bytes:
    return text if text.startswith(_KEY_BEGINS) else text.translate(_QUIET)
