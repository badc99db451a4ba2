"""
The search language, read into a predicate on entries that every store asks.

    level:error system:worker "card declined" -noise dur:>100 user:u1 area:checkout trace:ab12 since:15m

All terms must hold; `-` in front turns one round.

* `word`, `"several words"`: this text, in any case, in the message, the error, the stack, the context (names
  and values), the user, the area, the logger or the service.
* `level:warn` means warn or worse; `level:=warn` exactly warn; `< <= > >=` compare.
* `system: service: logger: source: kind: user: area: environment: release: span: parent: origin: id: why:`
  mean exactly this, in any case; `system:browser,worker` either; `logger:app.*` whatever begins so. A plain
  entry is `kind:entry`.
* `trace:ab12` means a trace id that begins so; `error:TypeError` a type in the chain of causes; `message:`
  and `stack:` this text there.
* `dur: seq: count:` compare numbers: `100`, `>100`, `>=1.5s`, `10..50`, `..50`.
* `since:15m` and `until:2h` mean so long ago (`ms s m h d w`), or a moment in ISO 8601 or Unix time.
* any other `name:value` looks into the context; dots go deeper (`cart.total:>100`), lists match by any item.

A name with nothing behind its colon is plain text unless it is one of the above, and so is `http://…`.
"""

import re
from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import Final

from tracelog.core.conditions import EVERYTHING, Condition, Narrow, Term, Test, is_known, read
from tracelog.core.entry import Entry
from tracelog.errors import QuerySyntaxError

MAX_CHARS: Final = 2_000
"""Longer than any search typed or linked; what is pasted by mistake is refused before it is read."""

MAX_TERMS: Final = 32
"""Each term is asked of each entry that a search visits."""

_TERM: Final = re.compile(
    r'\s*(?P<minus>-)?(?:(?P<key>[^\W\d][\w.@/-]*):(?!//))?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]\S*))?',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_HALF: Final = re.compile("[\ud800-\udfff]")
_NUMBER_LIKE: Final = re.compile(r"[0-9.eE+-]+")


class Query:
    """
    A search that was read: a predicate, and what narrows the way to its answers.

    Attributes:
        text: The search as it was written.
        narrow: Bounds that a store may use to visit fewer entries.
    """

    __slots__ = ("_needles", "_tests", "narrow", "text")

    def __init__(self, text: str, tests: tuple[Test, ...], narrow: Narrow) -> None:
        self.text = text
        self.narrow = narrow
        self._tests = tests
        self._needles = tuple(
            text.encode() for text in (*narrow.texts, *narrow.fields) if _stands_plain(text)
        )

    def matches(self, entry: Entry) -> bool:
        """
        Whether every term holds for *entry*.
        """
        return all(test(entry) for test in self._tests)

    __call__ = matches

    def may_match(self, raw: bytes) -> bool:
        """
        Whether *raw*, the JSON of an entry, is worth decoding; False only where `matches` would say no.
        """
        if not self._needles or b"\\" in raw or not raw.isascii():
            return True
        lowered = raw.lower()
        return all(needle in lowered for needle in self._needles)


def parse(q: str, *, now_ms: float | None = None) -> Query:
    """
    Return the search that *q* means; empty text matches every entry.

    Args:
        q: The text, as described at the top of this file.
        now_ms: Unix milliseconds that `since:15m` counts from; without it only fixed moments are understood.

    Raises:
        QuerySyntaxError: When a term cannot be read; the sentence names it and where it begins.
    """
    if len(q) > MAX_CHARS:
        raise QuerySyntaxError(f"the search is longer than {MAX_CHARS} characters; use fewer terms")
    if not q.isascii() and _HALF.search(q):
        raise QuerySyntaxError("the search holds half a character (a lone surrogate); type it again")
    conditions = [_condition(found, now_ms) for found in _terms(q)]
    if len(conditions) > MAX_TERMS:
        raise QuerySyntaxError(f"the search has more than {MAX_TERMS} terms; use fewer")
    narrow = reduce(and_, (narrow for _, narrow in conditions), EVERYTHING)
    if narrow.since_ms > narrow.until_ms:
        raise QuerySyntaxError("since is later than until in the search, so nothing fits; swap the two")
    return Query(q, tuple(test for test, _ in conditions), narrow)


def _terms(q: str) -> Iterator[re.Match[str]]:
    at, end = 0, len(q.rstrip())
    while at < end:
        found = _TERM.match(q, at, end)
        if found is None or q[found.end() : found.end() + 1].strip():
            said = q[at : at + 40].strip()
            raise _at(q, at, f"the quotes in the search at {said} do not pair up; put each text in two")
        yield found
        at = found.end()


def _at(q: str, start: int, sentence: str) -> QuerySyntaxError:
    """
    Return the error that tells *sentence* of the term behind *start*, and as which character it begins.
    """
    blanks = len(q[start:]) - len(q[start:].lstrip())
    return QuerySyntaxError(f"{sentence} (character {start + blanks + 1})")


def _condition(found: re.Match[str], now_ms: float | None) -> Condition:
    try:
        test, narrow = read(_term(found, now_ms))
    except QuerySyntaxError as error:
        raise _at(found.string, found.start(), str(error)) from None
    return ((lambda entry: not test(entry)), EVERYTHING) if found["minus"] else (test, narrow)


def _term(found: re.Match[str], now_ms: float | None) -> Term:
    key, quoted, bare = found["key"] or "", found["quoted"], found["bare"]
    if quoted is not None:
        return Term(key, _ESCAPED.sub(r"\1", quoted), quoted=True, now_ms=now_ms)
    if bare is not None:
        return Term(key, bare, now_ms=now_ms)
    if key and is_known(key):
        raise QuerySyntaxError(f"{key}: in the search needs a value behind the colon")
    return Term("", f"{key}:" if key else "")


def _stands_plain(text: str) -> bool:
    """
    Whether *text* stands in unescaped JSON letter by letter; a number may be spelled in another way.
    """
    return (
        text.isascii()
        and text.isprintable()
        and not _NUMBER_LIKE.fullmatch(text)
        and not set(text) & {'"', "\\"}
    )
