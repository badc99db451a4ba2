"""
Secrets known by how they look: a shape of `rules.json`, tried where one of its literals stands.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Final

from tracelog.core.redact_engine import EngineName, every, searcher
from tracelog.core.redact_flood import FLOOD
from tracelog.core.redact_loose import ESCAPES, loosened
from tracelog.core.redact_pattern import read_pattern
from tracelog.core.redact_replace import MAX_SECRETS, Span
from tracelog.core.redact_rules import Shape
from tracelog.core.redact_values import STRUCTURE
from tracelog.core.redact_work import FOUND, TRY, Work

_ESCAPE: Final = re.compile(rb"(?:%b)\Z" % ESCAPES)
_LONGEST_ESCAPE: Final = 13

_ENDS_KEY: Final = b"-----END "
_LONGEST_KEY: Final = 32 * 1024
"""Bytes in which the end of a key is looked for: one of 16,384 bits has 13 kB, and lines have more."""

_KEY_LINE: Final = re.compile(
    rb"(?<![A-Za-z0-9+/_.-])(?!(?:[0-9a-f]{16}|[0-9a-f]{32})(?![A-Za-z0-9+/=]))"
    rb"([A-Za-z0-9+/]{16,128}={0,2})(?![A-Za-z0-9+/_.-])"
)
"""A line of base64, and no id of a span or a trace."""

_LONGEST_AFTER: Final = 24
"""Bytes before a literal in which one of `Shape.after` may stand."""


class ShapeFinder:
    """
    One shape, ready to be tried.

    Args:
        shape: The rule.
        rank: Its place in the file: of two that find the same, the first gives the name.
        engine: Searches for shapes that have no literal.
        checks: The arithmetic that shapes may name.
        work: Counts what it takes.
    """

    def __init__(
        self,
        shape: Shape,
        rank: int,
        engine: EngineName,
        checks: Mapping[str, Callable[[bytes], bool]],
        work: Work,
    ) -> None:
        pattern = read_pattern(shape.pattern, ignore_case=shape.ignore_case)
        self.shape = shape
        self._rank = rank
        self._work = work
        self._match = re.compile(pattern.exact).match
        self._group = min(pattern.groups, 1)
        self._search = None if shape.anchors else searcher(engine, pattern.exact)
        self._not_after = _members(shape.not_after)
        self._not_before = _compiled(shape.not_before)
        self._lead = _characters(shape.lead.chars) if shape.lead else b""
        self._last_of_lead = _members(shape.lead.chars) if shape.lead else frozenset[bytes]()
        self._lead_is_secret = shape.lead is not None and shape.lead.secret
        self._after = tuple(text.encode() for text in shape.after)
        self._through = _compiled(shape.through)
        self._body = re.compile(b"[%b]*" % shape.body.encode()) if shape.body else None
        self._unless = _compiled(shape.unless)
        self._near_word = re.compile(b"|".join(map(_as_words, shape.near)))
        self._free_of = self._not_after if shape.lead is None and not shape.after else None
        self._near = re.compile(rb"\n|(%b)" % b"|".join(map(_as_words, shape.near)))
        self._check = checks[shape.check]

    def spans(self, data: bytes, places: Iterable[int]) -> Iterator[Span]:
        """
        Return the secrets of this shape in *data*, tried at *places* in ascending order.
        """
        done = found = 0
        free_of = self._free_of
        near = self._nearby(data) if self.shape.near else None
        for place in self._tried(data, places):
            if place < done or (near is not None and not near(place)):
                continue
            is_free = free_of is not None and data[place - 1 : place] not in free_of
            if (start := place if is_free else self.begins(data, place)) < 0:
                continue
            if (match := self._match(data, place)) is None:
                continue
            end = self._end(data, match.end())
            done = max(end, place + 1)
            first, last = match.span(self._group) if self._group else (start, end)
            if self._lead_is_secret:
                first = start
            if self._not_before and self._not_before.match(data, end):
                continue
            if self._is_secret(data[first:last]):
                found += 1
                if found > MAX_SECRETS:
                    yield Span(first, len(data), self._rank, FLOOD)
                    return
                yield Span(first, last, self._rank, self.shape.name)
                if self._through and data.find(_ENDS_KEY, match.end(), last) < 0:
                    yield from self._further_lines(data, last)

    def _tried(self, data: bytes, places: Iterable[int]) -> Iterable[int]:
        """
        Return where in *data* to try the pattern: at *places*, or where it is found when it has no literal.
        """
        if self._search is not None:
            return (start for start, _ in self._work.each(every(self._search, data), FOUND))
        is_far = self.shape.near and self._near_word.search(data) is None
        return () if is_far else self._work.each(places, TRY)

    def _further_lines(self, data: bytes, start: int) -> Iterator[Span]:
        """
        Return the lines of a key that goes on behind *start*, within lines of a log or items of a list.
        """
        last = data.find(_ENDS_KEY, start, start + _LONGEST_KEY)
        lines = _KEY_LINE.finditer(data, start, last) if last >= 0 else ()
        yield from (Span(*line.span(1), self._rank, self.shape.name) for line in islice(lines, MAX_SECRETS))

    def begins(self, data: bytes, place: int) -> int:
        """
        Return where a match begins whose literal stands at *place*; below 0 when what is before forbids it.
        """
        start, lead = place, self.shape.lead
        if lead is not None:
            if lead.min and data[place - 1 : place] not in self._last_of_lead:
                return -1
            before = data[max(0, place - lead.max) : place]
            length = len(before) - len(before.rstrip(self._lead))
            if length < lead.min:
                return -1
            start = place - length
        if data[start - 1 : start] in self._not_after and not _ends_escape(data, start):
            return -1
        if self._after and not data[max(0, start - _LONGEST_AFTER) : start].endswith(self._after):
            return -1
        return start if lead is None or lead.secret else place

    def _nearby(self, data: bytes) -> Callable[[int], bool]:
        """
        Return whether one of `Shape.near` stands in the same line before a place; asked in ascending order.
        """
        marks = self._near.finditer(data)
        coming = next(marks, None)
        seen = False

        def near(place: int) -> bool:
            nonlocal coming, seen
            while coming is not None and coming.start() < place:
                seen = coming[1] is not None
                coming = next(marks, None)
            return seen

        return near

    def _is_secret(self, secret: bytes) -> bool:
        if STRUCTURE.fullmatch(secret) or (self._unless and self._unless.fullmatch(secret)):
            return False
        return self._check(secret)

    def _end(self, data: bytes, end: int) -> int:
        run = self._body.match(data, end) if self._body else None
        if run is None:
            return end
        limit = run.end()
        if self._through and (found := self._through.search(data, end, limit)):
            return found.end()
        while limit > end and data[limit - 1 : limit] == b"\\":
            limit -= 1  # it belongs to what follows: the quote that ends a string within a string
        return limit


class ShapeFinders:
    """
    The finders of *shapes* by their number, each made when it is first asked for: most programs never have a
    secret of most kinds, and to make all of them takes a quarter of the time that redaction takes to begin.

    Args:
        shapes: The rules, most specific first.
        rank: That of the first.
        engine, checks, work: As for each `ShapeFinder`.

    Attributes:
        loose: The shapes as they are asked first.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        rank: int,
        engine: EngineName,
        checks: Mapping[str, Callable[[bytes], bool]],
        work: Work,
    ) -> None:
        self.loose = [loosened(shape) for shape in shapes]
        self._rank = rank
        self._engine = engine
        self._checks = checks
        self._work = work
        self._made: dict[int, ShapeFinder] = {}

    def __len__(self) -> int:
        return len(self.loose)

    def __getitem__(self, number: int) -> ShapeFinder:
        made = self._made.get(number)
        if made is None:
            shape, rank = self.loose[number].shape, self._rank + number
            made = self._made[number] = ShapeFinder(shape, rank, self._engine, self._checks, self._work)
        return made


def _ends_escape(data: bytes, place: int) -> bool:
    """
    Whether an escape or a header ends at *place*, so that the letter before it is none.
    """
    before = data[max(0, place - _LONGEST_ESCAPE) : place]
    if before.isascii() and not (b"\\" in before or b"%" in before or b"[" in before):
        return False  # in every escape stands one of these, and headers are no ASCII
    return _ESCAPE.search(before) is not None


def _compiled(pattern: str) -> re.Pattern[bytes] | None:
    return re.compile(read_pattern(pattern).exact) if pattern else None


def _as_words(phrase: str) -> bytes:
    """
    Return the pattern of *phrase*, whose words may be items of a list: `docker login`, `"docker", "login"`.
    """
    return rb"[ \t\"'\\,]{1,40}".join(re.escape(word).encode() for word in phrase.split(" "))


@cache
def _characters(chars: str) -> bytes:
    return bytes(code for code in range(128) if chars and re.fullmatch(f"[{chars}]", chr(code)))


def _members(chars: str) -> frozenset[bytes]:
    return frozenset(bytes([code]) for code in _characters(chars))
