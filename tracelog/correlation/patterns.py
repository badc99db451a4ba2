"""
Repeats folded: neighbours of one speaker that say the same become one row that keeps their number.

The row is the first entry of the run as it was logged, with a count (contract §1: never a pattern, never a
sentence). So only such neighbours share a row whose difference nobody would miss:

* Two of the same text are a repeat. Texts that differ only in numbers (counters, ids, durations) need
  `SIMILAR` neighbours, because `step 1`, `step 2`, `step 3` is a story.
* What differs in how it ended is another event: another level, another error, another status, be it in the
  text (`status 500` among `status 200`) or in the context.
* Errors fold only when they say the very same, and only inside one hop: a retry is a new event. A hop folds
  only when nothing happened inside it.

Nothing is left out: the counts of the rows add up to the entries.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from operator import eq
from typing import Any, Final

from tracelog.core.entry import Entry
from tracelog.correlation.evidence import STATUS_KEYS
from tracelog.correlation.line import Line

SIMILAR: Final = 5
"""So many similar neighbours are a loop; the client keeps as many identical entries a second before it
folds."""

LONGEST_TEMPLATE: Final = 400
"""Longer texts fold only when they are identical: a loop's messages are short, and the work stays bounded."""

_NUMBER: Final = re.compile(r"\b[a-f]{0,36}\d[0-9a-f]{0,36}\b|\d+")
"""A run of digits, or a whole word in hex that has a digit in it, as in ids."""

_BETWEEN: Final = r"(?:[^\w\n]|\b(?:is|was|of|with|by|http)\b){1,8}"
_THREE_DIGITS: Final = r"(\d{3})(?![\w%]|\.\d|\s?(?:[munk\u00b5]?s|secs?|[kmg]?b|bytes|rows|items)\b)"

_OUTCOME: Final = re.compile(
    r"(?:status|(?<![a-z])(?:code|exit|errno|error|rc|returncode|signal))(?:[ _-]?code)?"
    rf"{_BETWEEN}(\d+)"
    r"|(?:(?<![a-z])(?:http(?:/\d(?:\.\d)?)?|returned|responded|response|answer(?:ed)?|replied|reply|upstream)\b"
    rf"|[-=]>|\u2192){_BETWEEN}{_THREE_DIGITS}"
    rf"|\b(?:get|head|post|put|patch|delete|options)\s\S{{1,200}}+(?:\s\S{{1,40}}+){{0,5}}?{_BETWEEN}{_THREE_DIGITS}",
    re.IGNORECASE,
)
"""A number that says how something ended: any number behind a word for just that, or one of three digits, as
HTTP statuses have, behind a word or an arrow for an answer or behind the request, as in access logs; but not
one with a unit."""

_OUTCOME_KEYS: Final = (
    *STATUS_KEYS,
    *("http_status", "httpStatus", "response_status", "code", "exit_code", "exitCode", "returncode"),
    *("result", "outcome", "ok", "success"),
)
"""Names under which programs log how something ended."""

_OUTCOME_NAMES: Final = frozenset(_OUTCOME_KEYS)

_ANY_DIGIT: Final = str.maketrans("123456789", "0" * 9)
"""Makes texts equal that differ in digits alone: the usual case in a loop, told without a template."""

_HEX: Final = frozenset("0123456789abcdef")
"""What a number can begin with; texts that begin otherwise are alike only if they begin alike."""


def template(message: str) -> str:
    """
    Return *message* with `*` for each of its numbers and hex ids.
    """
    return message if len(message) > LONGEST_TEMPLATE else _NUMBER.sub("*", message)


def outcomes(message: str) -> list[str]:
    """
    Return the numbers in *message* that say how something ended, such as an HTTP status or an exit code.
    """
    return [message[slice(*_span(found))] for found in _OUTCOME.finditer(message)]


