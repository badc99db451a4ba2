"""
The folders that files of ended processes are kept in: private to one user, or not used at all.

A process holds a lock on a file of its own for as long as it lives; whoever gets the lock knows that the
process has ended, and has its files for himself.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # a system without POSIX file locks
    fcntl = None  # type: ignore[assignment]

ACCOUNT: Final = ".account"
DRAFT: Final = ".draft"
SPOOL: Final = ".spool"

PRIVATE: Final = 0o700
DRAFT_S: Final = 60.0
"""Age at which an unfinished account is nobody's: it takes a millisecond to finish one."""

ACCOUNTS: Final = 1_000
"""Accounts kept of ended processes that no server heard of: 16 MiB of files."""

_OPEN: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def private_folder(path: Path) -> Path:
    """
    Return the folder *path*, made when it is missing, readable by this user only.

    Raises:
        OSError: When it cannot be made, is no folder, is a link, or is another user's.
    """
    if fcntl is None:
        raise OSError("this system has no file locks (fcntl)")
    path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - `resolve` would follow a link at its end
    path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    told = path.lstat()
    if not stat.S_ISDIR(told.st_mode):
        raise NotADirectoryError(f"{path} is a link or no folder; name a folder")
    if told.st_uid != os.geteuid():
        raise PermissionError(f"{path} is another user's folder; name one of this user")
    if told.st_mode & 0o077:
        path.chmod(PRIVATE)
    return path


def create(path: Path) -> int:
    """
    Return a descriptor of the new file *path*, for this user only; `hold` takes its lock.

    Raises:
        OSError: Also when something is there.
    """
    return os.open(path, _OPEN | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


def open_own(path: Path) -> int:
    """
    Return a descriptor of *path*, to be read and written.

    Raises:
        OSError: Also when it is no plain file of this user.
    """
    fd = os.open(path, _OPEN | os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
    told = os.fstat(fd)
    if stat.S_ISREG(told.st_mode) and told.st_uid == os.geteuid():
        return fd
    os.close(fd)
    raise PermissionError(f"{path} is no plain file of this user")


def hold(fd: int) -> None:
    """
    Take the lock of *fd*.

    Raises:
        OSError: When another process or descriptor has it.
    """
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(path: Path) -> int | None:
    """
    Return a descriptor that holds the lock of *path*, or None when its process lives or it is gone.

    The lock is that of the descriptor, not of the file's mapping or another descriptor: a forked child that
    still has the mapping does not hold it.
    """
    try:
        fd = open_own(path) if fcntl is not None else -1
    except OSError:
        return None
    if fd < 0:
        return None
    try:
        hold(fd)
        if os.fstat(fd).st_nlink:  # else somebody else had the lock, and is done with the file
            return fd
    except OSError:
        pass  # another process has it
    os.close(fd)
    return None


def sources(folder: Path) -> list[str]:
    """
    Return the names of all processes that have files in *folder*, the one whose files are oldest first.
    """
    oldest: dict[str, float] = {}
    for entry in _entries(folder):
        name, dot, _ = entry.name.partition(".")
        if dot and entry.name.endswith((ACCOUNT, SPOOL)):
            with suppress(OSError):  # it is gone
                changed = entry.stat(follow_symlinks=False).st_mtime
                oldest[name] = min(changed, oldest.get(name, changed))
    return sorted(oldest, key=lambda name: (oldest[name], name))


def segments(folder: Path, source: str) -> list[Path]:
    """
    Return the spool files of *source*, the oldest first.
    """
    return sorted(folder / entry.name for entry in _entries(folder) if _is_segment(entry.name, source))


def spool_bytes(folder: Path) -> int:
    """
    Return the size of all spool files in *folder*.
    """
    total = 0
    for entry in _entries(folder):
        if entry.name.endswith(SPOOL):
            with suppress(OSError):  # it is gone
                total += entry.stat(follow_symlinks=False).st_size
    return total


def sweep(folder: Path, now: float) -> None:
    """
    Remove what processes left that were killed while they made their account, and the oldest accounts when a
    server was never there to take them; *now* in Unix seconds.
    """
    found = list(_entries(folder))
    for entry in found:
        with suppress(OSError):  # it is gone, or stays for the next time
            if entry.name.endswith(DRAFT) and now - entry.stat(follow_symlinks=False).st_mtime > DRAFT_S:
                Path(entry.path).unlink()
    if sum(entry.name.endswith(ACCOUNT) for entry in found) > ACCOUNTS:
        for source in sources(folder)[:-ACCOUNTS]:
            _drop_account(folder, source)


def _drop_account(folder: Path, source: str) -> None:
    path = folder / f"{source}{ACCOUNT}"
    held = None if segments(folder, source) else lock(path)
    if held is not None:
        path.unlink(missing_ok=True)
        os.close(held)


def _is_segment(name: str, source: str) -> bool:
    return name.startswith(f"{source}.") and name.endswith(SPOOL)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except OSError:  # it is gone, or was never made
        return
