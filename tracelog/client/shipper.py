"""
Between the queue and the deliveries: the budget of the callers, the thread, and who waits for it.

One shipper serves one set of settings. A change of settings retires it and puts the next one behind the same
gate and the same books, so that calls and numbers go on.
"""

import threading
import time
from typing import Any, Final

import msgspec

from tracelog.client.books import Books
from tracelog.client.complaint import Complaint
from tracelog.client.context import PLACE
from tracelog.client.deliveries import Deliveries
from tracelog.client.flushes import Flush, Flushes, wait_seconds
from tracelog.client.gate import SLOT, Gate
from tracelog.client.hop import MUTED
from tracelog.client.looper import Found, Looper
from tracelog.client.plan import Plan

TURN_S: Final = 0.1
"""Sending goes on for so long before the queue is looked at again: a long backlog must not let it fill up."""

SPARE: Final = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 4)
"""By rank: the part of the bound that entries may fill beyond it. What a higher level has to itself, no flood
of a lower one can take; the thread then sheds the lowest level down to the bound."""


PIECE: Final = 1_000
"""Slots that move on at a time: what is scanned is copied for it, and the copy must not double the queue."""

FORK_S: Final = 1.0
"""A fork waits so long at most for a scan to end; one of a whole queue takes a twentieth of it."""


