r"""
Patterns: parsed once, printed twice.

A redaction pattern is written in the subset that RE2 and `re` share. From one parse come the *exact* pattern,
which finds the secret in plain bytes, and the *loose* one, which finds it in the same bytes as a JSON or
msgpack encoder left them. Every step from exact to loose only lets more through, so what the exact pattern
matches in a text, the loose one matches in its encoded form. Printing explicit classes of bytes also removes
what the two engines read differently: `\s`, `$`, case, and letters beyond ASCII.

Refused: whatever RE2 cannot do in linear time, and whatever would not mean the same in both engines.
"""

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # the only parser of this syntax that Python ships
from typing import Any, Final

import msgspec

MAX_LENGTH: Final = 1_000
"""Characters of one pattern. The longest of our own has 200."""

_ENOUGH: Final = 8
"""Repetitions that the loose pattern asks for: more cost states of the automaton and sort out nothing."""

_FEW: Final = 40
"""Upper bounds that the loose pattern keeps: they keep `re` fast, and larger ones cost too many states."""

_BEYOND: Final = 128
_HIGH: Final = 1 << _BEYOND
_ASCII: Final = _HIGH - 1
_ANY: Final = _ASCII | _HIGH
_ESCAPES: Final = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 0x22: '"', 0x2F: "/", 0x5C: r"\\"}
"""What may follow the backslash of an escape, RFC 8259 section 7."""


def _bits(codes: Iterable[int]) -> int:
    return sum(1 << code for code in set(codes))


_DIGIT: Final = _bits(range(0x30, 0x3A))
_UPPER: Final = _bits(range(0x41, 0x5B))
_LOWER: Final = _bits(range(0x61, 0x7B))
_WORD: Final = _DIGIT | _UPPER | _LOWER | 1 << 0x5F
_CONTROLS: Final = _bits([*range(32), 127])
_BLANK: Final = _bits(b" \t\n\r\f")
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": _DIGIT,
    "CATEGORY_NOT_DIGIT": _ANY & ~_DIGIT,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": _ANY & ~_WORD,
    "CATEGORY_SPACE": _BLANK,
    "CATEGORY_NOT_SPACE": _ANY & ~_BLANK,
}

_BACKSLASH: Final = 0x5C

_WRITTEN: Final = _bits(b"\\bfnrtu0123456789abcdefABCDEF")
"""What escapes are written with, besides the sign that some end with."""

_PLACES: Final = {
    "AT_BEGINNING": "(?m:^)",
    "AT_END": "(?m:$)",
    "AT_BOUNDARY": r"\b",
    "AT_NON_BOUNDARY": r"\B",
}
"""`^` and `$` mean the ends of a line: the two engines differ about the last newline of a text."""

_LOOKS_AROUND: Final = (
    "looks ahead or behind, which RE2 does not do; name what is around and put the secret in (…)"
)
_REFUSED: Final = {
    "ASSERT": _LOOKS_AROUND,
    "ASSERT_NOT": _LOOKS_AROUND,
    "GROUPREF": "refers back to a group, which has no linear time; write the part twice",
    "GROUPREF_EXISTS": "asks whether a group matched, which has no linear time; write two patterns",
    "POSSESSIVE_REPEAT": "has a possessive quantifier, which RE2 does not know; leave the second + out",
    "AT": r"asks for the begin or end of the whole text; write ^ or $ for those of a line, or leave it out",
    "ATOMIC_GROUP": "has an atomic group, which RE2 does not know; write (?:…)",
}


class Pattern(msgspec.Struct, frozen=True):
    """
    One pattern, ready for either engine.

    Attributes:
        exact: Finds the secret in plain bytes; group 1 is the secret where the pattern has a group.
        loose: Finds at least as much in encoded bytes; no group.
        groups: How many groups *exact* has.
    """

    exact: bytes
    loose: bytes
    groups: int


@lru_cache(maxsize=512)
def read_pattern(text: str, *, ignore_case: bool = False) -> Pattern:
    """
    Return *text* printed for both purposes.

    Args:
        text: A regular expression; `(?i)` may start it.
        ignore_case: As if it started with `(?i)`; letters of ASCII only.

    Raises:
        ValueError: When it is no pattern or not in the shared subset; the message says why, as the end of a
            sentence that starts with the name of the rule.
    """
    tree = parse(text)
    exact = _printed(tree, loose=False, ignore_case=ignore_case)
    loose = _printed(tree, loose=True, ignore_case=ignore_case)
    return Pattern(exact, loose, groups=tree.state.groups - 1)


def read_loose(text: str, *, ignore_case: bool = False) -> bytes:
    """
    Return only the loose form of *text*, of which a start needs that of every rule. As `read_pattern`.
    """
    return _printed(parse(text), loose=True, ignore_case=ignore_case)


def _printed(tree: Any, *, loose: bool, ignore_case: bool) -> bytes:
    flags = tree.state.flags | (re.IGNORECASE if ignore_case else 0)
    printed, _ = _Printer(loose=loose).sequence(tree, flags)
    return printed.encode("latin-1")


