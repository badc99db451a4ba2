"""
The account of one process: running numbers, and what became of each entry that no sink answers for.

It outlives a change of settings, so that `stats()` adds up over the life of the process.
"""

import threading
from collections import Counter
from typing import Any

from tracelog.client.gate import Gate
from tracelog.client.ids import new_source
from tracelog.core.ledger import WITHHELD, Ledger, view


class Books:
    """
    Numbers and counts.

    Attributes:
        lock: Held while the account changes, so that a reader sees it add up; never during a delivery.
        source: The name under which the entries of this process are numbered.
        seq: The number that the next row gets.
        ended: What ended outside the sinks now in use; what callers dropped is counted by the gate.
        unsent: The part of it that was suppressed here, before it was sent, by reason.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.renew()

    def renew(self) -> None:
        """
        Begin anew under a new name: at the start, and in a forked child, whose lock nobody holds.
        """
        self.lock = threading.RLock()
        self.source = new_source()
        self.seq = 0
        self.ended = Ledger()
        self.unsent: Counter[str] = Counter()
        self._holes = 0

    def give_numbers(self, rows: int) -> int:
        """
        Return the number of the first of *rows* rows. With the lock held.

        Entries that callers dropped leave a hole about where they would have stood, so that the other end
        sees that something is missing.
        """
        dropped = sum(self._gate.drops.read().values())
        self.seq += dropped - self._holes
        self._holes = dropped
        first = self.seq
        self.seq += rows
        return first

    def count(self, reasons: dict[str, int]) -> None:
        """
        Count entries as dropped, by reason. With the lock held.
        """
        for reason, n in reasons.items():
            self.ended.count("dropped", reason, n)

    def view(self, sink: Ledger, *, waiting: int, in_flight: int, closed: bool) -> dict[str, Any]:
        """
        Return the account in its promised shape. With the lock held.

        Args:
            sink: What the sink that decides has said.
            waiting: Rows in the queue. After the end nobody takes them: calls that overtook it.
            in_flight: Rows in the hands of that sink.
            closed: Whether the client was shut down.
        """
        drops = self._gate.drops.read()
        total = Ledger()
        total.add(self.ended)
        total.add(sink)
        for reason, n in drops.items():
            total.count("dropped", reason, n)
        if closed:
            total.count("dropped", "after_close", waiting)
        emitted = self.seq - self._holes + waiting + sum(drops.values())
        return view(total, emitted=emitted, in_flight=in_flight + (0 if closed else waiting))

    def dropped(self, sink: Ledger, unsent: Counter[str] | None = None) -> int:
        """
        Return how many entries ended on this side: the other end should know of them.

        What a sink logs itself is left out: a report about it would make it log again, for ever.

        Args:
            sink: What the sink that decides has said.
            unsent: What was suppressed before it was sent there, by reason.
        """
        drops = self._gate.drops.read()
        mine = sum(drops.values()) - drops["reentrant"]
        withheld = self.ended.limited.get(WITHHELD, 0) + sink.limited.get(WITHHELD, 0)
        folded = self.unsent.total() + (unsent.total() if unsent is not None else 0)
        return mine + sum(self.ended.dropped.values()) + sum(sink.dropped.values()) + withheld + folded
