"""
Own patterns, checked when they are loaded and never later.

A rule that somebody writes into the settings runs over text that strangers write. So it must be one that both
engines read alike, and bounded work at every place of a text. What is not is refused in one sentence, which
names the rule and says what to write instead.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from tracelog.core.redact_engine import EngineName, searcher
from tracelog.core.redact_pattern import Pattern, parse, read_pattern
from tracelog.core.redact_settings import OwnRule
from tracelog.errors import ConfigError

MAX_RULES: Final = 100
"""Own rules of one program: each is searched for in every text that is looked at closely."""

MAX_REPEAT: Final = 1_000
"""RE2 takes no larger count."""

MAX_WAYS: Final = 1_000
"""Ways to try one pattern at one place. More is no bounded work for an engine that tries them one by one."""

_NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
_ENDLESS: Final = 2**31
"""At or above it stands the parser's sign for "no upper bound"."""


def read_own(rules: Sequence[OwnRule], engine: EngineName) -> list[tuple[str, Pattern]]:
    """
    Return the names and patterns of *rules*, ready for *engine*.

    Raises:
        ConfigError: When a rule is refused; one sentence that names it and says why.
    """
    if len(rules) > MAX_RULES:
        raise ConfigError(
            f"{len(rules)} own redaction rules are more than {MAX_RULES}; join some of them with |"
        )
    return [(rule.name, _read(rule, engine)) for rule in rules]


def _read(rule: OwnRule, engine: EngineName) -> Pattern:
    if not _NAME.fullmatch(rule.name):
        raise ConfigError(f"the own redaction rule {rule.name!r} needs a name of 1 to 32 of a-z, 0-9 and _")
    try:
        pattern = read_pattern(rule.pattern)
        check_bounded(rule.pattern, linear=engine == "re2")
        _try(pattern, engine)
    except ValueError as error:
        raise ConfigError(f"the own redaction rule {rule.name!r} {error}") from None
    return pattern


def _try(pattern: Pattern, engine: EngineName) -> None:
    try:
        for form in (pattern.exact, pattern.loose):
            searcher(engine, form)
    except ValueError as error:
        raise ValueError(f"is too large for {engine} ({error}); ask for fewer repetitions") from None


def check_bounded(text: str, *, linear: bool) -> None:
    """
    Check that the pattern *text* is bounded work at every place of a text.

    Args:
        text: A pattern.
        linear: Whether a linear engine will run it; only without must its ways to match be few.

    Raises:
        ValueError: When it may match nothing, repeats without bound other than by one character at its end,
            or has too many ways to match; the message ends a sentence about the rule.
    """
    tree = parse(text)
    if tree.getwidth()[0] == 0:
        raise ValueError("may match nothing at all; ask for at least one character")
    _check_repeats(tree, at_end=True)
    if not linear and _ways(tree) > MAX_WAYS:
        raise ValueError(
            f"can be tried in more than {MAX_WAYS} ways at one place, which is slow without google-re2; "
            "nest fewer repetitions, or install tracelog-kit[fast]"
        )


def _check_repeats(items: Any, *, at_end: bool) -> None:
    for place, (op, arg) in enumerate(items):
        last = at_end and place == len(items) - 1
        match str(op):
            case "MAX_REPEAT" | "MIN_REPEAT":
                _check_repeat(arg, last=last)
            case "SUBPATTERN":
                _check_repeats(arg[3], at_end=last)
            case "BRANCH":
                for branch in arg[1]:
                    _check_repeats(branch, at_end=last)


def _check_repeat(arg: tuple[int, int, Any], *, last: bool) -> None:
    low, high, body = arg
    endless = int(high) >= _ENDLESS
    if endless and not (last and _is_one_character(body)):
        raise ValueError("repeats without an upper bound; write {1,200} instead of +, {0,200} instead of *")
    if low > MAX_REPEAT or (high > MAX_REPEAT and not endless):
        raise ValueError(f"repeats more than {MAX_REPEAT} times, which RE2 does not do")
    _check_repeats(body, at_end=False)


def _is_one_character(items: Any) -> bool:
    return len(items) == 1 and str(items[0][0]) in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}


def _ways(items: Any) -> int:
    """
    Return in how many ways a backtracking engine can match *items* at one place, at most `MAX_WAYS` + 1.
    """
    total = 1
    for op, arg in items:
        match str(op):
            case "MAX_REPEAT" | "MIN_REPEAT":
                total *= _ways_repeated(*arg)
            case "SUBPATTERN":
                total *= _ways(arg[3])
            case "BRANCH":
                total *= sum(_ways(branch) for branch in arg[1])
        if total > MAX_WAYS:
            return MAX_WAYS + 1
    return total


def _ways_repeated(low: int, high: int, body: Any) -> int:
    if int(high) >= _ENDLESS:
        return 1  # one character at the end of the pattern: nothing follows that could make it give back
    ways = _ways(body)
    if ways == 1:
        return high - low + 1
    total = 0
    for count in range(low, high + 1):
        total += int(ways**count) if count <= MAX_WAYS.bit_length() else MAX_WAYS + 1
        if total > MAX_WAYS:
            return MAX_WAYS + 1
    return total