def parse(text: str) -> Any:
    """
    Return the syntax tree of the pattern *text*.

    Raises:
        ValueError: When it is too long, or no regular expression; the message ends a sentence about the rule.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters; split it into several rules")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return _parser.parse(text)
        except (re.error, RecursionError, OverflowError, Warning) as error:
            raise ValueError(f"is no regular expression that RE2 and Python read alike ({error})") from None


class _Printer:
    """
    Writes a parsed pattern as a regular expression over bytes, one character of the result for each byte.

    The loose form drops every assertion and upper bound, lets each character stand in its escaped form too,
    and ends where it has asked for enough: what follows could only make it match less.
    """

    def __init__(self, *, loose: bool) -> None:
        self.loose = loose

    def sequence(self, items: Any, flags: int) -> tuple[str, bool]:
        """
        Return *items* printed, and whether the loose form ended within them.
        """
        parts: list[str] = []
        for op, arg in items:
            text, ended = self.item(str(op), arg, flags)
            parts.append(text)
            if ended:
                return "".join(parts), True
        return "".join(parts), False

    def item(self, op: str, arg: Any, flags: int) -> tuple[str, bool]:
        match op:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self.character(*_members(op, arg, flags)), False
            case "AT" if str(arg) in _PLACES:
                return "" if self.loose else _PLACES[str(arg)], False
            case "SUBPATTERN":
                group, added, removed, body = arg
                text, ended = self.sequence(body, (flags | added) & ~removed)
                return ("(" if group and not self.loose else "(?:") + text + ")", ended
            case "BRANCH":
                printed = [self.sequence(branch, flags) for branch in arg[1]]
                return "(?:" + "|".join(text for text, _ in printed) + ")", any(ended for _, ended in printed)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self.repeat(op, arg, flags)
        raise ValueError(_REFUSED.get(op, f"uses {op.lower()}, which RE2 does not know"))

    def repeat(self, op: str, arg: tuple[int, int, Any], flags: int) -> tuple[str, bool]:
        low, high, body = arg
        if self.loose and high <= _FEW and _is_backslash(body):
            return rf"\\{{{low},{2 * high}}}", False  # one or two for each, read in one way only
        if self.loose and low <= _ENOUGH and high > _FEW and (run := _encoded_run(body, flags)):
            return f"{run}{{{low},}}", False
        text, ended = self.sequence(body, flags)
        if not self.loose:
            bound = "" if high is _parser.MAXREPEAT else high
            return f"(?:{text}){{{low},{bound}}}" + ("?" if op == "MIN_REPEAT" else ""), False
        if ended:
            return (text, True) if low else ("", True)
        if low > _ENOUGH:
            return f"(?:{text}){{{_ENOUGH}}}", True
        bound = "" if high > _FEW else high
        return f"(?:{text}){{{low},{bound}}}", False

    def character(self, members: int, letters: str) -> str:
        """
        Return one character printed: one of the ASCII *members*, or of the *letters* beyond.
        """
        forms = [_byte_class(members)] if members else []
        forms += ["".join(f"\\x{byte:02x}" for byte in letter.encode()) for letter in letters]
        if self.loose:
            forms += [rf"\\{letter}" for code, letter in _ESCAPES.items() if members >> code & 1]
            if letters or members & (_HIGH | _CONTROLS):
                forms.append(r"(?:\\u[0-9A-Fa-f]{4}){1,2}")
        if not forms:
            raise ValueError("has a class that no character belongs to")
        return forms[0] if len(forms) == 1 and not letters else f"(?:{'|'.join(forms)})"


def _is_backslash(body: Any) -> bool:
    return len(body) == 1 and str(body[0][0]) == "LITERAL" and body[0][1] == _BACKSLASH


def _encoded_run(body: Any, flags: int) -> str:
    """
    Return the class of all bytes in which characters of *body* are written, escapes included; empty where
    *body* is more than one character, or one that no encoder escapes.

    A character that has several forms, of which one begins another, would be read in as many ways as
    there are ways to part the run: `re` tries them all when what follows is missing.
    """
    if len(body) != 1 or str(body[0][0]) not in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
        return ""
    members, letters = _members(str(body[0][0]), body[0][1], flags)
    if not letters and not members & (_HIGH | _CONTROLS | _bits(_ESCAPES)):
        return ""
    return _byte_class(members | _WRITTEN | (_HIGH if letters else 0))


def _members(op: str, arg: Any, flags: int) -> tuple[int, str]:
    """
    Return what one character of the pattern stands for: bits of ASCII with one for all beyond, and letters.
    """
    if op == "ANY":
        return _ANY if flags & re.DOTALL else _ANY & ~(1 << 0x0A), ""
    parts = arg if op == "IN" else [(_parser.LITERAL, arg)]
    members, letters = _listed(parts)
    if flags & re.IGNORECASE:
        members |= (members & _UPPER) << 32 | (members & _LOWER) >> 32
    if op != "NOT_LITERAL" and str(parts[0][0]) != "NEGATE":
        return members, letters
    if letters:
        raise ValueError("excludes a letter beyond ASCII; exclude ASCII only, or name what is meant")
    return _ANY & ~members, ""


def _listed(parts: Any) -> tuple[int, str]:
    members, letters = 0, ""
    for part, value in parts:
        match str(part):
            case "LITERAL" if value >= _BEYOND:
                letters += chr(value)
            case "LITERAL":
                members |= 1 << value
            case "RANGE" if value[1] >= _BEYOND:
                raise ValueError("has a range of letters beyond ASCII; write the letters one by one")
            case "RANGE":
                members |= (1 << (value[1] + 1)) - (1 << value[0])
            case "CATEGORY":
                members |= _CATEGORIES[str(value)]
    return members, letters


@lru_cache(maxsize=1024)  # the rules write 6,000, 230 of them different: a quarter of a start
def _byte_class(members: int) -> str:
    codes = [code for code in range(128) if members >> code & 1]
    if members & _HIGH:
        codes += range(128, 256)
    if len(codes) == 1:
        return re.escape(chr(codes[0]))
    spans: list[list[int]] = []
    for code in codes:
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "[" + "".join(f"\\x{first:02x}-\\x{last:02x}" for first, last in spans) + "]"
