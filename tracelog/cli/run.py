"""
`tracelog run -- CMD`: a program as one hop of a trace, and what it prints as entries.

It behaves as the program does: same input, same output on the same streams, same exit code, and signals reach
it. The trace goes down in `TRACEPARENT`, so that whatever it starts logs into the same story.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from tracelog.cli.failure import CommandError
from tracelog.cli.options import tell
from tracelog.cli.pouring import Shipped, pour
from tracelog.cli.shipping import Shipping, shipping_options
from tracelog.client.client import Client
from tracelog.client.context import inject, root
from tracelog.client.hop import Trace

NOT_FOUND: Final = 127
NOT_RUNNABLE: Final = 126
SIGNALLED: Final = 128
"""Exit codes of a shell (POSIX.1 2.8.2): no such command, one that cannot run, beyond 128 the signal."""

_NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT")
PASSED_ON: Final = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""What somebody sends this process is meant for the program; Java answers SIGQUIT with its threads."""

TYPED: Final = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name))
"""What a terminal sends to both by itself, for Ctrl-C and Ctrl-\\."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@shipping_options
def run(shipping: Shipping, command: tuple[str, ...]) -> None:
    """
    Run a program and log what it prints.

    The program is one hop of a trace, which it finds in TRACEPARENT. Its output goes where it would go, its
    exit code is passed through.
    """
    client, address = shipping.open()
    name = Path(command[0]).name
    streams: list[Shipped] = []
    wanted = shipping.trace_id or root().trace_id
    with client.trace(name, trace_id=wanted, command=shlex.join(command)) as hop:
        code = _run(command, client, hop, streams)
        if code:
            client.get_logger(name).error("ended with exit code", exit_code=code)
    client.shutdown(client.settings.exit_timeout)
    tell(shipping.told(client, *streams, address=address))
    sys.exit(code)


def _run(command: Sequence[str], client: Client, hop: Trace, streams: list[Shipped]) -> int:
    threads = []
    with _passing_on() as started, _start(command) as process:
        started(process)
        pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
        for source, out in pairs:
            streams.append(Shipped(client, hop.trace_id, span_id=hop.span_id))
            threads.append(threading.Thread(target=pour, args=(source, out, streams[-1]), daemon=True))
            threads[-1].start()
        code = process.wait()
        for thread in threads:
            thread.join()
    return code if code >= 0 else SIGNALLED - code


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "TRACEPARENT": inject()["traceparent"],
        "TRACELOG_CONSOLE": "off",  # what it prints becomes entries; those of its own are some already
    }
    try:
        return subprocess.Popen(  # noqa: S603 - to run what the user names is what this command is for
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
    except FileNotFoundError:
        raise CommandError(f"{command[0]}: there is no such command", NOT_FOUND) from None
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be run: {error.strerror}", NOT_RUNNABLE) from error


@contextmanager
def _passing_on() -> Iterator[Callable[["subprocess.Popen[bytes]"], None]]:
    """
    Hand signals on meanwhile to the program that is told of once it runs; those before wait for it.
    """
    deaf = TYPED if sys.stdin.isatty() else frozenset()
    running: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if number in deaf:
            return
        if running:
            running[0].send_signal(number)
        else:
            early.append(number)

    def started(process: "subprocess.Popen[bytes]") -> None:
        running.append(process)
        for number in early:
            process.send_signal(number)

    # what is ignored here, as behind nohup, the program ignores as well
    heard = [number for number in PASSED_ON if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in heard}
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
