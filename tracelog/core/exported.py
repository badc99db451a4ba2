"""
Entries of one trace as the text of a file, and back: JSON, one object a line, and JSON inside a web page.

What is read back may come from any hand: it is parted into items here, and each item is checked by whoever
takes it. Pure.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.split import DECODE_ERRORS, split_items
from tracelog.errors import InvalidBodyError

VERSION: Final = 1
"""Of the JSON form; a reader refuses a later one, whose entries it may not understand."""

BLOCK_ID: Final = "tracelog-export"

_BLOCK: Final = re.compile(
    rb'<script type="application/json" id="%b">(.*?)</script>' % BLOCK_ID.encode(), re.DOTALL
)
_MARKUP: Final = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


class _File(msgspec.Struct):
    entries: list[msgspec.Raw]
    tracelog: int = VERSION


_file: Final = msgspec.json.Decoder(_File)


def export_json(head: dict[str, Any], rows: Sequence[bytes]) -> bytes:
    """
    Return the JSON form: what *head* says of the trace, then its *rows*, JSON each.
    """
    return with_entries({"tracelog": VERSION, **head}, rows)


def with_entries(head: dict[str, Any], rows: Sequence[bytes]) -> bytes:
    """
    Return the JSON object *head* with one more field, `entries`, that holds *rows* as they are.
    """
    return msgspec.json.encode(head)[:-1] + b',"entries":[' + b",".join(rows) + b"]}"


def block(data: bytes) -> str:
    """
    Return *data*, JSON, as an element that a web page carries and no browser shows, runs or reads as markup.

    Letters of markup stand only inside JSON's texts, where they may as well be written by number.
    """
    for letter, escaped in _MARKUP:
        data = data.replace(letter, escaped)
    return f'<script type="application/json" id="{BLOCK_ID}">{data.decode()}</script>'


def items_of(data: bytes, most: int) -> list[bytes]:
    """
    Return the entries that *data* holds, JSON each: an export of ours, a page with one in it, an array, one
    object a line.

    Args:
        data: The whole file.
        most: Entries that it may hold.

    Raises:
        InvalidBodyError: When it is none of these, or holds more.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] == b"<":
        text = _out_of_page(text)
    items = _entries_of(text)
    if items is None:
        items, _ = split_items(text, most)
    if len(items) > most:
        raise InvalidBodyError(
            f"the file holds more than {most:,} entries; import it in parts", reason="too_many", status=413
        )
    return items


def _out_of_page(text: bytes) -> bytes:
    found = _BLOCK.search(text)
    if found is None:
        raise InvalidBodyError(
            "the page holds no export; only pages that tracelog exported do", reason="not_export"
        )
    return found[1].strip()


def _entries_of(text: bytes) -> list[bytes] | None:
    """
    Return the entries of the JSON form; None when *text* is something else.
    """
    if text[:1] not in (b"{", b"["):
        raise InvalidBodyError(
            "the file is no export: neither JSON, nor one object a line, nor a page of tracelog",
            reason="not_export",
        )
    try:
        file = _file.decode(text)
    except DECODE_ERRORS:
        return None
    if file.tracelog > VERSION:
        raise InvalidBodyError(
            f"the export has version {file.tracelog}, this tracelog reads up to {VERSION}; use a later one",
            reason="version",
        )
    return [bytes(raw) for raw in file.entries]
