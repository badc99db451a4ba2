"""
`tracelog mark` and `tracelog diff`: what changed since the good run.
"""

import secrets

import click
import msgspec

from tracelog.cli.api import open_api
from tracelog.cli.failure import FOUND
from tracelog.cli.options import color_option, format_option, screen, server_options, tell, write
from tracelog.correlation.diff import Difference
from tracelog.render.answer import NONCE_BYTES
from tracelog.render.difference import difference_markdown, difference_terminal
from tracelog.render.text import moment


class Marked(msgspec.Struct):
    """
    A mark that the server has set at *timestamp*, Unix milliseconds.
    """

    name: str
    timestamp: float


@click.command()
@click.argument("name")
@server_options
def mark(name: str, url: str | None, key: str | None) -> None:
    """
    Set the mark NAME now, to compare what came before with what comes after.

    NAME is letters, digits, dots, dashes and underscores; set again, it moves.
    """
    marked = msgspec.json.decode(open_api(url, key).post("/api/v1/marks", {"name": name}), type=Marked)
    tell(f"marked at {moment(marked.timestamp)}; later: tracelog diff mark:{marked.name} now")


@click.command("diff")
@click.argument("a")
@click.argument("b", default="now")
@click.option("--exit-code", "judged", is_flag=True, help="Exit with 1 when something changed.")
@format_option("human", "json", "md")
@color_option
@server_options
def diff(
    a: str, b: str, judged: bool, form: str, color: bool | None, url: str | None, key: str | None
) -> None:
    """
    Show what changed from A to B: new and gone messages, durations beyond noise, changed fields.

    A and B are two traces, named as for `show`; or two moments, `mark:NAME` and `now`: then what came between
    them is compared with everything before.
    """
    found = open_api(url, key).read("/api/v1/diff", Difference, a=a, b=b)
    if form == "json":
        write(msgspec.json.encode(found).decode())
    elif form == "md":
        write(difference_markdown(found, secrets.token_hex(NONCE_BYTES)))
    else:
        place = screen(color)
        write(difference_terminal(found, width=place.width, color=place.color))
    if judged and found.changes:
        raise click.exceptions.Exit(FOUND)
