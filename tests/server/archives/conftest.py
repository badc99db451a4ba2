"""
Receivers as processes: something like Logflare, and a tracelog server for OTLP.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.started import Started


class Logflare:
    """
    The process of `logflare_server.py`.
    """

    def __init__(self) -> None:
        program = Path(__file__).with_name("logflare_server.py")
        self.process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def shown(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def busy(self, times: int) -> None:
        url = f"http://127.0.0.1:{self.port}/busy?times={times}"
        urllib.request.urlopen(urllib.request.Request(url, b""), timeout=10).close()

    def events(self, **metadata: Any) -> list[dict[str, Any]]:
        """
        Return the events whose metadata says all of *metadata*.
        """
        return [event for event in self.shown()["events"] if metadata.items() <= event["metadata"].items()]


@pytest.fixture(scope="module")
def logflare() -> Iterator[Logflare]:
    server = Logflare()
    yield server
    server.process.kill()
    server.process.wait()
    server.process.stdout.close()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The address of a tracelog server, which takes OTLP as any backend does.
    """
    folder = tmp_path_factory.mktemp("receiver")
    server = Started("serve", "--port", "0", "--store", "sqlite:///r.db", "--no-limits", cwd=folder)
    yield server.line(r"listening on (\S+)")
    server.clear()
