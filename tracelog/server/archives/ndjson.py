"""
An archive of files: one JSON object a line, set aside by time or size, packed, each batch in it exactly once.

Several processors of one machine may share it. Everything happens under one lock; a process that is killed
lets go of it, and what it left half done is undone or finished by the next (`journal.py`).
"""

import asyncio
import glob
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from tracelog.core.encoding import PACKINGS, pack
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.server.archives.journal import Journal

try:
    import fcntl
except ImportError:  # Windows: there one process writes to an archive
    fcntl: Any = None  # type: ignore[no-redef]

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of a file before it is packed: packing takes seconds, and the packed file fits any upload."""

MODE: Final = 0o600
ROTATIONS: Final = {"hour": "%Y%m%dT%H", "day": "%Y%m%d", "never": ""}
"""Beginnings of periods: a file whose last line is of an earlier one is set aside."""

STAMPED: Final = "[0-9]*T[0-9]*-[0-9][0-9][0-9][0-9]"
"""What stands in names of full files behind that of the growing one: when its last line came, a number."""

WAIT_S: Final = 10.0
"""Until a batch is tried again that a disk had no room for."""


class NdjsonArchive:
    """
    Writes to *path* and beside it: `archive-20261122T230000-0000.ndjson.gz` are full ones,
    `archive.ndjson.batches` notes what is whole.

    Args:
        path: Of the file that grows; its folder is made if needed.
        rotate: `hour`, `day` or `never`, by UTC; a file is set aside by the first batch after it.
        max_bytes: A batch that would make the file larger goes to a new one. 0 is without a bound.
        keep: How many full files are kept, 0 for all.
        packing: Of full files: `gzip`, `zstd` where it is installed, or None.

    Attributes:
        counted: `rows` stored, `batches`, `repeated` batches that were there already, `failed` tries.
        last_error: What the last failed try said; None after one that went well.

    Raises:
        ConfigError: When one of them cannot be used.
    """

    name = "ndjson"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rotate: str = "day",
        max_bytes: int = MAX_BYTES,
        keep: int = 0,
        packing: str | None = "gzip",
    ) -> None:
        if rotate not in ROTATIONS:
            raise ConfigError(f"archive: rotate is one of {', '.join(ROTATIONS)}, not {rotate[:32]!r}")
        if packing is not None and packing not in PACKINGS:
            raise ConfigError(
                f"archive: packing is none or one of {', '.join(PACKINGS)}, not {packing[:32]!r}"
            )
        if max_bytes < 0 or keep < 0:
            raise ConfigError("archive: max_bytes and keep must not be negative")
        self.path = Path(path).expanduser()
        self.counted = dict.fromkeys(("rows", "batches", "repeated", "failed"), 0)
        self.last_error: str | None = None
        self._period = ROTATIONS[rotate]
        self._max_bytes = max_bytes
        self._keep = keep
        self._packing = packing
        self._journal = Journal(self.path.with_name(f"{self.path.name}.batches"))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tracelog-ndjson")

    @classmethod
    def from_url(cls, url: str) -> "NdjsonArchive":
        """
        Return the archive of `ndjson:///absolute/path` or `ndjson:relative/path`, with
        `?rotate=day&max_bytes=…&keep=…&packing=zstd`.

        Raises:
            ConfigError: When *url* is none of these.
        """
        parts = urlsplit(url)
        said = dict(parse_qsl(parts.query))
        path = unquote(parts.path)
        if not path or path.endswith("/") or parts.netloc:
            raise ConfigError(
                "archive: files are ndjson:///absolute/path.ndjson or ndjson:relative/path.ndjson"
            )
        if unknown := sorted(said.keys() - {"rotate", "max_bytes", "keep", "packing"}):
            raise ConfigError(
                f"archive: {unknown[0][:32]!r} is no option of files; use rotate, max_bytes, keep or packing"
            )
        try:
            numbers = {name: int(said[name]) for name in ("max_bytes", "keep") if name in said}
        except ValueError as error:
            raise ConfigError(f"archive: an option of {path} is no whole number: {error}") from None
        packing = said.get("packing", "gzip")
        return cls(
            path, rotate=said.get("rotate", "day"), packing=None if packing == "none" else packing, **numbers
        )

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Write *rows* unless the batch is there already; they are on the disk when this returns.

        Raises:
            StoreUnavailableError: When the disk does not take them; then none of them is there.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.write, batch_id, rows)
        except OSError as error:
            self.counted["failed"] += 1
            self.last_error = f"{self.path} cannot be written: {error.strerror or type(error).__name__}"
            raise StoreUnavailableError(f"ndjson: {self.last_error}", retry_after=WAIT_S) from error
        self.last_error = None

    async def close(self) -> None:
        """
        Wait for a write that is under way.
        """
        self._thread.shutdown()

    def write(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Do the same on this thread.

        Raises:
            OSError: When the disk does not take it.
        """
        data = b"".join([msgspec.json.encode(row) + b"\n" for row in rows])
        with self._locked():
            self._journal.catch_up()
            if batch_id in self._journal:
                self.counted["repeated"] += 1
                return
            self._mend()
            self._turn(len(data))
            self._append(data)
            self._journal.note(self._journal.size + len(data), batch_id)
        self.counted["batches"] += 1
        self.counted["rows"] += len(rows)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, MODE)
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _mend(self) -> None:
        """
        Bring file and notes together: cut off what nobody noted, begin anew where the file is gone, and
        finish what a killed process had begun to pack.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if size > self._journal.size:
            os.truncate(self.path, self._journal.size)
        elif size == 0:
            self._journal.restart()
        elif size < self._journal.size:
            raise OSError(0, "it was made shorter by another program; move it away, and it begins anew")
        for full in self._full(""):
            self._pack(full)

    def _turn(self, more: int) -> None:
        """
        Set the file aside where its period is over, or it would grow too large by *more* bytes.
        """
        size = self._journal.size
        if size == 0:
            return
        changed = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        now = datetime.fromtimestamp(time.time(), UTC)
        is_over = changed.strftime(self._period) != now.strftime(self._period)
        if not is_over and not (self._max_bytes and size + more > self._max_bytes):
            return
        full = self._name(changed)
        self.path.rename(full)
        self._journal.restart()
        self._pack(full)
        if self._keep:
            for old in self._full("*")[: -self._keep]:
                old.unlink(missing_ok=True)

    def _name(self, moment: datetime) -> Path:
        """
        Return a name that no full file has, in whose order they were written.
        """
        stem = f"{self.path.stem}-{moment:%Y%m%dT%H%M%S}"
        taken = {file.name for file in self._full("*")}
        for number in range(len(taken) + 1):
            name = f"{stem}-{number:04d}{self.path.suffix}"
            if not any(each.startswith(name) for each in taken):
                return self.path.with_name(name)
        raise AssertionError("there are more numbers than names taken")

    def _full(self, ending: str) -> list[Path]:
        """
        Return the files that were set aside, oldest first: those that are not packed, or all with `*`.
        """
        stem, suffix = glob.escape(self.path.stem), glob.escape(self.path.suffix)
        return sorted(self.path.parent.glob(f"{stem}-{STAMPED}{suffix}{ending}"))

    def _pack(self, full: Path) -> None:
        """
        Put the packed form of *full* in its place. A draft counts as nothing until it has its name.
        """
        if self._packing is None:
            return
        draft = self.path.with_name(f"{self.path.name}.packing")
        with (
            full.open("rb") as source,
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb") as out,
        ):
            pack(source, out, self._packing)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(full.with_name(full.name + PACKINGS[self._packing]))
        full.unlink()

    def _append(self, data: bytes) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, MODE)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, self._journal.size)  # the next writer would, but readers may come before
            raise
        finally:
            os.close(file)
