"""
`tracelog import`, `pin` and `unpin`: what is in the store longer, or again.
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from tracelog.cli.api import checked, open_api
from tracelog.cli.failure import FOUND, USAGE, CommandError
from tracelog.cli.options import server_options, tell, write
from tracelog.render.text import moment


class _Imported(msgspec.Struct):
    """
    What became of a file's entries.
    """

    traces: list[str]
    accepted: int
    duplicate: int
    rejected_count: int
    rejected: list[dict[str, Any]] = []
    refused: int = 0


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@server_options
def import_(file: Path, url: str | None, key: str | None) -> None:
    """
    Put the entries of an export back: a `json`, `ndjson`, `html` or `otlp.json` file, or `-` for standard
    input.

    They keep their times and live as long as new ones, go past all quotas, and are marked `origin:imported`.
    What is there already stays as it is. The ids of the traces are printed.
    """
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", USAGE) from error
    answer = open_api(url, key).send("POST", "/api/v1/import", data)
    found = msgspec.json.decode(answer, type=_Imported)
    for trace_id in found.traces:
        write(trace_id)
    again = f", {found.duplicate:,} were there already" if found.duplicate else ""
    tell(f"{found.accepted:,} entries imported{again}")
    lost = found.rejected_count + found.refused
    if lost:
        why = f": {found.rejected[0]['error']}" if found.rejected else ""
        raise CommandError(f"{lost:,} entries of {file} could not be taken{why}", FOUND)


class _Kept(msgspec.Struct):
    """
    Until when a trace is kept now, Unix milliseconds.
    """

    trace_id: str
    expires_at: float


@click.command()
@click.argument("ref")
@server_options
def pin(ref: str, url: str | None, key: str | None) -> None:
    """
    Keep a trace past its time, until it is unpinned.

    REF is a trace id, its first 8 characters or more, a whole traceparent, `latest` or `latest-error`.
    """
    kept = _changed("POST", ref, url, key)
    write(kept.trace_id)
    tell(f"kept until {moment(kept.expires_at)}, or until: tracelog unpin {kept.trace_id}")


@click.command()
@click.argument("ref")
@server_options
def unpin(ref: str, url: str | None, key: str | None) -> None:
    """
    Let a pinned trace go when its usual time is over, which may be now.
    """
    kept = _changed("DELETE", ref, url, key)
    write(kept.trace_id)
    tell(f"it goes at {moment(kept.expires_at)}")


def _changed(method: str, ref: str, url: str | None, key: str | None) -> _Kept:
    answer = open_api(url, key).send(method, f"/api/v1/pins/{quote(checked(ref), safe='')}")
    return msgspec.json.decode(answer, type=_Kept)
