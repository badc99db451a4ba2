"""
What of a client outlives its process: the account, and the spool where a folder is set for one.

Both are a help, never a condition: where no file can be kept, the client works as well without, and says so
once when somebody asked for a spool.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from tracelog.client.account import Account
from tracelog.client.cells import Cells
from tracelog.client.complaint import Complaint
from tracelog.client.folder import private_folder, sweep
from tracelog.client.gate import Gate
from tracelog.client.guarded import outbox_for
from tracelog.client.lots import Bounds, Terms
from tracelog.client.odd import shown
from tracelog.client.outbox import Outbox
from tracelog.client.salvage import Known, Salvage, claim
from tracelog.client.spool import Spool
from tracelog.client.spooled import SpooledOutbox
from tracelog.config import ClientSettings, state_folder
from tracelog.core.account_format import Note
from tracelog.core.ledger import Ledger
from tracelog.core.rows import Header
from tracelog.errors import SinkUnavailableError
from tracelog.sinks.base import Sink

LOOK_S: Final = 60.0
"""Seconds between two looks at what others left: who was killed is missed by nobody for so long."""

MEMORY_PART: Final = 4
"""Of the spool's bound and of half the queue's, what may wait in memory as well as on disk."""


class Keeping:
    """
    The files of the client that counts in *gate*.
    """

    def __init__(self, gate: Gate, complaint: Complaint) -> None:
        self._gate = gate
        self._complaint = complaint
        self._changing = threading.RLock()
        self._settings = ClientSettings(enabled=False)
        self._header = Header()
        self._address = ""
        self._folder: Path | None = None
        self._account: Account | None = None
        self.spool: Spool | None = None
        self._steps: Iterator[None] | None = None
        self._look_at = 0.0

    def attend(self, settings: ClientSettings, header: Header, first: Sink) -> None:
        """
        Keep files as *settings* say, for a client whose *first* sink decides what is stored.
        """
        address = getattr(first, "url", "")
        with self._changing:
            self._address = address if isinstance(address, str) else ""
            before, self._settings, self._header = self._settings, settings, header
            same = before.spool == settings.spool and settings.enabled
            if (
                self._account is not None
                and same
                and (settings.spool or self._folder in tuple(self._own_folders()))
            ):
                if self.spool is not None:
                    self.spool.attend(header, settings.spool_bytes)
                return
            self.finish(settled=self.spool is None or self.spool.left == 0)  # what comes goes on from here
            self._open()

    @property
    def active(self) -> bool:
        """
        Whether there is an account to write to.
        """
        return self._account is not None

    def renew(self, header: Header) -> None:
        """
        Begin anew in a forked child: the files are the parent's.
        """
        self._header, self._changing = header, threading.RLock()
        self._let_go()
        self._gate.count_in(Cells())
        self._open()

    def outbox(self, sink: Sink, terms: Terms) -> Outbox:
        """
        Return an outbox for the first *sink*, with the spool behind it where there is one.
        """
        if self.spool is None:
            return outbox_for(sink, terms)
        settings = self._settings
        memory = min(settings.queue_bytes // 2, settings.spool_bytes // MEMORY_PART)
        return SpooledOutbox(sink, terms, self.spool, Bounds(memory, settings.spool_age), self._done)

    def note(self, ledger: Ledger, unsent: Mapping[str, int], told: int, *, closed: bool = False) -> None:
        """
        Write down what ended, of which some was never sent and *told* entries are known to the server.
        """
        if self._account is None:
            return
        said = Note(header=self._header, address=self._address, ledger=ledger, unsent=dict(unsent), told=told)
        self._account.write(msgspec.structs.replace(said, closed=closed))

    def finish(self, *, settled: bool) -> None:
        """
        Let go of the files; when all is *settled*, nobody needs them any more.
        """
        with self._changing:
            if self._account is None:
                return
            self._gate.go_on_in(Cells())
            if self.spool is not None and settled:
                self.spool.discard()
            self._let_go(remove=settled)

    def salvage(self, sink: Sink, until: Callable[[], float]) -> bool:
        """
        Deliver to *sink* what ended processes left, *until* a moment of the monotonic clock that may change
        meanwhile; return whether there is more.
        """
        if self._folder is None or time.monotonic() < self._look_at:
            return False
        if self._steps is None:
            self._steps = self._salvaged(sink)
        try:
            while True:
                next(self._steps)
                if time.monotonic() > until():
                    return True
        except (StopIteration, SinkUnavailableError):
            pass  # all is done, or nothing can be
        except Exception as error:  # a disk that fails: the client's own entries are not to suffer
            self._complaint.about(error)
        self._steps = None
        self._look_at = time.monotonic() + LOOK_S
        return False

    def _done(self, seq: int) -> None:
        if self._account is not None:
            self._account.done = seq

    def _open(self) -> None:
        settings = self._settings
        if not settings.enabled or not (settings.spool or self._address):
            return
        if settings.spool:
            try:
                folder, account = self._begin(Path(settings.spool))
                self.spool = Spool(folder, self._header, settings.spool_bytes)
                self.spool.resume(account.done)
            except (OSError, ValueError) as error:
                self._let_go()
                self._complaint(f"the spool cannot be used: {shown(error)}; going on without")
            else:
                return
        for folder in self._own_folders():
            with suppress(OSError, ValueError):  # nobody asked for it: no file, no word
                self._begin(folder)
                return

    def _begin(self, folder: Path) -> tuple[Path, Account]:
        """
        Keep the account in *folder*, and return both.

        Raises:
            OSError: When that cannot be.
        """
        folder = private_folder(folder)
        account = Account.begin(folder, Note(header=self._header, address=self._address))
        account.carry(
            self._gate.drops.cells
        )  # who is killed before the next line has counted as much as this
        account.carry(self._gate.go_on_in(account.cells()))
        self._account, self._folder, self._look_at = account, folder, 0.0
        return folder, account

    def _own_folders(self) -> Iterator[Path]:
        """
        Yield where programs of this name with this server keep their accounts, the best place first.
        """
        if self._address:
            said = msgspec.msgpack.encode((self._address, self._header.system, self._header.service))
            name = blake2b(said, digest_size=8).hexdigest()
            yield from (home / name for home in _homes())

    def _let_go(self, *, remove: bool = False) -> None:
        self._steps = None
        if self.spool is not None:
            self.spool.close()
        if self._account is not None:
            self._account.release(remove=remove)
        self._account = self._folder = self.spool = None

    def _salvaged(self, sink: Sink) -> Iterator[None]:
        folder = self._folder
        if folder is None:
            return
        sweep(folder, time.time())
        for left in claim(folder):
            told = left.tell()
            yield from Salvage(left, sink, time.time, self._settings.spool_age).steps()
            self._say(told)
            yield

    def _say(self, told: Known) -> None:
        if told.lost or told.damaged:
            self._complaint(sentence(told))


def account_folders() -> list[Path]:
    """
    Return all folders in which this user's programs keep accounts, without a spool, and have done so.
    """
    return sorted(
        folder for home in _homes() if home.is_dir() for folder in home.iterdir() if folder.is_dir()
    )


def _homes() -> Iterator[Path]:
    """
    Yield where this user's accounts are kept: in the state folder, or where there is none, as in many
    containers, among the temporary files, unless a stranger was there first.
    """
    state = state_folder()
    if state is not None:
        yield state / "accounts"
    temporary = _temporary()
    with suppress(OSError):  # nobody was there
        if temporary.lstat().st_uid != os.geteuid():
            return
    yield temporary / "accounts"


def _temporary() -> Path:
    import tempfile  # noqa: PLC0415 - milliseconds that few programs need

    return Path(tempfile.gettempdir()) / f"tracelog-{os.geteuid() if hasattr(os, 'geteuid') else 0}"


def sentence(told: Known) -> str:
    """
    Return what is known of an ended process as a sentence.
    """
    who = f"process {told.source}{f' ({told.service})' if told.service else ''}"
    number = "an unknown number of" if told.emitted is None else f"{told.emitted:,}"
    emitted = f"{number} {'entry' if told.emitted == 1 else 'entries'}"
    parts = [f"{told.stored:,} stored", f"{told.waiting:,} kept", f"{told.lost:,} lost"]
    if told.damaged:
        parts.append(f"{told.damaged:,} damaged places skipped")
    return f"{who} ended early: it logged {emitted}, {', '.join(parts)}"
