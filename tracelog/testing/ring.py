"""
The latest rows that the clients of this process have shipped, whoever got them: cheap to keep, read when a
test has failed.
"""

import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

import msgspec

from tracelog.client.witness import WITNESSES
from tracelog.core.entry import Entry
from tracelog.core.rows import Header

MOST_ROWS: Final = 10_000
"""Rows kept of one test: more than anybody reads."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of these rows: a test may log megabytes in one, and a run keeps what its latest test logged."""

TAKE_S: Final = 0.5
"""Longest wait for what a failed test has logged last: a client looks every 0.1 s, unless its sink hangs."""


class _Kept:
    """
    What one test has logged.
    """

    def __init__(self, since: float) -> None:
        self.since = since
        self.parts: deque[tuple[Header, list[Any], int]] = deque()
        self.rows = self.seen = self.bytes = 0

    def add(self, header: Header, rows: list[Any]) -> None:
        """
        Keep *rows*, and let go of the oldest ones that there is no room for.

        No lock, which a forked child would inherit held: where two clients come at the same time, the numbers
        may miss one of both until the test is over.
        """
        size, first = sum(map(len, rows)), 0
        while size > MOST_BYTES:
            size -= len(rows[first])
            first += 1
        numbered = msgspec.structs.replace(header, seq=self.seen + first)
        self.seen += len(rows)
        self.parts.append((numbered, rows[first:], size))
        self.rows += len(rows) - first
        self.bytes += size
        with suppress(IndexError):  # another client has made the room
            while (self.rows > MOST_ROWS or self.bytes > MOST_BYTES) and len(self.parts) > 1:
                _, gone, less = self.parts.popleft()
                self.rows -= len(gone)
                self.bytes -= less


class Ring:
    """
    What was shipped since it began.
    """

    def __init__(self) -> None:
        self._kept = _Kept(0.0)

    def open(self) -> None:
        WITNESSES.append(self._look)

    def close(self) -> None:
        if self._look in WITNESSES:
            WITNESSES.remove(self._look)

    def begin(self) -> None:
        """
        Forget what was before.
        """
        self._kept = _Kept(time.time())

    def entries(self) -> list[Entry]:
        """
        Return what was logged since the beginning, once it has left the queues; what waited there before is
        none of it.
        """
        if "tracelog.client.exits" not in sys.modules:  # no client was made in this process
            return []
        from tracelog.client.exits import take_all  # noqa: PLC0415 - every run loads this, few tests fail
        from tracelog.sinks.base import Parcel  # noqa: PLC0415 - the same

        take_all(TAKE_S)
        kept = self._kept
        found = [entry for header, rows, _ in list(kept.parts) for entry in Parcel(header, rows).entries]
        since = kept.since * 1000.0
        fresh = [entry for entry in found if entry.timestamp + (entry.duration_ms or 0.0) >= since]
        return fresh or found  # a test that has stopped the clock logs at any time

    def _look(self, header: Header, rows: list[Any]) -> None:
        self._kept.add(header, rows)
