"""
A foreign body taken apart into decoded JSON values: an array, or one value a line, each standing alone.

What the fast decoder refuses is read again by the standard library's, which lets through the halves of
characters that browsers write and the bytes that are no UTF-8. `straighten` replaces both and says so.
"""

import json
import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tracelog.core.split import BLANK, split_array, split_lines
from tracelog.core.wire import DECODE_ERRORS
from tracelog.errors import InvalidBodyError, InvalidEntryError

BOM: Final = b"\xef\xbb\xbf"

_any = msgspec.json.Decoder()
_list = msgspec.json.Decoder(list[Any])


def read_items(body: bytes, most: int) -> list[Any]:
    """
    Return the values of *body* in order; in the place of one that is no JSON stands the error that says why.

    Args:
        body: An array of values, one value a line, or one value over several lines.
        most: Values that it may hold.

    Raises:
        InvalidBodyError: When it holds no values at all, or too many (413).
    """
    text = body.removeprefix(BOM).strip(BLANK)
    if not text:
        raise InvalidBodyError("the body is empty; send JSON", reason="empty")
    if text[:1] not in (b"{", b"["):
        raise InvalidBodyError(
            "the body is neither a JSON array nor JSON objects, one a line", reason="not_json"
        )
    items = _array(text, most) if text[:1] == b"[" else _each(split_lines(text, most)[0])
    if len(items) > most:
        raise InvalidBodyError(
            f"the body holds more than {most:,} items; send smaller batches", reason="too_many", status=413
        )
    return items


def decode(data: bytes) -> Any:
    """
    Return the value of *data*, one JSON document.

    Raises:
        InvalidEntryError: When it is none, or nested too deeply to be read.
    """
    try:
        return _any.decode(data)
    except DECODE_ERRORS:
        return _decode_crooked(data)


def check_type(content_type: str, known: Iterable[str]) -> str:
    """
    Return the media type that *content_type* names, in lower case.

    Raises:
        InvalidBodyError: When it is none of the *known* ones, or not in UTF-8 (415).
    """
    name, _, parameters = content_type.partition(";")
    media = name.strip().lower()
    if media not in known or "utf-16" in parameters.lower() or "utf-32" in parameters.lower():
        raise InvalidBodyError(
            f"content type {content_type[:100]!r} is not understood here; send "
            f"{' or '.join(name for name in known if name)}, in UTF-8",
            reason="content_type",
            status=415,
        )
    return media


def _array(text: bytes, most: int) -> list[Any]:
    try:
        return _list.decode(text)
    except DECODE_ERRORS:
        return _each(split_array(text, most))


def _each(parts: list[bytes]) -> list[Any]:
    return [_decode_or_error(part) for part in parts]


def _decode_or_error(data: bytes) -> Any:
    try:
        return decode(data)
    except InvalidEntryError as error:
        return error


def _decode_crooked(data: bytes) -> Any:
    try:
        text = data.decode(errors="surrogateescape")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise InvalidEntryError("the item is nested too deeply to be read", reason="too_deep") from None
    except ValueError as error:
        raise InvalidEntryError(f"the item is not valid JSON: {error}"[:300], reason="bad_json") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
