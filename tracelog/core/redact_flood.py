"""
The mark of a flood: it stands for all that follows in a text, and JSON that it cuts is closed behind it.

A text may be JSON, its lines may be, or what follows the first words of a line. Then strings, lists and
objects that are open at the cut end behind the mark, and what is read still parses.
"""

import json
import re
from typing import Final

FLOOD: Final = "flood"
"""The name that the mark of such a rest bears."""

_STRINGS_CLOSED: Final = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SIGNS: Final = re.compile(rb"[^\[\]{}]++")
_SCALAR_END: Final = re.compile(rb"[A-Za-z0-9.+-]++\Z")
_LONGEST_SCALAR: Final = 512
"""Bytes of a number that a cut may stand in."""

_CLOSERS: Final = {0x5B: b"]", 0x7B: b"}"}
_BEFORE_KEY: Final = frozenset((b"{", b","))
_OPENERS: Final = frozenset((b"[", b"{", b'"'))
"""What a text of JSON begins with that is cut as a whole. A mere word or number may as well be none."""


def rest_of(data: bytes, place: int, mark: bytes) -> tuple[int, bytes]:
    """
    Return where the rest of *data* begins that a flood at *place* takes away, and what stands for it.

    Args:
        data: The text.
        place: From here on nothing of it may stay.
        mark: The mark of the flood.
    """
    rest = data[place:].lstrip()
    place = (
        len(data) - len(rest) if rest else place
    )  # blanks hold nothing: the next line is cut, not its break
    line = data.rfind(b"\n", 0, place) + 1
    line_end = data.find(b"\n", place)
    line_end = len(data) if line_end < 0 else line_end
    begins = [0, line, *(data.find(sign, line, place + 1) for sign in (b"[", b"{"))]
    for begin, end in dict.fromkeys((begin, end) for begin in begins for end in (len(data), line_end)):
        if not 0 <= begin <= place or not data[place:end].strip():
            continue
        if (begin < place or data[begin : begin + 1] in _OPENERS) and _is_json(data[begin:end]):
            start, closed = _closed(data[begin:end], place - begin, mark)
            return begin + start, closed
    return place, mark


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _closed(document: bytes, place: int, mark: bytes) -> tuple[int, bytes]:
    """
    Return where *document*, which parses, is cut so that nothing from *place* on stays, and what closes it.
    """
    start = _head(document, place)
    value = _as_string(document, start, mark)
    signs = _STRING.sub(b'"', document[:start].rstrip())  # of each string one quote
    open_now = _open(signs)
    last = signs[-1:]
    in_object = open_now[-1:] == [b"}"]
    if in_object and last == b'"' and signs[:-1].rstrip()[-1:] in _BEFORE_KEY:
        value = b":" + value  # the cut stands behind a key
    elif open_now and last not in b"[{,:":
        value = b"," + value + (b":null" if in_object else b"")  # it stands behind a value
    elif in_object and last != b":":
        value += b":null"
    return start, value + b"".join(reversed(open_now))


def _head(document: bytes, place: int) -> int:
    """
    Return where the string, the number or the word begins in which *place* stands; *place* where it is none.
    """
    closed = _STRINGS_CLOSED.match(document, 0, place)
    start = closed.end() if closed else place
    if start < place:
        return start
    scalar = _SCALAR_END.search(document, max(0, place - _LONGEST_SCALAR), place)
    return scalar.start() if scalar else place


def _open(signs: bytes) -> list[bytes]:
    """
    Return what closes the lists and objects that are open at the end of *signs*, the outermost first.
    """
    found: list[bytes] = []
    for sign in _SIGNS.sub(b"", signs):
        if sign in _CLOSERS:
            found.append(_CLOSERS[sign])
        else:
            found.pop()
    return found


def _as_string(document: bytes, start: int, mark: bytes) -> bytes:
    """
    Return *mark* as a string of JSON: of JSON in a string, where that is what stands at *start*.
    """
    value = json.dumps(mark.decode())
    string = _STRING.match(document, start)
    text = string[0] if string else b""
    while text.startswith(b'"') and _is_json(text):
        inner = json.loads(text)
        text = inner.encode("utf-8", "surrogatepass") if isinstance(inner, str) else b""
        if text[:1] in {b"{", b"[", b'"'} and _is_json(text):
            value = json.dumps(value)
    return value.encode()
