"""
The command line: one group, a file for each family of commands.

Data goes to standard output, our own words to standard error. Exit codes: 0 well, 1 found (where asked) or
not there, 2 called wrongly, 3 no server.
"""

import io
import sys

import click

from tracelog import __version__
from tracelog.cli.chrome import chrome
from tracelog.cli.compare import diff, mark
from tracelog.cli.demo import demo
from tracelog.cli.doctor import doctor
from tracelog.cli.failure import SentenceGroup
from tracelog.cli.mcp import mcp
from tracelog.cli.pipe import pipe
from tracelog.cli.reading import brief, export, search, show
from tracelog.cli.recover import recover
from tracelog.cli.redact import redact
from tracelog.cli.run import run
from tracelog.cli.serve import serve
from tracelog.cli.status import status
from tracelog.cli.tail import tail


@click.group(cls=SentenceGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="tracelog %(version)s")
def commands() -> None:
    """
    One request, logged by several systems, read as one story.
    """


for _command in (serve, demo, show, brief, tail, search, export, status, pipe, run, redact, recover, doctor):
    commands.add_command(_command)
for _command in (diff, mark, mcp, chrome):
    commands.add_command(_command)


def main() -> None:
    """
    Run the command line.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot say ✗ still gets the rest
    commands(prog_name="tracelog")
