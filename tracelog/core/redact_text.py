"""
One text made clean: all rules look for secrets in it, and marks take their places.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Final

from tracelog.core.redact_checks import CHECKS, decode_base64
from tracelog.core.redact_columns import ColumnFinder
from tracelog.core.redact_detect import Detector, SecondLook, by_literals, literals, one_pass
from tracelog.core.redact_disguise import AROUND, undisguised
from tracelog.core.redact_engine import EngineName, Search, every, searcher
from tracelog.core.redact_flood import FLOOD
from tracelog.core.redact_mark import MARK, MARK_START, Marker
from tracelog.core.redact_names import Names
from tracelog.core.redact_pairs import PairFinder
from tracelog.core.redact_parameters import LONGEST_STATEMENT, ParameterFinder
from tracelog.core.redact_pattern import Pattern
from tracelog.core.redact_replace import MAX_SECRETS, Span, replace
from tracelog.core.redact_rules import Group, Shape
from tracelog.core.redact_scan import Scanner, scanner_of
from tracelog.core.redact_shapes import ShapeFinders
from tracelog.core.redact_trail import Trail
from tracelog.core.redact_work import DECODED, SECRET, SHORT_TEXT, TooMuchWork, Work

MAX_PASSES: Final = 16
"""How often one text is gone over: again after marks were set, for they part words and lines. A text that is
made to need more has lost every secret that was found, and may lose more when it is redacted again."""

LONGEST_KEPT: Final = 128 * 1024
_SHARE_KEPT: Final = 8
_WORK_AGAIN: Final = 0.6
"""
Of a text that costs too much the first eighth is kept, and no more than the longest field of an entry has.
It may cost less than the whole might have: redacted again, it surely costs no more than a text may.
"""

_GLUE: Final = frozenset(bytes([code]) for code in range(128) if chr(code).isalnum() or chr(code) in "_-.+")
"""Characters that names and tokens are made of."""


class TextCleaner:
    """
    Finds secrets in bytes and replaces them.

    Args:
        shapes: The shapes to look for, most specific first.
        own: Names and patterns of own rules; they come before every shape.
        names: The sensitive names.
        marker: Writes the marks.
        engine: Searches for own patterns, and asks the question before.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        own: Sequence[tuple[str, Pattern]],
        names: Names,
        marker: Marker,
        engine: EngineName,
    ) -> None:
        self._work = work = Work()
        checks = CHECKS | {"base64": self._is_secret_within}
        self._own = [(name, rank, searcher(engine, each.exact)) for rank, (name, each) in enumerate(own)]
        self._shapes = ShapeFinders(shapes, len(own), engine, checks, work)
        self._searched = [number for number, shape in enumerate(shapes) if not shape.anchors]
        self._rank_of_names = len(own) + len(shapes)
        self._pairs = PairFinder(names, self._rank_of_names, work)
        self._columns = ColumnFinder(names, self._pairs, self._rank_of_names)
        self._parameters = ParameterFinder(names, self._pairs, self._rank_of_names)
        self._names = names
        self._marker, self._draft = marker, marker.draft()
        loose = [each.loose for _, each in own]
        look = SecondLook(names, self._pairs)
        self.suspect: Detector
        self._ask_first = engine == "re2"  # without it the question costs as much as the search
        if self._ask_first:
            self.suspect = one_pass(self._shapes.loose, loose, names, look)
        else:
            self.suspect = by_literals(self._shapes, loose, self._scanner, names, look)

    @cached_property
    def _scanner(self) -> Scanner:
        """
        Finds where a rule is worth trying; RE2 has told before whether that is anywhere.
        """
        return scanner_of(tuple(literals(self._shapes.loose, self._names)))

    def clean(self, data: bytes, groups: Sequence[Group] = (), trail: Trail | None = None) -> bytes:
        """
        Return *data* with a mark for each secret; the same object when it has none.

        Args:
            data: A text in UTF-8, or any bytes.
            groups: Those of the names under which *data* stands, all of which then is a secret.
            trail: Is told what was replaced where.
        """
        short = len(data) <= SHORT_TEXT  # a long one may cost too much, which must not depend on the engine
        if short and not groups and self._ask_first and not self.suspect(data, alone=True):
            return data
        trail = Trail() if trail is None else trail
        self._work.begin(len(data), data.count(MARK_START))
        try:
            return self._cleaned(data, len(data), groups, trail)
        except TooMuchWork:
            return self._cut(data, groups, trail)

    def find(self, data: bytes) -> list[Span]:
        """
        Return what looks like a secret in *data* or stands beside a sensitive name, in no order; all of it as
        one when it costs too much.
        """
        self._work.begin(len(data))
        try:
            return self._find_all(data)
        except TooMuchWork:
            return [Span(0, len(data), 0, FLOOD)]

    def groups_given(self, statement: str) -> list[Group | None]:
        """
        Return for each placeholder of *statement*, some SQL, the group of its column.
        """
        return list(self._parameters.groups(statement.encode("utf-8", "surrogatepass")[:LONGEST_STATEMENT]))

    def _cut(self, data: bytes, groups: Sequence[Group], trail: Trail) -> bytes:
        """
        Return the begin of *data* clean, with a mark for the rest; a mark for all when that costs too much.
        """
        self._draft.counts.clear()
        trail.clear()
        self._work.begin(len(data), share=_WORK_AGAIN)
        try:
            return self._cleaned(data, min(len(data) // _SHARE_KEPT, LONGEST_KEPT), groups, trail)
        except TooMuchWork:
            self._draft.counts.clear()
            trail.clear()
            clean = self._replace(data, [Span(0, len(data), 0, FLOOD)], trail)
            self._marker.take(self._draft)
            return clean

    def _cleaned(self, data: bytes, limit: int, groups: Sequence[Group], trail: Trail) -> bytes:
        """
        Return *data* with a mark for each secret before *limit*, and one for all behind it.

        Raises:
            TooMuchWork: When it costs too much.
        """
        for _ in range(MAX_PASSES):
            spans = self._find_all(data[: limit + AROUND])  # what begins before the limit is seen as a whole
            spans += self._pairs.whole_spans(data, groups)
            self._work.spend(SECRET * len(spans))
            again = limit <= SHORT_TEXT or any(
                span.rank < self._rank_of_names or _parts(data, span) for span in spans
            )
            if limit < len(data):
                spans.append(Span(limit, len(data), 0, FLOOD))
            if not spans:
                break
            data = self._replace(data, spans, trail)
            limit = len(data)
            if not again:
                break
        self._marker.take(self._draft)
        return data

    def _replace(self, data: bytes, spans: list[Span], trail: Trail) -> bytes:
        replaced = replace(data, spans, self._draft)
        trail.add(replaced.spans, replaced.lengths)
        return replaced.data

    def _is_secret_within(self, text: bytes) -> bool:
        self._work.spend(DECODED)
        return bool(self._find_all(decode_base64(text)))

    def _find_all(self, data: bytes) -> list[Span]:
        spans = self._find(data)
        if (plain := undisguised(data, work=self._work)) is not None:
            spans += map(plain.back, self._find(plain.data))
        if (plain := undisguised(data, addresses=True, work=self._work)) is not None:
            within = map(plain.back, self._find(plain.data))
            apart = (span for span in within if data.find(b'"', span.start, span.end) < 0)
            spans += [span._replace(quote=None) for span in apart]
        return spans

    def _find(self, data: bytes) -> list[Span]:
        places = self._scanner.places(data, self._work)
        spans: list[Span] = []
        for number, tried in places.items():
            if number < len(self._shapes):
                spans += self._shapes[number].spans(data, tried)
        for number in self._searched:
            spans += self._shapes[number].spans(data, ())
        for name, rank, search in self._own:
            spans += _own_spans(data, name, rank, search)
        if spans and MARK_START in data:
            spans = _apart_from_marks(data, spans)
        if words := places.get(len(self._shapes)):
            spans += self._pairs.spans(data, words)
        if statements := places.get(len(self._shapes) + 2):
            spans += self._columns.spans(data, statements)
        if lists := places.get(len(self._shapes) + 3):
            spans += self._parameters.spans(data, lists)
        return spans


def _parts(data: bytes, span: Span) -> bool:
    """
    Whether a mark for *span* parts a word or joins lines, so that the rules must look again at a long text.
    """
    around = (data[span.start - 1 : span.start], data[span.end : span.end + 1])
    return not _GLUE.isdisjoint(around) or data.find(b"\n", span.start, span.end) >= 0


def _own_spans(data: bytes, name: str, rank: int, search: Search) -> list[Span]:
    """
    Return what an own rule finds; of more than anyone reads, the rest as one.
    """
    found = list(islice(every(search, data), MAX_SECRETS + 1))
    spans = [Span(start, end, rank, name) for start, end in found if end > start]
    if len(found) > MAX_SECRETS:
        spans.append(Span(found[-1][0], len(data), rank, FLOOD))
    return spans


def _apart_from_marks(data: bytes, spans: list[Span]) -> list[Span]:
    """
    Return those of *spans* that touch no mark: what a mark stands in was redacted before.
    """
    marks = [mark.span() for mark in MARK.finditer(data)]
    kept = []
    place = 0
    for span in sorted(spans):
        while place < len(marks) and marks[place][1] <= span.start:
            place += 1
        if place == len(marks) or span.end <= marks[place][0]:
            kept.append(span)
    return kept
