"""
The arithmetic of a trace's quota, one row after the other; `lua/quota.lua` tells the same to Redis.

Pure: the embedded store runs it, and the tests hold the script against it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tracelog.core.quota_settings import TraceQuota
from tracelog.core.quota_values import CLASS_OF, OWN, OWN_COUNT
from tracelog.stores.values import NOTED, OVER_QUOTA, OVER_SIZE, STORED, Row

_LETTERS: Final = "".join((*CLASS_OF, OWN, OWN_COUNT))

_TO_THE_LAST_BYTE: Final = frozenset({"e", "c", OWN})


class Used(msgspec.Struct):
    """
    What a trace has used of its quota.

    Attributes:
        rows: Stored in the window out of the normal part, or by a critical trace.
        extra: Stored in the window beyond the normal part.
        size: Bytes of all its entries, whatever the window.
        is_critical: Whether a critical row was ever stored.
        since_ms: When the window began, None before the first entry.
        own: Own rows stored in the window, in the places that are theirs alone.
    """

    rows: int = 0
    extra: int = 0
    size: int = 0
    is_critical: bool = False
    since_ms: float | None = None
    own: int = 0

    def admit(self, quota: TraceQuota, row: tuple[str, int], now_ms: float) -> str:
        """
        Charge one new row and return `STORED`, or charge nothing and return why it must not be stored; of an
        own row only its count is kept then, if anything of the trace is stored.

        Args:
            quota: What the trace may store.
            row: The class of the row, and its bytes.
            now_ms: The present, Unix milliseconds.
        """
        class_, size = row
        is_own = class_ in {OWN, OWN_COUNT}
        if class_ == OWN_COUNT:
            return NOTED if self.size else OVER_QUOTA
        if self.since_ms is None:
            self.since_ms = now_ms
        room = self._room(quota, class_)
        if room is None and now_ms - self.since_ms >= quota.window_s * 1000:
            self.rows, self.extra, self.own, self.since_ms = 0, 0, 0, now_ms
            room = self._room(quota, class_)
        if room is None:
            return NOTED if is_own and self.size else OVER_QUOTA
        most = quota.max_bytes if class_ in _TO_THE_LAST_BYTE else quota.ordinary_bytes
        if quota.max_bytes and self.size + size > most:
            return NOTED if is_own and self.size else OVER_SIZE
        setattr(self, room, getattr(self, room) + 1)
        self.size += size
        self.is_critical = self.is_critical or class_ == "c"
        return STORED

    def _room(self, quota: TraceQuota, class_: str) -> str | None:
        """
        Return the name of the counter that has room for one more row of *class_*.
        """
        if class_ == OWN and self.own < quota.own:
            return "own"
        if self.is_critical or class_ == "c":
            most = quota.critical - quota.extra if class_ == "p" else quota.critical
            return "rows" if self.rows + self.extra < most else None
        if self.rows < quota.normal:
            return "rows"
        spare = {"e": quota.extra, "p": quota.extra // 2, OWN: quota.extra // 2}.get(class_, 0)
        return "extra" if self.extra < spare else None


def classes_of(rows: Sequence[Row], classes: str | None) -> str:
    """
    Return a class for each row: *classes*, or without it `e` for errors and `n` for all else.

    Raises:
        ValueError: When *classes* is not one known letter a row.
    """
    if classes is None:
        return "".join(["e" if entry.is_error else "n" for entry, _ in rows])
    if len(classes) != len(rows) or classes.strip(_LETTERS):
        raise ValueError(f"classes must be one of {', '.join(_LETTERS)} for each of the {len(rows)} rows")
    return classes
