"""
Which batches a file holds whole: the notes that make writing to it exact, whatever is killed when.

A batch is written to the data file first and noted behind that, with the size the file then has. Whoever
writes next, after a kill or not, cuts the file to the size of the last note: what stands behind it is a
batch that nobody noted and that will come again. Notes are lines, `<size> <batch id>`; a torn last one
counts as none.
"""

import os
from pathlib import Path
from typing import Final

from tracelog.core.bounded import Bounded

REMEMBERED: Final = 20_000
"""Batches known, at least; at one in ten seconds two days of them, and a queue keeps none so long."""

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of notes, then the older half goes: still more batches than are remembered."""

MODE: Final = 0o600
START: Final = "-"
"""In place of a batch id: the data file begins anew."""


class Journal:
    """
    The notes in the file *path*. Its caller holds a lock over every call.

    Attributes:
        size: Bytes of the data file that are noted.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST) -> None:
        self.size = 0
        self._path = path
        self._largest = largest
        self._known: Bounded[str, bool] = Bounded(REMEMBERED)
        self._read = 0
        self._at: tuple[int, int] | None = None

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self._known

    def catch_up(self) -> None:
        """
        Read what other processes noted since the last look.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, MODE)
        try:
            told = os.fstat(file)
            if (
                self._at != (told.st_dev, told.st_ino) or told.st_size < self._read
            ):  # made smaller by another one
                self._at, self._read, self.size = (told.st_dev, told.st_ino), 0, 0
            data = os.pread(file, told.st_size - self._read, self._read)
            whole = data.rpartition(b"\n")[0] + b"\n" if b"\n" in data else b""
            if len(whole) < len(data):
                os.ftruncate(file, self._read + len(whole))
            self._take(whole.decode())
            self._read += len(whole)
        finally:
            os.close(file)

    def note(self, size: int, batch_id: str) -> None:
        """
        Note that the data file holds *batch_id*, and what came before it, in its first *size* bytes.
        """
        line = f"{size} {batch_id}\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)
        self._take(line)
        self._read += len(line.encode())
        if self._read > self._largest:
            self._shorten()

    def restart(self) -> None:
        """
        Note that the data file begins anew, before anything is in it.
        """
        if self.size:
            self.note(0, START)

    def _take(self, text: str) -> None:
        for line in text.splitlines():
            size, _, batch_id = line.partition(" ")
            self.size = int(size)
            if batch_id != START:
                self._known.put(batch_id, True)  # noqa: FBT003 - a set that is bounded

    def _shorten(self) -> None:
        data = self._path.read_bytes()
        kept = data[data.index(b"\n", len(data) // 2) + 1 :]
        draft = self._path.with_name(f"{self._path.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb") as out:
            out.write(kept)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(self._path)
        told = self._path.stat()
        self._at, self._read = (told.st_dev, told.st_ino), len(kept)
