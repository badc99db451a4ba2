"""
A sink that keeps entries in a bounded list: for tests and for looking at what a program logs.
"""

from tracelog.core.entry import Entry
from tracelog.sinks.base import Parcel, Receipt

CAPACITY = 100_000
"""More than a test logs, and at half a kilobyte an entry about 50 MB."""


class MemorySink:
    """
    Keeps the last *capacity* entries in `entries`, oldest first.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.entries: list[Entry] = []
        self._capacity = capacity

    def __call__(self, parcel: Parcel) -> Receipt:
        self.entries.extend(parcel.entries)
        del self.entries[: max(0, len(self.entries) - self._capacity)]
        return Receipt(rejected=parcel.unreadable)

    def close(self) -> None:
        """
        Keep what is there, so that it can be read after a shutdown.
        """
