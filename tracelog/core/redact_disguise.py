r"""
Disguises: names and secrets that a terminal, a URL or an encoder wrote differently.

A coloured console writes `\x1b[35mpassword\x1b[0m=`, a URL `pass%77ord`, an encoder `\u0070assword`, and a
copied text has letters of no width in it. Such a text is read a second time with its disguises taken off, and
what is found there is led back to where it stands in the text that was given.
"""

import re
from bisect import bisect_right
from typing import Final, NamedTuple

from tracelog.core.redact_replace import Span
from tracelog.core.redact_work import DISGUISE, Work

_CONTROL: Final = rb"\[(?!REDACTED:)[0-9;:?]{0,24}[A-Za-z]"
_LINK: Final = rb"\][^\x00-\x1f\"\\]{0,512}(?:\x07|(?:\x1b|%b)\\{1,16}|\\{1,15}(?:u0007|x07|a))"
_ESCAPE_NAMES: Final = rb"(?:u001[bB]|x1[bB]|033|e)"
"""What follows the escape character (ECMA-48 sections 5.4 and 5.6), and how text writes that character."""

_SEQUENCE: Final = rb"(?:%b|%b)" % (_CONTROL, _LINK % (rb"\\{1,15}" + _ESCAPE_NAMES))

_DISGUISE: Final = (
    rb"[\x1b\[\xc2\xe2\xe3\xef%%\\](?:"
    rb"(?<=\x1b)%(sequence)b"
    rb"|(?<=\[)[0-9][0-9;]{0,11}m"  # the escape character itself was lost
    rb"|(?<=\xc2)(?:\xad|\x9b[0-9;]{0,24}[A-Za-z]|(?P<blank1>\xa0))"
    rb"|(?<=\xe2)(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xaf]|\x90\x9b%(control)b|(?P<blank2>\x80[\x80-\x8a\xaf]|\x81\x9f))"
    rb"|(?<=\xe3)(?P<blank3>\x80\x80)"
    rb"|(?<=\xef)(?:\xbb\xbf|\xb8[\x80-\x8f]|\xbf\xbd%(control)b|(?P<wide>\xbc[\x81-\xbf]|\xbd[\x80-\x9e]))"
    rb"|(?<=%%)(?:25){0,3}(?P<url>[2-7][0-9A-Fa-f])"
    rb"|(?<=\\)\\{0,14}(?:%(names)b%(sequence)b|u(?:0000|00[aA][dD]|200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]"
    rb"|[fF][eE](?:[fF][fF]|0[0-9a-fA-F]))"
    rb"|x(?:00|[aA][dD])|u(?P<blank4>00[aA]0|200[0-9aA]|202[fF]|205[fF]|3000)"
    rb"|(?:u00|x)(?P<text>[2-7][0-9A-Fa-f])|u[fF][fF](?P<escaped>[0-5][0-9A-Fa-f])))"
) % {b"sequence": _SEQUENCE, b"control": _CONTROL, b"names": _ESCAPE_NAMES}
"""
Colours and links of a terminal, letters of no width, other blanks, letters of full width, and what is written
as an escape. It begins with a class of bytes, which is what `re` looks for fast.
"""
_SIGNS: Final = (
    (b"\x1b", b"[]"),
    (b"[", b"0123456789"),
    (b"\xc2", b"\xad\x9b\xa0"),
    (b"\xe2", b"\x80\x81\x90"),
    (b"\xe3", b"\x80"),
    (b"\xef", b"\xb8\xbb\xbc\xbd\xbf"),
    (b"%", b"234567"),
    (b"\\", b"\\ux0e"),
)
"""The first byte of a disguise, and those of which one comes second."""

_PIECE: Final = 32 * 1024
"""Bytes gone through at once for all signs: they stay in the processor's cache."""

_match: Final = re.compile(_DISGUISE).match
_find: Final = re.compile(_DISGUISE).finditer
_find_apart: Final = re.compile(_DISGUISE + rb"|(?P<apart>[\s\"'`\\<>]+)").finditer
"""The same, and what no address has in it as it is."""

LOOSE: Final = (
    rb"\x1b[\[\]]|\[[0-9][0-9;]{0,11}m|[ -~]\xc2[\xad\xa0][ -~\xc2\xe2\xe3\xef]|\xc2\x9b[0-9;]{0,24}[A-Za-z]"
    rb"|\xe2(?:\x80[\x80-\x8f\xaa-\xaf]|\x81[\x9f-\xaf]|\x90\x9b\[)|\xe3\x80\x80"
    rb"|\xef(?:\xbb\xbf|\xb8[\x80-\x8f]|\xbf\xbd\[|\xbc[\x81-\xbf]|\xbd[\x80-\x9e])"
    rb"|%(?:25){0,3}[2-7][0-9A-Fa-f]|\\(?:u(?:00|20|30|[fF])|x[0-9A-Fa-f]|033|e[\[\]])"
)
"""
What every disguise begins with, and little else: a part of the one pattern that a batch is asked for. Two
bytes alone stand in one of two thousand entries by chance, in numbers; so they need a letter on either side.
"""

