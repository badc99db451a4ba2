"""
Bytes that are no UTF-8 made readable: what cannot be read becomes U+FFFD, and the fields with it are named.

One broken byte stops the decoder of a whole document. It costs the entry that character and nothing else.
"""

import re
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry

REPLACED: Final = "\ufffd"

STRINGS: Final = 200_000
"""Texts of a row that are looked at: far more than can be kept. A row made of nothing else takes seconds."""

_ESCAPES = re.compile(
    r"(\\\\)|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""A backslash that stands for itself, a proper pair of surrogates, or (second group) half of one."""

_FIXED_SIZE = re.compile(
    rb"(?:[\x00-\xa0\xc0\xc2\xc3\xe0-\xff]|[\xcc\xd0].|[\xcd\xd1\xdc\xde].{2}|[\xca\xce\xd2\xdd\xdf].{4}"
    rb"|[\xcb\xcf\xd3].{8}|\xd4.{2}|\xd5.{3}|\xd6.{5}|\xd7.{9}|\xd8.{17})*+",
    re.DOTALL,
)
"""A run of msgpack items that say their size in their first byte and hold no text. Of a list or an object
that is its head: what it holds simply follows."""

_SIZES: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""Bytes of the length that follows the first byte: of binaries, extensions, texts."""

_EXTENSIONS: Final = range(0xC7, 0xCA)
_SHORT: Final = range(0xA0, 0xC0)
_TEXTS: Final = range(0xD9, 0xDC)


def clean_json(body: bytes) -> tuple[bytes, bool]:
    r"""
    Return *body* as UTF-8 in which no escape stands for half a character, and whether it had to be changed.

    Browsers write lone surrogates (`"\ud800"`) and the decoder refuses the whole document for one of them.
    """
    try:
        text = body.decode()
        repaired = False
    except UnicodeDecodeError:
        text = body.decode(errors="replace")
        repaired = True
    if "\\u" in text:
        cleaned = _ESCAPES.sub(lambda found: REPLACED if found.group(2) else found.group(0), text)
        repaired = repaired or cleaned != text
        text = cleaned
    return (text.encode(), True) if repaired else (body, False)


def clean_msgpack(data: bytes) -> bytes:
    """
    Return *data*, msgpack, with every text in it as UTF-8; unchanged from where it can no longer be followed.

    Items are taken as they follow each other, whatever they are nested in, so that no depth is too deep.
    """
    parts: list[bytes] = []
    done = at = 0
    for _ in range(STRINGS):
        found = _FIXED_SIZE.match(data, at)
        at = at if found is None else found.end()
        if at >= len(data):
            break
        kind = data[at]
        start, end = _payload(data, at)
        if end > len(data) or end == at:
            break
        if kind in _SHORT or kind in _TEXTS:
            text = data[start:end]
            clean = text.decode(errors="replace").encode()
            if clean != text:
                parts += (data[done:at], b"\xdb", len(clean).to_bytes(4, "big"), clean)
                done = end
        at = end
    return b"".join((*parts, data[done:]))


def _payload(data: bytes, at: int) -> tuple[int, int]:
    """
    Return where the content of the text, binary or extension at *at* begins and ends; *at* twice for others.
    """
    kind = data[at]
    if kind in _SHORT:
        return at + 1, at + 1 + (kind & 0x1F)
    size = _SIZES.get(kind)
    if size is None:
        return at, at
    start = at + 1 + size
    length = int.from_bytes(data[at + 1 : start], "big")
    start += kind in _EXTENSIONS  # the type of an extension stands between its length and its content
    return start, start + length


def name_replaced(entry: Entry) -> None:
    """
    Name in `fixed` the fields that hold the mark of something unreadable.
    """
    names = [name for name, value in msgspec.structs.asdict(entry).items() if _holds_mark(value)]
    fixed = entry.fixed or []
    entry.fixed = [*fixed, *(name for name in names if name not in fixed)] or None


def _holds_mark(value: Any) -> bool:
    if isinstance(value, str):
        return REPLACED in value
    return isinstance(value, dict) and REPLACED.encode() in msgspec.json.encode(value)
