"""
Repeats folded: neighbours of one speaker that say the same become one row that keeps their number.

Two of the same text are a repeat; texts that differ only in their numbers need `SIMILAR` neighbours, because
`step 1`, `step 2`, `step 3` is a story. Errors fold only inside one hop: a retry is a new event. A hop folds
only when nothing happened inside it. Nothing is left out: the counts of the rows add up to the entries.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from tracelog.correlation.line import Line

SIMILAR: Final = 5
"""So many similar neighbours are a loop; the client keeps as many identical entries a second before it
folds."""

LONGEST_TEMPLATE: Final = 400
"""Longer texts fold only when they are identical: a loop's messages are short, and the work stays bounded."""

_NUMBER: Final = re.compile(r"\b[a-f]{0,36}\d[0-9a-f]{0,36}\b|\d+")
"""A run of digits, or a whole word in hex that has a digit in it, as in ids."""

_ANY_DIGIT: Final = str.maketrans("123456789", "0" * 9)
"""Makes texts equal that differ in digits alone: the usual case in a loop, told without a template."""

_HEX: Final = frozenset("0123456789abcdef")
"""What a number can begin with; texts that begin otherwise are alike only if they begin alike."""


def template(message: str) -> str:
    """
    Return *message* with `*` for each of its numbers and hex ids.
    """
    return message if len(message) > LONGEST_TEMPLATE else _NUMBER.sub("*", message)


def similar(one: str, other: str) -> bool:
    """
    Whether two texts have the same template, told word by word: most texts differ in an early one.
    """
    if len(one) > LONGEST_TEMPLATE or len(other) > LONGEST_TEMPLATE:
        return one == other
    if one.translate(_ANY_DIGIT) == other.translate(_ANY_DIGIT):
        return True
    words, others = one.split(" "), other.split(" ")
    if len(words) != len(others):
        return False
    for a, b in zip(words, others, strict=True):
        if a != b and not (a.isdecimal() and b.isdecimal()) and template(a) != template(b):
            return False
    return True


def fold(lanes: Iterable[Sequence[Line]]) -> None:
    """
    Let the first line of each run of repeats stand for the others, in place.

    Args:
        lanes: Lines by speaker, each lane in the order of the timeline.
    """
    for lane in lanes:
        _fold_lane([line for line in lane if not line.is_loss])


def _fold_lane(lane: Sequence[Line]) -> None:
    heads = [line.entry.message[:1] for line in lane]
    begin = 0
    for i in range(1, len(lane)):
        one, two = heads[i - 1], heads[i]
        if (one != two and not (one in _HEX and two in _HEX)) or not _alike(lane[i - 1], lane[i]):
            if i - begin > 1:
                _fold_run(lane[begin:i])
            begin = i
    if len(lane) - begin > 1:
        _fold_run(lane[begin:])


def _alike(before: Line, line: Line) -> bool:
    """
    Whether two neighbours may share a row; what costs least to ask is asked first.
    """
    left, right = before.entry, line.entry
    return (
        left.level == right.level
        and before.system == line.system
        and before.is_span == line.is_span
        and not (line.opens and (_is_busy(before) or _is_busy(line)))
        and (not line.is_error or (left.span_id, left.parent_id) == (right.span_id, right.parent_id))
        and (left.message == right.message or similar(left.message, right.message))
    )


def _is_busy(line: Line) -> bool:
    """
    Whether things happened inside the hop that *line* stands for.
    """
    return line.opens and line.node is not None and (line.node.entries > 1 or bool(line.node.children))


def _fold_run(run: Sequence[Line]) -> None:
    """
    Fold neighbours that are alike: all into one row where that is called for, else those with one text.
    """
    texts = [line.entry.message for line in run]
    same = texts.count(texts[0]) == len(texts)
    if len(run) >= SIMILAR or (same and not run[0].is_span):
        _stand_for(run, None if same else template(texts[0]))
    elif not run[0].is_span:
        begin = 0
        for i in range(1, len(run) + 1):
            if i == len(run) or texts[i] != texts[begin]:
                if i - begin > 1:
                    _stand_for(run[begin:i], None)
                begin = i


def _stand_for(run: Sequence[Line], text: str | None) -> None:
    first = run[0]
    first.run, first.text = len(run), text
    first.count = sum(line.count for line in run)
    first.last_raw = max(line.last_raw or line.entry.timestamp for line in run)
    first.end = max(line.end for line in run)
    for line in run[1:]:
        line.run = 0
