"""
What the server says of itself: lines that a program can read, and that never feed back into it.
"""

import json
import logging
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.cli.started import ROOT, Started, plain_environment
from tests.server.running import Running
from tests.server.scripted import ScriptedStore
from tests.stores.servers import RealServer
from tracelog.server.own_log import JsonLines

pytestmark = pytest.mark.xdist_group("feedback")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body = answer.read()
    return json.loads(body) if body[:1] in b"{[" else body


def test_a_program_that_carries_its_own_server_does_not_loop() -> None:
    """
    A program whose root logger, access log and requests all go to a server within itself says nothing of the
    deliveries, so that it falls silent when nobody asks it anything.
    """
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.server.feeding"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=plain_environment(),
    )
    try:
        url = f"http://127.0.0.1:{program.stdout.readline().strip()}"
        for _ in range(3):
            get(f"{url}/work")
        found: list[dict[str, Any]] = []
        while len([e for e in found if e["message"] == "worked"]) < 3 or not _is_settled(found):
            time.sleep(0.1)
            found = get(f"{url}/logs/api/v1/search?limit=1000")["entries"]
        assert [e["message"] for e in found if "/logs/log" in e["message"]] == []
        assert {e["message"] for e in found if "/work" in e["message"]} > {"GET /work"}
    finally:
        program.stdin.close()
        program.wait(20)
        program.stdout.close()


def _is_settled(found: list[dict[str, Any]]) -> bool:
    """
    Whether the latest entries are of searches only: many rounds of deliveries are over.
    """
    return len([e for e in found if e["message"] == "GET /logs/api/v1/search"]) >= 8


def test_lines_of_json(tmp_path: Path) -> None:
    """
    With `log_format` json every line on standard error is an object, from the start through trouble with the
    store to the end, with several processes, too.
    """
    for options in ((), ("--workers", "2")):
        store = RealServer(tmp_path)
        env = {"TRACELOG_LOG_FORMAT": "json"}
        server = Started("serve", "--port", "0", "--store", store.url, *options, cwd=tmp_path, env=env)
        try:
            url = server.line(r"listening on ([^\"]+)")
            server.line(r'"message":"(the store is away[^"]+)')
            with pytest.raises(HTTPError, match="503"):
                get(f"{url}/readyz")
            code, out, err = server.end(signal.SIGTERM)
            said = [json.loads(line) for line in err.splitlines()]
            assert (code, out, said[-1]["message"], said[-1]["level"]) == (0, "", "stopped", "info")
        finally:
            server.clear()


def test_a_fault_is_told_without_what_a_sender_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A line about an exception has its kind, and nothing of its message.
    """
    try:
        int("5up3rs3cr3t of a sender")
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "it %s", ("broke",), sys.exc_info())
    said = json.loads(JsonLines().format(record))
    assert (said["message"], said["error"], said["level"]) == ("it broke", "ValueError", "error")
    assert "5up3rs3cr3t" not in str(said)


def test_readiness_names_every_part() -> None:
    """
    Who asks whether the server is ready is told of each part, and the cause of what is not well.
    """
    store = ScriptedStore()
    with Running(store, limits=True) as running:
        assert running.get("/readyz").json["parts"]["store"] == {"ok": True, "cause": None}
        running.app.health.stopping()
        shown = running.get("/readyz")
    assert (shown.status, shown.json["cause"]) == (503, "the server is stopping")
    assert [name for name, part in shown.json["parts"].items() if not part["ok"]] == ["server"]
