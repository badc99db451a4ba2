"""
The account of a living process: a small mapped file that says exactly how much it logged, even after SIGKILL.

What calling threads step lies in the file itself; what the background thread knows it writes down after each
change. When the process ends with everything told, the file goes; else whoever looks next finds it without a
lock, and tells the server what became of its entries.
"""

import mmap
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from tracelog.client.cells import Cells
from tracelog.client.folder import ACCOUNT, DRAFT, create, hold, lock, open_own
from tracelog.core.account_format import (
    COUNTED,
    DONE_CELL,
    FIRST_CARRIED,
    FIRST_CELL,
    MAGIC,
    SIZE,
    Note,
    State,
    encode_note,
    last_generation,
    note_place,
    read_account,
)
from tracelog.core.ledger import Ledger


class Account:
    """
    The mapped file at *path*, of a lock that *held*, a descriptor, holds until `release`.
    """

    def __init__(self, path: Path, held: int) -> None:
        self.path = path
        self._held = held
        fd = open_own(path)
        try:
            self._memory = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        self._cells = memoryview(self._memory).cast("Q")
        self._generation = last_generation(self._memory[:])
        self._note: Note | None = None

    @classmethod
    def begin(cls, folder: Path, note: Note) -> "Account":
        """
        Return the new account of the source of *note*.

        Raises:
            OSError: When its file cannot be made there.
        """
        path = folder / f"{note.header.source}{ACCOUNT}"
        draft = path.with_suffix(DRAFT)  # nobody looks for this name: it appears whole, and locked
        before, done = _taken_back(path)
        held = create(draft)
        try:
            hold(held)
            _fill(held)
            account = cls(draft, held)
            account._cells[0] = MAGIC
            account.done = done
            account.write(note)
            draft.rename(path)
        except BaseException:
            os.close(held)
            with suppress(OSError):  # it was never made, or its folder cannot be changed any more
                draft.unlink()
            raise
        finally:
            if before is not None:
                os.close(before)
        account.path = path
        return account

    def cells(self) -> Cells:
        """
        Return the counters that calling threads step, in the file.
        """
        return Cells(self._cells[FIRST_CELL : FIRST_CELL + len(COUNTED)])

    def carry(self, before: Cells) -> None:
        """
        Write down what was counted elsewhere.
        """
        for place, n in enumerate(before.read().values()):
            self._cells[FIRST_CARRIED + place] = n

    @property
    def done(self) -> int:
        """
        The running number below which every row has reached its end.
        """
        return self._cells[DONE_CELL]

    @done.setter
    def done(self, seq: int) -> None:
        self._cells[DONE_CELL] = seq

    def write(self, note: Note) -> None:
        """
        Write *note* down, unless it says what the last one did.
        """
        if note == self._note:
            return
        self._generation += 1
        text = encode_note(note, self._generation)
        at = note_place(self._generation)
        self._memory[at : at + len(text)] = text
        self._note = msgspec.structs.replace(note, ledger=_copy(note.ledger))

    def read(self) -> State | None:
        """
        Return what the file says, or None when it is damaged.
        """
        return read_account(self._memory[:])

    def release(self, *, remove: bool) -> None:
        """
        Let others have the file, or *remove* it.
        """
        if remove:
            with suppress(OSError):  # somebody else removed it: nothing is owed
                self.path.unlink()
        self.forget()

    def forget(self) -> None:
        """
        Let go of the lock: in a forked child, too, where it goes on being the parent's.
        """
        if self._held >= 0:
            os.close(self._held)
        self._held = -1


def _fill(fd: int) -> None:
    """
    Write zeros: touching a hole of a mapped file would be a fault when the disk is full by then.

    Raises:
        OSError: When there is no room for them.
    """
    if os.pwrite(fd, b"\0" * SIZE, 0) < SIZE:
        raise OSError("the disk is full")


def _taken_back(path: Path) -> tuple[int | None, int]:
    """
    Return the lock of the account that this process itself left at *path* when it was shut down before, and
    how far that had come; None when there is none.

    Raises:
        BlockingIOError: When somebody is telling the server of it just now.
    """
    if not path.exists():
        return None, 0
    held = lock(path)
    if held is None:
        raise BlockingIOError(f"{path} is in use")
    state = read_account(path.read_bytes())
    return held, 0 if state is None else state.done


def _copy(ledger: Ledger) -> Ledger:
    copied = Ledger()
    copied.add(ledger)
    return copied
