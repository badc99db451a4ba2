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

_CONTROL: Final = rb"\[(?!REDACTED:)[0-9;:?]{0,24}[A-Za-z]"
_LINK: Final = rb"\][^\x00-\x1f\"\\]{0,512}(?:\x07|(?:\x1b|%b)\\{1,16}|\\{1,15}(?:u0007|x07|a))"
_ESCAPE_NAMES: Final = rb"(?:u001[bB]|x1[bB]|033|e)"
"""What follows the escape character (ECMA-48 sections 5.4 and 5.6), and how text writes that character."""

_SEQUENCE: Final = rb"(?:%b|%b)" % (_CONTROL, _LINK % (rb"\\{1,15}" + _ESCAPE_NAMES))

_BY_SIGN: Final = (
    (b"\x1b", b"[]", _SEQUENCE),
    (b"[", b"0123456789", rb"[0-9][0-9;]{0,11}m"),  # the escape character itself was lost
    (b"\xc2", b"\xad\x9b\xa0", rb"(?:\xad|\x9b[0-9;]{0,24}[A-Za-z]|(?P<blank>\xa0))"),
    (
        b"\xe2",
        b"\x80\x81\x90",
        rb"(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xaf]|\x90\x9b%b|(?P<blank>\x80[\x80-\x8a\xaf]|\x81\x9f))"
        % _CONTROL,
    ),
    (b"\xe3", b"\x80", rb"(?P<blank>\x80\x80)"),
    (
        b"\xef",
        b"\xb8\xbb\xbc\xbd\xbf",
        rb"(?:\xbb\xbf|\xb8[\x80-\x8f]|\xbf\xbd%b|(?P<wide>\xbc[\x81-\xbf]|\xbd[\x80-\x9e]))" % _CONTROL,
    ),
    (b"%", b"234567", rb"(?:25){0,3}(?P<url>[2-7][0-9A-Fa-f])"),
    (
        b"\\",
        b"\\ux0e",
        rb"\\{0,14}(?:%b%b|u(?:0000|00[aA][dD]|200[b-fB-F]|202[a-eA-E]|206[0-9a-fA-F]"
        rb"|[fF][eE](?:[fF][fF]|0[0-9a-fA-F]))"
        rb"|x(?:00|[aA][dD])|u(?P<blank>00[aA]0|200[0-9aA]|202[fF]|205[fF]|3000)"
        rb"|(?:u00|x)(?P<text>[2-7][0-9A-Fa-f])|u[fF][fF](?P<escaped>[0-5][0-9A-Fa-f]))"
        % (_ESCAPE_NAMES, _SEQUENCE),
    ),
)
"""
First byte, those of which one comes second, and the pattern of what follows the first: colours and links of a
terminal, letters of no width, other blanks, letters of full width, and what is written as an escape.
"""
_KINDS: Final = [
    (sign, frozenset(second), re.compile(re.escape(sign) + rest).match) for sign, second, rest in _BY_SIGN
]

LOOSE: Final = (
    rb"\x1b[\[\]]|\[[0-9][0-9;]{0,11}m|\xc2(?:[\xad\xa0]|\x9b[0-9;]{0,24}[A-Za-z])"
    rb"|\xe2(?:\x80[\x80-\x8f\xaa-\xaf]|\x81[\x9f-\xaf]|\x90\x9b\[)|\xe3\x80\x80"
    rb"|\xef(?:\xbb\xbf|\xb8[\x80-\x8f]|\xbf\xbd\[|\xbc[\x81-\xbf]|\xbd[\x80-\x9e])"
    rb"|%(?:25){0,3}[2-7][0-9A-Fa-f]|\\(?:u(?:00|20|30|[fF])|x[0-9A-Fa-f]|033|e[\[\]])"
)
"""What every disguise begins with, and little else: a part of the one pattern that a batch is asked for."""

AROUND: Final = 4_096
"""Bytes around a disguise in which it may hide a secret: more than any rule reads at once to know one."""

_PIECE: Final = 32 * 1024
"""Bytes gone through at once for all signs: they stay in the processor's cache."""

_STRUCTURE: Final = frozenset(b"\"'`\\{}[]()")
"""Signs that stay as they are but in URLs: made plain, they would end strings that go on."""

_WIDE_BY: Final = 0x20
"""What parts the code of a letter of full width, U+FF01 to U+FF5E, from its own, in the last byte."""


_APART: Final = re.compile(rb"[\s\"'`\\<>]+")
"""What no address has in it as it is."""

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


def undisguised(data: bytes, *, addresses: bool = False) -> Plain | None:
    """
    Return *data* without its disguises; None when it has none.

    Args:
        data: A text.
        addresses: Reads only what may be an address with signs in it that JSON has a use for, one a line, and
            makes these signs plain, too. In a text around they would end strings that go on.
    """
    plain = Plain(b"", [], [], [], [])
    pieces: list[bytes] = []
    position = length = 0
    if addresses and (b"%" not in data or not _SIGN.search(data)):
        return None
    taken = [*_disguises(data), *(_APART.finditer(data) if addresses else ())]
    for match in sorted(taken, key=re.Match.start):
        start, end = match.span()
        letter = b"\n" if match.re is _APART else _plain(match, structure=addresses)
        if start < position or letter is None:
            continue
        pieces += (data[position:start], letter)
        length += start - position
        plain.places.append(length)
        plain.starts.append(start)
        plain.ends.append(end)
        plain.widths.append(len(letter))
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
    for place in sorted(map(re.Match.start, _disguises(data))):
        if parts and place - AROUND <= parts[-1][1]:
            parts[-1][1] = place + AROUND
        else:
            parts.append([max(0, place - AROUND), place + AROUND])
    near = b"\n".join(data[start:end] for start, end in parts)
    both = (undisguised(near), undisguised(near, addresses=True)) if parts else ()
    return [plain.data for plain in both if plain is not None]


def _disguises(data: bytes) -> list[re.Match[bytes]]:
    """
    Return what looks like a disguise in *data*.

    To look for a single byte is the fastest search there is, and these are rare in most texts.
    """
    found: list[re.Match[bytes]] = []
    find, last = data.find, len(data) - 1
    for begin in range(0, last, _PIECE):
        end = min(last, begin + _PIECE)
        for sign, seconds, matched in _KINDS:
            place = find(sign, begin, end)
            while place >= 0:
                if data[place + 1] in seconds and (match := matched(data, place)) is not None:
                    found.append(match)
                place = find(sign, place + 1, end)
    return found


def _plain(match: re.Match[bytes], *, structure: bool) -> bytes | None:
    """
    Return the letter that the disguise *match* stands for, or nothing; None when it shall stay.
    """
    kind = match.lastgroup
    if kind is None:
        return b""
    text = match[kind]
    if kind == "blank":
        return b" "
    if kind == "wide":
        code = (text[1] & 0x3F) + (text[0] - 0xBC << 6) + _WIDE_BY
    else:
        code = int(text, 16) + (_WIDE_BY if kind == "escaped" else 0)
    return None if code in _STRUCTURE and not (structure and kind == "url") else bytes([code])
