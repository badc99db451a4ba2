"""
What left the queue: through the stages of `background.py` into one outbox for each sink, and out of these.
"""

import os
import threading
import time
from typing import Any, Final

from tracelog.client.background import Background
from tracelog.client.books import Books
from tracelog.client.complaint import Complaint
from tracelog.client.gate import Gate
from tracelog.client.guarded import outbox_for
from tracelog.client.keeping import Keeping
from tracelog.client.lots import Report, Terms
from tracelog.client.plan import Plan
from tracelog.client.spooled import SpooledOutbox
from tracelog.client.stock import CHUNK_ROWS
from tracelog.core.ledger import Ledger

PINNED: Final = 4
"""A parcel holds at most this part of the queue: what a sink was handed cannot make room for anything."""

REPORT_S: Final = 1.0
"""Between two reports that travel alone: while much is held back, little travels that could carry them."""

SAVING_S: Final = 0.15
"""What is queued at the end is cleaned and written to the spool for so long at most; the rest is counted."""

LAST_S: Final = 1.0
"""Who ends delivers what others left for so much longer: short programs would never come to it."""

PIECE: Final = 1_000
"""Rows that are saved at once."""


class Deliveries:
    """
    Rows on their way to the sinks, the first of which decides what the ledger says.

    Args:
        plan: What to work by.
        gate: Whose queue is taken from.
        books: The account of the process.
        complaint: Says what goes wrong.
    """

    def __init__(self, plan: Plan, gate: Gate, books: Books, complaint: Complaint) -> None:
        self._gate = gate
        self._books = books
        self._complaint = complaint
        self._over = self._handed_over = False
        self.background = Background(plan.header, plan.redactor, plan.settings.before_send)
        complaint.clean = self.background.clean
        settings = plan.settings
        terms = Terms(
            plan.header,
            settings.retry_for,
            books,
            time.monotonic,
            time.time,
            chance=_chance,
            most_rows=max(1, min(CHUNK_ROWS, settings.queue_entries // PINNED)),
            heeds=settings.limits,
            steady=self.background.steady,
        )
        self._keeping = plan.keeping or Keeping(gate, complaint)
        self._taking = threading.Lock()
        self._first = self._keeping.outbox(plan.sinks[0], terms)
        self._outboxes = [self._first, *(outbox_for(sink, terms) for sink in plan.sinks[1:])]
        self._reported = -REPORT_S

    # ---- asked by any thread

    @property
    def in_flight(self) -> int:
        """
        How many entries have left the queue and not reached their end. With the lock of the books held.
        """
        return max(outbox.in_flight for outbox in self._outboxes)

    def account(self, *, closed: bool) -> dict[str, Any]:
        """
        Return the ledger of the process in its promised shape. With the lock of the books held.
        """
        waiting, first = len(self._gate.queue), self._first
        return self._books.view(first.ledger, waiting=waiting, in_flight=first.in_flight, closed=closed)

    def by_sink(self) -> list[dict[str, Any]]:
        """
        Return the ledger of each sink. With the lock of the books held.
        """
        return [outbox.view() for outbox in self._outboxes]

    def report_due(self) -> bool:
        """
        Whether entries ended on this side that the other end has not been told of.
        """
        with self._books.lock:
            return self._books.dropped(self._first.ledger, self._first.unsent) > self._first.told

    def untold(self) -> bool:
        """
        Whether a flush would have something to say, though nothing waits.
        """
        return self.report_due() or any(outbox.untold for outbox in self._outboxes)

    def abandon(self, *, with_queue: bool) -> int:
        """
        Count as dropped what was not delivered, and return how much that is. Nothing is taken any more.
        """
        if with_queue and isinstance(self._first, SpooledOutbox):
            self._save_queue()
        with self._first.still(), self._books.lock:
            left = self.in_flight
            if with_queue:
                left += self._drop_queue()
            for outbox in self._outboxes:
                outbox.give_up("shutdown")
            self._over = True
            self._note(closed=with_queue)
        return left

    @property
    def spooled(self) -> int:
        """
        How many entries wait in the spool for the next start, once all was given up. With the lock held.
        """
        return self._first.in_flight if self._over else 0

    def hand_over(self) -> None:
        """
        Leave what the first sink said to the books: another one will be asked from now on.
        """
        with self._books.lock:
            self._books.ended.add(self._first.ledger)
            self._books.unsent += self._first.unsent
            self._first.ledger = Ledger()
            self._first.unsent.clear()
            self._handed_over = True

    def end(self) -> None:
        """
        Close the sinks, once no delivery is under way, and let go of the files unless another one goes on.

        When every entry has reached its end, and the other end knows of those that ended here, nobody needs
        the files any more.
        """
        self.close()
        if not self._handed_over:
            settled = self._first.in_flight == 0 and not self._gate.queue and not self.report_due()
            self._keeping.finish(settled=settled)

    def close(self) -> None:
        """
        Close the sinks.
        """
        for outbox in self._outboxes:
            close = getattr(outbox.sink, "close", None)
            try:
                if callable(close):
                    close()
            except Exception as error:  # the others have connections to let go of, too
                self._complaint.about(error)

    # ---- done by the background thread

    def take(self, count: int) -> int:
        """
        Move the first *count* rows of the queue into the outboxes, and return how many bytes these are.

        Callers only append: taking from the front needs no lock of theirs.
        """
        with self._taking:
            load = self.background(self._gate.queue[:count])
            with self._books.lock:
                if self._over:
                    return 0
                del self._gate.queue[: len(load.rows)]
                seq = self._books.give_numbers(len(load.rows))
                self._books.count(load.lost)
                for index, outbox in enumerate(self._outboxes):
                    outbox.put(seq, load, shared=index > 0)
        if load.trouble is not None:
            self._complaint(load.trouble)
        return load.size

    def send(self, turn_ends: float, *, at_once: bool) -> bool:
        """
        Deliver what is due until *turn_ends*, monotonic seconds, and return whether more is.

        When entries were lost and no batch is on its way that could say so, the report travels alone.
        """
        if at_once:
            self.tell()
        more = self._send(turn_ends, at_once=at_once)
        now = time.monotonic()
        if self.quiet and (at_once or now - self._reported >= REPORT_S) and self.report_due():
            self._reported = now
            self._first.post(self._report())
            more = self._send(turn_ends, at_once=at_once)
        return more

    def tell(self) -> None:
        """
        Let rows about entries that were held back travel now.
        """
        for outbox in self._outboxes:
            outbox.tell()

    def shed(self, entries: int, size: int) -> None:
        """
        Give up waiting rows, lowest level first, until no outbox holds more than so many.
        """
        for outbox in self._outboxes:
            outbox.shed(entries, size)

    def used(self, slot: int) -> int:
        """
        Return how many slots of *slot* bytes are filled.
        """
        return max([outbox.used(slot) for outbox in self._outboxes])

    @property
    def quiet(self) -> bool:
        return all(outbox.idle for outbox in self._outboxes)

    def reached(self, target: int) -> bool:
        """
        Whether no row before number *target* waits.
        """
        oldest = [outbox.oldest for outbox in self._outboxes]
        return all(number is None or number >= target for number in oldest)

    def _send(self, turn_ends: float, *, at_once: bool) -> bool:
        more = False
        for outbox in reversed(self._outboxes):  # the last is a console, which waits for no server
            while not self._over and outbox.send(self._report, at_once=at_once):
                self._note()
                if time.monotonic() > turn_ends:
                    more = more or not outbox.idle
                    break
            if outbox.trouble is not None and not self._over:
                self._complaint(outbox.trouble)
        self._note()
        return more

    def salvage(self, until: float) -> bool:
        """
        Deliver what ended processes left, *until* a moment of the monotonic clock, when nothing of our own
        waits and the first sink works; return whether there is more.
        """
        if not self._first.idle or self._first.trouble is not None:
            return False
        return self._keeping.salvage(self._first.sink, lambda: until + (LAST_S if self._over else 0.0))

    def _note(self, *, closed: bool = False) -> None:
        """
        Write down what ended, so that it is known even when the process is killed.
        """
        if self._keeping.active:
            with self._books.lock:
                ledger, unsent = Ledger(), self._books.unsent + self._first.unsent
                ledger.add(self._books.ended)
                ledger.add(self._first.ledger)
                self._keeping.note(ledger, unsent, self._first.told, closed=closed or self._over)

    def _save_queue(self) -> None:
        """
        Bring what is queued to the outbox with a spool, at the end, on any thread.
        """
        ends = time.monotonic() + SAVING_S
        while self._gate.queue and time.monotonic() < ends:
            if not self._taking.acquire(timeout=SAVING_S):
                return  # the thread hangs in a hook
            self._taking.release()
            self.take(PIECE)

    def _report(self) -> Report:
        with self._books.lock:
            shown = self.account(closed=False)
            if self._books.unsent or self._first.unsent:
                shown["unsent"] = dict(self._books.unsent + self._first.unsent)
            return Report(shown, self._books.dropped(self._first.ledger, self._first.unsent))

    def _drop_queue(self) -> int:
        rows = len(self._gate.queue)
        self._books.give_numbers(rows)
        self._books.count({"shutdown": rows})
        del self._gate.queue[:rows]
        return rows


def _chance() -> float:
    return int.from_bytes(os.urandom(4), "big") / 2**32
