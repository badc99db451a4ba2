"""
Entries cut to size, after redaction: a cut before it could hide half of a secret from the rules.

Texts go first to their own limits. An entry still too large gives up, in this order, its largest context
values, the causes of its error, its stack, its message, until it fits. What went is named in `fixed`.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracelog.core.clean import CUT_KEY
from tracelog.core.entry import DEFAULT_LIMITS, Entry, Limits

VALUE_MARK: Final = "[cut: too large]"

_MARK: Final = "… [cut: {} more characters]"
_MARK_BYTES: Final = 64
"""A mark with its number, as JSON: what to leave free for it."""

_FIXED_BYTES: Final = 64
"""What `fixed` grows by when it names all that can be cut."""

_LARGEST_CHARACTER: Final = 4
"""Bytes of UTF-8 that one character can take (RFC 3629)."""

_LARGEST_ESCAPE: Final = 6
"""Bytes of JSON that one character can take: a backslash, `u` and four digits."""

_encode = msgspec.json.Encoder().encode


def cut_entry(entry: Entry, limits: Limits = DEFAULT_LIMITS) -> Entry:
    """
    Return *entry*, changed in place, within the size *limits*. A second cut of it changes nothing.
    """
    _cut_texts(entry, limits)
    if _is_small(entry, limits):
        return entry
    for shrink in _SHRINKS:
        excess = len(_encode(entry)) - limits.entry
        if excess <= 0:
            break
        shrink(entry, excess + _FIXED_BYTES)
    return entry


def cut_text(text: str, limit: int) -> str:
    """
    Return *text* in at most *limit* bytes of UTF-8, whole characters, the last of them saying how many were
    cut.
    """
    if fits(text, limit):
        return text
    kept = _beginning(text, limit - len(_MARK.format(len(text)).encode()))
    return kept + _MARK.format(len(text) - len(kept)) if kept else _beginning(text, limit)


def fits(text: str, limit: int) -> bool:
    """
    Whether *text* takes at most *limit* bytes of UTF-8; told without encoding it where its length tells.
    """
    if len(text) * _LARGEST_CHARACTER <= limit:
        return True
    return len(text) <= limit and (text.isascii() or len(_utf8(text)) <= limit)


def _beginning(text: str, limit: int) -> str:
    """
    Return the longest beginning of *text* within *limit* bytes of UTF-8.
    """
    data = _utf8(text[: max(0, limit)])
    if len(data) <= limit:
        return text[: max(0, limit)]
    end = max(0, limit)
    while end and data[end] & 0xC0 == 0x80:  # inside a character (RFC 3629)
        end -= 1
    return data[:end].decode("utf-8", "surrogatepass")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut_texts(entry: Entry, limits: Limits) -> None:
    for field, limit in (("message", limits.message), ("stack", limits.stack)):
        text = getattr(entry, field)
        if text is not None and not fits(text, limit):
            setattr(entry, field, cut_text(text, limit))
            _mark(entry, field)
    error = entry.error
    while error:
        if not fits(message := error.get("message", ""), limits.message):
            error["message"] = cut_text(message, limits.message)
            _mark(entry, "error")
        error = error.get("cause")


def _is_small(entry: Entry, limits: Limits) -> bool:
    """
    Whether *entry* fits for sure, told without encoding it.
    """
    if entry.context is not None or entry.error is not None:
        return False
    return (len(entry.message) + len(entry.stack or "") + 4096) * _LARGEST_ESCAPE < limits.entry


def _cut_context(entry: Entry, excess: int) -> None:
    if not entry.context:
        return
    context = dict(entry.context)
    sizes = {key: len(_encode(value)) for key, value in context.items()}
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if excess <= 0 or sizes[key] <= len(VALUE_MARK) + 2:
            break
        context[key] = VALUE_MARK
        excess -= sizes[key] - len(VALUE_MARK) - 2
    entry.context = context if excess <= 0 else {CUT_KEY: f"{len(context)} more keys"}
    _mark(entry, "context")


def _cut_error(entry: Entry, excess: int) -> None:
    if entry.error is None:
        return
    excess -= len(_encode(entry.error.get("cause")))
    error = {key: value for key, value in entry.error.items() if key != "cause"}
    entry.error = (
        {**error, "message": _shrink_text(error.get("message", ""), excess)} if excess > 0 else error
    )
    _mark(entry, "error")


def _cut_stack(entry: Entry, excess: int) -> None:
    if entry.stack:
        entry.stack = _shrink_text(entry.stack, excess)
        _mark(entry, "stack")


def _cut_message(entry: Entry, excess: int) -> None:
    entry.message = _shrink_text(entry.message, excess)
    _mark(entry, "message")


_SHRINKS: Final[tuple[Callable[[Entry, int], None], ...]] = (
    _cut_context,
    _cut_error,
    _cut_stack,
    _cut_message,
)


def _shrink_text(text: str, excess: int) -> str:
    """
    Return the start of *text* whose JSON is at least *excess* bytes shorter, with a mark; at least the mark.
    """
    room = len(_encode(text)) - excess - _MARK_BYTES
    kept = max(0, bisect_right(range(len(text) + 1), room, key=lambda n: len(_encode(text[:n]))) - 1)
    return text[:kept] + _MARK.format(len(text) - kept)


def _mark(entry: Entry, field: str) -> None:
    fixed: list[Any] = entry.fixed or []
    if field not in fixed:
        entry.fixed = [*fixed, field]
