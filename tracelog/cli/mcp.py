"""
`tracelog mcp`: the logs as tools for a coding agent, over standard input and output.

The SDK is loaded here and only when this command runs. The tools start without a server, too: what an agent
asks is then answered with how to start one.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import click

from tracelog import __version__
from tracelog.cli.api import Api, open_api
from tracelog.cli.failure import UNREACHABLE, USAGE, CommandError
from tracelog.cli.options import server_options
from tracelog.cli.serve import missing
from tracelog.mcp.asking import Ask, NoAnswerError


class Asking:
    """
    The reading endpoints for the tools: what ends a command is an answer to an agent.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, path: str, **options: str | float | None) -> bytes:
        return _answer(lambda: self._api.get(path, **options))

    def post(self, path: str, value: Any) -> bytes:
        return _answer(lambda: self._api.post(path, value))


@click.command()
@server_options
def mcp(url: str | None, key: str | None) -> None:
    """
    Serve the logs to a coding agent (MCP over stdio).

    Add it to an agent as the command `tracelog mcp`; it talks to the server that --url or TRACELOG_URL names.
    """
    api = open_api(url, key)
    open_mcp()(Asking(api))


def open_mcp() -> "Callable[[Ask], None]":
    """
    Return what serves the tools until the agent hangs up.

    Raises:
        CommandError: When the SDK is not installed.
    """
    if importlib.util.find_spec("mcp") is None:
        raise CommandError(missing("mcp"), USAGE)
    from tracelog.mcp.server import create_server  # noqa: PLC0415 - loads what only an agent's machine has

    return lambda ask: create_server(ask, __version__).run("stdio")


def _answer(ask: Callable[[], bytes]) -> bytes:
    try:
        return ask()
    except CommandError as error:
        raise NoAnswerError(error.message, down=error.exit_code == UNREACHABLE) from error
