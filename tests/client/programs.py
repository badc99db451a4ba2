"""
Programs of their own: started, watched, and what they said and wrote.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

PRELUDE = """
import json, os, sys, time
import tracelog

class File:
    '''A sink that appends ids and messages to a file, one line each, so that several processes can share it.'''
    def __init__(self, path=sys.argv[1]):
        self.path = path
    def __call__(self, parcel):
        text = "".join(json.dumps([e.id, e.message]) + "\\n" for e in parcel.entries)
        with open(self.path, "ab", buffering=0) as out:
            out.write(text.encode())
    def close(self):
        pass
"""


class Ran(NamedTuple):
    """
    What became of a program.
    """

    code: int
    out: str
    err: str
    seconds: float
    entries: list[tuple[str, str]]

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.entries]


def run(program: str, folder: Path, *, timeout: float = 30.0, **environ: str) -> Ran:
    """
    Run *program* behind the prelude, in *folder*, with *environ* added, and return what became of it.
    """
    log = folder / "log"
    log.touch()
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRACELOG")}
    env |= {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[:0]]), "PYTHONUNBUFFERED": "1", **environ}
    file = folder / "program.py"
    file.write_text(PRELUDE + program, encoding="utf-8")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(file), str(log)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    seconds = time.monotonic() - begun
    entries = [tuple(json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]
    return Ran(done.returncode, done.stdout, done.stderr, seconds, entries)


def end(client, timeout: float = 0.1) -> int:
    """
    Shut *client* down, wait until its thread has let go of its files, and return how many entries it could not deliver.
    """
    left = client.shutdown(timeout)
    running = client._shipper._looper._running
    assert running.acquire(timeout=10)
    running.release()
    return left
