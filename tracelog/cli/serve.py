"""
`tracelog serve`: the server, and the few words that a person needs to use it.

The server's libraries are loaded here and only when this command runs: a machine that only reads or sends
has the command line without them.
"""

import importlib.metadata
import importlib.util
import re
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote, urlsplit

import click
import msgspec

from tracelog.cli.failure import FOUND, USAGE, CommandError
from tracelog.cli.options import public, tell
from tracelog.cli.waiting import waiting_for_store
from tracelog.config import DEFAULT_PORT, ServerSettings, server_settings
from tracelog.server.own_log import say as say_line
from tracelog.server.own_log import say_in_json
from tracelog.server.workers import Supervisor, heed_signals, listeners

DISTRIBUTION: Final = "tracelog-kit"
"""Used where no metadata is installed: in a bare checkout."""

MOST_WORKERS: Final = 64
"""As many as a large machine has cores: more only wait for one another."""

LIBRARIES: Final = ("starlette", "uvicorn", "httptools")
"""What the server cannot do without."""

PAGE: Final = "/debug"
"""What a person opens: the failing and the recent traces."""

READERS: Final = ("read", "admin")
"""Roles whose keys sign in on a page, that which may do less first."""

_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on
"""Names of all addresses of a machine, and the one among them at which it finds itself."""


@click.command()
@click.option("--host", metavar="HOST", help="Address to listen on; beyond this machine only with keys.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one. Default: 8787.")
@click.option("--store", metavar="URL", help="Store, such as sqlite:///logs.db or redis://127.0.0.1:6379.")
@click.option("--open", "opened", is_flag=True, help="Show the recent traces in the browser, signed in.")
@click.option("--no-limits", is_flag=True, help="Without quotas: for tests and trusted loads.")
@click.option("--no-process", is_flag=True, help="Without a processor inside: `tracelog process` is one.")
@click.option("--mcp", "agents", is_flag=True, help="Also answer coding agents, at /mcp (MCP over HTTP).")
@click.option(
    "--workers", type=click.IntRange(1, MOST_WORKERS), default=1, help="Server processes. Default: 1."
)
def serve(
    host: str | None,
    port: int | None,
    store: str | None,
    opened: bool,
    no_limits: bool,
    no_process: bool,
    agents: bool,
    workers: int,
) -> None:
    """
    Run the server, until Ctrl-C or SIGTERM.
    """
    run = open_server()
    given = {"host": host, "port": port, "store": store, "limits": False if no_limits else None}
    given |= {"mcp": True if agents else None, "process": False if no_process else None}
    settings = server_settings(given)
    settings = msgspec.structs.replace(settings, host=settings.host.strip("[]"))  # as in an address
    need_port(settings.host, settings.port)
    say = _voice(settings)

    listened = False
    try:
        with _terminated_as_interrupted(), waiting_for_store(say) as begin:

            def ready(port: int) -> None:
                address = _address(settings.host, port)
                say(welcome(settings, address) if say is tell else f"listening on {address}")
                here = _address(_EVERYWHERE.get(settings.host, settings.host), port)
                begin(here)
                if opened:
                    link = start_link(settings, here)
                    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()

            if workers == 1:
                listened = run.serve(settings, on_ready=ready)
            else:
                listened = _serve_many(settings, given, workers, ready)
    except KeyboardInterrupt:
        listened = True  # how the person said stop; by now everything is stored and closed
    except SystemExit:
        listened = False  # what uvicorn does when it cannot listen after all; its own line says why
    if not listened:
        at = _address(settings.host, settings.port)
        raise CommandError(f"the server did not start at {at}; the lines above say why", FOUND)
    say("stopped")


def _voice(settings: ServerSettings) -> Callable[[str], None]:
    """
    Return what says sentences in the form that *settings* want.
    """
    if settings.log_format == "text":
        return tell
    say_in_json()
    return say_line


def _serve_many(
    settings: ServerSettings, given: Mapping[str, Any], count: int, ready: Callable[[int], None]
) -> bool:
    """
    Serve in *count* processes until a signal stops them; return whether all ever listened.
    """
    if sys.platform == "win32":
        raise CommandError("several server processes need a system that hands sockets on; use one", USAGE)
    if ":memory:" in settings.store:
        raise CommandError("each server process would have a memory of its own; use a file or Redis", USAGE)
    sockets = listeners(settings.host, settings.port, count)
    supervisor = Supervisor(given, sockets, say=_voice(settings), stop_timeout=settings.stop_timeout)
    heed_signals(supervisor)
    return supervisor.run(lambda: ready(int(sockets[0][0].getsockname()[1])))


def open_server() -> ModuleType:
    """
    Return the module that runs the server.

    Raises:
        CommandError: When one of its libraries is not installed.
    """
    need_server()
    from tracelog.server import run  # noqa: PLC0415 - loads what only a server's machine has

    return run


def need_server() -> None:
    """
    Raises:
        CommandError: When a library of the server is not installed; nothing is loaded to find out.
    """
    for library in LIBRARIES:
        if importlib.util.find_spec(library) is None:
            raise CommandError(missing(library), USAGE)


def need_port(host: str, port: int) -> None:
    """
    Raises:
        CommandError: When nobody can listen on *port* of *host* now; 0 stands for any free one.
    """
    if port == 0:
        return
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
            probe.bind((host, port))
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise CommandError(
            f"cannot listen at {_address(host, port)}: {said}; "
            "choose another address, or any free port with --port 0",
            USAGE,
        ) from error


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """
    Let SIGTERM end the server as Ctrl-C does: after a stop that lost nothing there is nothing to report.

    The server's library stops at either signal and then raises it again for whoever is behind it.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def welcome(settings: ServerSettings, address: str) -> str:
    """
    Return what a person needs to know about a server that listens at *address*.
    """
    port = urlsplit(address).port
    where = "" if port == DEFAULT_PORT else f" --url {address}"
    key = ' -H "Authorization: Bearer $TRACELOG_KEY"' if settings.keys else ""
    limits = "" if settings.limits else ", without limits"
    agents = f"  agents {address}/mcp\n" if settings.mcp else ""
    return (
        f"listening on {address}\n"
        f"  store  {public(settings.store)}, kept for {settings.ttl_s // 60} minutes{limits}\n"
        f'  send   curl{key} {address}/log -d \'{{"trace_id":"test_123","message":"hello"}}\'\n'
        f"  read   tracelog show test_123{where}\n"
        f"  page   {address}{PAGE}\n"
        f"{agents}"
        f"  stop   Ctrl-C"
    )


def start_link(settings: ServerSettings, address: str) -> str:
    """
    Return the address of the first page, with a key to sign in where keys are asked for.

    The key stands behind `#`: a browser sends nothing of that, and the page takes it out of the address.
    """
    keys = [key.token for role in READERS for key in settings.keys if key.role == role]
    return f"{address}{PAGE}#key={quote(keys[0], safe='')}" if keys else f"{address}{PAGE}"


def missing(library: str) -> str:
    """
    Return the sentence that says which of our extras brings *library*.
    """
    dist = next(iter(importlib.metadata.packages_distributions().get("tracelog", [])), DISTRIBUTION)
    try:
        needs = importlib.metadata.requires(dist) or []
    except importlib.metadata.PackageNotFoundError:
        needs = []
    asked = [need for need in needs if re.match(rf"{re.escape(library)}\b", need)]
    extras = {extra for need in asked for extra in re.findall(r"extra == ['\"]([\w-]+)", need)}
    extra = min(extras - {"all"}, default="server")
    return f"{library} is not installed; it comes with the extra `{extra}` of {dist}: install {dist}[{extra}]"


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
