"""
A whole installation whose processes are killed one after another while entries come over HTTP: servers, processors,
an archive of files, on one store.
"""

import json
import random
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from tests.cli.started import Started
from tests.flooding import PAUSE_S, Flood, Sender
from tests.stores.servers import free_port

SIZE = 50
"""Entries of a batch."""

LEASE_S = 1

SILENCE_S = 2.0
"""After which a reader of the live view was told all that there is."""

FORMS = 50
"""Different messages of the load."""

SETTINGS = """
[tool.tracelog]
archive = ["ndjson:archive.ndjson?packing=none"]
process_interval = 0.2
process_sample = 1.0
"""


class Installation:
    """
    Servers and one processor of its own.

    Args:
        folder: Where they run; the archive is here.
        store: URL of what they share.
        inside: Whether the servers have processors inside, too; these wait longer for one that died.
        servers: How many.
    """

    def __init__(self, folder: Path, store: str, *, inside: bool, servers: int = 2) -> None:
        (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
        self._folder = folder
        self.ports = [free_port() for _ in range(servers)]
        serve = ("serve", "--store", store, "--no-limits", *(() if inside else ("--no-process",)))
        self._commands = [((*serve, "--port", str(port)), "(listening)") for port in self.ports]
        self._commands.append((("process", "--store", store, "--lease", str(LEASE_S)), "(processing)"))
        self._living: list[Started] = []

    def __enter__(self) -> Self:
        self._living = [self._born(at) for at in range(len(self._commands))]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._living:
            process.clear()

    def _born(self, at: int) -> Started:
        words, ready = self._commands[at]
        process = Started(*words, cwd=self._folder)
        process.line(ready)
        return process

    def kill(self, at: int) -> None:
        """
        End process *at* without a word (SIGKILL), and start it again.
        """
        self._living[at].process.kill()
        self._living[at].clear()
        self._living[at] = self._born(at)

    def __len__(self) -> int:
        return len(self._commands)

    def get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.ports[0]}{path}", timeout=20) as answer:
            return json.load(answer)

    def idle(self, patience_s: float) -> None:
        """
        Wait until nothing is left to be processed.

        Raises:
            AssertionError: When that does not come within *patience_s*.
        """
        end = time.monotonic() + patience_s
        while self.get("/api/v1/status")["processing"]["waiting"]:
            assert time.monotonic() < end, "the queue never became empty"
            time.sleep(PAUSE_S)

    def archived(self) -> Counter[str]:
        """
        Return how many entries of each message the archive holds.
        """
        told: Counter[str] = Counter()
        for file in self._folder.glob("archive*.ndjson"):
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                told[row["message"]] += row.get("count", 1)
        return told

    def shown(self) -> Counter[str]:
        """
        Return how many entries of each message the live view tells a reader that comes now, until it is silent.
        """
        seen: dict[int, tuple[str, int]] = {}
        url = f"http://127.0.0.1:{self.ports[0]}/api/v1/live?limit=1000"
        with suppress(TimeoutError), urlopen(url, timeout=SILENCE_S) as stream:
            for line in stream:
                if line.startswith(b"data: ") and "message" in (row := json.loads(line[6:])):
                    seen[row["id"]] = (row["message"], row["count"])
        told: Counter[str] = Counter()
        for message, count in seen.values():
            told[message] += count
        return told


def spoken(number: int) -> dict[str, Any]:
    """
    Return entry *number* of the load: one of a few messages that differ in letters only, of one of 97 traces.
    """
    form = number % FORMS
    message = f"form {'abcdefghij'[form % 10]} of {'klmno'[form // 10]}"
    who = {"system": "backend", "source": f"mortal-{number % 7}", "seq": number // 7}
    return {"id": f"mortal-{number}", "trace_id": f"mortal-{number % 97}", **who, "message": message}


def truth(entries: int) -> Counter[str]:
    """
    Return how often each message is said.
    """
    return Counter(spoken(number)["message"] for number in range(entries))


def batches(entries: int) -> list[list[dict[str, Any]]]:
    """
    Return the load in the batches in which it is sent.
    """
    return [[spoken(n) for n in range(at, min(at + SIZE, entries))] for at in range(0, entries, SIZE)]


def torment(one: Installation, *, kills: int, entries: int, patience_s: float) -> None:
    """
    Send *entries*, each until it is acknowledged, and meanwhile kill a process at random so many times; return once
    all is processed.

    Raises:
        AssertionError: When that does not come within *patience_s*.
    """
    chance = random.Random(7)
    load, servers = batches(entries), len(one.ports)
    flood = Flood([Sender(port, load[at::servers], patience_s) for at, port in enumerate(one.ports)])
    flood.start()
    for kill in range(kills):
        due = len(load) * (kill + 1) // (kills + 1)
        while flood.answered < due and any(sender.is_alive() for sender in flood.senders):
            time.sleep(PAUSE_S)
        time.sleep(chance.random() * 0.2)  # anywhere within a batch
        one.kill(chance.randrange(len(one)))
    flood.join()
    one.idle(patience_s)
