"""
Numbers and lists as people read them: `2.17 s`, `1,090`, `worker and backend`.

The report's sentences and every face use these, so the same number looks the same everywhere. Pure text;
what is dangerous in the text of programs is neutralised by the faces, not here.
"""

from collections.abc import Sequence
from typing import Final

TIMES: Final = "\u00d7"
MINUS: Final = "\u2212"
PLUS_MINUS: Final = "\u00b1"
DASH: Final = "\u2013"

_SECOND, _MINUTE, _HOUR = 1_000.0, 60_000.0, 3_600_000.0

OFFSET_IN_MS_BELOW: Final = 100_000.0
"""Offsets stay in milliseconds up to 100 s: within one request the eye compares digits, not units."""


def duration(ms: float) -> str:
    """
    Return *ms* milliseconds as `0.4 ms`, `64 ms`, `2.17 s`, `3 min 07 s` or `2 h 05 min`.
    """
    if ms < 9.95:
        return f"{ms:.1f}".removesuffix(".0") + " ms"
    if ms < _SECOND - 0.5:
        return f"{ms:.0f} ms"
    if ms < _MINUTE - 5:
        return f"{ms / _SECOND:.2f} s"
    seconds = round(ms / _SECOND)
    if seconds < _HOUR / _SECOND:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    minutes = round(ms / _MINUTE)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def milliseconds(ms: float) -> str:
    """
    Return *ms* as whole milliseconds with thousands marked (`2,081 ms`); beyond 100 s as `duration` does.
    """
    return f"{ms:,.0f} ms" if 9.95 <= ms < OFFSET_IN_MS_BELOW else duration(ms)


def number(count: int) -> str:
    """
    Return *count* with thousands marked: `1,090`.
    """
    return f"{count:,}"


def plural(count: int, noun: str, many: str = "") -> str:
    """
    Return *count* and *noun* in the right number: `1 error`, `2 errors`, `3 entries`.
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """
    Return *names* as a list in a sentence: `a`, `a and b`, `a, b and c`.
    """
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def shorten(text: str, limit: int) -> str:
    """
    Return the first line of *text* that has any, in at most *limit* characters, an ellipsis for what is left
    out.
    """
    stripped = text.strip()
    line = stripped.split("\n", 1)[0].rstrip()
    if len(line) > limit:
        return line[: limit - 1].rstrip() + "…"
    return line + " …" if len(line) < len(stripped) and len(line) + 2 <= limit else line
