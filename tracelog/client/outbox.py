"""
What waits for one sink: parcels in order, and the account of how each entry ended.

Belongs to the background thread. Clocks and chance are handed in, so that every rule here can be tested
without waiting.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import msgspec

from tracelog.client.load import Load
from tracelog.client.lots import Lot, Report, Terms
from tracelog.client.odd import SIGNALS, shown
from tracelog.client.receipts import REASON_CHARS, outcomes
from tracelog.client.retry import Retry
from tracelog.client.stock import Amount, Chunk, Stock, withhold
from tracelog.core.compact import HOLE, Header, read_rows
from tracelog.core.entry import ERROR_RANK
from tracelog.core.ledger import WITHHELD, Ledger, view
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, ParcelTooLargeError, Receipt, Sink

ROW_BYTES: Final = 48
"""What Python needs around the bytes of a row: 33 for the object, 8 for its place in a list, and rounding."""


class Outbox:
    """
    Delivers to *sink* what is put in, in order, each entry once.

    Attributes:
        ledger: How the entries ended.
        in_flight: How many have not; *bytes* their size.
        told: How many dropped entries the other end has been told of.
        unsent: Those counted as suppressed here, before they were sent, by reason; a part of the ledger's.
        trouble: What the last failure said; None when all is well.
    """

    def __init__(self, sink: Sink, terms: Terms) -> None:
        self.sink = sink
        self.ledger = Ledger()
        self.in_flight = 0
        self.bytes = 0
        self.told = 0
        self.unsent: Counter[str] = Counter()
        self.trouble: str | None = None
        self._terms = terms
        self._lock = terms.books.lock
        self._stock = Stock()
        self._lot: Lot | None = None
        self._retry = Retry()
        self._most_rows = terms.most_rows
        self._over = False
        self._held_until = 0.0

    @property
    def idle(self) -> bool:
        return self._lot is None and not self._stock

    @property
    def oldest(self) -> int | None:
        """
        The number of the first row that waits, or None.
        """
        return self._first_row

    @property
    def _first_row(self) -> int | None:
        """
        The same, whatever else somebody waits for.
        """
        tried = self._lot is not None and self._lot.kept
        return self._lot.parcel.header.seq if self._lot is not None and tried else self._stock.oldest

    @property
    def untold(self) -> bool:
        """
        Whether something is counted here that no row has told of; see `guarded.py`.
        """
        return False

    def tell(self) -> None:
        """
        Let rows travel now that would be due later.
        """

    def view(self) -> dict[str, Any]:
        """
        Return the ledger of the sink in its promised shape. With the lock held.
        """
        shown = view(self.ledger, emitted=self.ledger.ended() + self.in_flight, in_flight=self.in_flight)
        return {"sink": type(self.sink).__name__, "trouble": self.trouble, **shown}

    def used(self, slot: int) -> int:
        """
        Return how many slots of *slot* bytes are filled: at least one for each entry, and all of its memory.
        """
        return max(self.in_flight, (self.bytes + ROW_BYTES * self.in_flight) // slot)

    def put(self, seq: int, load: Load, *, shared: bool = False) -> None:
        """
        Take over the rows of *load*, numbered from *seq*; a copy when they are *shared* with another outbox.

        With the lock of the books held: leaving the queue and arriving here is one step.
        """
        if self._over or not load.rows:
            return
        held = self._terms.clock() < self._held_until
        chunk = Chunk(seq, load.rows[:] if shared or held else load.rows, load.kept, load.size)
        if held:
            self.ledger.count("limited", WITHHELD, withhold(chunk, ERROR_RANK).entries)
        self.in_flight += chunk.kept
        self._store(chunk)

    def _store(self, chunk: Chunk) -> None:
        self.bytes += chunk.size
        self._stock.put(chunk)

    def post(self, report: Report) -> None:
        """
        Let *report* travel alone, when nothing waits that could carry it.
        """
        if self.idle:
            self._lot = self._pack(Chunk(self._terms.books.seq, [], 0, 0), report)

    def send(self, report: Callable[[], Report], *, at_once: bool = False) -> bool:
        """
        Hand over one parcel if one is due, and return whether there may be another one to hand over now.

        Args:
            report: Returns the client's ledger, to travel along.
            at_once: Try even before our own pause is over.
        """
        if self._over or self.idle or not self._retry.is_due(self._terms.clock(), at_once=at_once):
            return False
        if self._lot is None:
            self._lot = self._next(report)
        return self._lot is None or self._deliver(self._lot)

    def _next(self, report: Callable[[], Report]) -> Lot | None:
        """
        Return what to deliver next; None when nothing is left of what was next.
        """
        chunk = self._stock.take(self._most_rows)
        return None if chunk is None else self._pack(chunk, report())

    def _deliver(self, lot: Lot) -> bool:
        try:
            receipt = self.sink(lot.parcel)
        except ParcelTooLargeError as error:
            self._halve(lot, error)
        except SinkUnavailableError as error:
            return self._later(lot, error)
        except BaseException as error:  # a sink of the user's may raise anything; its entries are counted
            self._refused(lot, error)
        else:
            self.trouble = None
            self._retry.worked()
            self._most_rows = min(self._terms.most_rows, self._most_rows + self._most_rows // 8 + 1)
            self._end(lot, outcomes(receipt, lot.kept))
            self._heed(receipt, lot)
        return True

    def _heed(self, receipt: Any, lot: Lot) -> None:  # noqa: ARG002 - for who overrides it
        """
        Keep to what the other end said of its quota: what it would refuse need not travel.
        """
        seconds = receipt.hold_s if isinstance(receipt, Receipt) and self._terms.heeds else 0.0
        if seconds > 0.0:
            self._held_until = self._terms.clock() + seconds
            self.trouble = (
                f"the quota is used up; entries below error are withheld and counted for {seconds:.0f} s"
            )

    def shed(self, entries: int, size: int) -> None:
        """
        Give up waiting rows, lowest level first, until at most *entries* entries in *size* bytes are left.
        """
        with self._lock:
            wanted = Amount(self.in_flight - entries, self.bytes + ROW_BYTES * self.in_flight - size)
            if self._over or (wanted.entries <= 0 and wanted.size <= 0):
                return
            went = self._stock.lighten(wanted)
            self.in_flight -= went.entries
            self.bytes -= went.size
            self.ledger.count("dropped", "queue_overflow", went.entries)

    def still(self) -> AbstractContextManager[object]:
        """
        Return what keeps all as it is within its block, in which everything is given up.
        """
        return nullcontext()

    def give_up(self, reason: str) -> None:
        """
        Count everything that still waits as dropped for *reason*. What the sink says later is not heard.
        """
        with self._lock:
            if self._over:
                return
            self._over = True
            self.ledger.count("dropped", reason, self.in_flight)
            self.in_flight = self.bytes = 0
            self._stock = Stock()

    def _pack(self, chunk: Chunk, report: Report) -> Lot:
        header = msgspec.structs.replace(
            self._terms.header, seq=chunk.seq, sent_at=self._terms.wall() * 1000.0, report=report.shown
        )
        return Lot(Parcel(header, chunk.rows), chunk.kept, chunk.size, report.dropped)

    def _halve(self, lot: Lot, error: ParcelTooLargeError) -> None:
        rows = lot.parcel.rows
        if len(rows) <= 1:
            self._refused(lot, error)
            return
        self._most_rows = len(rows) // 2
        self._stock.put_back(Chunk(lot.parcel.header.seq, rows, lot.kept, lot.size))
        self._lot = None

    def _later(self, lot: Lot, error: SinkUnavailableError) -> bool:
        now = self._terms.clock()
        self.trouble = shown(error)
        self._retry.failed(now, error.retry_after, self._terms.chance())
        lot.since = now if lot.since is None else lot.since
        if now - lot.since >= self._terms.retry_for:
            self._end(lot, [("dropped", "retry_expired", lot.kept)])
        return False

    def _refused(self, lot: Lot, error: BaseException) -> None:
        """
        A row that the sink cannot read must not cost the others their delivery: they are tried without it.
        """
        self.trouble = f"{type(error).__name__}: {shown(error)}"
        if not isinstance(error, SIGNALS) and self._weed(lot):
            return
        if isinstance(error, SinkRefusedError):
            self._end(lot, [("rejected", shown(error.reason)[:REASON_CHARS], lot.kept)])
        else:
            self._end(lot, [("dropped", "sink_error", lot.kept)])

    def _weed(self, lot: Lot) -> bool:
        """
        Take out of *lot* the rows that nobody can read; return whether there were any.
        """
        header, rows = lot.parcel.header, lot.parcel.rows
        broken = [index for index, row in enumerate(rows) if not _readable(header, row)]
        if not broken:
            return False
        freed = sum(len(rows[index]) - len(HOLE) for index in broken)
        for index in broken:
            rows[index] = HOLE
        lot.parcel = Parcel(header, rows)  # what the sink made of the old one is of no use
        lot.kept -= len(broken)
        lot.size -= freed
        with self._lock:
            if not self._over:
                self.ledger.count("dropped", "encode", len(broken))
                self.in_flight -= len(broken)
                self.bytes -= freed
        return True

    def _end(self, lot: Lot, ended: list[tuple[str, str, int]]) -> None:
        """
        The one place where a parcel's entries reach their end.
        """
        with self._lock:
            self._lot = None
            if self._over:
                return
            for outcome, reason, n in ended:
                self.ledger.count(outcome, reason, n)
            self.in_flight -= lot.kept
            self.bytes -= lot.size
            self.told = max(self.told, lot.told)


def _readable(header: Header, row: bytes) -> bool:
    try:
        read_rows(header, [row])
    except Exception:  # what makes a row unreadable can be anything; the answer is no
        return False
    return True
