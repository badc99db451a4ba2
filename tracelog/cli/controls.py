"""
`tracelog mute`, `unmute` and `capture`: who is not heard for a while.
"""

from typing import Any
from urllib.parse import quote

import click
import msgspec

from tracelog.cli.api import open_api
from tracelog.cli.options import server_options, tell, write
from tracelog.render.text import moment

MUTES = "/api/v1/mutes"


@click.command()
@click.option("--system", metavar="NAME", help="Whose entries.")
@click.option("--source", metavar="ID", help="The process, tab or isolate; as `tracelog status` names it.")
@click.option("--minutes", type=float, default=60.0, show_default=True, help="For how long; a week at most.")
@click.option("--errors", is_flag=True, help="Mute errors, too.")
@click.option("--why", metavar="TEXT", default="", help="For those who wonder.")
@server_options
def mute(url: str | None, key: str | None, **wanted: Any) -> None:
    """
    Do not store what a system or a source says, for a while; it is counted as `muted`. Without --system and
    --source, show what is muted.
    """
    api = open_api(url, key)
    if wanted["system"] is None and wanted["source"] is None:
        for one in api.read(MUTES, dict)["mutes"]:
            whose = " ".join(filter(None, (one["system"], one["source"])))
            until = moment(one["until_ms"])
            write(f"{one['id']:<12}{whose} until {until}, by {one['by']} {one['why']}".rstrip())
        return
    made = msgspec.json.decode(api.post(MUTES, wanted))
    write(made["id"])
    tell(f"muted until {moment(made['until_ms'])}, or until: tracelog unmute {made['id']}")


@click.command()
@click.argument("mute_id", metavar="ID")
@server_options
def unmute(mute_id: str, url: str | None, key: str | None) -> None:
    """
    End a mute before its time.
    """
    open_api(url, key).send("DELETE", f"{MUTES}/{quote(mute_id, safe='')}")
    tell(f"mute {mute_id} is over")


@click.command()
@click.argument("state", type=click.Choice(["on", "off", "settings"]), required=False)
@server_options
def capture(state: str | None, url: str | None, key: str | None) -> None:
    """
    Let pages capture or not, whatever the settings say; `settings` gives these their say again.
    """
    api = open_api(url, key)
    path = "/api/v1/switches"
    said = {"on": True, "off": False}.get(state or "")
    found = api.read(path, dict) if state is None else msgspec.json.decode(api.post(path, {"capture": said}))
    write("on" if found["capture"] else "off")
    tell(f"said by the {found['said_by']}; open pages hear it within 15 seconds")
