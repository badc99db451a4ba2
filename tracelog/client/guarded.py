"""
What waits for a sink whose other end limits what it takes: while that refuses most, most stays here.

While there is no pressure this costs a comparison a parcel.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracelog.client.lots import Lot, Report, Terms
from tracelog.client.outbox import Outbox
from tracelog.client.pressure import CALM, GUARDS, Pressure
from tracelog.client.sieve import Sieve
from tracelog.client.stock import Chunk
from tracelog.core.entry import Entry
from tracelog.sinks.base import ParcelTooLargeError, Receipt, Sink, Told

TOLD_ROWS: Final = 200
"""Rows of ours a parcel: at most 4 kB each, they stay together below what a request may hold."""


class GuardedOutbox(Outbox):
    """
    An outbox with a sieve in front of its sink.

    Rows that tell of entries held back are no entries: no outcome is counted for them.

    Attributes:
        rows_lost: How many of them never arrived. What they would have told stands in the ledger anyway.
    """

    def __init__(self, sink: Sink, terms: Terms) -> None:
        super().__init__(sink, terms)
        self._guards = is_guarded(sink, terms)
        self._pressure = Pressure()
        self._sieve: Sieve | None = None
        self._level = CALM
        self._rows: list[Entry] = []
        self._tell_to: int | None = None
        self._told_rows = TOLD_ROWS
        self.rows_lost = 0

    @property
    def idle(self) -> bool:
        return super().idle and not self._rows

    @property
    def oldest(self) -> int | None:
        """
        The number of the first row that waits, or None; 0 while rows are to be told that somebody waits for.
        """
        tells = self._lot is not None and isinstance(self._lot.parcel, Told)
        return 0 if tells or self._rows or self._tell_to is not None else self._first_row

    @property
    def untold(self) -> bool:
        sieve = self._sieve  # asked by any thread, while this one may let go of it
        return bool(self._rows) or (sieve is not None and sieve.untold)

    def tell(self) -> None:
        """
        Let everything be told of the entries numbered so far, as soon as the last of them has left.
        """
        self._tell_to = self._terms.books.seq

    def send(self, report: Callable[[], Report], *, at_once: bool = False) -> bool:
        if not self._rows:
            self._rows = self._due(self._terms.clock())
        return super().send(report, at_once=at_once)

    def _due(self, now: float) -> list[Entry]:
        waiting = self._first_row
        is_asked = self._tell_to is not None and (waiting is None or waiting >= self._tell_to)
        if is_asked:
            self._tell_to = None
        self._pressure.turn(now)
        if self._sieve is None:
            return []
        if self._pressure.level == self._level:
            return self._sieve.rows(now, all_of_them=is_asked)
        rows, self._sieve = self._sieve.close(), None
        return rows

    def _next(self, report: Callable[[], Report]) -> Lot | None:
        if self._rows:
            rows, self._rows = self._rows[: self._told_rows], self._rows[self._told_rows :]
            header = msgspec.structs.replace(self._terms.header, sent_at=self._terms.wall() * 1000.0)
            return Lot(Told(header, rows), 0, 0, 0)
        most = self._pressure.most(self._most_rows) if self._guards else self._most_rows
        chunk = self._stock.take(most)
        if chunk is None:
            return None
        self._sift(chunk)
        if chunk.kept:
            return self._pack(chunk, report())
        with self._lock:
            self.bytes = max(0, self.bytes - chunk.size)
        return None

    def _sift(self, chunk: Chunk) -> None:
        """
        Hold back those rows of *chunk* that the other end would refuse.
        """
        if self._pressure.level == CALM:
            return
        if self._sieve is None:
            self._level = self._pressure.level
            with self._terms.steady():
                self._sieve = Sieve(self._terms.header, GUARDS[self._level])
        now, size = self._terms.clock(), chunk.size
        gone = self._sieve(chunk, now)
        with self._lock:
            if self._over:
                return
            for reason, n in gone.items():
                self.ledger.count("suppressed", reason, n)
            self.unsent += gone
            self.in_flight -= gone.total()
            self.bytes -= size - chunk.size
        self._pressure.count(chunk.kept, gone.total(), now)

    def view(self) -> dict[str, Any]:
        return {**super().view(), "rows_lost": self.rows_lost}

    def give_up(self, reason: str) -> None:
        super().give_up(reason)
        self.rows_lost += len(self._rows)
        self._rows = []

    def _halve(self, lot: Lot, error: ParcelTooLargeError) -> None:
        """
        Rows about entries held back go again, fewer at a time; a single one that is too large is given up.
        """
        told = lot.parcel.entries if isinstance(lot.parcel, Told) else []
        if len(told) <= 1:
            super()._halve(lot, error)
            return
        self._told_rows = len(told) // 2
        self._rows = [*told, *self._rows]
        self._lot = None

    def _end(self, lot: Lot, ended: list[tuple[str, str, int]]) -> None:
        super()._end(lot, ended)
        if isinstance(lot.parcel, Told) and all(outcome != "stored" for outcome, _, _ in ended):
            self.rows_lost += len(lot.parcel.entries)

    def _heed(self, receipt: Any, lot: Lot) -> None:
        super()._heed(receipt, lot)
        if isinstance(lot.parcel, Told) and isinstance(receipt, Receipt):
            self.rows_lost += sum([*receipt.rejected.values(), *receipt.limited.values()])
        if lot.kept and self._guards:
            said = receipt if isinstance(receipt, Receipt) else Receipt(silent=True)
            self._pressure.hear(said, lot.kept, self._terms.clock())


def is_guarded(sink: Sink, terms: Terms) -> bool:
    """
    Whether what waits for *sink* is held back while its other end refuses most.
    """
    return terms.heeds and getattr(sink, "guarded", False) is True


def outbox_for(sink: Sink, terms: Terms) -> Outbox:
    """
    Return what keeps entries in memory for *sink*.
    """
    return GuardedOutbox(sink, terms) if is_guarded(sink, terms) else Outbox(sink, terms)
