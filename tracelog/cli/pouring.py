"""
Bytes of another program on their way: passed on as they are, and cut into lines whose entries are shipped.

The program comes first: bytes are passed on before they are read, a server that is away delays nothing for
long, and a reader that leaves (`| head`) does not stop the entries.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final

from tracelog.cli.joined import Joiner, Said
from tracelog.cli.options import tell
from tracelog.cli.plain import read_said
from tracelog.cli.platforms import Platforms
from tracelog.client.client import Client
from tracelog.core.entry import DEFAULT_LIMITS, Entry
from tracelog.core.wire import Mint, Reader

CHUNK: Final = 64 * 1024
LINE_BYTES: Final = 1024 * 1024
"""What is kept of one line; its entry is cut to far less, and the rest of it is passed on all the same."""

BREATH: Final = 10_000
BREATH_S: Final = 0.5
"""After so many entries it waits so long for delivery: a fast writer is slowed to what the server takes, and
one that is away costs half a second each time, at most."""

HOLD_S: Final = 0.3
"""A line waits so long for the frames of a stack trace that may follow it: a program prints them at once."""


class Shipped:
    """
    Takes the lines of one stream and ships their entries.

    Args:
        client: Who delivers them.
        trace_id: Of lines that name none.
        span_id: The hop in that trace that says them, if there is one.
        breath: Entries after which delivery is waited for.

    Attributes:
        lines: How many came.
        used: Whether *trace_id* was needed.
    """

    def __init__(
        self, client: Client, trace_id: str, *, span_id: str | None = None, breath: int = BREATH
    ) -> None:
        self.lines = 0
        self.used = False
        self.trace_id = trace_id
        self._span_id = span_id
        self._joiner = Joiner()
        self._platforms = Platforms()
        self._client = client
        self._mint = Mint(trace_id=self._default_trace, entry_id=str)
        self._breath = self._left = breath

    def __call__(self, lines: Iterator[bytes]) -> None:
        """
        Take whole *lines*, without their ends.
        """
        self._ship(self._joiner(self._counted(lines)))
        if self._left <= 0:
            self._left = self._breath
            self._client.flush(BREATH_S)

    @property
    def holds(self) -> bool:
        """
        Whether a line waits for the next one, which may belong to it.
        """
        return self._joiner.holds

    def rest(self) -> None:
        """
        Ship the line that waits.
        """
        self._ship(self._joiner.rest())

    def _counted(self, lines: Iterator[bytes]) -> Iterator[str]:
        for line in lines:
            self.lines += 1
            yield line.decode("utf-8", "replace").removesuffix("\r")

    def _ship(self, saids: Iterator[Said]) -> None:
        reader = Reader(time.time() * 1000.0, self._mint, DEFAULT_LIMITS)
        for said in saids:
            for entry in read_said(said, reader, self._platforms):
                self._client.ship(self._placed(entry))
                self._left -= 1

    def _placed(self, entry: Entry) -> Entry:
        if self._span_id is not None and entry.span_id is None and entry.trace_id == self.trace_id:
            entry.span_id = self._span_id
        return entry

    def _default_trace(self) -> str:
        self.used = True
        return self.trace_id


class Splitter:
    """
    Cuts a stream of bytes into lines, whatever pieces it comes in.
    """

    def __init__(self) -> None:
        self._open = bytearray()

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        """
        Yield the lines that *chunk* completes; an empty chunk, the end, completes the last.
        """
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield bytes(self._open + part[: LINE_BYTES - len(self._open)])
            self._open.clear()
        self._open += rest[: LINE_BYTES - len(self._open)]
        if not chunk and self._open:
            yield bytes(self._open)


def pour(source: BinaryIO, out: BinaryIO, take: Shipped) -> None:
    """
    Pass *source* on to *out* and let *take* have its lines, until it ends or a person ends it.
    """
    split = Splitter()
    passing = True
    chunk = b"-"
    try:
        while chunk:
            if take.holds and _is_silent(source):
                take.rest()
            chunk = source.read1(CHUNK)  # type: ignore[attr-defined]
            passing = passing and _pass_on(chunk, out)
            take(split(chunk))
    except KeyboardInterrupt:
        return
    finally:
        take.rest()


def _is_silent(source: BinaryIO) -> bool:
    """
    Whether nothing comes for a moment. Where that cannot be asked for, nothing is waited for.
    """
    try:
        return not select.select([source], [], [], HOLD_S)[0]
    except (OSError, ValueError):
        return True


@contextmanager
def outlasting(presses: int) -> Iterator[None]:
    """
    Let so many presses of Ctrl-C pass: they are for the program whose output this is, and what it says on
    its way out still counts.
    """
    left = presses

    def pressed(_signal: int, _frame: FrameType | None) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pass_on(chunk: bytes, out: BinaryIO) -> bool:
    """
    Write *chunk* and return whether there is still a reader.
    """
    try:
        out.write(chunk)
        out.flush()
    except (OSError, ValueError):
        with Path(os.devnull).open("wb") as nowhere:  # for what it still holds, which would spoil the end
            os.dup2(nowhere.fileno(), out.fileno())
        tell("the output cannot be written any more; its lines are still logged")
        return False
    return True
