"""
What `tracelog pipe` and `tracelog run` have in common: who speaks, where it goes, what is told at the end.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from tracelog.cli.options import tell
from tracelog.cli.pouring import Shipped
from tracelog.cli.status import sum_of
from tracelog.client.client import Client
from tracelog.config import DEFAULT_URL, client_settings
from tracelog.core.entry import is_trace_id
from tracelog.errors import ConfigError
from tracelog.sinks import HttpSink


class Shipping(NamedTuple):
    """
    The options.

    Attributes:
        system: Where the program runs; *service* is its name.
        trace_id: Of the lines that name none.
        url: Of the server; *key* its ingest key.
    """

    system: str | None
    service: str | None
    trace_id: str | None
    url: str | None
    key: str | None

    def open(self) -> tuple[Client, str]:
        """
        Return a client for the server, and its address.

        Raises:
            ConfigError: When a setting is wrong.
        """
        settings = client_settings({"url": self.url, "key": self.key}, broken=_go_on)
        address = settings.url or DEFAULT_URL
        sinks = [HttpSink(address, key=settings.key)]
        return Client(system=self.system, service=self.service, sinks=sinks, console="off"), address

    def told(self, client: Client, *streams: Shipped, address: str) -> str:
        """
        Return how much of what came is where.
        """
        count = sum(stream.lines for stream in streams)
        seen = [stream.trace_id for stream in streams if stream.used]
        lines = f"{count:,} line{'' if count == 1 else 's'}"
        see = f"; see tracelog show {seen[0]}" if seen else ""
        return f"{lines}; {sum_of(client.stats())} at {address}{see}"


def shipping_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options to *command*, which gets them as one `Shipping` before its other arguments.
    """

    @wraps(command)
    def given(
        system: str | None,
        service: str | None,
        trace_id: str | None,
        url: str | None,
        key: str | None,
        **others: Any,
    ) -> None:
        if trace_id is not None and not is_trace_id(trace_id):
            raise click.BadParameter(
                "1 to 128 letters, digits or _ . : - and not all zeros", param_hint="--trace"
            )
        command(Shipping(system, service, trace_id, url, key), **others)

    for option in reversed(OPTIONS):
        given = option(given)
    return given


OPTIONS = (
    click.option(
        "--system",
        metavar="SYSTEM",
        help="Where the program runs: browser, worker, convex, backend or an own name.",
    ),
    click.option("--service", metavar="NAME", help="Name of the program."),
    click.option(
        "--trace",
        "trace_id",
        metavar="ID",
        help="Trace of the lines that name none; else TRACEPARENT, else a new one.",
    ),
    click.option("--url", metavar="URL", help="Server; else TRACELOG_URL, else http://127.0.0.1:8787."),
    click.option("--key", metavar="KEY", help="Ingest key of the server; else TRACELOG_KEY."),
)


def _go_on(error: ConfigError) -> None:
    tell(f"{error}; going on without")
