"""
Commands as their own processes, and a running server as tests see it.
"""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from tracelog.cli import commands

ROOT = Path(__file__).resolve().parents[2]


def plain_environment() -> dict[str, str]:
    """
    Return the environment without settings of whoever runs the tests.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACELOG_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Started:
    """
    A process of `python -m tracelog …` whose standard error is read line by line.
    """

    def __init__(self, *arguments: str, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tracelog", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=options.pop("cwd", ROOT),
            env={**plain_environment(), **options.pop("env", {})},
        )

    def line(self, pattern: str, stream: str = "stderr") -> str:
        """
        Return the first group of *pattern* in the next line that has it; the suite's timeout bounds the wait.
        """
        seen = []
        for line in getattr(self.process, stream):
            seen.append(line.decode())
            if found := re.search(pattern, seen[-1]):
                return found[1]
        raise AssertionError(f"the process ended without {pattern!r}: {''.join(seen)}")

    def end(self, signal: int | None = None) -> tuple[int, str, str]:
        """
        Send *signal*, wait, and return exit code and what else was said on both streams.
        """
        if signal is not None:
            self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode(), err.decode()

    def clear(self) -> None:
        """
        Leave nothing of the process, whatever became of its test.
        """
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(BrokenPipeError):
                stream.close()


class Served(NamedTuple):
    """
    A running server, and how to fill it.
    """

    url: str
    folder: Path

    def post(self, *entries: dict[str, Any]) -> None:
        body = json.dumps(list(entries)).encode()
        request = urllib.request.Request(f"{self.url}/log", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["accepted"] == len(entries)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def run(self, *arguments: str) -> Result:
        """
        Run a command in this process, against this server.
        """
        return CliRunner(env=_without_settings({"TRACELOG_URL": self.url})).invoke(commands, arguments)


def _without_settings(given: dict[str, str]) -> dict[str, str | None]:
    return {**dict.fromkeys(name for name in os.environ if name.startswith("TRACELOG_")), **given}


def free_port() -> int:
    """
    Return a port of this machine on which nobody listens.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
