"""
Explains a redaction: which rule replaced what, told as places in the text that was given.

A text is gone over again where a mark changed what its neighbours are. Places found then are places in a text
that has marks already; the trail leads them back.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from tracelog.core.redact_replace import Span


class Hit(msgspec.Struct, frozen=True):
    """
    One secret that was replaced.

    Attributes:
        rule: The name in the mark.
        category: What kind of secret the rule finds.
        start: Where the secret began in the text that was given, in characters from 0.
        end: Where it ended.
    """

    rule: str
    category: str
    start: int
    end: int


class Explained(msgspec.Struct, frozen=True):
    """
    A redacted text with its explanation.

    Attributes:
        text: The text with marks.
        hits: What they stand for, in order and apart.
    """

    text: str
    hits: list[Hit]


class _Mark(NamedTuple):
    """
    One mark: where it stands now, and what it stands for, in bytes of the first text.
    """

    start: int
    end: int
    first: int
    last: int
    rule: str


class Trail:
    """
    Follows the marks of one text through all passes over it.
    """

    def __init__(self) -> None:
        self._marks: list[_Mark] = []

    def clear(self) -> None:
        """
        Forget all marks: the text is gone over anew from its begin.
        """
        self._marks = []

    def add(self, spans: Sequence[Span], lengths: Sequence[int]) -> None:
        """
        Take note that *spans* of the text as it was, in order and apart, gave way to marks of *lengths*.
        """
        old = deque(self._marks)
        new: list[_Mark] = []
        behind = _Mark(0, 0, 0, 0, "")  # the last mark passed: from its end on, places differ by a constant
        moved = 0
        for span, length in zip(spans, lengths, strict=True):
            while old and old[0].end <= span.start:
                behind = old.popleft()
                new.append(_moved(behind, moved))
            cut = old[0] if old and old[0].start < span.start else None
            first = cut.first if cut else behind.last + span.start - behind.end
            while old and old[0].start < span.end:
                behind = old.popleft()  # it is a part of what is replaced now
            last = behind.last + max(0, span.end - behind.end)
            new.append(_Mark(span.start + moved, span.start + moved + length, first, last, span.name))
            moved += length - (span.end - span.start)
        self._marks = new + [_moved(mark, moved) for mark in old]

    def hits(self, data: bytes, category: Callable[[str], str]) -> list[Hit]:
        """
        Return the hits, as places in the characters that *data*, the first text, is the UTF-8 of.
        """
        hits: list[Hit] = []
        at = characters = 0
        for _, _, first, last, rule in self._marks:
            start = characters + _characters(data[at:first])
            characters, at = start + _characters(data[first:last]), last
            hits.append(Hit(rule, category(rule), start, characters))
        return hits


def _moved(mark: _Mark, by: int) -> _Mark:
    return mark._replace(start=mark.start + by, end=mark.end + by)


def _characters(data: bytes) -> int:
    return len(data.decode("utf-8", "surrogatepass"))
