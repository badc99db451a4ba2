"""
What one term of a search asks of an entry: each name of the search language, from its value to a test.

The language itself is described and read in `query.py`. Nothing here looks at more than one entry.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tracelog.core.entry import LEVELS, RANK, Entry
from tracelog.core.levels import LEVEL_NAMES
from tracelog.core.search_text import plain, text_of
from tracelog.core.times import to_milliseconds
from tracelog.errors import QuerySyntaxError

Test = Callable[[Entry], bool]

INFINITE: Final = float("inf")

_COMPARED: Final = re.compile(r"(?P<sign>>=|<=|>|<|=)(?P<one>.+)|(?P<low>.*?)\.\.(?P<high>.*)", re.DOTALL)
_LEVEL: Final = re.compile(r"(>=|<=|>|<|=)?(\w*)")
_AMOUNT: Final = re.compile(r"([+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18}))(ms|s|m|h|d|w)?", re.ASCII)
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

_WORD_FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("user", "user_id"), "user_id"),
    **dict.fromkeys(("env", "environment"), "environment"),
    **dict.fromkeys(("span", "span_id"), "span_id"),
    **dict.fromkeys(("parent", "parent_id"), "parent_id"),
    **{name: name for name in ("system", "service", "logger", "source", "kind", "area", "release", "origin")},
    **{name: name for name in ("id", "why")},
}
_IN_TEXT: Final = frozenset({"user_id", "area", "logger", "service"})
_NUMBER_FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("dur", "duration", "duration_ms"), "duration_ms"),
    **{name: name for name in ("seq", "count")},
}
_TEXT_FIELDS: Final[Mapping[str, str]] = {"message": "message", "msg": "message", "stack": "stack"}

_SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": lambda number, limit: number >= limit,
    "<=": lambda number, limit: number <= limit,
    ">": lambda number, limit: number > limit,
    "<": lambda number, limit: number < limit,
    "=": lambda number, limit: number == limit,
}


class Term(msgspec.Struct, frozen=True):
    """
    One term as written, less its minus: `key:value`, or *value* alone with an empty key.
    """

    key: str
    value: str
    quoted: bool = False
    now_ms: float | None = None


class Narrow(msgspec.Struct, frozen=True, kw_only=True):
    """
    What lets a store visit fewer entries. It never decides: every visited entry is asked by its tests.

    Attributes:
        texts: Case-folded texts that `text_of` must all contain.
        fields: Case-folded texts that stand somewhere in the entry, if not in `text_of`.
        trace: Beginning that the trace id must have.
        rank: Lowest rank that can match.
        since_ms: Earliest timestamp that can match; *until_ms* is the first that cannot.
    """

    texts: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    trace: str = ""
    rank: int = 0
    since_ms: float = -INFINITE
    until_ms: float = INFINITE

    def __and__(self, other: "Narrow") -> "Narrow":
        return Narrow(
            texts=self.texts + other.texts,
            fields=self.fields + other.fields,
            trace=max(self.trace, other.trace, key=len),
            rank=max(self.rank, other.rank),
            since_ms=max(self.since_ms, other.since_ms),
            until_ms=min(self.until_ms, other.until_ms),
        )


Condition = tuple[Test, Narrow]

EVERYTHING: Final = Narrow()


def read(term: Term) -> Condition:
    """
    Return the test that *term* means, and how far it narrows a search.

    Raises:
        QuerySyntaxError: When its value says nothing to its key.
    """
    return _KEYS.get(term.key, _context)(term)


def is_known(key: str) -> bool:
    """
    Whether *key* has a meaning of its own, so that it never stands for text or context.
    """
    return key in _KEYS


def _text(term: Term) -> Condition:
    if not term.value:
        raise QuerySyntaxError("the search has an empty text or a lone minus; name what to look for")
    text = term.value.casefold()
    return lambda entry: text in text_of(entry), Narrow(texts=(text,))


def _words(term: Term) -> Condition:
    field = _WORD_FIELDS[term.key]
    default = "entry" if field == "kind" else ""
    wanted = _word(term)
    sure = () if default else _sure(term)
    narrow = Narrow(texts=sure) if field in _IN_TEXT else Narrow(fields=sure)
    return lambda entry: wanted(getattr(entry, field) or default), narrow


def _texts(term: Term) -> Condition:
    field, text = _TEXT_FIELDS[term.key], term.value.casefold()
    return lambda entry: text in (getattr(entry, field) or "").casefold(), Narrow(
        texts=(text,) if text else ()
    )


def _numbers(term: Term) -> Condition:
    field, fits = _NUMBER_FIELDS[term.key], _comparison(term)
    if fits is None:
        raise QuerySyntaxError(
            f"{term.key}:{term.value} in the search needs a number or a range, such as >100 or 10..50"
        )
    return lambda entry: (number := getattr(entry, field)) is not None and fits(number), EVERYTHING


def _level(term: Term) -> Condition:
    found = _LEVEL.fullmatch(term.value)
    level = LEVEL_NAMES.get(found[2].lower()) if found else None
    if found is None or level is None:
        raise QuerySyntaxError(f"level:{term.value} in the search is none of {', '.join(LEVELS)}")
    sign, rank = found[1] or ">=", RANK[level]
    if sign == "=":
        return lambda entry: entry.level == level, Narrow(rank=rank)
    compare = _SIGNS[sign]
    floor = {">": rank + 1, ">=": rank}.get(sign, 0)
    return lambda entry: compare(entry.rank, rank), Narrow(rank=floor)


def _trace(term: Term) -> Condition:
    return lambda entry: entry.trace_id.startswith(term.value), Narrow(trace=term.value)


def _error(term: Term) -> Condition:
    wanted = _word(term)
    return lambda entry: any(wanted(name) for name in _error_types(entry.error)), Narrow(texts=_sure(term))


def _since(term: Term) -> Condition:
    moment = _moment(term)
    return lambda entry: entry.timestamp >= moment, Narrow(since_ms=moment)


def _until(term: Term) -> Condition:
    moment = _moment(term)
    return lambda entry: entry.timestamp < moment, Narrow(until_ms=moment)


def _context(term: Term) -> Condition:
    path = term.key.removeprefix("context.")
    wanted = _word(term)
    fits = None if term.quoted else _comparison(term)

    def holds(item: Any) -> bool:
        number = None if fits is None else _number(item)
        return (number is not None and fits is not None and fits(number)) or wanted(plain(item))

    narrow = EVERYTHING if fits is not None else Narrow(texts=_sure(term))
    return lambda entry: any(holds(item) for item in _items(entry.context, path)), narrow


def _word(term: Term) -> Callable[[str], bool]:
    """
    Return the test for "one of these words": a comma parts them, a final star means any ending, a star alone
    anything but nothing.

    Raises:
        QuerySyntaxError: When there is nothing between commas.
    """
    words = [term.value.casefold()] if term.quoted else term.value.casefold().split(",")
    if not term.quoted and not all(words):
        raise QuerySyntaxError(f"{term.key}:{term.value} in the search has a comma with no value beside it")
    exact = frozenset(word for word in words if term.quoted or not word.endswith("*"))
    starts = tuple(word[:-1] for word in words if word not in exact)
    return lambda text: (folded := text.casefold()) in exact or (folded != "" and folded.startswith(starts))


def _sure(term: Term) -> tuple[str, ...]:
    """
    Return the text that stands in every value that `_word` accepts, if there is one.
    """
    value = term.value.casefold()
    if not term.quoted:
        value = "" if "," in value else value.removesuffix("*")
    return (value,) if value and not value.startswith("{") else ()


def _error_types(error: Any) -> Iterator[str]:
    while isinstance(error, dict):
        yield plain(error.get("type", ""))
        error = error.get("cause")


def _moment(term: Term) -> float:
    ago = _AMOUNT.fullmatch(term.value)
    if ago is not None and ago[2]:
        if term.now_ms is None:
            raise QuerySyntaxError(
                f"{term.key}:{term.value} in the search needs the present time; give a date"
            )
        return term.now_ms - float(ago[1]) * _UNIT_MS[ago[2]]
    moment = to_milliseconds(term.value)
    if moment is None:
        raise QuerySyntaxError(
            f"{term.key}:{term.value} in the search is no time, such as 15m, 2h or 2026-01-31T12:00"
        )
    return moment


def _items(value: Any, path: str) -> Iterator[Any]:
    """
    Yield what *path* names in *value*: a key spelled so, or one of its beginnings and the rest below it.
    """
    if isinstance(value, list):
        for item in value:
            yield from _items(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        if path in value:
            yield from _items(value[path], "")
        for at in (at for at, letter in enumerate(path) if letter == "." and path[:at] in value):
            yield from _items(value[path[:at]], path[at + 1 :])


def _comparison(term: Term) -> Callable[[float], bool] | None:
    """
    Return the test of a number that *term* means, None for no number; a range that fits nothing is refused.
    """
    compared = _COMPARED.fullmatch(term.value)
    if compared is None or compared["sign"]:
        limit = _amount(term.value if compared is None else compared["one"])
        compare = _SIGNS["=" if compared is None else compared["sign"]]
        return None if limit is None else lambda number: compare(number, limit)
    low = _amount(compared["low"]) if compared["low"] else -INFINITE
    high = _amount(compared["high"]) if compared["high"] else INFINITE
    if low is None or high is None:
        return None
    if low > high:
        raise QuerySyntaxError(
            f"{term.key}:{term.value} in the search fits nothing; "
            f"the smaller number comes first: {compared['high']}..{compared['low']}"
        )
    return lambda number: low <= number <= high


def _amount(text: str) -> float | None:
    found = _AMOUNT.fullmatch(text)
    return None if found is None else float(found[1]) * _UNIT_MS.get(found[2], 1)


def _number(item: Any) -> float | None:
    if isinstance(item, str):
        return _amount(item)
    return item if isinstance(item, int | float) and not isinstance(item, bool) else None


_KEYS: Final[Mapping[str, Callable[[Term], Condition]]] = {
    "": _text,
    "level": _level,
    "trace": _trace,
    "trace_id": _trace,
    "error": _error,
    "since": _since,
    "until": _until,
    **dict.fromkeys(_WORD_FIELDS, _words),
    **dict.fromkeys(_NUMBER_FIELDS, _numbers),
    **dict.fromkeys(_TEXT_FIELDS, _texts),
}
