"""
What ended processes left: their spooled entries are delivered, and the server is told what became of the
rest.

A process's files are claimed by its lock, worked off in order, and removed when the server has taken the
last word about them. Whatever stops that in the middle, the next one goes on where it stopped: entries that
are sent twice have the same ids.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from tracelog.client.account import Account
from tracelog.client.folder import ACCOUNT, lock, segments, sources
from tracelog.client.odd import SIGNALS, shown
from tracelog.client.receipts import REASON_CHARS, outcomes
from tracelog.core.account_format import State
from tracelog.core.compact import VERSION
from tracelog.core.ledger import Ledger
from tracelog.core.rows import Header
from tracelog.core.spool_format import Batch, read_body, scan
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, ParcelTooLargeError, Sink

MENDABLE: Final = frozenset({"http_401", "http_403", "http_404"})
"""Refusals that another key or address mends: what waits on disk can wait for that."""


class Known(NamedTuple):
    """
    What is known of an ended process.

    Attributes:
        source: Its name in the ledger; *service* and *system* as it called itself.
        address: Of its server, when it may stand in a file.
        emitted: Log calls it made; None when its account is missing or damaged.
        stored: Entries that were known to be stored.
        waiting: Entries in its spool that nobody is known to have.
        damaged: Stretches of its files that cannot be read.
        lost: Entries that are neither stored nor waiting nor counted otherwise.
        report: Its ledger, as the server is told in the end.
    """

    source: str
    service: str | None
    system: str
    address: str
    emitted: int | None
    stored: int
    waiting: int
    damaged: int
    lost: int
    report: dict[str, Any] | None


class Left:
    """
    The files that the process *source* left in *folder*, held by the lock *held*.
    """

    def __init__(self, folder: Path, source: str, held: int) -> None:
        self.source = source
        self.files = segments(folder, source)
        self.damaged = 0
        self._path = folder / f"{source}{ACCOUNT}"
        self._held = held
        self._account = _opened(self._path, held)
        self.state = None if self._account is None else self._account.read()
        self._unread = int(self.state is None and self._path.exists())
        if self.state is None:
            self._account = None

    def batches(self) -> Iterator[tuple[Path, Batch]]:
        """
        Yield what waits in the spool, in order, by the file it is in.
        """
        done = self.state.done if self.state is not None else 0
        self.damaged = self._unread
        for file in self.files:
            for found in scan(_content(file)):
                batch = None if found.body is None else read_body(found.body)
                if batch is None:
                    self.damaged += 1
                elif (waiting := batch.after(done)).kept:
                    yield file, waiting

    def ended(self, batch: Batch, ends: list[tuple[str, str, int]]) -> None:
        """
        Write down how the entries of *batch* ended.
        """
        if self.state is None or self._account is None:
            return
        for outcome, reason, n in ends:
            self.state.note.ledger.count(outcome, reason, n)
        self.state.done = self._account.done = batch.header.seq + len(batch.rows)
        self._account.write(self.state.note)

    def header(self) -> Header | None:
        """
        Return what the process called itself.
        """
        if self.state is not None:
            return self.state.note.header
        return next((batch.header for _, batch in self.batches()), None)

    def tell(self) -> Known:
        """
        Return what is known.
        """
        header = self.header() or Header(source=self.source)
        waiting = sum(batch.kept for _, batch in self.batches())
        state = self.state
        if state is None:
            return Known(
                self.source, header.service, header.system, "", None, 0, waiting, self.damaged, 0, None
            )
        return Known(
            self.source,
            header.service,
            header.system,
            state.note.address,
            state.emitted,
            state.note.ledger.stored,
            waiting,
            self.damaged,
            max(0, state.owed - waiting),
            state.report(final=True),
        )

    def remove(self) -> None:
        """
        Remove all files: nothing of them is needed any more. The account goes last, as it holds the lock.
        """
        for path in (*self.files, self._path):
            path.unlink(missing_ok=True)

    def let_go(self) -> None:
        os.close(self._held)


def claim(folder: Path) -> Iterator[Left]:
    """
    Yield what each ended process left in *folder*, the oldest first, and let go of it afterwards.
    """
    for source in sources(folder):
        held = _lock(folder, source)
        if held is None:  # it lives, or somebody else is at it
            continue
        left = Left(folder, source, held)
        try:
            yield left
        finally:
            left.let_go()


class Salvage:
    """
    Delivers to *sink* what was *left*, a piece at a time.

    Args:
        wall: Returns Unix seconds.
        age: Seconds after which what waits is given up.

    Attributes:
        ends: What became of the spooled entries.
    """

    def __init__(self, left: Left, sink: Sink, wall: Callable[[], float], age: float) -> None:
        self._left = left
        self._sink = sink
        self._wall = wall
        self._age = age
        self.ends = Ledger()

    def steps(self) -> Iterator[None]:
        """
        Yield after each parcel.

        Raises:
            SinkUnavailableError: When the sink takes nothing now: all is kept for another time.
        """
        left = self._left
        delivered = False
        for _, batch in left.batches():
            if batch.header.sent_at < (self._wall() - self._age) * 1000.0:
                self._note(batch, [("dropped", "spool_expired", batch.kept)])
                continue
            self._deliver(batch)
            delivered = True
            yield
        if left.state is not None and (delivered or left.state.untold):
            self._say_last(left.state)
        left.remove()

    def _say_last(self, state: State) -> None:
        header = msgspec.structs.replace(state.note.header, v=VERSION, seq=state.emitted)
        try:
            self._send(Batch(header, []), state.report(final=True))
        except SinkRefusedError as error:  # another key or server may take it
            raise SinkUnavailableError(str(error)) from error

    def _deliver(self, batch: Batch) -> None:
        report = self._left.state.report(final=False) if self._left.state is not None else None
        try:
            ends = outcomes(self._send(batch, report), batch.kept)
        except SinkUnavailableError:
            raise
        except ParcelTooLargeError as error:
            if len(batch.rows) > 1:
                for half in _halves(batch):
                    self._deliver(half)
                return
            ends = [("rejected", error.reason, batch.kept)]
        except SinkRefusedError as error:
            if error.reason in MENDABLE:
                raise SinkUnavailableError(str(error)) from error
            ends = [("rejected", shown(error.reason)[:REASON_CHARS], batch.kept)]
        except SIGNALS:
            raise
        except Exception:  # a sink of the user's may raise anything; its entries are counted
            ends = [("dropped", "sink_error", batch.kept)]
        self._note(batch, ends)

    def _note(self, batch: Batch, ends: list[tuple[str, str, int]]) -> None:
        for outcome, reason, n in ends:
            self.ends.count(outcome, reason, n)
        self._left.ended(batch, ends)

    def _send(self, batch: Batch, report: dict[str, Any] | None) -> Any:
        header = msgspec.structs.replace(batch.header, sent_at=self._wall() * 1000.0, report=report)
        return self._sink(Parcel(header, batch.rows))


def _halves(batch: Batch) -> Iterator[Batch]:
    middle = len(batch.rows) // 2
    behind = msgspec.structs.replace(batch.header, seq=batch.header.seq + middle)
    for half in (Batch(batch.header, batch.rows[:middle]), Batch(behind, batch.rows[middle:])):
        if half.kept:
            yield half


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it is gone, or cannot be read: what was in it is counted as lost
        return b""


def _lock(folder: Path, source: str) -> int | None:
    account = folder / f"{source}{ACCOUNT}"
    if account.exists():
        return lock(account)
    files = segments(folder, source)  # somebody lost the account: the first file stands for it
    return lock(files[0]) if files else None


def _opened(path: Path, held: int) -> Account | None:
    try:
        return Account(path, held)
    except (OSError, ValueError):  # there is none, or it is too short to be one
        return None
