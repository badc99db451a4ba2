"""
`tracelog cleanup`: what is left over goes, or everything does.
"""

import sys
from typing import Any, Final

import click
import msgspec

from tracelog.cli.api import open_api
from tracelog.cli.failure import USAGE, CommandError
from tracelog.cli.options import format_option, server_options, tell, write

CONFIRM: Final = "delete all logs"
"""What must be typed; the server asks for the same."""

_NAMES: Final = {
    "expired": "traces whose time is over",
    "orphaned": "companions of traces that are gone",
    "endless": "keys without a time to live",
    "silent": "sources of the ledger that nobody heard for long",
    "traces": "traces",
    "entries": "entries",
    "pins": "pinned traces",
    "sources": "sources of the ledger",
}
"""What is counted, in words."""


@click.group()
def cleanup() -> None:
    """
    Remove what is left over, or everything. Without --yes it only says what would go.
    """


@cleanup.command()
@click.option("--yes", is_flag=True, help="Remove it.")
@format_option("human", "json")
@server_options
def safe(url: str | None, key: str | None, form: str, *, yes: bool) -> None:
    """
    Remove what is expired, orphaned or without an end; nothing that can be read is touched.
    """
    _show(_asked(url, key, {"mode": "safe", "dry_run": not yes}), form, done=yes)


@cleanup.command()
@click.option("--yes", is_flag=True, help="Delete it.")
@click.option("--confirm", metavar="TEXT", help=f'Say "{CONFIRM}" here where nobody can be asked.')
@format_option("human", "json")
@server_options
def emergency(url: str | None, key: str | None, confirm: str | None, form: str, *, yes: bool) -> None:
    """
    Delete every log, pin and count of every system. What was spent, keys and the audit stay.
    """
    if not yes:
        _show(_asked(url, key, {"mode": "emergency", "dry_run": True}), form, done=False)
        return
    if confirm is None and sys.stdin.isatty():
        confirm = click.prompt(
            f"Type {CONFIRM!r} to delete all of them", err=True, default="", show_default=False
        )
    if confirm != CONFIRM:
        raise CommandError(f'nothing was deleted; to mean it, type or give --confirm "{CONFIRM}"', USAGE)
    _show(_asked(url, key, {"mode": "emergency", "confirm": confirm}), form, done=True)


def _asked(url: str | None, key: str | None, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = open_api(url, key).post("/api/v1/cleanup", wanted)
    return msgspec.json.decode(answer, type=dict[str, Any])


def _show(found: dict[str, Any], form: str, *, done: bool) -> None:
    if form == "json":
        write(msgspec.json.encode(found).decode())
        return
    for name, text in _NAMES.items():
        if found.get(name) is not None:
            write(f"{found[name]:>10,}  {text}")
    size = found.get("bytes") or found.get("size_bytes")
    if size:
        write(
            f"{size / 1e6:>10,.1f}  MB of them"
            if "bytes" in found
            else f"{size / 1e6:>10,.1f}  MB in the store"
        )
    tell("done, and recorded in the audit" if done else "nothing was removed yet; to do it, say --yes")
