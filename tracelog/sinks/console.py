"""
A program's entries on its own standard error, while it is developed: beside the sink that ships them.

It waits for no reader: where a terminal takes nothing, lines are left out, and where it is gone, nothing is
done. What was not shown is counted, by reason; delivery neither waits for it nor hears of it.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal, TextIO

from tracelog.core.entry import Entry
from tracelog.core.text import short_id
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.brief_lines import BriefLines
from tracelog.sinks.lines import Pretty
from tracelog.sinks.stream import encoding, put

PATIENCE_S: Final = 0.05
"""A terminal that is read takes a screen in a millisecond; what it does not take by then is left out."""

LINES_A_SECOND: Final = 500
"""More flies past unread, and each costs the program's own threads 20 µs of the interpreter. Errors have as
many again to themselves."""

TRACES_MOST: Final = 1_000
"""Traces remembered for the last line."""

NAMED: Final = 4
"""Traces that the last line names besides the one it says how to read."""

Form = Literal["pretty", "compact"]


def nowhere(_entry: Entry) -> bool:
    """
    Nothing is shown elsewhere.
    """
    return False


class ConsoleSink:
    """
    Shows entries on standard error, whatever that is by then.

    Args:
        form: `pretty` for people; `compact` for coding agents, with a last line on how to read the traces.
        color: Whether pretty lines may be coloured; they are at a terminal only.
        elsewhere: Says of an entry whether the program shows it already, by a logging library's own means.
        command: Reads a trace: its reference is put in place of `{}`. Without, the last line only names it.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        form: Form,
        *,
        color: bool = True,
        elsewhere: Callable[[Entry], bool] = nowhere,
        command: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.form = form
        self._color = color
        self._elsewhere = elsewhere
        self._command = command
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._pretty, self._brief = Pretty(), BriefLines()
        self._traces: dict[str, bool] = {}
        self._second, self._lines = -1.0, 0
        self._left_out = 0
        self._rest = b""
        self._process = os.getpid()

    def __call__(self, parcel: Parcel) -> Receipt:
        suppressed: Counter[str] = Counter()
        chosen = [entry for entry in parcel.entries if self._is_chosen(entry, suppressed)]
        rejected = self._show(chosen) if chosen else Counter()
        self._left_out += suppressed["too_fast"]
        return Receipt(rejected={**parcel.unreadable, **+rejected}, suppressed=dict(+suppressed))

    def close(self) -> None:
        """
        Say how to read the traces of which something was shown; in a forked child, forget the parent's.
        """
        if self._process == os.getpid() and self._traces:
            self._show([], last=self._last_line() if self.form == "compact" else "")
        self._begin()

    def _is_chosen(self, entry: Entry, suppressed: Counter[str]) -> bool:
        self._remember(entry)
        if self._elsewhere(entry):
            suppressed["shown_elsewhere"] += 1
            return False
        now = self._clock()
        if not 0.0 <= now - self._second < 1.0:
            self._second, self._lines = now, 0
        self._lines += 1
        if self._lines <= LINES_A_SECOND * (1 + entry.is_error):
            return True
        self._lines -= 1
        suppressed["too_fast"] += 1
        return False

    def _remember(self, entry: Entry) -> None:
        failed = self._traces.pop(entry.trace_id, False)
        if len(self._traces) >= TRACES_MOST:
            del self._traces[next(iter(self._traces))]
        self._traces[entry.trace_id] = failed or entry.is_error

    def _show(self, entries: list[Entry], last: str = "") -> Counter[str]:
        """
        Write lines as far as the stream takes them now; return how many of *entries* failed, by reason.
        """
        stream, rejected = sys.stderr, Counter[str]()
        if stream is None:
            rejected["no_stream"] = len(entries)
            return rejected
        try:
            missed = self._write(stream, list(self._pieces(entries, stream, last)))
        except (OSError, ValueError):  # closed, or its reader went away: nothing can be said of it there
            self._rest = b""
            rejected["stream_closed"] = len(entries)
            return rejected
        self._left_out += missed
        rejected["terminal_full"] = missed
        return rejected

    def _pieces(self, entries: list[Entry], stream: TextIO, last: str) -> Iterator[tuple[bytes, int]]:
        """
        Yield what is to be written, and for how many entries each piece stands.
        """
        yield self._rest, 0
        if self._left_out:
            yield _bytes(f"tracelog: {self._left_out:,} entries are not shown here", stream), 0
        if self.form == "compact":
            yield from ((_bytes(line, stream), n) for line, n in self._brief(entries))
        else:
            color = self._color and stream.isatty()
            self._pretty.fit(entries)
            yield from ((_bytes(self._pretty(entry, color=color), stream), 1) for entry in entries)
        if last:
            yield _bytes(last, stream), 0

    def _write(self, stream: TextIO, pieces: list[tuple[bytes, int]]) -> int:
        """
        Write *pieces*, and return for how many entries those stand that found no room.

        A piece that was begun is kept, to be ended before anything else is written.
        """
        patience = 0.0 if self._rest else PATIENCE_S  # who did not read the last time is not waited for again
        reached = put(stream, b"".join(text for text, _ in pieces), 0, patience=patience)
        if reached > len(self._rest):
            self._left_out = 0  # that so many were left out has been said
        self._rest = self._rest[reached:]
        missed, start = 0, len(pieces[0][0])
        for text, entries in pieces[1:]:
            end = start + len(text)
            if start < reached < end:
                self._rest = text[reached - start :]
            elif start >= reached:
                missed += entries
            start = end
        return missed

    def _last_line(self) -> str:
        """
        Return how to read the traces: of those with errors the latest, else the latest.
        """
        latest = list(reversed(self._traces))
        names = sorted(latest, key=lambda trace: not self._traces[trace])
        failed = sum(self._traces.values())
        counted = "1 trace" if len(names) == 1 else f"{len(names):,} traces"
        errors = f", {failed:,} with errors" if failed else ""
        read = self._command.format(short_id(names[0])) if self._command else short_id(names[0])
        others = [short_id(name) for name in names[1 : NAMED + 1]]
        return f"tracelog: {counted}{errors}: {read}" + (f" (also {', '.join(others)})" if others else "")


def _bytes(text: str, stream: TextIO) -> bytes:
    return (text + "\n").encode(encoding(stream), "backslashreplace")
