"""
`tracelog recover`: what ended processes left is delivered now, without waiting for their programs to start.

The next start of a program does the same by itself. What a command is for: a program that is not started
again, a folder that was copied from elsewhere, another server, or only to see what is there.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from tracelog.cli.failure import UNREACHABLE, USAGE, CommandError
from tracelog.cli.options import format_option, tell, write
from tracelog.client.keeping import account_folders, sentence
from tracelog.client.salvage import Known, Left, Salvage, claim
from tracelog.config import DEFAULT_URL, client_settings
from tracelog.core.ledger import Ledger
from tracelog.core.settings import ClientSettings
from tracelog.errors import SinkUnavailableError
from tracelog.sinks import open_sink

FOREVER_S: Final = 1e9
"""Who asks for it by hand gets everything, however old."""


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "url", metavar="URL", help="Server; else the one each process had, else TRACELOG_URL.")
@click.option("--key", metavar="KEY", help="Ingest key of the server; else TRACELOG_KEY.")
@click.option("--dry-run", is_flag=True, help="Only say what is there.")
@format_option("human", "json")
def recover(folder: Path | None, url: str | None, key: str | None, *, dry_run: bool, form: str) -> None:
    """
    Deliver what ended processes left in FOLDER, and tell the server what was lost.

    FOLDER is that of the setting `spool`; when it is not given, that of TRACELOG_SPOOL or pyproject.toml, and
    those where this user's programs keep their accounts.
    """
    settings = client_settings({"url": url, "key": key})
    away: dict[str, str] = {}
    found = 0
    for left in _left(folder, settings):
        found += 1
        told = left.tell()
        address = url or told.address or settings.url or DEFAULT_URL
        ended = Ledger()
        if not dry_run and address not in away:
            try:
                ended = _deliver(left, address, settings.key)
            except SinkUnavailableError as error:
                away[address] = str(error)
        write(_SHOW[form](told, address, None if dry_run or address in away else ended))
    if not found:
        tell("nothing was left by an ended process")
    if away:
        raise CommandError("; ".join(away.values()), UNREACHABLE)


def _left(folder: Path | None, settings: ClientSettings) -> Iterator[Left]:
    spool = [Path(settings.spool).expanduser()] if settings.spool else []
    for place in [folder] if folder is not None else [*spool, *account_folders()]:
        yield from claim(place)


def _deliver(left: Left, address: str, key: str | None) -> Ledger:
    """
    Return what became of the entries that *left* holds in its spool.

    Raises:
        SinkUnavailableError: When the server takes nothing now.
        CommandError: When *address* is none.
    """
    if not address.startswith(("http://", "https://")):
        raise CommandError(f"{left.source} had no server; name one with --to", USAGE)
    sink = open_sink(address, key=key)
    salvage = Salvage(left, sink, time.time, FOREVER_S)
    try:
        for _ in salvage.steps():
            pass
    finally:
        sink.close()
    return salvage.ends


def _human(told: Known, address: str, ended: Ledger | None) -> str:
    if ended is None:
        return f"{sentence(told)}; for {address}"
    return f"{sentence(told)}; {ended.stored:,} delivered to {address}"


def _json(told: Known, address: str, ended: Ledger | None) -> str:
    shown: dict[str, Any] = told._asdict() | {"address": address}
    shown["delivered"] = None if ended is None else msgspec.to_builtins(ended)
    return msgspec.json.encode(shown).decode()


_SHOW: Final = {"human": _human, "json": _json}
