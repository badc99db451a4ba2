"""
What the script of a trace's quota is told, as Redis reads it: class and print of each row, limits, time.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from tracelog.core.prints import PRINT_CHARS
from tracelog.core.quota_settings import TraceQuota
from tracelog.stores.echoes import prints_of
from tracelog.stores.redis_resp import bulk
from tracelog.stores.trace_quota import classes_of
from tracelog.stores.values import Row


class Told(msgspec.Struct, frozen=True):
    """
    What a quota needs to know of rows: a class letter of each, and a print of each. Empty without a quota.
    """

    classes: bytes = b""
    prints: bytes = b""

    def of(self, start: int, to: int) -> bytes:
        """
        Return the classes of some rows and then their prints.
        """
        return self.classes[start:to] + self.prints[PRINT_CHARS * start : PRINT_CHARS * to]

    def ordered(self, order: Sequence[int]) -> "Told":
        """
        Return the same of rows in another order.
        """
        if not self.classes:
            return self
        prints, width = self.prints, PRINT_CHARS
        return Told(
            bytes([self.classes[at] for at in order]),
            b"".join([prints[at * width : at * width + width] for at in order]),
        )


UNTOLD: Final = Told()


def told_of(
    rows: Sequence[Row], quota: TraceQuota | None, classes: str | None, prints: Sequence[str] | None
) -> Told:
    """
    Return what *quota* is told of *rows*.

    Raises:
        ValueError: When *classes* or *prints* fits the rows not.
    """
    if quota is None:
        return UNTOLD
    return Told(classes_of(rows, classes).encode(), prints_of(len(rows), prints).encode())


def limits_of(quota: TraceQuota | None, now_ms: float) -> tuple[bytes, ...]:
    """
    Return the packed argument that tells the script the quota of a trace and the time; none without a quota.
    """
    return () if quota is None else (bulk(b"%b %d" % (_limits(quota), now_ms)),)


@lru_cache(maxsize=64)
def _limits(quota: TraceQuota) -> bytes:
    most = (quota.normal, quota.extra, quota.critical, quota.window_s * 1000, quota.max_bytes)
    more = (quota.echo_burst, quota.echo_window_ms, quota.own, quota.ordinary_bytes)
    return " ".join(map(str, (*most, *more))).encode()
