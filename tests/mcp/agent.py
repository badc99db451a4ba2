"""
An agent as tests see it: the official client on a real `tracelog mcp`, and the same tools without the process.
"""

import sys
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from tests.cli.started import ROOT, plain_environment
from tracelog.cli.api import Api
from tracelog.cli.mcp import Asking

PARAMETERS = {"command": sys.executable, "args": ["-m", "tracelog", "mcp"], "cwd": str(ROOT)}


def session(url: str, work: Any, **environment: str) -> Any:
    """
    Return what the coroutine function *work* makes of a client that talks to `tracelog mcp` about *url*.
    """
    env = {**plain_environment(), "TRACELOG_URL": url, **environment}

    async def talk() -> Any:
        async with Client(StdioServerParameters(**PARAMETERS, env=env)) as client:
            return await work(client)

    return anyio.run(talk)


def call(url: str, *calls: tuple[str, dict[str, Any]], **environment: str) -> list[Any]:
    """
    Return the answers to *calls*, name and arguments, of one session.
    """

    async def work(client: Client) -> list[Any]:
        return [await client.call_tool(name, arguments) for name, arguments in calls]

    return session(url, work, **environment)


def text_of(answer: Any) -> str:
    return answer.content[0].text


def outside(text: str) -> str:
    """
    Return what stands outside the fence of an answer; the fence is closed where it says so first.
    """
    lines, inside, marker = [], False, ""
    for line in text.split("\n"):
        if not inside and line.startswith("--- ") and " begins: " in line:
            inside, marker = True, line.split()[1]
        elif inside and line == f"--- {marker} ends ---":
            inside = False
        elif not inside:
            lines.append(line)
    assert not inside
    return "\n".join(lines)


def asking(url: str, key: str | None = None) -> Asking:
    return Asking(Api(url, key=key))
