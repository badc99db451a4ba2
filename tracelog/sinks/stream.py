"""
Writing lines to a stream of the program's without waiting for who reads it.

Two things must not happen to the program for its log: that the background thread waits for a reader who went
for a coffee, and that the program's exit fails because its reader went for good. So pipes and terminals are
written piece by piece, each only when there is room for it, and past the stream's own buffer, in which what
could not be written would stay until the interpreter trips over it at its end.
"""

import io
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

PIECE: Final = 4096
"""PIPE_BUF of Linux: a writable pipe takes so many bytes without waiting and in one piece (pipe(7)), so that
the lines of several processes on one pipe do not mix."""

AGAIN_S: Final = 0.005
"""Between two tries on a descriptor that has room for less than it was given."""


def put(stream: TextIO, data: bytes, at: int, *, patience: float) -> int:
    """
    Write *data* from *at* on to *stream* for *patience* seconds at most, and return how far it got.

    Raises:
        OSError: When its reader went away.
        ValueError: When it is closed.
    """
    descriptor = _descriptor(stream)
    if descriptor is None:
        stream.write(data[at:].decode(encoding(stream)))
        stream.flush()
        return len(data)
    stream.flush()  # what the program printed before comes first
    with _own(descriptor) as own:
        return _pour(own, data, at, patience)


def encoding(stream: TextIO) -> str:
    """
    Return the encoding of *stream*; one that names none takes UTF-8.
    """
    return getattr(stream, "encoding", None) or "utf-8"


def _descriptor(stream: TextIO) -> int | None:
    """
    Return the file descriptor that *stream* ends in, or None when it does more than encode what is written: a
    capturing, teeing or in-memory stream, or a system without `poll`.
    """
    if type(stream) is not io.TextIOWrapper or not hasattr(select, "poll"):
        return None
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return raw.fileno() if type(raw) is io.FileIO else None


@contextmanager
def _own(descriptor: int) -> Iterator[int]:
    """
    Yield what to write to instead of *descriptor*: a terminal is opened anew, so as never to wait for it.

    One that is writable takes one byte at least, and a write of more waits until somebody reads. Made
    non-blocking, *descriptor* itself would be so for every program at that terminal.
    """
    opened = None
    if os.isatty(descriptor):
        with suppress(OSError):  # a terminal without a name here, as in some containers: as good as it gets
            opened = os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield descriptor if opened is None else opened
    finally:
        if opened is not None:
            os.close(opened)


def _pour(descriptor: int, data: bytes, at: int, patience: float) -> int:
    """
    Write *data* from *at* on, and return how far it got.

    A regular file takes everything in one call; anything else whole lines of up to `PIECE` bytes.
    """
    whole = stat.S_ISREG(os.fstat(descriptor).st_mode)
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    deadline = time.monotonic() + patience
    while at < len(data):
        left = max(0.0, deadline - time.monotonic())
        if not room.poll(left * 1000):
            break
        end = len(data) if whole or len(data) - at <= PIECE else data.rfind(b"\n", at, at + PIECE) + 1
        try:
            at += os.write(descriptor, data[at : end or at + PIECE])
        except BlockingIOError:  # less room than was asked for, or non-blocking by another program's doing
            if left <= AGAIN_S:
                break
            time.sleep(AGAIN_S)
    return at
