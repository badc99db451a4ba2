"""
`tracelog keys`: who may send, read and administer.
"""

from typing import Any
from urllib.parse import quote

import click
import msgspec

from tracelog.cli.api import open_api
from tracelog.cli.options import format_option, server_options, tell, write
from tracelog.render.text import moment

PATH = "/api/v1/keys"


@click.group()
def keys() -> None:
    """
    Make, list and revoke the keys of a server, with an admin key.
    """


@keys.command()
@click.option(
    "--role", type=click.Choice(["ingest", "read", "admin"]), default="ingest", show_default=True,
    help="What it may do: write only, read, or read and administer.",
)  # fmt: skip
@click.option("--name", metavar="TEXT", default="", help="What to call it.")
@click.option(
    "--origin", "origins", multiple=True, metavar="ORIGIN",
    help="Web origin it may be used from, such as https://shop.example.com; may be repeated.",
)  # fmt: skip
@click.option("--system", metavar="NAME", help="The system that its entries are from, whatever they claim.")
@click.option("--public", is_flag=True, help="It stands in a page, for all the world to see.")
@server_options
def create(url: str | None, key: str | None, **wanted: Any) -> None:
    """
    Make a key. Its token is printed this once and kept nowhere; the server has only its digest.
    """
    answer = msgspec.json.decode(open_api(url, key).post(PATH, wanted))
    write(answer["token"])
    tell(f"key {answer['id']} of role {answer['role']}; other servers of the store know it within seconds")


@keys.command("list")
@format_option("human", "json")
@server_options
def list_(url: str | None, key: str | None, form: str) -> None:
    """
    Show which keys there are, those of the settings, too.
    """
    found = open_api(url, key).read(PATH, dict)
    if form == "json":
        write(msgspec.json.encode(found).decode())
        return
    for one in found["keys"]:
        bound = [
            *one["origins"],
            *([one["system"]] if one["system"] else []),
            *(["public"] if one["public"] else []),
        ]
        made = (
            f", made {moment(one['created_ms'])} by {one['by']}"
            if one["kept"] == "store"
            else ", in the settings"
        )
        what = f": {', '.join(bound)}" if bound else ""
        write(f"{one['id']:<12}{one['role']:<8}{one.get('name') or ''}{what}{made}")
    if found["open"]:
        tell("there are none: this machine needs no key")


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--last", is_flag=True, help="Also the last admin key; then this machine needs no key any more."
)
@server_options
def revoke(key_id: str, url: str | None, key: str | None, *, last: bool) -> None:
    """
    Take a key away, and with it the sign-ins by it.
    """
    open_api(url, key).send("DELETE", f"{PATH}/{quote(key_id, safe='')}{'?last=1' if last else ''}")
    tell(f"key {key_id} is revoked; other servers of the store know it within seconds")
