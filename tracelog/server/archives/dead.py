"""
What the other end of an archive refused: lines of JSON in a file that an operator reads, mends and sends
again.

It is bounded by refusing, not by forgetting: while it is full, batches with refused rows wait in the queue.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tracelog.errors import StoreUnavailableError

try:
    import fcntl
except ImportError:  # Windows: there one processor writes to it
    fcntl: Any = None  # type: ignore[no-redef]

LARGEST: Final = 256 * 1024 * 1024
"""Bytes: a million refused entries. Who has not looked by then has another trouble than a full file."""

MODE: Final = 0o600
"""As with logs: for the one who runs the server."""

WAIT_S: Final = 60.0
"""Until a batch is tried again that a full file, or a disk, had no room for."""


class DeadLetters:
    """
    The file of one archive.

    Args:
        path: Of the file; made when it is first needed.
        largest: Bytes it may have.
    """

    def __init__(self, path: str | os.PathLike[str], *, largest: int = LARGEST) -> None:
        self.path = Path(path).expanduser()
        self._largest = largest

    def write(self, archive: str, batch_id: str, cause: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Append a line `{"archive","batch","cause","row"}` for each of *rows*, all or none.

        Raises:
            StoreUnavailableError: When the file is full or cannot be written.
        """
        head = {"archive": archive, "batch": batch_id, "cause": cause}
        data = b"".join([msgspec.json.encode({**head, "row": row}) + b"\n" for row in rows])
        try:
            self._append(data)
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise StoreUnavailableError(
                f"what the archive {archive} refused cannot be written to {self.path}: {said}",
                retry_after=WAIT_S,
            ) from error

    def _append(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, MODE)
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)  # processors share it; closing lets go
            size = os.fstat(file).st_size
            if size + len(data) > self._largest:
                raise OSError(0, "it is full; send again or remove what is in it")
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