class Shipper:
    """
    Attends a gate.

    Args:
        plan: What to work by.
        gate: Where the calling threads queue rows.
        books: The account of the process.
        complaint: Says what goes wrong.
    """

    def __init__(self, plan: Plan, gate: Gate, books: Books, complaint: Complaint) -> None:
        self.plan = plan
        self._gate = gate
        self._books = books
        self._complaint = complaint
        settings = plan.settings
        self._bound = max(1, min(settings.queue_entries, settings.queue_bytes // SLOT))
        self._slot = max(SLOT, settings.queue_bytes // self._bound)
        self._spare = tuple(int(self._bound * part) for part in SPARE)
        self._closed = False
        self._retired = False
        self._leaving = False
        self._set_up()

    def _set_up(self) -> None:
        """
        Begin with nothing in hand: at the start, and in a forked child.
        """
        self._turn = threading.Lock()
        self._asleep = False
        self._settled = self._gate.charged
        self._flushes = Flushes()
        self._deliveries = Deliveries(self.plan, self._gate, self._books, self._complaint)
        self._looper = Looper(
            self.look,
            failed=self._complaint.about,
            interval=self.plan.settings.flush_interval,
            doze=self._doze,
            ended=self._deliveries.end,
        )
        self._gate.attend(self.full, self._bound, self._slot)

    # ---- asked by any thread

    def full(self, rank: int) -> bool:
        """
        Decide for a call that found the queue at its high water: True means the entry is dropped and counted.

        Reached when the thread sleeps or has not started (then it is woken), and when there is no room: lower
        levels go first, higher ones have room beyond the bound.
        """
        gate = self._gate
        if self._closed:
            gate.drops.count("after_close")
            return True
        if self._asleep or not self._looper.alive:
            self._wake()
        if len(gate.queue) < gate.budget + self._spare[rank]:
            return False
        next(gate.drops.cells.drop["queue_overflow"])
        self._looper.ring()
        return True

    def pending(self) -> int:
        """
        Return how many entries have not reached their end.
        """
        with self._books.lock:
            waiting = 0 if self._closed else len(self._gate.queue)
            return self._deliveries.in_flight - self._deliveries.spooled + waiting

    def stats(self) -> dict[str, Any]:
        """
        Return the ledger of this process in its promised shape, with one of each sink.
        """
        with self._books.lock:
            account = self._deliveries.account(closed=self._closed)
            return {**account, "sinks": self._deliveries.by_sink()}

    def flush(self, timeout: float) -> int:
        """
        Return how many of the entries logged before still wait, after trying for *timeout* seconds.
        """
        if self._looper.is_current or not (self.pending() or self._deliveries.untold()):
            return self.pending()
        deadline = time.monotonic() + wait_seconds(timeout)
        flush = self.nudge()
        if self._looper.alive:
            flush.wait(deadline - time.monotonic())
        else:
            self._flush_here(flush, deadline)
        self._flushes.leave(flush)
        return 0 if flush.delivered else self.pending()

    def nudge(self) -> Flush:
        """
        Ask for delivery now, without waiting for it.
        """
        flush = self._flushes.ask()
        self._wake()
        return flush

    def shutdown(self, timeout: float) -> int:
        """
        Deliver for *timeout* seconds, stop, count what is left as dropped and return that number.
        """
        if self._closed:
            return 0
        deadline = time.monotonic() + wait_seconds(timeout)
        self.flush(timeout)
        self._closed = True
        self._gate.high_water = 0
        left = self._deliveries.abandon(with_queue=True)
        self._stop(deadline, left)
        return left

    def retire(self, timeout: float) -> None:
        """
        Make room for another shipper: deliver for *timeout* seconds, and leave the queue to the next one.
        """
        deadline = time.monotonic() + wait_seconds(timeout)
        if not self._closed:
            self.flush(timeout)
        self._retired = True
        left = self._deliveries.abandon(with_queue=False)
        self._deliveries.hand_over()
        self._stop(deadline, left)

    def leave(self) -> None:
        """
        End when all is delivered: nobody holds the client any more. Waits for nothing.
        """
        self._leaving = True
        if self._looper.alive:
            self._looper.wake()
        elif not self._closed:
            self._deliveries.end()

    def before_fork(self) -> bool:
        """
        Come to a point where a child can be forked; return whether `go_on` must follow in the parent.
        """
        return self._deliveries.background.pause(FORK_S)

    def go_on(self) -> None:
        self._deliveries.background.go_on()

    def after_fork(self) -> None:
        """
        In a forked child: no thread, nothing queued, locks that nobody holds. The parent delivers its own.
        """
        self._gate.empty()
        self._books.renew()
        self._deliveries.close()
        header = msgspec.structs.replace(self.plan.header, source=self._books.source)
        self.plan = self.plan._replace(header=header)
        if self.plan.keeping is not None:
            self.plan.keeping.renew(header)
        self._set_up()

    # ---- done by the background thread

    def look(self, now: float) -> Found:
        """
        Do what is due at *now*, monotonic seconds. Sinks and hooks run here: what they log is not heard.
        """
        if not self._turn.acquire(blocking=False):
            return Found(busy=False, more=False)
        place = PLACE.set(MUTED)
        try:
            return self._look(now + TURN_S)
        finally:
            PLACE.reset(place)
            self._turn.release()

    def _look(self, turn_ends: float) -> Found:
        deliveries = self._deliveries
        asking = self._flushes.snapshot()
        moved = self._take()
        at_once = self._flushes.aim(asking, self._books.seq)
        used = deliveries.used(self._slot)
        if self._leaving:
            deliveries.tell()
        more = deliveries.send(turn_ends, at_once=at_once)
        delivered = used - deliveries.used(self._slot)
        if delivered:
            self._allow(self._gate.budget + delivered)
        self._flushes.settle(deliveries.reached)
        more = deliveries.salvage(turn_ends) or more
        return Found(busy=more or moved or bool(self._flushes) or not deliveries.quiet, more=more)

    def _take(self) -> bool:
        """
        Move on what is in the queue now, piece by piece, and return whether there was anything.

        What moves on takes as much room there as it leaves in the queue: the bound holds for both together.
        """
        gate = self._gate
        waiting, charged = len(gate.queue), gate.charged
        large = charged - self._settled
        piece = max(1, PIECE * waiting // (waiting + large)) if waiting else PIECE
        for start in range(0, waiting, piece):
            size = self._deliveries.take(min(piece, waiting - start))
            self._settled = min(charged, self._settled + size // self._slot)
            self._make_room()
        self._settled = charged
        self._make_room()
        return waiting > 0

    def _make_room(self) -> None:
        """
        Give up what is beyond the bound, lowest level first, and allow the callers what is left of it.
        """
        used = self._deliveries.used(self._slot)
        if used > self._bound:
            self._deliveries.shed(self._bound, self._bound * self._slot)
            used = self._deliveries.used(self._slot)
        self._allow(self._bound - used - self._gate.charged + self._settled)

    def _allow(self, slots: int) -> None:
        if not (self._closed or self._retired):
            self._gate.budget = slots
            self._gate.high_water = 0 if self._asleep else slots

    def _doze(self) -> bool:
        """
        Close the gate so that the next call wakes the thread; False when something slipped in meanwhile.
        """
        self._asleep = True
        self._gate.high_water = 0
        if self._gate.queue or self._flushes or not self._deliveries.quiet:
            self._asleep = False
            return False
        if self._leaving:
            self._closed = True
            self._looper.stop(0.0)
        return True

    def _wake(self) -> None:
        self._asleep = False
        if not self._closed:
            self._gate.high_water = self._gate.budget
        self._looper.wake()

    def _flush_here(self, flush: Flush, deadline: float) -> None:
        """
        Deliver on the calling thread: no other can be started, as while the interpreter ends.
        """
        while (now := time.monotonic()) < deadline:
            self.look(now)
            if flush.delivered:
                return
            time.sleep(min(self.plan.settings.flush_interval, max(0.0, deadline - time.monotonic())))

    def _stop(self, deadline: float, left: int) -> None:
        self._flushes.dismiss()
        self._looper.stop(deadline - time.monotonic())
        if left:
            kept = self._deliveries.spooled
            where = f"; the spool keeps {kept:,}" if kept else ""
            self._complaint(f"{left:,} {'entry was' if left == 1 else 'entries were'} not delivered{where}")