AROUND: Final = 4_096
"""Bytes around a disguise in which it may hide a secret: more than any rule reads at once to know one."""

_STRUCTURE: Final = frozenset(b"\"'`\\{}[]()")
"""Signs that stay as they are but in URLs: made plain, they would end strings that go on."""

_WIDE_BY: Final = 0x20
"""What parts the code of a letter of full width, U+FF01 to U+FF5E, from its own, in the last byte."""


_SIGN: Final = re.compile(rb"%(?:25){0,3}(?:2[27]|5[BDbd]|7[BDbd])")


class Plain(NamedTuple):
    """
    A text without its disguises, and the way back.

    Attributes:
        data: The text.
        places: Where in it the disguises were taken off, in ascending order.
        starts: Where each began in the text as it was given.
        ends: Where each ended there.
        widths: How many letters took the place of each, 0 or 1.
    """

    data: bytes
    places: list[int]
    starts: list[int]
    ends: list[int]
    widths: list[int]

    def back(self, span: Span) -> Span:
        """
        Return *span* as it stands in the text that was given; disguises within it belong to it.
        """
        return span._replace(start=self._letter(span.start)[0], end=self._letter(span.end - 1)[1])

    def _letter(self, place: int) -> tuple[int, int]:
        """
        Return where the letter at *place* began and ended.
        """
        number = bisect_right(self.places, place) - 1
        if number < 0:
            return place, place + 1
        behind = self.places[number] + self.widths[number]
        if place < behind:
            return self.starts[number], self.ends[number]
        start = self.ends[number] + place - behind
        return start, start + 1


def undisguised(data: bytes, *, addresses: bool = False, work: Work | None = None) -> Plain | None:
    """
    Return *data* without its disguises; None when it has none.

    Args:
        data: A text.
        addresses: Reads only what may be an address with signs in it that JSON has a use for, one a line, and
            makes these signs plain, too. In a text around they would end strings that go on.
        work: Counts what it takes.
    """
    if addresses and (b"%" not in data or not _SIGN.search(data)):
        return None
    pieces: list[bytes] = []
    plain = Plain(b"", [], [], [], [])
    note = (plain.places.append, plain.starts.append, plain.ends.append, plain.widths.append)
    place_is, start_is, end_is, width_is = note
    letters: dict[bytes, bytes | None] = {}
    position = length = 0
    matches = _find_apart(data) if addresses else _find(data)
    for match in matches if work is None else work.each(matches, DISGUISE):
        kind = match.lastgroup
        letter = b""
        if kind is not None:
            disguise = match[0]
            if disguise not in letters:
                letters[disguise] = _plain(kind, match[kind], structure=addresses)
            if (stands_for := letters[disguise]) is None:
                continue
            letter = stands_for
        start, end = match.span()
        pieces += (data[position:start], letter)
        length += start - position
        place_is(length)
        start_is(start)
        end_is(end)
        width_is(len(letter))
        length += len(letter)
        position = end
    if not pieces:
        return None
    pieces.append(data[position:])
    return plain._replace(data=b"".join(pieces))


def near_disguises(data: bytes) -> list[bytes]:
    """
    Return what stands around the disguises in *data*, without them, read in both ways.
    """
    parts: list[list[int]] = []
    for place in _places(data):
        if parts and place - AROUND <= parts[-1][1]:
            parts[-1][1] = place + AROUND
        else:
            parts.append([max(0, place - AROUND), place + AROUND])
    near = b"\n".join(data[start:end] for start, end in parts)
    both = (undisguised(near), undisguised(near, addresses=True)) if parts else ()
    return [plain.data for plain in both if plain is not None]


def _places(data: bytes) -> list[int]:
    """
    Return where disguises begin in *data*, a batch: where few are, single bytes are found fastest.
    """
    found: list[int] = []
    find, last = data.find, len(data) - 1
    for begin in range(0, last, _PIECE):
        end = min(last, begin + _PIECE)
        for sign, seconds in _SIGNS:
            place = find(sign, begin, end)
            while place >= 0:
                if data[place + 1] in seconds and _match(data, place) is not None:
                    found.append(place)
                place = find(sign, place + 1, end)
    return sorted(found)


def _plain(kind: str, text: bytes, *, structure: bool) -> bytes | None:
    """
    Return the letter that *text*, a disguise of some *kind*, stands for; None when it shall stay.
    """
    if kind == "apart":
        return b"\n"
    if kind.startswith("blank"):
        return b" "
    if kind == "wide":
        code = (text[1] & 0x3F) + (text[0] - 0xBC << 6) + _WIDE_BY
    else:
        code = int(text, 16) + (_WIDE_BY if kind == "escaped" else 0)
    if code not in _STRUCTURE or (structure and kind == "url"):
        return bytes([code])
    return b"\n" if structure else None
