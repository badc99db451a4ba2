"""
Entries as lines for a coding agent: no colour, no columns, nothing said twice. Pure.

What such a reader pays for is length: a time is the milliseconds since the first line, a trace is named where
it differs from the line above, equal lines are one with their number, and of a stack there is the place at
which it broke. The rest is what `tracelog brief` is for.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Final

from tracelog.core.entry import DEFAULT_LIMITS, Entry
from tracelog.core.text import one_line, short_id
from tracelog.sinks.lines import amount_of, clock_of, fields_of

MESSAGE_CHARS: Final = 500
FIELDS_CHARS: Final = 300
"""What a line shows of both at most, some 200 tokens together; what is cut says by how much."""

_PLACE: Final = re.compile(r'^ *File "([^"\n]+)", line (\d+), in (.+)$', re.MULTILINE)
"""A frame as Python prints it; the last one is where the exception that is told came from."""


class BriefLines:
    """
    Entries one after another, told as what is new in each.

    Args:
        zone: Of the time of the first line; default that of the machine.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._begun: float | None = None
        self._trace = ""

    def __call__(self, entries: Iterable[Entry]) -> Iterator[tuple[str, int]]:
        """
        Yield lines without line ends, and for how many of *entries* each stands.
        """
        line, said, times = "", "", 0
        for entry in entries:
            told = _told(entry)
            if told == said and entry.trace_id == self._trace:
                times += 1
                continue
            if times:
                yield _counted(line, times), times
            line, said, times = f"{self._moment(entry.timestamp)} {told}{self._named(entry)}", told, 1
        if times:
            yield _counted(line, times), times

    def _moment(self, timestamp: float) -> str:
        if self._begun is None:
            self._begun = timestamp
            return clock_of(timestamp, self._zone)
        return f"{round(timestamp - self._begun):+}"

    def _named(self, entry: Entry) -> str:
        if entry.trace_id == self._trace:
            return ""
        self._trace = entry.trace_id
        return f" [{short_id(entry.trace_id)}]"


def _told(entry: Entry) -> str:
    """
    Return what *entry* says, without when and in which trace.
    """
    who = f"{one_line(entry.logger)}: " if entry.logger else ""
    fields = fields_of(entry)
    text = f"{one_line(entry.level)} {who}{_cut(one_line(entry.message), MESSAGE_CHARS)}{amount_of(entry)}"
    return "".join([text, f" {_cut(fields, FIELDS_CHARS)}" if fields else "", *_causes(entry)])


def _causes(entry: Entry) -> Iterator[str]:
    """
    Yield the exception of *entry*, where it broke, and its causes.
    """
    error, lead = entry.error, " | "
    for _ in range(DEFAULT_LIMITS.depth):
        if not isinstance(error, dict):
            return
        said = one_line(f"{error.get('type', 'Error')}: {error.get('message', '')}")
        yield lead + _cut(said, MESSAGE_CHARS)
        if lead == " | " and (places := _PLACE.findall(entry.stack or "")):
            file, line, function = places[-1]
            yield one_line(f" at {file}:{line} in {function}")
        error, lead = error.get("cause"), " < caused by "


def _counted(line: str, times: int) -> str:
    return line if times == 1 else f"{line} (\N{MULTIPLICATION SIGN}{times:,})"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… (+{len(text) - most:,} characters)"
