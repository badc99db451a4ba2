"""
`tracelog doctor`: why nothing arrives, or what could be better, each with what to do about it.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from tracelog.cli.failure import FOUND
from tracelog.cli.options import format_option, server_options, tell, write
from tracelog.core.text import one_line

if TYPE_CHECKING:
    from tracelog.cli.examine import Finding

WIDTH: Final = 10


@click.command()
@format_option("human", "json")
@server_options
def doctor(form: str, url: str | None, key: str | None) -> None:
    """
    Look at settings, server, clock, stores and libraries of a program started in this folder.

    Ends with 1 when something keeps entries from arriving, or secrets from being replaced.
    """
    found = open_examination()(url, key, Path.cwd())
    if form == "json":
        write(msgspec.json.encode([finding._asdict() for finding in found]).decode())
    else:
        for topic, state, text, fix in found:
            write(f"{state:<5} {topic:<{WIDTH}} {one_line(text)}")
            if fix:
                write(f"{'':<5} {'':<{WIDTH}} → {fix}")
    states = Counter(finding.state for finding in found)
    if not states["bad"] and not states["warn"]:
        tell("everything is well")
    if states["bad"]:
        tell(f"{states['bad']} to mend, {states['warn']} to look at")
        sys.exit(FOUND)


def open_examination() -> "Callable[[str | None, str | None, Path], list[Finding]]":
    """
    Return what examines; no other command pays for loading the stores it looks at.
    """
    from tracelog.cli.examine import examination  # noqa: PLC0415 - see above

    return examination