@lru_cache(maxsize=256)
def _outcome_places(shape: str) -> tuple[slice, ...]:
    """
    Return where `outcomes` stand in each text of *shape*, its digits made zeros: in a loop always the same.
    """
    return tuple(slice(*_span(found)) for found in _OUTCOME.finditer(shape))


def _span(found: re.Match[str]) -> tuple[int, int]:
    return found.span(found.lastindex or 0)  # the one group that took part


def similar(one: str, other: str) -> bool:
    """
    Whether two texts differ in nothing but numbers that say nothing of how it ended.
    """
    if one == other:
        return True
    if len(one) > LONGEST_TEMPLATE or len(other) > LONGEST_TEMPLATE:
        return False
    shape = one.translate(_ANY_DIGIT)
    if shape == other.translate(_ANY_DIGIT):
        places = _outcome_places(shape)
        return not places or all(one[place] == other[place] for place in places)
    return _same_template(one, other) and outcomes(one) == outcomes(other)


def _same_template(one: str, other: str) -> bool:
    """
    Whether two texts have the same template, told word by word: most texts differ in an early one.
    """
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
        _fold_lane([line for line in lane if not (line.is_loss or line.is_context)])


def _fold_lane(lane: Sequence[Line]) -> None:
    """
    Fold each run within *lane*. Only texts that begin alike can be alike; where few do, only repeats fold.
    """
    texts = [line.text for line in lane]
    same = list(map(eq, texts, islice(texts, 1, None)))
    fewest = 2 if True in same else SIMILAR
    heads = [text[:1] for text in texts]
    begin = 0
    for i, (one, two) in enumerate(pairwise(heads), 1):
        if one != two and not (one in _HEX and two in _HEX):
            if i - begin >= fewest and (i - begin >= SIMILAR or True in same[begin : i - 1]):
                _fold_stretch(lane[begin:i])
            begin = i
    if len(lane) - begin >= SIMILAR or True in same[begin:]:
        _fold_stretch(lane[begin:])


def _fold_stretch(stretch: Sequence[Line]) -> None:
    """
    Fold each run within *stretch*: where it is short only repeats fold, so nothing else need be compared.
    """
    alike = _alike if len(stretch) >= SIMILAR else _is_repeat
    begin = 0
    for i in range(1, len(stretch)):
        if not alike(stretch[i - 1], stretch[i]):
            if i - begin > 1:
                _fold_run(stretch[begin:i])
            begin = i
    if len(stretch) - begin > 1:
        _fold_run(stretch[begin:])


def _is_repeat(before: Line, line: Line) -> bool:
    return before.entry.message == line.entry.message and _alike(before, line)


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
        and (_is_retold(left, right) if line.is_error else similar(left.message, right.message))
        and left.error == right.error
        and left.origin == right.origin
        and _same_outcome(left.context, right.context)
    )


def _is_retold(left: Entry, right: Entry) -> bool:
    """
    Whether two errors are one, said twice in the same hop.
    """
    return (
        left.span_id == right.span_id and left.parent_id == right.parent_id and left.message == right.message
    )


def _same_outcome(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> bool:
    """
    Whether two contexts say of the same ending, or neither says of one.
    """
    ours, theirs = ours or {}, theirs or {}
    if _OUTCOME_NAMES.isdisjoint(ours) and _OUTCOME_NAMES.isdisjoint(theirs):
        return True
    return all(ours.get(name) == theirs.get(name) for name in _OUTCOME_KEYS)


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
        _stand_for(run)
    elif not run[0].is_span:
        begin = 0
        for i in range(1, len(run) + 1):
            if i == len(run) or texts[i] != texts[begin]:
                if i - begin > 1:
                    _stand_for(run[begin:i])
                begin = i


def _stand_for(run: Sequence[Line]) -> None:
    first = run[0]
    first.run = len(run)
    first.count = sum(line.count for line in run)
    first.last_raw = max(line.last_raw or line.entry.timestamp for line in run)
    first.end = max(line.end for line in run)
    for line in run[1:]:
        line.run = 0
