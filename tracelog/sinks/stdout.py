"""
Entries as lines on standard output, standard error or any text stream.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Final, Literal, TextIO

from tracelog.core.entry import Entry
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.lines import Pretty, json_line, logfmt_line
from tracelog.sinks.stream import encoding, put

WRITE_S: Final = 2.0
"""A parcel may take so long; what was not taken by then is offered again, from where it stopped."""

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

    @property
    def stream(self) -> TextIO | None:
        """
        Where it writes to now; None in a process without a console.
        """
        return getattr(sys, self._stream) if isinstance(self._stream, str) else self._stream

    def __call__(self, parcel: Parcel) -> Receipt:
        entries = parcel.entries
        receipt = Receipt(rejected=parcel.unreadable)
        if not entries:
            return receipt
        stream = self.stream
        if stream is None:
            raise SinkRefusedError("this process has no console; give it another sink", reason="no_stream")
        try:
            if parcel.memo is None:
                parcel.memo = self._data(entries, stream), 0
            data, at = parcel.memo
            at = put(stream, data, at, patience=WRITE_S)
            parcel.memo = data, at
        except (OSError, ValueError) as error:
            said = f"the output stream cannot be written to: {error}"
            raise SinkRefusedError(said, reason="stream_closed") from error
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
        return text.encode(encoding(stream), "backslashreplace")
