"""
Text of programs made fit for a face: every character visible, one line, no wider than its column.

Cleaning is `core.text`'s; what is added here is measuring, since a column of a terminal is not a character.
"""

import re
from datetime import UTC, datetime
from typing import Final
from unicodedata import category, east_asian_width

from tracelog.core.text import one_line
from tracelog.correlation.words import OFFSET_IN_MS_BELOW, duration

_MARK: Final = re.compile(r"\[REDACTED:([A-Za-z0-9_.-]{1,64}(?::[A-Za-z0-9]{1,64})?)\]")

DAY_MS: Final = 86_400_000


def clean(text: str) -> str:
    """
    Return *text* as one visible line, with the marks of replaced secrets as `rule:tag` in angle quotes.
    """
    return _MARK.sub("\u2039\\1\u203a", one_line(text))


def columns(text: str) -> int:
    """
    Return how many columns a terminal needs for *text*, which is clean.
    """
    if text.isascii():
        return len(text)
    return sum(_width(text, i) for i in range(len(text)))


def cut(text: str, room: int) -> str:
    """
    Return the beginning of *text* that fits into *room* columns, an ellipsis where something is left out.
    """
    if _beginning(text, room) == text:
        return text
    return _beginning(text, room - 1).rstrip() + "…" if room > 0 else ""


def pad(text: str, room: int) -> str:
    """
    Return *text* cut or filled to exactly *room* columns.
    """
    text = cut(text, room)
    return text + " " * (room - columns(text))


def wrap(text: str, room: int, most: int) -> list[str]:
    """
    Return *text* in lines of at most *room* columns, broken at spaces where there are any.

    Args:
        text: Clean text.
        room: Columns of a line.
        most: Lines; the last ends in an ellipsis when that is not enough.
    """
    lines: list[str] = []
    while len(lines) < most - 1 and (head := _beginning(text, room)) != text:
        space = head.rfind(" ") if text[len(head)] != " " else len(head)
        head = head[:space] if space > room // 2 else head
        lines.append(head.rstrip())
        text = text[len(head) :].lstrip()
    return [*lines, cut(text, room)]


def offset(ms: float) -> str:
    """
    Return how long after the start something happened: `+2,081`, beyond 100 s with its unit.
    """
    return f"+{ms:,.0f}" if ms < OFFSET_IN_MS_BELOW else f"+{duration(ms)}"


def clock(ms: float) -> str:
    """
    Return the time of day of *ms*, Unix milliseconds, in UTC: `14:40:01`.
    """
    second = int(ms % DAY_MS) // 1000
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def moment(ms: float) -> str:
    """
    Return *ms*, Unix milliseconds, as a date and a time of day in UTC.
    """
    try:
        date = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return f"{ms:.0f} ms of Unix time"
    return f"{date} {clock(ms)}.{int(ms % 1000):03d} UTC"


def _beginning(text: str, room: int) -> str:
    """
    Return as much of *text* as fits into *room* columns.
    """
    if text.isascii():
        return text[: max(0, room)]
    used = 0
    for i in range(len(text)):
        used += _width(text, i)
        if used > room:
            return text[:i]
    return text


def _width(text: str, i: int) -> int:
    """
    Return the columns of the character at *i*. Only one combining mark is free: a pile of them is no text.
    """
    character = text[i]
    if category(character) in {"Mn", "Me"}:
        return 0 if i and category(text[i - 1]) not in {"Mn", "Me"} else 1
    return 2 if east_asian_width(character) in "WF" else 1
