"""
Entries as lines of JSON in a file that never grows beyond a size: a full one is set aside, packed, and in the
end removed.

Several processes may write to one file: each parcel goes to its end in one piece under the file's lock
(flock(2)), and whoever finds it full sets it aside for all. A line that a crash cut off is ended by the next
writer, so that it spoils no other.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tracelog.core.encoding import PACKINGS, pack
from tracelog.core.entry import encode_entry
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks.base import Parcel, Receipt

try:
    import fcntl
except ImportError:  # Windows: there one process writes to a file
    fcntl: Any = None  # type: ignore[no-redef]

MAX_BYTES: Final = 64 * 1024 * 1024
KEEP: Final = 5
"""With the file that grows and packed ones of a tenth of its size, about 100 MB."""

MODE: Final = 0o600
"""Logs name people and places: they are for the one who runs the program."""

TURNS: Final = 16
"""How often a file may be set aside by others while its lock is waited for."""


class FileSink:
    """
    Writes entries to *path*, one JSON object a line.

    Args:
        path: Of the file; its folder is made if needed.
        max_bytes: A parcel that would make the file larger goes to a new one. 0 is without a bound.
        keep: How many full files are kept; the newest is `path.1`.
        packing: Of full files: `gzip`, `zstd` where it is installed, or None.

    Raises:
        ConfigError: When a number is negative or the packing is not there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = MAX_BYTES,
        keep: int = KEEP,
        packing: str | None = "gzip",
    ) -> None:
        if packing is not None and packing not in PACKINGS:
            known = ", ".join(PACKINGS)
            raise ConfigError(f"sinks: the packing of {os.fspath(path)} is one of {known}, not {packing!r}")
        if max_bytes < 0 or keep < 0:
            raise ConfigError(f"sinks: max_bytes and keep of {os.fspath(path)} must not be negative")
        self.path = Path(path).expanduser()
        self._max_bytes = max_bytes
        self._keep = keep
        self._packing = packing
        self._file: int | None = None

    @classmethod
    def from_url(cls, url: str) -> "FileSink":
        """
        Return the sink of `file:relative/path` or `file:///absolute/path`, with `?max_bytes=…&keep=…`.

        Raises:
            ConfigError: When *url* is none of these.
        """
        parts = urlsplit(url)
        said = dict(parse_qsl(parts.query))
        path = unquote(parts.path)
        if not path or path.endswith("/") or parts.netloc not in {"", "localhost"}:
            raise ConfigError("sinks: a file is file:relative/path or file:///absolute/path")
        if unknown := sorted(said.keys() - {"max_bytes", "keep", "packing"}):
            name = unknown[0][:32]
            raise ConfigError(f"sinks: {name!r} is no option of a file; use max_bytes, keep or packing")
        try:
            numbers = {name: int(said[name]) for name in ("max_bytes", "keep") if name in said}
        except ValueError as error:
            raise ConfigError(f"sinks: an option of {path} is no whole number: {error}") from None
        packing = said.get("packing", "gzip")
        return cls(path, packing=None if packing == "none" else packing, **numbers)

    def __call__(self, parcel: Parcel) -> Receipt:
        data = b"".join([encode_entry(entry) + b"\n" for entry in parcel.entries])
        if data:
            try:
                self._append(data)
            except OSError as error:
                self.close()
                said = error.strerror or type(error).__name__
                raise SinkUnavailableError(f"{self.path} cannot be written: {said}") from error
        return Receipt(rejected=parcel.unreadable)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what was written is written
                os.close(file)

    def _append(self, data: bytes) -> None:
        file = self._locked()
        size = os.fstat(file).st_size
        if size and self._max_bytes and size + len(data) > self._max_bytes:
            self._set_aside(file)
            file = self._locked()
            size = os.fstat(file).st_size
        try:
            _write(file, data, size)
        finally:
            _unlock(file)

    def _locked(self) -> int:
        """
        Return the open file, locked, that has the name now: another process may have set aside its last.
        """
        for _ in range(TURNS):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CLOEXEC, MODE)
            file = self._file
            _lock(file)
            if _is_at(file, self.path):
                return file
            self.close()
        raise OSError(0, "other programs set it aside again and again")

    def _set_aside(self, file: int) -> None:
        """
        Give the full *file*, which is locked, the name of the first of the kept ones, and let go of it.
        """
        self._file = None
        folder = os.open(self.path.parent, os.O_RDONLY | _CLOEXEC)
        try:
            _lock(folder)  # the next file may be full, too, before this one is packed
            self._shift()
        finally:
            os.close(folder)
            os.close(file)

    def _shift(self) -> None:
        if self._keep == 0:
            self.path.unlink(missing_ok=True)
            return
        for place in self._kept(self._keep):
            place.unlink(missing_ok=True)
        for number in range(self._keep - 1, 0, -1):
            for place in self._kept(number):
                ending = place.name.removeprefix(f"{self.path.name}.{number}")
                place.rename(self.path.with_name(f"{self.path.name}.{number + 1}{ending}"))
        first = self.path.with_name(f"{self.path.name}.1")
        self.path.rename(first)
        if self._packing is not None:
            _pack(first, self._packing)

    def _kept(self, number: int) -> list[Path]:
        """
        Return the kept files with *number*, packed or not.
        """
        names = [f"{self.path.name}.{number}{ending}" for ending in ("", *PACKINGS.values())]
        return [place for name in names if (place := self.path.with_name(name)).exists()]


_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)


def _lock(file: int) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)


def _unlock(file: int) -> None:
    if fcntl is not None:
        with suppress(OSError):  # a closed file holds no lock
            fcntl.flock(file, fcntl.LOCK_UN)


def _is_at(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), there)


def _write(file: int, data: bytes, size: int) -> None:
    """
    Write *data* behind the *size* bytes of *file*: all of it, or nothing.
    """
    if size and os.pread(file, 1, size - 1) != b"\n":
        data = b"\n" + data
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        os.ftruncate(file, size)
        raise


def _pack(full: Path, packing: str) -> None:
    """
    Put the packed form of *full* in its place; where that fails it stays as it is.
    """
    packed = full.with_name(full.name + PACKINGS[packing])
    draft = full.with_name(full.name + ".packing")
    try:
        with (
            full.open("rb") as source,
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb") as out,
        ):
            pack(source, out, packing)
        draft.rename(packed)
        full.unlink()
    except OSError:
        draft.unlink(missing_ok=True)
