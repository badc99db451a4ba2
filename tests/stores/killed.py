"""
Processors killed again and again while entries come: an archive in files that tells what it was given, and the load.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cli.started import ROOT, plain_environment
from tests.stores.rows import row
from tracelog.stores import Row

LEASE_S = 0.5
FORMS = 50
"""Different messages of the load."""


class FolderArchive:
    """
    An archive of one file a batch: a batch that comes again has to be the same, to the byte.

    Args:
        folder: Where the files go.
    """

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Keep *rows* unless they are there; what differs from what is there is kept beside it, and a test fails.
        """
        said = json.dumps(rows, sort_keys=True)
        file = self._folder / f"{batch_id}.json"
        if file.exists() and file.read_text() != said:
            file = self._folder / f"{batch_id}.other"
        draft = self._folder / f"draft-{os.getpid()}"
        draft.write_text(said)
        draft.replace(file)


PROGRAM = """
import sys
from pathlib import Path
from tests.stores import killed
from tracelog.config import server_settings
from tracelog.server import work
work.open_archives = lambda urls: [killed.FolderArchive(Path(url)) for url in urls]
settings = server_settings(
    {"store": sys.argv[1], "process_interval": 0.1, "process_sample": 1.0, "archive": [sys.argv[2]]},
    environ={}, folder=Path("/"),
)
work.work(settings, lease_s=killed.LEASE_S, on_ready=lambda: print("ready", flush=True))
"""


def processor(url: str, folder: Path) -> "subprocess.Popen[str]":
    """
    Start a processor in a process of its own, and return it once it works.
    """
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=plain_environment(),
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def spoken(number: int) -> Row:
    """
    Return entry *number* of the load, in one of a few messages that differ in letters only.
    """
    form = number % FORMS
    return row(f"trace-{number % 97}", number, f"form {'abcdefghij'[form % 10]} of {'klmno'[form // 10]}")


async def torment(store: Any, url: str, folder: Path, *, kills: int, entries: int, a_write: int) -> int:
    """
    Write *entries* while one of two processors after another is killed, and return how many were written.
    """
    seeded = random.Random(7)
    workers = [processor(url, folder), processor(url, folder)]
    try:
        each = entries // kills
        for kill in range(kills):
            for first in range(kill * each, (kill + 1) * each, a_write):
                await store.write([spoken(n) for n in range(first, min(first + a_write, (kill + 1) * each))])
            await asyncio.sleep(seeded.random() * 0.2)  # anywhere within a batch
            victim = seeded.randrange(2)
            workers[victim].kill()
            workers[victim].communicate()
            workers[victim] = processor(url, folder)
        await idle(store)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    return kills * each


async def idle(store: Any) -> None:
    """
    Wait until nothing is left to be processed.

    Raises:
        AssertionError: When that does not come.
    """
    queue = store.queue()
    end = time.monotonic() + 60
    while (await queue.backlog()).writes:
        assert time.monotonic() < end, "the queue never became empty"
        await asyncio.sleep(0.05)


def archived(folder: Path) -> Counter[str]:
    """
    Return how many entries of each message the archive holds.

    Raises:
        AssertionError: When a batch came again and was not the same.
    """
    assert not [*folder.glob("*.other")]
    told: Counter[str] = Counter()
    for file in folder.glob("*.json"):
        for kept in json.loads(file.read_text()):
            told[kept["message"]] += kept.get("count", 1)
    return told
