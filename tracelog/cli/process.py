"""
`tracelog process`: the batch processor in a process of its own, beside servers started with `--no-process`.
"""

from typing import Final

import click

from tracelog.cli.options import public, tell
from tracelog.config import server_settings
from tracelog.server.work import work

LEASE: Final = "Seconds of silence after which another's batch is taken over."


@click.command()
@click.option("--store", metavar="URL", help="The store of the servers, such as redis://127.0.0.1:6379.")
@click.option("--archive", "archives", metavar="URL", multiple=True, help="Where rows go; may be repeated.")
@click.option("--interval", type=click.FloatRange(0.1, 3600), help="Seconds between batches. Default: 12.")
@click.option("--sample", type=click.FloatRange(0, 1), help="Share of traces kept of info. Default: 0.2.")
@click.option("--lease", type=click.FloatRange(0.5, 3600), default=30.0, show_default=True, help=LEASE)
def process(
    store: str | None, archives: tuple[str, ...], interval: float | None, sample: float | None, lease: float
) -> None:
    """
    Fold, sample, show and archive what the servers of a store take, until Ctrl-C or SIGTERM.
    """
    given = {"store": store, "archive": archives or None, "process_interval": interval}
    settings = server_settings({**given, "process_sample": sample, "host": "127.0.0.1"})
    where = ", ".join(map(public, settings.archive)) or "none"

    def ready() -> None:
        tell(
            f"processing {public(settings.store)} every {settings.process_interval:g} s, "
            f"sample {settings.process_sample:g}, archives: {where}"
        )

    work(settings, lease_s=lease, on_ready=ready)
    tell("stopped")
