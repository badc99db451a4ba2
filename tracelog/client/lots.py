"""
What deliveries are made of: the terms that all outboxes share, and one parcel on its way.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import msgspec

from tracelog.client.books import Books
from tracelog.client.stock import CHUNK_ROWS
from tracelog.core.compact import Header
from tracelog.sinks.base import Parcel


class Terms(NamedTuple):
    """
    What all outboxes of a client share.

    Attributes:
        header: Of all parcels.
        retry_for: Seconds after which a parcel that nobody takes is given up.
        books: Whose lock is held while the account changes.
        clock: Returns monotonic seconds.
        wall: Returns Unix seconds.
        chance: Returns a random number from 0 to 1, for jitter.
        most_rows: Of a parcel.
        heeds: Whether entries are held back that the other end would refuse.
        steady: Returns what keeps the process from being forked meanwhile: types of msgspec's that are half
            built would be so for ever in a child.
    """

    header: Header
    retry_for: float
    books: Books
    clock: Callable[[], float]
    wall: Callable[[], float]
    chance: Callable[[], float]
    most_rows: int = CHUNK_ROWS
    heeds: bool = True
    steady: Callable[[], AbstractContextManager[object]] = nullcontext


class Bounds(NamedTuple):
    """
    Of a spool: bytes in memory beyond which rows wait on disk only, and seconds after which these are given
    up.
    """

    memory: int
    age: float


class Report(NamedTuple):
    """
    The ledger as it travels with a parcel, and how many dropped entries it tells of.
    """

    shown: dict[str, Any]
    dropped: int


class Lot(msgspec.Struct):
    """
    The parcel that is being delivered.

    Attributes:
        parcel: Header and rows.
        kept: How many of the rows are entries.
        size: Bytes of the rows.
        told: How many dropped entries its report tells of.
        since: Monotonic seconds of its first failure.
    """

    parcel: Parcel
    kept: int
    size: int
    told: int
    since: float | None = None
