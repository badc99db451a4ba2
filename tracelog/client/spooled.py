"""
An outbox with a spool behind it: what is put in is on disk before it is tried, and leaves the disk when it
has reached its end.

Rows lie in this order: the parcel that is tried, the stock in memory, what is on disk only, the tail. Up to
the number `_written` they are on disk. While deliveries work there is no tail and nothing on disk only. When
too many rows wait for memory, the stock is forgotten and read again from the disk when its turn comes; while
the disk takes nothing, new rows stay in memory, as in any outbox.

The disk may hang, so nobody waits for it with the lock of the books held: what is put in is only laid down,
and sorted in by who holds the lock of this outbox. Who needs both takes that one first.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tracelog.client.lots import Bounds, Lot, Report, Terms
from tracelog.client.odd import shown
from tracelog.client.outbox import ROW_BYTES, Outbox
from tracelog.client.spool import Segment, Spool
from tracelog.client.stock import CHUNK_ROWS, Amount, Chunk, Stock, stock_of
from tracelog.core.compact import HOLE
from tracelog.sinks.base import ParcelTooLargeError, Sink

PAUSE_S: Final = 5.0
"""Seconds for which a disk that took nothing is left alone."""

END_S: Final = 0.15
"""Who ends waits so long for a disk that hangs; what it has not taken by then is counted as lost."""


class SpooledOutbox(Outbox):
    """
    Delivers to *sink* what is put in, and keeps it in *spool* until then.

    Args:
        bounds: Of what waits.
        done: Told the running number below which every row has reached its end.

    Attributes:
        parked: How many entries are on disk only.
        disk_trouble: Why the disk took nothing the last time; None when it did.
    """

    def __init__(
        self, sink: Sink, terms: Terms, spool: Spool, bounds: Bounds, done: Callable[[int], None]
    ) -> None:
        super().__init__(sink, terms._replace(retry_for=bounds.age))
        self._spool = spool
        self._bounds = bounds
        self._done = done
        self._using = threading.RLock()  # held by whoever moves rows or works with files
        self._arrived: list[Chunk] = []
        self._tail = Stock()
        self._pause_until = 0.0
        self.disk_trouble: str | None = None
        self.in_flight = self.parked = spool.left  # of who delivered before the settings changed
        self._parked_from: int | None = spool.first if spool.left else None
        self._written = terms.books.seq
        if not spool.left:
            spool.release(self._written)

    @property
    def idle(self) -> bool:
        return super().idle and self._parked_from is None and not self._tail and not self._arrived

    @property
    def _first_row(self) -> int | None:
        arrived = self._arrived[0].seq if self._arrived else None
        waiting = (super()._first_row, self._parked_from, self._tail.oldest, arrived)
        return next((number for number in waiting if number is not None), None)

    def used(self, slot: int) -> int:
        here = self.in_flight - self.parked
        return max(here, (self.bytes + ROW_BYTES * here) // slot)

    def send(self, report: Callable[[], Report], *, at_once: bool = False) -> bool:
        with self._using:
            if self._over:
                return False
            self._write_down()
            if self.bytes > self._bounds.memory:
                self._unload()
            self._load()
        more = super().send(report, at_once=at_once)
        with self._using:
            if not self._over:
                self._release()
        return more

    def _next(self, report: Callable[[], Report]) -> Lot | None:
        with self._using:
            return super()._next(report)

    def _halve(self, lot: Lot, error: ParcelTooLargeError) -> None:
        with self._using:
            super()._halve(lot, error)

    def shed(self, entries: int, size: int) -> None:
        """
        Make room in memory: first what is on disk as well goes, and only then entries are given up.
        """
        with self._using:
            here = self.in_flight - self.parked
            if self._over or (here <= entries and self.bytes + ROW_BYTES * here <= size):
                return
            self._write_down()
            self._unload()
            here = self.in_flight - self.parked
            wanted = Amount(here - entries, self.bytes + ROW_BYTES * here - size)
            for stock in (self._tail, self._stock):
                if wanted.entries > 0 or wanted.size > 0:
                    went = stock.lighten(wanted)
                    wanted = Amount(wanted.entries - went.entries, wanted.size - went.size)
                    self._lose("queue_overflow", went.entries, went.size)

    @contextmanager
    def still(self) -> Iterator[None]:
        """
        Bring to the disk what is not there yet, and keep it as it is within the block, in which all is given
        up. A disk that hangs is not waited for.
        """
        held = self._using.acquire(timeout=END_S)
        try:
            if held and not self._over:
                self._pause_until = 0.0
                self._write_down()
            yield
        finally:
            if held:
                self._using.release()

    def give_up(self, reason: str) -> None:
        """
        Leave on disk what is there, still in flight; the rest is counted as dropped for *reason*. Within
        `still`: where that could not wait, the server finds what is counted here and on disk as well.
        """
        with self._lock:
            if self._over:
                return
            loose = [*self._unwritten(), *self._tail.behind(0), *self._arrived]
            self._lose(reason, sum(chunk.kept for chunk in loose))
            self._over = True
            self._spool.left, self._spool.first = self.in_flight, self._first_row
            self._stock, self._tail, self._arrived, self.bytes = Stock(), Stock(), [], 0

    def _store(self, chunk: Chunk) -> None:
        self.bytes += chunk.size
        self._arrived.append(chunk)

    def _sort_in(self) -> None:
        """
        Put what has arrived where it belongs.
        """
        while self._arrived:
            direct = self._parked_from is None and not self._tail
            (self._stock if direct else self._tail).put(self._arrived.pop(0))

    def _unwritten(self) -> list[Chunk]:
        """
        Return what is in memory and not on disk, but for the tail.
        """
        tried, lot = Stock(), self._lot
        if lot is not None and lot.kept:
            tried.put(Chunk(lot.parcel.header.seq, lot.parcel.rows, lot.kept, lot.size))
        return [*tried.behind(self._written), *self._stock.behind(self._written)]

    def _write_down(self) -> None:
        """
        Write what is not on disk yet, in order; what of it is the tail is forgotten then.
        """
        self._sort_in()
        if self._terms.clock() < self._pause_until:
            return
        try:
            for chunk in self._unwritten():
                self._append(chunk)
            self._write_tail()
        except OSError as error:
            self.disk_trouble = f"{type(error).__name__}: {shown(error)}"
            self._pause_until = self._terms.clock() + PAUSE_S
        else:
            self.disk_trouble = None

    def _write_tail(self) -> None:
        while (chunk := self._tail.take(CHUNK_ROWS)) is not None:
            try:
                self._append(chunk, only_there=True)
            except OSError:
                self._tail.put_back(chunk)
                raise

    def _append(self, chunk: Chunk, *, only_there: bool = False) -> None:
        gone = self._spool.append(chunk, self._terms.wall() * 1000.0)
        if only_there:
            self._park(Amount(chunk.kept, chunk.size))
            self._parked_from = chunk.seq if self._parked_from is None else self._parked_from
        for place, segment in enumerate(gone):
            if self._parked_from is not None and segment.end > self._parked_from:
                following = [*gone[place + 1 :], *self._spool.segments]
                self._lose_parked("spool_full", self._kept_of(segment, following))
                self._go_to(segment.end)
        self._written = chunk.seq + len(chunk.rows)

    def _unload(self) -> None:
        """
        Forget the stock as far as it is on disk; what follows it becomes the tail.
        """
        if self._stock.oldest is None or self._spool.empty:
            return
        first = max(self._stock.oldest, self._spool.segments[0].seq)  # older files may have had to go
        if first >= self._written:
            return
        kept, loose = self._stock.before(first), self._stock.behind(self._written)
        there = self._stock.amount
        for chunk in [*kept, *loose]:
            there = Amount(there.entries - chunk.kept, there.size - chunk.size)
        self._park(there)
        self._parked_from = first
        self._stock, self._tail = stock_of(kept), stock_of([*loose, *self._tail.behind(0)])

    def _park(self, amount: Amount) -> None:
        with self._lock:
            self.parked += amount.entries
            self.bytes -= amount.size

    def _load(self) -> None:
        """
        Take what is next from the disk, when nothing in memory comes before it.
        """
        while self._parked_from is not None and self._lot is None and not self._stock:
            segment = self._spool.holding(self._parked_from)
            if segment is None:
                self._lose_parked("spool_damaged", self.parked)
                self._parked_from = None
            else:
                self._load_segment(segment, self._parked_from)
        if self._parked_from is None and self._tail and self._lot is None and not self._stock:
            self._stock, self._tail = self._tail, self._stock

    def _load_segment(self, segment: Segment, first: int) -> None:
        following = [other for other in self._spool.segments if other.seq >= segment.end]
        owed = self._kept_of(segment, following)
        oldest_ms = (self._terms.wall() - self._bounds.age) * 1000.0
        for batch in self._spool.read(segment):
            rows = batch.after(first).rows
            chunk = Chunk(batch.header.seq, rows, len(rows) - rows.count(HOLE), sum(map(len, rows)))
            owed -= chunk.kept
            if batch.header.sent_at < oldest_ms:
                self._lose_parked("spool_expired", chunk.kept)
            elif chunk.kept:
                self._park(Amount(-chunk.kept, -chunk.size))
                self._stock.put(chunk)
        self._lose_parked("spool_damaged", owed)
        self._go_to(segment.end)

    def _go_to(self, seq: int) -> None:
        """
        Let what is on disk only begin at number *seq* or behind it.
        """
        self._parked_from = seq if self._spool.holding(seq) is not None else None
        if self._parked_from is None:  # what should be there is gone: somebody removed a file
            self._lose_parked("spool_damaged", self.parked)

    def _kept_of(self, segment: Segment, following: list[Segment]) -> int:
        """
        Return how many entries of *segment*, the first with any, are on disk only: when its beginning is in
        memory, those that the *following* ones do not account for.
        """
        if self._parked_from is not None and segment.seq >= self._parked_from:
            return segment.kept
        return self.parked - sum(other.kept for other in following)

    def _lose_parked(self, reason: str, entries: int) -> None:
        with self._lock:
            self.parked -= entries
            self._lose(reason, entries)

    def _lose(self, reason: str, entries: int, size: int = 0) -> None:
        """
        Count *entries* as dropped, unless all was given up, and counted, meanwhile.
        """
        with self._lock:
            if not self._over:
                self.in_flight -= entries
                self.bytes -= size
                self.ledger.count("dropped", reason, entries)

    def _release(self) -> None:
        """
        Let go of what has reached its end.
        """
        oldest = self._first_row
        done = self._written if oldest is None else min(oldest, self._written)
        self._spool.release(done)
        self._done(done)
