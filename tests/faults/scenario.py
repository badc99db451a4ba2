"""
One scenario with one client: run, and counted by who has no part in it.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from tests.cli.started import ROOT, plain_environment
from tests.faults.collector import Collector
from tests.faults.door import Door, passing_to
from tests.faults.programs import program
from tests.server.running import Running
from tests.stores.servers import free_port
from tracelog.cli import commands
from tracelog.core.ledger import REASONED

STUCK_S = 30.0
"""A program that has not ended by then hangs."""

_NUMBERS = count()
"""Each run has a system of its own, so that runs can share a server."""


class Scenario(NamedTuple):
    """
    What happens to a program.

    Attributes:
        title: As the table calls it.
        body: What the program does, of `programs.BODIES`; with *n* entries, *rate* of them a second.
        fault: Of the door; `dead` for an address where nobody listens.
        end: A signal that it is sent when it has logged everything.
    """

    title: str
    body: str
    n: int = 500
    rate: int = 0
    fault: str = "none"
    end: signal.Signals | None = None

    @property
    def entries(self) -> int:
        """
        How many entries are logged in all: with children, by five processes.
        """
        return self.n * 5 if self.body in {"multiprocessing", "fork"} else self.n


class Outcome(NamedTuple):
    """
    What became of a run.

    Attributes:
        emitted: Ids in the side file.
        received: Those that arrived; *duplicates* how many of them more than once.
        reported: Losses that the client told its server of.
        seconds: From the program's last statement to the end of its process; None when it hung.
        flushed: How long `flush(2.0)` took, where it was called.
        said: What stood on standard error.
    """

    emitted: int
    received: int
    duplicates: int
    reported: int
    seconds: float | None
    flushed: float | None = None
    said: str = ""

    @property
    def silent(self) -> int:
        return self.emitted - self.received - self.reported


class Ended(NamedTuple):
    """
    What a process left: its side file's ids, what it told of itself, and how it ended.
    """

    ids: set[str]
    told: dict[str, float]
    seconds: float | None
    said: str


def peer(client: str, scenario: Scenario, folder: Path) -> Outcome:
    """
    Run *scenario* with one of the peers.
    """
    collector = Collector()
    with Door(collector, scenario.fault) as door:
        ended = run(client, scenario, folder, address(door, scenario))
    return outcome(ended, collector.received, collector.reported)


class Place(NamedTuple):
    """
    A real server, and the file that it stores in.
    """

    server: Running
    store: Path


@contextmanager
def serving(folder: Path) -> Iterator[Place]:
    """
    Run a server whose embedded store is in *folder*; it limits nothing, so what is missing was lost.
    """
    store = folder / "store.db"
    with Running(store_url=f"sqlite:///{store}") as server:
        yield Place(server, store)


def ours(scenario: Scenario, folder: Path, place: Place, **options: Any) -> Outcome:
    """
    Run *scenario* with tracelog and *options* of `configure`, before a real server.

    Then the fault is over, and what a next start of the program would do is done by `tracelog recover`; what counts
    is the store's content and the server's ledger.
    """
    system, before = f"run{next(_NUMBERS)}", told(place)
    with Door(passing_to(place.server.port), scenario.fault) as door:
        ended = run("tracelog", scenario, folder, address(door, scenario), system=system, **options)
        door.fault = "none"
        recovered(folder, door.url, options.get("spool"))
    return outcome(ended, Counter(stored(place.store, system)), told(place) - before)


def told(place: Place) -> int:
    """
    Return how many entries the server's ledger knows to be lost, of all sources.
    """
    ledger = place.server.get("/api/v1/ledger").json
    return sum(sum(ledger[outcome].values()) for outcome in REASONED)


def stored(store: Path, system: str) -> list[str]:
    """
    Return the messages of a run's rows, read from the file itself.
    """
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        rows = [json.loads(body) for (body,) in connection.execute("SELECT body FROM entries")]
    return [row["message"] for row in rows if row["system"] == system]


def address(door: Door, scenario: Scenario) -> str:
    return f"http://127.0.0.1:{free_port()}" if scenario.fault == "dead" else door.url


def outcome(ended: Ended, received: Counter[str], reported: int) -> Outcome:
    known = {name: n for name, n in received.items() if name in ended.ids}
    twice = sum(n - 1 for n in known.values())
    flushed = ended.told.get("flush")
    return Outcome(len(ended.ids), len(known), twice, reported, ended.seconds, flushed, ended.said)


def run(client: str, scenario: Scenario, folder: Path, url: str, **options: Any) -> Ended:
    """
    Run the program in a process of its own, whose files go into *folder*.
    """
    side = folder / "ids"
    side.touch()
    text = program(client, scenario.body, n=scenario.n, rate=scenario.rate)
    process = subprocess.Popen(
        [sys.executable, "-c", text, str(side), url, json.dumps(options)],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    lines = []
    if scenario.end is not None:
        lines.append(process.stdout.readline())
        process.send_signal(scenario.end)
    try:
        out, err = process.communicate(timeout=STUCK_S)
        gone = time.monotonic()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # a session of our own making, with the children that hang
        out, err = process.communicate()
        gone = None
    lines += out.splitlines()
    ids = set(side.read_text().splitlines())
    if gone is not None and len(ids) != scenario.entries:
        raise RuntimeError(f"a program with {client} logged {len(ids)} entries: {err.decode()}")
    told = {name: value for line in lines for name, value in json.loads(line).items()}
    seconds = None if gone is None else gone - told.get("left", gone)
    return Ended(ids, told, seconds, err.decode())


def environment(folder: Path) -> dict[str, str]:
    """
    Return the environment of a program: nothing of whoever runs it, and files only below *folder*.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    return {**plain_environment(), **home, "PYTHONPATH": os.pathsep.join(paths)}


def recovered(folder: Path, url: str, spool: str | None) -> None:
    """
    Do what the next start of the program would, with whatever it left.
    """
    home = {"XDG_STATE_HOME": str(folder / "state"), "TRACELOG_SPOOL": spool, "TMPDIR": str(folder)}
    done = CliRunner(env=home).invoke(commands, ["recover", "--to", url])
    assert done.exit_code == 0, done.output
