"""
Entries as lines on standard output, standard error or any text stream.

Two things must not happen to the program for its log: that the background thread waits for a reader who went
for a coffee, and that the program's exit fails because its reader went for good. So pipes and terminals are
written piece by piece, each only when there is room for it, and past the stream's own buffer, in which what
could not be written would stay until the interpreter trips over it at its end.
"""

import io
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Literal, TextIO

from tracelog.core.entry import Entry
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.lines import Pretty, json_line, logfmt_line

WRITE_S: Final = 2.0
"""A parcel may take so long; what was not taken by then is offered again, from where it stopped."""

PIECE: Final = 4096
"""PIPE_BUF of Linux: a writable pipe takes so many bytes without waiting and in one piece (pipe(7)), so that
the lines of several processes on one pipe do not mix."""

Stream = TextIO | Literal["stdout", "stderr"]
Format = Literal["pretty", "json", "logfmt"]

_LINE_FORMATS: Final[dict[str, Callable[[Entry], str]]] = {"json": json_line, "logfmt": logfmt_line}
FORMATS: Final = ("pretty", *_LINE_FORMATS)


class StdoutSink:
    """
    Writes entries as lines.

    Args:
        stream: Where to; a name is looked up in `sys` for each parcel, so that redirections are followed.
        format: `pretty` for eyes, `json` or `logfmt` for programs; default: pretty on a terminal, else JSON.
        color: Whether pretty lines are coloured; default: on a terminal. Who reads `NO_COLOR` passes False.

    Raises:
        ConfigError: When *format* or *stream* is none of these.
    """

    def __init__(
        self,
        stream: Stream | None = None,
        format: Format | None = None,  # noqa: A002 - the name users expect
        color: bool | None = None,
    ) -> None:
        if format is not None and format not in FORMATS:
            raise ConfigError(f"sinks: the format of lines is one of {', '.join(FORMATS)}, not {format!r}")
        if isinstance(stream, str) and stream not in {"stdout", "stderr"}:
            raise ConfigError(f"sinks: a stream is `stdout`, `stderr` or an open text file, not {stream!r}")
        self._stream = stream or "stdout"
        self._format = format
        self._color = color
        self._pretty = Pretty()

    def __call__(self, parcel: Parcel) -> Receipt:
        entries = parcel.entries
        receipt = Receipt(rejected=parcel.unreadable)
        if not entries:
            return receipt
        stream = getattr(sys, self._stream) if isinstance(self._stream, str) else self._stream
        if stream is None:
            raise SinkRefusedError("this process has no console; give it another sink", reason="no_stream")
        try:
            if parcel.memo is None:
                parcel.memo = self._data(entries, stream), 0
            parcel.memo = _put(stream, *parcel.memo)
        except (OSError, ValueError) as error:
            said = f"the output stream cannot be written to: {error}"
            raise SinkRefusedError(said, reason="stream_closed") from error
        data, at = parcel.memo
        if at < len(data):
            raise SinkUnavailableError(f"nobody reads the output; {len(data) - at:,} bytes of log wait")
        return receipt

    def close(self) -> None:
        """
        Leave the stream open: it belongs to the program.
        """

    def _data(self, entries: list[Entry], stream: TextIO) -> bytes:
        """
        Return the lines of *entries* in the encoding of *stream*; what that cannot say is shown escaped.
        """
        terminal = stream.isatty()
        line = _LINE_FORMATS.get(self._format or ("pretty" if terminal else "json"))
        if line is None:
            self._pretty.fit(entries)
            line = partial(self._pretty, color=terminal if self._color is None else self._color)
        text = "".join([line(entry) + "\n" for entry in entries])
        return text.encode(_encoding(stream), "backslashreplace")


def _put(stream: TextIO, data: bytes, at: int) -> tuple[bytes, int]:
    """
    Write *data* from *at* on to *stream*, and return it with how far it got.
    """
    descriptor = _descriptor(stream)
    if descriptor is None:
        stream.write(data[at:].decode(_encoding(stream)))
        stream.flush()
        return data, len(data)
    stream.flush()  # what the program printed before comes first
    return data, _pour(descriptor, data, at)


def _descriptor(stream: TextIO) -> int | None:
    """
    Return the file descriptor that *stream* ends in, or None when it does more than encode what is written: a
    capturing, teeing or in-memory stream, or a system without `poll`.
    """
    if type(stream) is not io.TextIOWrapper or not hasattr(select, "poll"):
        return None
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return raw.fileno() if type(raw) is io.FileIO else None


def _pour(descriptor: int, data: bytes, at: int) -> int:
    """
    Write *data* from *at* on for `WRITE_S` seconds at most, and return how far it got.

    A regular file takes everything in one call; anything else whole lines of up to `PIECE` bytes.
    """
    whole = stat.S_ISREG(os.fstat(descriptor).st_mode)
    room = select.poll()
    room.register(descriptor, select.POLLOUT)
    deadline = time.monotonic() + WRITE_S
    while at < len(data):
        left = deadline - time.monotonic()
        if left <= 0 or not room.poll(left * 1000):
            break
        end = len(data) if whole or len(data) - at <= PIECE else data.rfind(b"\n", at, at + PIECE) + 1
        try:
            at += os.write(descriptor, data[at : end or at + PIECE])
        except BlockingIOError:
            continue  # a descriptor that some other program made non-blocking: ask for room again
    return at


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
