"""
A body taken apart into its entries, without understanding them: one object, an array, one object a line or
record.

The decoder stops at the first fault of a document and cannot say where the faulty entry ends. This scanner
looks at brackets and strings only, so that a fault inside one entry stays inside it. It needs no recursion,
and its work is bounded.
"""

import re
from typing import Final

import msgspec

from tracelog.errors import InvalidBodyError

DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""The families that the decoder raises on bad input: syntax and type, encoding, nesting, number size."""

BLANK: Final = b" \t\r\n"

RECORD: Final = b"\x1e"
"""Begins each record of a JSON text sequence (RFC 7464 §2.1). JSON itself allows it nowhere."""

STEPS: Final = 200_000
"""Runs of brackets that are looked at. A thousand entries of a hundred nested objects each need as many; a
body made of nothing but brackets would take seconds."""

_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\\n]++|\\.)*+["\n]?)*+([\[{]++|[\]}]++|\Z)', re.DOTALL)
_AT_TOP = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\\n]++|\\.)*+["\n]?)*+([\[{]++|[\]}]++|,|\Z)', re.DOTALL)
"""From one bracket to the next, strings skipped. A line break ends a string: JSON allows none in it, and an
unclosed string must not swallow the lines that follow."""

_RECORDS = re.compile(rb"\x1e[ \t\r\n\x1e]*")
_LINE_END = re.compile(rb"\n[ \t\r\n]*")


_raws = msgspec.json.Decoder(list[msgspec.Raw])


def split_items(text: bytes, limit: int) -> tuple[list[bytes], bool]:
    """
    Return the items of *text*, at most *limit* + 1 of them, and whether it is one bare object.

    Raises:
        InvalidBodyError: When it begins as an array and is none.
    """
    if text[:1] == RECORD:
        return split_records(text, limit), False
    if text[:1] != b"[":
        return split_lines(text, limit)
    try:
        return [bytes(raw) for raw in _raws.decode(text)[: limit + 1]], False
    except DECODE_ERRORS:
        return split_array(text, limit), False


def split_records(text: bytes, limit: int) -> list[bytes]:
    """
    Return the items of *text*, a JSON text sequence (RFC 7464), at most *limit* + 1 of them.

    An object may be printed over several lines; separators with nothing between them are none (§2.1).
    """
    return [item.strip(BLANK) for item in _RECORDS.split(text, maxsplit=limit + 1) if item]


def split_array(text: bytes, limit: int) -> list[bytes]:
    """
    Return the items of *text*, a JSON array, as they stand; at most *limit* + 1 of them.

    Raises:
        InvalidBodyError: When *text* is not one array: unclosed, followed by more, or with an empty place.
    """
    items: list[bytes] = []
    start = at = depth = 1
    for _ in range(STEPS):
        found = (_AT_TOP if depth == 1 else _INSIDE).match(text, at)
        token = found.group(1) if found is not None else b""
        at = found.end() if found is not None else len(text)
        if token[:1] in b"[{":
            depth += len(token)
        elif token != b",":
            depth -= len(token)
        if not token or depth < 0:
            break
        if token == b"," or depth == 0:
            items.append(text[start : at - 1].strip(BLANK))
            start = at
        if len(items) > limit:
            return items
        if depth == 0:
            return _checked(items, whole=at == len(text))
    raise _not_an_array("it is cut off, unbalanced or nested too deeply")


def split_lines(text: bytes, limit: int) -> tuple[list[bytes], bool]:
    """
    Return the items of *text*, which begins with an object, and whether it is one bare object.

    An object may be printed over several lines; otherwise every line is an item, at most *limit* + 1 of them.
    """
    lines = _LINE_END.split(text, maxsplit=limit)
    if len(lines) == 1 or _is_one_value(text):
        return [text], True
    return lines, False


def _is_one_value(text: bytes) -> bool:
    """
    Whether the bracket that opens *text* is closed at its end and not before.
    """
    at = depth = 0
    for _ in range(STEPS):
        found = _INSIDE.match(text, at)
        token = found.group(1) if found is not None else b""
        if found is None or not token:
            return False
        at = found.end()
        depth += len(token) if token[:1] in b"[{" else -len(token)
        if depth <= 0:
            return depth == 0 and at == len(text)
    return False


def _checked(items: list[bytes], *, whole: bool) -> list[bytes]:
    if items == [b""] and whole:
        return []
    if not whole or b"" in items:
        raise _not_an_array(
            "an item is missing between two commas" if whole else "more follows after its end"
        )
    return items


def _not_an_array(why: str) -> InvalidBodyError:
    return InvalidBodyError(f"the array is not valid JSON: {why}", reason="bad_json")
