"""
`tracelog chrome`: what all pages and workers of a browser say and do becomes entries, with no code in them.
"""

import signal
import time
from collections.abc import Callable
from typing import Final

import click

from tracelog.cli.chrome.browser import Browser, address_of
from tracelog.cli.chrome.tab import Raw, Watching
from tracelog.cli.chrome.websocket import WebSocket
from tracelog.cli.failure import UNREACHABLE, CommandError
from tracelog.cli.options import tell
from tracelog.cli.shipping import Shipping, shipping_options
from tracelog.cli.status import sum_of
from tracelog.client.client import Client
from tracelog.client.foreign import lost
from tracelog.client.ids import new_span_id, new_trace_id
from tracelog.core.bounded import Bounded
from tracelog.core.wire import Mint, Reader

PORT: Final = 9222
"""What Chrome's own examples and editors use."""

SLOW_MS: Final = 1_000
"""A second is where people notice that they wait."""

AGAIN_S: Final = 0.5
"""A browser that is started again is watched from its first second."""

TARGETS: Final = 2_000
"""Pages and workers whose last words are remembered, for the case that the connection breaks."""


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Debugging port of Chrome."
)
@click.option(
    "--slow",
    type=click.FloatRange(0),
    default=SLOW_MS,
    show_default=True,
    metavar="MS",
    help="Requests that take as long are logged; 0 logs all of them.",
)
@shipping_options
def chrome(shipping: Shipping, port: int, slow: float) -> None:
    """
    Log what the pages and workers of a running Chrome say and do.

    Start it with --remote-debugging-port=9222 and --user-data-dir=SOME_FOLDER. Every tab and worker is
    watched: console, uncaught errors, what the browser warns of, requests that fail or are slow, crashes. It
    goes on when Chrome is started again, until Ctrl-C.
    """
    where = _first(port)
    client, address = shipping._replace(system=shipping.system or "browser").open()
    watch = Watch(client, _watching(shipping, slow, address))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            watch(where, lambda: tell(f"watching every tab and worker at port {port}; Ctrl-C ends it"))
            tell("the browser has gone; waiting for it to come back")
            where = _wait(port)
    except KeyboardInterrupt:
        client.shutdown(client.settings.exit_timeout)
    tell(f"{watch.seen:,} pages and workers; {sum_of(client.stats())} at {address}")


class Watch:
    """
    Ships what browsers say, one after the other.

    Attributes:
        seen: Pages and workers so far.
    """

    def __init__(self, client: Client, watching: Watching) -> None:
        self.seen = 0
        self._client = client
        self._watching = watching
        self._mint = Mint(trace_id=new_trace_id, entry_id=str)
        self._heard: Bounded[str, float] = Bounded(TARGETS)

    def __call__(self, where: str, ready: Callable[[], None]) -> None:
        """
        Ship what the browser at the address *where* says until it ends; *ready* is called when it is watched.
        """
        try:
            with WebSocket(where) as socket:
                browser = Browser(socket, self._watching, self._take, self._heard)
                try:
                    browser.watch(ready)
                finally:
                    self.seen += browser.seen
                    for _ in range(browser.unread):
                        lost(self._client)
        except OSError:
            return

    def _take(self, raw: Raw) -> None:
        self._client.ship(Reader(time.time() * 1000.0, self._mint).straighten(raw))


def _watching(shipping: Shipping, slow: float, address: str) -> Watching:
    trace_id = shipping.trace_id
    return Watching(
        slow_ms=slow,
        is_ours=lambda url: url.startswith(f"{address.rstrip('/')}/"),
        new_trace=new_trace_id if trace_id is None else lambda: trace_id,
        new_span=new_span_id,
    )


def _first(port: int) -> str:
    """
    Raises:
        CommandError: When no browser is there.
    """
    try:
        return address_of(port)
    except OSError as error:
        said = error.strerror or str(error)
        raise CommandError(
            f"no browser at port {port} ({said.lower()}); start Chrome with --remote-debugging-port={port} "
            "--user-data-dir=SOME_FOLDER, or name its port with --port",
            UNREACHABLE,
        ) from error


def _wait(port: int) -> str:
    """
    Return the address of the browser at *port* once there is one.
    """
    while True:
        try:
            return address_of(port)
        except OSError:
            time.sleep(AGAIN_S)
