"""
`tracelog doctor`: why nothing arrives, or what could be better, each with what to do about it.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Final

import click
import msgspec

from tracelog.cli.examine import BAD, ODD, examine, patient
from tracelog.cli.failure import FOUND
from tracelog.cli.options import format_option, server_options, tell, write
from tracelog.core.text import one_line

WIDTH: Final = 10


@click.command()
@format_option("human", "json")
@server_options
def doctor(form: str, url: str | None, key: str | None) -> None:
    """
    Look at settings, server, clock, stores and libraries of a program started in this folder.

    Ends with 1 when something keeps entries from arriving, or secrets from being replaced.
    """
    found = list(examine(patient(url, key, Path.cwd())))
    if form == "json":
        write(msgspec.json.encode([finding._asdict() for finding in found]).decode())
    else:
        for topic, state, text, fix in found:
            write(f"{state:<5} {topic:<{WIDTH}} {one_line(text)}")
            if fix:
                write(f"{'':<5} {'':<{WIDTH}} → {fix}")
    states = Counter(finding.state for finding in found)
    if not states[BAD] and not states[ODD]:
        tell("everything is well")
    if states[BAD]:
        tell(f"{states[BAD]} to mend, {states[ODD]} to look at")
        sys.exit(FOUND)
