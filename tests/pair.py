"""
A client and the other end of its wire, in one process and without a network.

The client is the real one, thread and all. What it sends is bytes; the other end reads them as a server does and
keeps each entry once. How it answers, a test says step by step; what no step is left for is taken.
"""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from tracelog.client.client import Client
from tracelog.core.compact import VERSION, Header, decode_batch, encode_batch
from tracelog.core.entry import Entry
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, ParcelTooLargeError, Receipt

Step = Callable[["Wire", Batch], Receipt]


UNREADABLE = msgspec.Raw(b"\xc1")
"""A value that makes a row which nobody can read."""


def decoded(rows: list[bytes]) -> list[Entry]:
    """
    Return the entries of *rows*, read as a server reads them.
    """
    header = Header(v=VERSION, source="s", system="backend")
    entries = []
    for at in range(0, len(rows), 10_000):
        body = encode_batch(header, rows[at : at + 10_000])
        batch = decode_batch(body, now_ms=time.time() * 1000.0, mint=Mint(trace_id=str, entry_id=str))
        assert batch.drops == []
        entries += batch.entries
    return entries


class Wire:
    """
    The other end, as a sink.

    Attributes:
        entries: What arrived, by id, in order of arrival.
        tries: The ids of each delivery that was tried.
        duplicates: How many entries came that were there already.
        reports: The ledgers that came along.
        closed: How often it was closed.
    """

    def __init__(self, *steps: Step) -> None:
        self.entries: dict[str, Entry] = {}
        self.tries: list[list[str]] = []
        self.duplicates = 0
        self.reports: list[dict[str, Any]] = []
        self.closed = 0
        self._steps = list(steps)
        self._numbers = itertools.count()

    def __call__(self, parcel: Parcel) -> Receipt:
        mint = Mint(trace_id=lambda: "e" * 32, entry_id=lambda: f"minted-{next(self._numbers)}")
        batch = decode_batch(parcel.body, now_ms=time.time() * 1000.0, mint=mint)
        assert batch.drops == [], f"the server would reject {batch.drops}"
        self.tries.append([entry.id for entry in batch.entries])
        if parcel.header.report is not None:
            self.reports.append(parcel.header.report)
        return (self._steps.pop(0) if self._steps else taken)(self, batch)

    def close(self) -> None:
        self.closed += 1

    def then(self, *steps: Step) -> None:
        """
        Answer by *steps* from now on, before all is taken again.
        """
        self._steps[:] = steps

    @property
    def messages(self) -> list[str]:
        return [entry.message for entry in self.entries.values()]


def taken(wire: Wire, batch: Batch) -> Receipt:
    """
    Keep what is new.
    """
    fresh = {entry.id: entry for entry in batch.entries if entry.id not in wire.entries}
    wire.entries |= fresh
    duplicates = len(batch.entries) - len(fresh)
    wire.duplicates += duplicates
    return Receipt(duplicate=duplicates)


def away(retry_after: float | None = None) -> Step:
    """
    Return the step of a server that cannot take anything now.
    """

    def step(_wire: Wire, _batch: Batch) -> Receipt:
        raise SinkUnavailableError("nobody answers", retry_after=retry_after)

    return step


def away_for(seconds: float) -> Step:
    """
    Return the step of a server that is gone from the first delivery on, for *seconds*, however often it is tried.
    """
    back_at: list[float] = []

    def step(wire: Wire, batch: Batch) -> Receipt:
        back_at.append(time.monotonic() + seconds)
        if time.monotonic() >= back_at[0]:
            return taken(wire, batch)
        wire._steps.insert(0, step)
        raise SinkUnavailableError("nobody answers")

    return step


def unheard(wire: Wire, batch: Batch) -> Receipt:
    """
    Keep everything, and lose the answer on the way back.
    """
    taken(wire, batch)
    raise SinkUnavailableError("the answer was lost")


def refused(wire: Wire, batch: Batch) -> Receipt:
    """
    Never take this batch.
    """
    raise SinkRefusedError("no", reason="http_400")


def too_large(most: int) -> Step:
    """
    Return the step of a server that takes batches of at most *most* entries, for ever.
    """

    def step(wire: Wire, batch: Batch) -> Receipt:
        wire._steps.insert(0, step)
        if len(batch.entries) > most:
            raise ParcelTooLargeError(f"{most} at most")
        return taken(wire, batch)

    return step


def raises(error: BaseException) -> Step:
    """
    Return the step of a sink that is broken.
    """

    def step(_wire: Wire, _batch: Batch) -> Receipt:
        raise error

    return step


def hangs(until: threading.Event, then: Step = taken) -> Step:
    """
    Return the step of a server that does not answer *until* something happens.
    """

    def step(wire: Wire, batch: Batch) -> Receipt:
        until.wait(30)
        return then(wire, batch)

    return step


def answers(receipt: Receipt) -> Step:
    """
    Return the step of a server that keeps everything and says *receipt*.
    """

    def step(wire: Wire, batch: Batch) -> Receipt:
        taken(wire, batch)
        return receipt

    return step


def pair(*steps: Step, **settings: Any) -> tuple[Client, Wire]:
    """
    Return a client and the other end of its wire, which answers by *steps*.

    Redaction, which takes long to set up, is off unless it is asked for.
    """
    wire = Wire(*steps)
    given = {"service": "till", "flush_interval": 0.01, "redact": False, **settings}
    return Client(sinks=[wire], **given), wire
