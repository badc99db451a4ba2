"""
Secrets known by the name beside them, within text: `password=…`, `"token": "…"`, `--api-key …`, `Cookie: …`.

A text is read from each sensitive word outwards: left to the begin of the name, right to its end, then the
separator and the value. Each name and each value is read once, so the work grows with the text and no faster.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tracelog.core.redact_beside import PLAIN_WORD, SEPARATOR, beside, in_arn, read_value, stands_below
from tracelog.core.redact_flood import FLOOD
from tracelog.core.redact_mark import MARK, MARK_START, in_mark
from tracelog.core.redact_names import LONGEST_NAME, NAME_CHARS, Names
from tracelog.core.redact_printed import Name
from tracelog.core.redact_replace import MAX_SECRETS, Span, quote_behind
from tracelog.core.redact_rules import Group
from tracelog.core.redact_values import (
    STRUCTURE,
    Value,
    container_at,
    cookie_values,
    in_brackets,
    leaves,
    value_at,
)
from tracelog.core.redact_work import LETTERS, LOOK, READ, Work

_NAME_BYTES: Final = bytes(code for code in range(128) if re.fullmatch(f"[{NAME_CHARS}]", chr(code)))
_NAME_LETTERS: Final = frozenset(bytes([code]) for code in _NAME_BYTES)
_RUN: Final = re.compile(b"[%b]{0,%d}" % (NAME_CHARS.encode(), LONGEST_NAME + 1))
"""What is longer is no name; no more of it is read."""

_CHANCE: Final = re.compile(
    rb"(?:[bBuUrR]{0,2}\\{0,15}[\"'`])?([A-Za-z0-9+/_-]{20,512}={0,2})(?![A-Za-z0-9+/_-]|\.[A-Za-z0-9])"
)
"""All that is read of a value that only counts when it looks like chance."""

_LINE: Final = re.compile(rb"(?:[^\r\n\"'\\=]+|=(?:\\{0,15}\"[^\"\\\r\n]*\\{0,15}\")?)*")
"""The rest of a line, up to a quote of what is around: only `name="value"` has quotes of its own."""

_HEADER: Final = re.compile(rb"[^\r\n\"'\\]*")
_NAME: Final = re.compile(b"[%b]{1,%d}" % (NAME_CHARS.encode(), LONGEST_NAME))

_FIELD: Final = re.compile(rb"[a-z_]{1,24}=[A-Za-z0-9]")
"""The next field of a line: `auth=oauth2 user=bob`."""

_ANY_SCHEME: Final = re.compile(
    rb"[A-Za-z][A-Za-z-]{1,24}[ \t]{1,4}"
    rb"(?:(?=\[REDACTED:)|(?=[^ \t\r\n\"'\\]*[0-9])(?=[^ \t\r\n\"'\\]*[A-Za-z])(?=[^ \t\r\n\"'\\]{8}))"
)
"""The scheme of an `Authorization` that nobody registered: `SSWS 00a1…`."""

_PARAMETER: Final = re.compile(rb"[a-z_]{1,24}=\\{0,15}\"")

_NEAR: Final = 40
"""Bytes between a name and what only counts when it looks like chance; the detector looks no further."""

_SHORTEST, _SHORTEST_IN_PROSE = 3, 6
"""Bytes of a secret that is no password: parsers write `token=)` and `token: EOF` about other tokens."""


AUTH: Final = "auth"
"""The group of `Authorization`."""


class _Found(NamedTuple):
    """
    What stands beside a name: the secrets, up to where all was read, and the quote for a bare one's mark.
    """

    values: list[Value]
    end: int
    quote: bytes = b""


class PairFinder:
    """
    Finds values beside sensitive names.

    Args:
        names: Tells the names.
        rank: The rank of all that is found, behind every shape.
        work: Counts what it takes.
    """

    def __init__(self, names: Names, rank: int, work: Work) -> None:
        self._names = names
        self._rank = rank
        self._work = work
        self._scheme = _words_before(names.keys.schemes, rb"[ \t]{1,4}(?![a-z_]{1,24}=[A-Za-z0-9])")
        self._line_scheme = _words_before(names.keys.line_schemes, rb"[a-z0-9-]{0,24}[ \t]")

    def spans(self, data: bytes, places: Iterable[int]) -> Iterator[Span]:
        """
        Return the secrets in *data*, tried at *places* in ascending order, where sensitive words stand.
        """
        done = found_so_far = 0
        marked = MARK_START in data
        for place in places:
            if place < done:
                continue
            start, done = name_around(data, place)
            if marked and in_mark(data, start):
                continue
            self._work.spend(LOOK)
            if (joint := beside(data, start, done)) is None:
                continue
            if (group := self.named(data, start, done)) is None:
                continue
            if group.chance and (joint.end() - done > _NEAR or not _CHANCE.match(data, joint.end())):
                continue
            self._work.spend(READ)
            found = self._read(data, Name(start, done, group), joint)
            done = max(done, found.end)
            for first, last, bare in found.values:
                yield Span(first, last, self._rank, group.name, found.quote if bare else b"")
            found_so_far += len(found.values)
            if found_so_far > MAX_SECRETS:
                yield Span(found.values[-1].start, len(data), self._rank, FLOOD)
                return

    def whole_spans(self, text: bytes, groups: Iterable[Group]) -> list[Span]:
        """
        Return what is secret in *text*, all of a value that stands under names of *groups*.

        That is the values of cookies, a credential without its scheme, or everything.
        """
        whole = Value(0, len(text), bare=False)
        for group in groups:
            if values := self.within(text, whole, group):
                return [Span(first, last, self._rank, group.name) for first, last, _ in values]
        return []

    def named(self, data: bytes, start: int, end: int) -> Group | None:
        """
        Return the group of the name in *data* from *start* to *end*, seen together with the words before it.
        """
        run = data[start:end]
        group = self._names.of_run(run)
        if group is not None and not group.chance:
            return group
        before = data[start - 1 : start]
        if before == b"\\":
            return group or self._names.of_run(run[1:])  # the first letter may be that of an escape: \n
        if before != b" ":
            return group
        return self._names.beside_space(data, start, run) or group

    def _read(self, data: bytes, name: Name, joint: re.Match[bytes]) -> _Found:
        if joint.re is SEPARATOR:
            return self._separated(data, name, joint)
        value = read_value(data, name, joint)
        return _Found(self.within(data, value, name.group), value.end) if value else _Found([], name.end)

    def _separated(self, data: bytes, name: Name, separator: re.Match[bytes]) -> _Found:
        place = separator.end()
        quote = _quote(separator[1] or b"")
        if (mark := MARK.match(data, place)) is not None:
            return _Found([], mark.end())
        if (bracketed := in_brackets(data, place)) is not None:
            whole = data[place : bracketed.end()].decode("utf-8", "replace")
            values = [Value(*bracketed.span(1), bare=False)]
            secrets = (
                [] if self._names.harmless(name.group, whole) else self._worthy(data, values, name.group)
            )
            return _Found(secrets, bracketed.end())
        if (opens := container_at(data, place)) is not None:
            within, end = leaves(data, opens)
            self._work.spend(2 * (end - place))
            return _Found(self._worthy(data, within, name.group), end, quote)
        if name.group.chance and (chance := _CHANCE.match(data, place)) is not None:
            return _Found(self._worthy(data, [Value(*chance.span(1), bare=False)], name.group), place)
        value = value_at(data, place)
        if value is not None:
            self._work.spend((value.end - place) // LETTERS)
        if value is not None and value.bare:
            value = self._bare(data, name, separator, value)
        if value is None:
            return _Found([], place)
        secrets = self.within(data, value, name.group)
        return _Found(secrets, value.end if secrets else place, quote)

    def _bare(self, data: bytes, name: Name, separator: re.Match[bytes], value: Value) -> Value | None:
        """
        Return the bare *value* as it is meant in its place, which may be longer; None for a word of prose.
        """
        group, start = name.group, value.start
        _, sign, arrow, gap = separator.groups()
        if gap.strip(b" \t") and not stands_below(data, name.start, gap, data[start : value.end]):
            return None
        if arrow and self._is_step(data, value):
            return None
        if sign == b":" and not gap and in_arn(data, name.start):
            return None
        if sign and sign[:1] == b"%" and (end := data.find(b"%26", start, value.end)) >= 0:
            return value._replace(end=end)
        line = _HEADER.match(data, start) if group.cookies and b"=" in data[start : value.end] else None
        scheme = None if group.plain else self._line_scheme.match(data, start)
        if scheme is not None and (sign != b"=" or not _FIELD.match(data, scheme.end())):
            line = _LINE.match(data, start)
        if line is not None:
            return Value(*line.span(), bare=False)
        return value if group.plain else self._opaque(data, name, separator, value)

    def _opaque(self, data: bytes, name: Name, separator: re.Match[bytes], value: Value) -> Value | None:
        """
        Return the bare *value* that is no password: behind its scheme; None when it is a word or too short.
        """
        group, start = name.group, value.start
        _, sign, arrow, gap = separator.groups()
        behind = self._behind_scheme(data, start, group)
        if behind == start and group.name == AUTH and (scheme := _ANY_SCHEME.match(data, start)) is not None:
            behind = scheme.end()
        if behind > start:
            return self._credential(data, behind)
        secret = data[start : value.end]
        prose = bool(arrow or (sign == b":" and gap)) and not separator[1]
        if prose and PLAIN_WORD.fullmatch(secret) and PLAIN_WORD.fullmatch(data, name.start, name.end):
            return None
        return value if len(secret) >= (_SHORTEST_IN_PROSE if prose else _SHORTEST) else None

    def _is_step(self, data: bytes, value: Value) -> bool:
        """
        Whether the *value* behind an arrow is one more step: `password -> otp`, `secret -> map of it`.
        """
        word = data[value.start : value.end]
        if _NAME.fullmatch(word) and self._names.of_run(word) is not None:
            return True
        return PLAIN_WORD.fullmatch(word) is not None and data[value.end : value.end + 1] == b" "

    def _credential(self, data: bytes, place: int) -> Value | None:
        """
        Return the credential at *place*, behind its scheme: a value, or a line of parameters.
        """
        line = _LINE.match(data, place) if _PARAMETER.match(data, place) else None
        return Value(*line.span(), bare=False) if line else value_at(data, place)

    def within(self, data: bytes, value: Value, group: Group) -> list[Value]:
        """
        Return the secrets in *value*: those of its cookies, or it.
        """
        if not group.cookies or (pairs := cookie_values(data, value.start, value.end)) is None:
            return self._worthy(data, [value], group)
        attributes = self._names.keys.cookie_attributes
        cookies = [pair for name, pair in pairs if name.decode("latin-1").lower() not in attributes]
        return self._worthy(data, cookies, group)

    def _worthy(self, data: bytes, values: Iterable[Value], group: Group) -> list[Value]:
        """
        Return those of *values* that are secrets, without the scheme before them.
        """
        kept = []
        for value in values:
            start = min(self._behind_scheme(data, value.start, group), value.end)
            end = start + len(data[start : value.end].rstrip(b"\\"))  # these belong to what follows
            if MARK.fullmatch(data, start, end) or STRUCTURE.fullmatch(data, value.start, value.end):
                continue
            text = data[value.start : value.end].decode("utf-8", "replace")
            if not self._names.harmless(group, text):
                kept.append(value._replace(start=start) if start < value.end else value)
        return kept

    def _behind_scheme(self, data: bytes, place: int, group: Group) -> int:
        scheme = None if group.plain else self._scheme.match(data, place)
        return scheme.end() if scheme else place


def _quote(found: bytes) -> bytes:
    """
    Return the quote that was *found* behind a name, with those backslashes before it that belong to it.
    """
    return found if found.startswith(b"&") else quote_behind(found[:-1], found[-1:])


def name_around(data: bytes, place: int) -> tuple[int, int]:
    """
    Return where the name begins and ends of which one character stands at *place*.
    """
    before = data[max(0, place - LONGEST_NAME) : place]
    start = place - len(before) + len(before.rstrip(_NAME_BYTES))
    end = place + 1
    if data[end : end + 1] in _NAME_LETTERS or data[place:end] not in _NAME_LETTERS:
        run = _RUN.match(data, place)
        end = run.end() if run else place
    if end - start > LONGEST_NAME >= end - place:
        start = end - LONGEST_NAME
    return start, end


def _words_before(words: Iterable[str], follows: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?i:%b)%b" % ("|".join(map(re.escape, words)).encode(), follows))
