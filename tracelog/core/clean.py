"""
Values made fit for every reader further down: clean text, exact numbers, bounded depth and breadth.

What is cut leaves a mark in its place and is counted there. Nothing is redacted here, and long texts stay
whole: `cut.py` shortens them after redaction.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import DEFAULT_LIMITS, Limits

DEPTH_MARK: Final = "[cut: nested too deep]"
CUT_KEY: Final = "[cut]"
"""Key under which an object says how many of its keys are missing."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_SIGNED_64: Final = -(2**63)
_UNSIGNED_64: Final = 2**64
_DECIMAL_BITS: Final = 2048
"""About 616 digits. Longer numbers are written in hexadecimal: decimal costs quadratic time, and Python
refuses it beyond a limit that a program may set as low as 640 digits (CVE-2020-10735)."""

_TRIES: Final = 16

_encode = msgspec.json.Encoder().encode


def clean_text(text: str) -> str:
    """
    Return *text* with lone surrogates as U+FFFD and NUL made visible: both break readers further down.
    """
    if text.isascii():
        return text.replace("\x00", "\\x00") if "\x00" in text else text
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    return text.replace("\x00", "\\x00") if "\x00" in text else text


def shorten(text: str, limit: int) -> str:
    """
    Return *text* in at most *limit* characters; two long names that begin alike stay two different names.

    Ids are keys: cut off bluntly, two entries would become one and the other would be called a duplicate.
    """
    if len(text) <= limit:
        return text
    from hashlib import blake2b  # noqa: PLC0415 - loads OpenSSL, milliseconds that every program would pay

    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: limit - len(digest) - 1]}~{digest}"


def plain_text(value: Any) -> str:
    """
    Return *value*, a decoded JSON value, as the text a reader expects: a list as its items, side by side.
    """
    if isinstance(value, str):
        return value
    cleaned = clean_value(value, DEFAULT_LIMITS)
    return " ".join(map(_as_text, cleaned)) if isinstance(cleaned, list) else _as_text(cleaned)


def clean_value(value: Any, limits: Limits, changed: list[bool] | None = None, depth: int = 1) -> Any:
    """
    Return *value* as JSON within *limits*: depth, keys an object, items a list, clean text, exact numbers.

    It never goes deeper than *limits* allow, so any value that could be decoded can be cleaned.

    Args:
        value: A value decoded from JSON or msgpack.
        limits: The bounds.
        changed: Receives `True` for each repair.
        depth: How deep *value* stands; the top is 1.
    """
    return _CLEANERS.get(type(value), _clean_other)(value, limits, [] if changed is None else changed, depth)


def clean_object(value: Mapping[Any, Any], limits: Limits, changed: list[bool], depth: int = 1) -> Any:
    """
    Return *value* with clean names, at most `limits.keys` of them; the last says how many were left out.
    """
    if depth > limits.depth:
        changed.append(True)
        return DEPTH_MARK
    room = limits.keys if len(value) <= limits.keys else limits.keys - 1
    cleaned: dict[str, Any] = {}
    for key, item in value.items():
        if len(cleaned) >= room:
            break
        name = shorten(clean_text(key if type(key) is str else plain_text(key)), limits.name)
        if name != key:
            changed.append(True)
        if name in cleaned:  # another name became this one when it was cleaned
            name = free_name(name, cleaned, limits.name)
        cleaned[name] = _CLEANERS.get(type(item), _clean_other)(item, limits, changed, depth + 1)
    if room < len(value):
        changed.append(True)
        cleaned[free_name(CUT_KEY, cleaned, limits.name)] = f"{len(value) - room} more keys"
    return cleaned


def free_name(name: str, taken: Mapping[str, Any], limit: int) -> str:
    """
    Return *name* if it is not in *taken* yet, else with underscores behind it, within *limit* characters.

    Only names made to collide are still taken after so many tries; theirs is the value that is replaced.
    """
    for _ in range(_TRIES):
        if name not in taken:
            break
        name = shorten(name + "_", limit)
    return name


def _as_text(cleaned: Any) -> str:
    return cleaned if isinstance(cleaned, str) else _encode(cleaned).decode()


def _clean_str(value: str, _limits: Limits, changed: list[bool], _depth: int) -> str:
    text = clean_text(value)
    if text != value:
        changed.append(True)
    return text


def _clean_float(value: float, _limits: Limits, changed: list[bool], _depth: int) -> float | str:
    if math.isfinite(value):
        return value
    changed.append(True)
    return str(value)


def _clean_int(value: int, _limits: Limits, changed: list[bool], _depth: int) -> int | str:
    if _SIGNED_64 <= value < _UNSIGNED_64:
        return value
    changed.append(True)
    return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)


def _clean_bytes(value: bytes, _limits: Limits, changed: list[bool], _depth: int) -> str:
    changed.append(True)
    return clean_text(value.decode(errors="replace"))


def _clean_list(value: list[Any] | tuple[Any, ...], limits: Limits, changed: list[bool], depth: int) -> Any:
    if depth > limits.depth:
        changed.append(True)
        return DEPTH_MARK
    room = limits.items if len(value) <= limits.items else limits.items - 1
    cleaner, below = _CLEANERS.get, depth + 1
    kept = [cleaner(type(item), _clean_other)(item, limits, changed, below) for item in value[:room]]
    if room < len(value):
        changed.append(True)
        kept.append(f"[cut: {len(value) - room} more items]")
    return kept


def _clean_other(value: Any, limits: Limits, changed: list[bool], depth: int) -> Any:
    """
    Return the JSON nearest to *value*, which is of no plain JSON type.
    """
    for kind, clean in _KINDS:
        if isinstance(value, kind):
            return clean(value, limits, changed, depth)
    changed.append(True)
    return clean_text(str(value))


def _as_it_is(value: Any, _limits: Limits, _changed: list[bool], _depth: int) -> Any:
    return value


_Cleaner = Callable[[Any, Limits, list[bool], int], Any]
_CLEANERS: Final[Mapping[type, _Cleaner]] = {
    str: _clean_str,
    int: _clean_int,
    float: _clean_float,
    bool: _as_it_is,
    type(None): _as_it_is,
    dict: clean_object,
    list: _clean_list,
    bytes: _clean_bytes,
}
_KINDS: Final[tuple[tuple[Any, _Cleaner], ...]] = (
    (str, lambda value, *rest: _clean_str(str(value), *rest)),
    (tuple, _clean_list),
    (Mapping, clean_object),
    (bytearray | memoryview, lambda value, *rest: _clean_bytes(bytes(value), *rest)),
    (msgspec.msgpack.Ext, lambda value, *rest: _clean_bytes(bytes(value.data), *rest)),
)
"""What is no plain JSON type but near to one."""
