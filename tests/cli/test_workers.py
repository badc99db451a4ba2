"""
Several server processes behind one port: replaced and killed under load, nothing acknowledged is lost.
"""

import json
import os
import signal
import socket
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.cli.started import Started
from tests.cli.test_serve import has_address
from tests.stores.servers import RealServer, free_port
from tests.test_kill import Load
from tracelog.cli.failure import USAGE
from tracelog.server.workers import listeners

pytestmark = pytest.mark.xdist_group("workers")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """
    A function that starts `serve` with several processes; none of them is left behind.
    """
    started: list[Started] = []

    def starting(*options: str) -> Started:
        server = Started("serve", "--no-limits", "--workers", "2", *options, cwd=tmp_path)
        started.append(server)
        return server

    yield starting
    for server in started:
        server.clear()


def children(pid: int) -> set[int]:
    return {int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def test_replaced_and_killed_under_load_nothing_is_lost(tmp_path: Path, start: Any) -> None:
    """
    While four senders go on, all processes are replaced and one is killed: every acknowledged entry is in Redis
    once, and a signal ends all.
    """
    port = free_port()
    with RealServer(tmp_path) as store:
        server = start("--port", str(port), "--store", store.url)
        server.line("(listening)")
        first = children(server.process.pid)
        load = Load(port)
        load.start()
        try:
            server.process.send_signal(signal.SIGHUP)
            assert server.line(r"(all server processes are new)")
            second = children(server.process.pid)
            assert len(second) == 2
            assert not first & second
            victim = min(second)
            os.kill(victim, signal.SIGKILL)
            assert server.line(rf"(server process {victim} ended unasked; another one takes its place)")
            while len(children(server.process.pid)) < 2:
                time.sleep(0.01)
        finally:
            load.end()
        with redis.Redis.from_url(store.url, protocol=2) as client:
            lists = client.scan_iter(match="logs:*", count=1000)
            found = Counter(json.loads(row)["id"] for name in lists for row in client.lrange(name, 0, -1))
        code, _, err = server.end(signal.SIGTERM)
    assert len(load.acknowledged) > 200
    assert load.acknowledged - set(found) == set()
    assert set(found.values()) == {1}
    assert (code, err.splitlines()[-1]) == (0, "tracelog: stopped")
    assert all(not Path(f"/proc/{pid}").exists() for pid in second)


def test_processes_share_a_file(tmp_path: Path, start: Any) -> None:
    """
    On the embedded store what one process took the others read; a replacement that does not start, for a wrong
    setting, changes nothing; when the one that started them is killed they end by themselves.
    """
    server = start("--port", "0", "--store", "sqlite:///shared.db")
    url = server.line(r"listening on (\S+)")
    for n in range(20):
        body = json.dumps({"trace_id": "shared", "id": f"e{n}", "message": "m"}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/log", body), timeout=10).close()
    for _ in range(5):
        with urllib.request.urlopen(f"{url}/api/v1/traces/shared", timeout=10) as answer:
            assert len(json.load(answer)["entries"]) == 20
    settings = tmp_path / "pyproject.toml"
    settings.write_text("[tool.tracelog]\npins = 7\n")
    before = children(server.process.pid)
    server.process.send_signal(signal.SIGHUP)
    server.line(r"\[tool\.tracelog\] (pins)")
    assert server.line(r"(a new server process did not start; those there go on)")
    assert children(server.process.pid) == before
    settings.unlink()
    orphans = children(server.process.pid)
    server.process.kill()
    server.process.wait()
    while any(Path(f"/proc/{pid}").exists() for pid in orphans):
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--store", "sqlite::memory:"), USAGE, "each server process would have a memory of its own"),
        (("--store", f"sqlite:///{os.devnull}/x.db"), 1, "the server did not start"),
    ],
)
def test_what_cannot_be_served_by_several_is_told(start: Any, options: Any, code: int, said: str) -> None:
    """
    A store that processes cannot share, or that none can open, ends the start with a sentence.
    """
    ended, _, err = start("--port", "0", *options).end()
    assert (ended, said in err, "Traceback" in err) == (code, True, False)


@pytest.mark.parametrize("spreads", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", *(["::1"] if has_address("::1") else [])])
def test_every_place_listens_at_the_port(host: str, spreads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All places have the same port, at each address of the host; with a socket of their own where the kernel
    spreads connections between them, with one for all where it does not.
    """
    monkeypatch.setattr("tracelog.server.workers._SPREADS", spreads)
    places = listeners(host, 0, 3)
    every = {sock for place in places for sock in place}
    try:
        assert len({sock.getsockname()[1] for sock in every}) == 1
        assert len(every) == len(places[0]) * (3 if spreads else 1)
        for sock in places[0]:
            socket.create_connection(sock.getsockname()[:2], timeout=5).close()
    finally:
        for sock in every:
            sock.close()
