"""
The latest rows that the clients of this process have shipped, whoever got them: cheap to keep, read when a
test has failed.
"""

import sys
import time
from collections import deque
from typing import Any, Final

import msgspec

from tracelog.client.witness import WITNESSES
from tracelog.core.entry import Entry
from tracelog.core.rows import Header

MOST_ROWS: Final = 10_000
"""Rows kept of one test: more than anybody reads, and some 5 MB."""

FLUSH_S: Final = 0.5
"""Longest wait for what a failed test has logged last: a client looks every 0.1 s, unless its sink hangs."""


class Ring:
    """
    What was shipped since it began.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[Header, list[Any]]] = deque()
        self._rows = self._seen = 0
        self._since = 0.0

    def open(self) -> None:
        WITNESSES.append(self._look)

    def close(self) -> None:
        if self._look in WITNESSES:
            WITNESSES.remove(self._look)

    def begin(self) -> None:
        """
        Forget what was before.
        """
        self._parts.clear()
        self._rows, self._since = 0, time.time()

    def entries(self) -> list[Entry]:
        """
        Return what was logged since the beginning, once it has left the queues; what waited there before is
        none of it.
        """
        if "tracelog.client.exits" not in sys.modules:  # no client was made in this process
            return []
        from tracelog.client.exits import hurry  # noqa: PLC0415 - every run loads this, few have a failed test
        from tracelog.sinks.base import Parcel  # noqa: PLC0415 - the same

        hurry(FLUSH_S)
        found = [entry for part in list(self._parts) for entry in Parcel(*part).entries]
        since = self._since * 1000.0
        fresh = [entry for entry in found if entry.timestamp + (entry.duration_ms or 0.0) >= since]
        return fresh or found  # a test that has stopped the clock logs at any time

    def _look(self, header: Header, rows: list[Any]) -> None:
        self._parts.append((msgspec.structs.replace(header, seq=self._seen), rows[:]))
        self._seen += len(rows)
        self._rows += len(rows)
        while self._rows > MOST_ROWS and len(self._parts) > 1:
            self._rows -= len(self._parts.popleft()[1])
