"""
`tracelog pipe`: what another program prints becomes entries, and goes on unchanged.

It stands in somebody's pipeline, so the pipeline comes first: bytes are passed on before they are read, a
server that is away delays nothing for long, and whatever happens to delivery the exit code is 0. A reader
that leaves (`| head`) does not stop the entries.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Final

import click

from tracelog.cli.options import tell
from tracelog.cli.plain import read_line
from tracelog.cli.status import sum_of
from tracelog.client.client import Client
from tracelog.client.context import root
from tracelog.config import DEFAULT_URL, client_settings
from tracelog.core.entry import DEFAULT_LIMITS, is_trace_id
from tracelog.core.wire import Mint, Reader
from tracelog.errors import ConfigError
from tracelog.sinks import HttpSink

CHUNK: Final = 64 * 1024
LINE_BYTES: Final = 1024 * 1024
"""What is kept of one line; its entry is cut to far less, and the rest of it is passed on all the same."""

BREATH: Final = 10_000
BREATH_S: Final = 0.5
"""After so many entries it waits so long for delivery: a fast writer is slowed to what the server takes, and
one that is away costs half a second each time, at most."""


@click.command()
@click.option(
    "--system",
    metavar="SYSTEM",
    help="Where the program runs: browser, worker, convex, backend or an own name.",
)
@click.option("--service", metavar="NAME", help="Name of the program.")
@click.option(
    "--trace",
    "trace_id",
    metavar="ID",
    help="Trace of the lines that name none; else TRACEPARENT, else a new one.",
)
@click.option("--url", metavar="URL", help="Server; else TRACELOG_URL, else http://127.0.0.1:8787.")
@click.option("--key", metavar="KEY", help="Ingest key of the server; else TRACELOG_KEY.")
def pipe(
    system: str | None, service: str | None, trace_id: str | None, url: str | None, key: str | None
) -> None:
    """
    Log what another program prints, and pass it on.

    Each line of standard input becomes an entry: a JSON object with all its fields, any other text with the
    level and the trace it names. Standard output gets every byte unchanged.
    """
    if trace_id is not None and not is_trace_id(trace_id):
        raise click.BadParameter(
            "1 to 128 letters, digits or _ . : - and not all zeros", param_hint="--trace"
        )
    settings = client_settings({"url": url, "key": key}, broken=_go_on)
    address = settings.url or DEFAULT_URL
    client = Client(system=system, service=service, sinks=[HttpSink(address, key=settings.key)])
    shipped = Shipped(client, trace_id or root().trace_id)
    with patient(0 if sys.stdin.isatty() else 1):
        pour(sys.stdin.buffer, sys.stdout.buffer, shipped)
    client.shutdown(client.settings.exit_timeout)
    seen = f"; see tracelog show {shipped.trace_id}" if shipped.used else ""
    lines = f"{shipped.lines:,} line{'' if shipped.lines == 1 else 's'}"
    tell(f"{lines}; {sum_of(client.stats())} at {address}{seen}")


def _go_on(error: ConfigError) -> None:
    tell(f"{error}; going on without")


class Shipped:
    """
    Takes lines and ships their entries.

    Args:
        client: Who delivers them.
        trace_id: Of lines that name none.
        breath: Entries after which delivery is waited for.

    Attributes:
        lines: How many came.
        used: Whether *trace_id* was needed.
    """

    def __init__(self, client: Client, trace_id: str, *, breath: int = BREATH) -> None:
        self.lines = 0
        self.used = False
        self.trace_id = trace_id
        self._client = client
        self._mint = Mint(trace_id=self._default_trace, entry_id=str)
        self._breath = self._left = breath

    def __call__(self, lines: Iterator[bytes]) -> None:
        reader = Reader(time.time() * 1000.0, self._mint, DEFAULT_LIMITS)
        for line in lines:
            self.lines += 1
            for entry in read_line(line.decode("utf-8", "replace"), reader):
                self._client.ship(entry)
                self._left -= 1
        if self._left <= 0:
            self._left = self._breath
            self._client.flush(BREATH_S)

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


def pour(source: BinaryIO, out: BinaryIO, take: Callable[[Iterator[bytes]], None]) -> None:
    """
    Pass *source* on to *out* and let *take* have its lines, until it ends or a person ends it.
    """
    split = Splitter()
    passing = True
    chunk = b"-"
    try:
        while chunk:
            chunk = source.read1(CHUNK)  # type: ignore[attr-defined]
            passing = passing and _pass_on(chunk, out)
            take(split(chunk))
    except KeyboardInterrupt:
        return


@contextmanager
def patient(presses: int) -> Iterator[None]:
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
        with Path(os.devnull).open(
            "wb"
        ) as nowhere:  # for what the stream still holds, which would spoil the end
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        tell("the output cannot be written any more; its lines are still logged")
        return False
    return True
