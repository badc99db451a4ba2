"""
The server under load, killed again and again: what it acknowledged is there, once, and will expire.
"""

import json
import random
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import redis

from tests import mortal
from tests.cli.started import Started
from tests.server.running import Line, request
from tests.stores.servers import RealServer, free_port

KILLS = 10
SENDERS = 4
TRACES = 20


class Load:
    """
    Senders on connections that are kept, who note what was acknowledged and begin again when a connection ends.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: set[str] = set()
        self.sent = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        run = 0
        while not self._over.is_set():
            with suppress(OSError), Line(self.port) as line:
                while not self._over.is_set():
                    run += 1
                    self._send(line, [f"{number}-{run}-{place}" for place in range(1 + run % 3 * 10)])
            time.sleep(0.02)

    def _send(self, line: Line, ids: list[str]) -> None:
        """
        Send one batch twice, as a client does that did not hear the first answer.
        """
        entries = [
            {"id": name, "trace_id": f"kill_{crc32(name.encode()) % TRACES}", "message": "m"} for name in ids
        ]
        data = request(body=json.dumps(entries).encode(), headers=[("Content-Type", "application/json")])
        for _ in range(2):
            self.sent += 1
            line.send(data)
            answer = line.answer()
            if answer.status == 200:
                told = answer.json
                assert told["accepted"] + told["duplicate"] == len(ids)
                self.acknowledged.update(ids)


def torment(store: str, folder: Path) -> tuple[Load, Started]:
    """
    Start a server, let it be killed under load, start it again, and so on; return the load and the last server.
    """
    port = free_port()
    load = Load(port)
    chance = random.Random(7)

    def serve() -> Started:
        server = Started("serve", "--port", str(port), "--store", store, "--no-limits", cwd=folder)
        server.line("(listening)")
        return server

    server = serve()
    load.start()
    try:
        for _ in range(KILLS):
            before = len(load.acknowledged)
            time.sleep(chance.uniform(0.02, 0.2))
            while len(load.acknowledged) == before:
                time.sleep(0.001)
            server.process.kill()
            server.clear()
            server = serve()
    except BaseException:
        server.clear()
        raise
    finally:
        load.end()
    return load, server


def read_all(port: int) -> Counter[str]:
    """
    Return how often each id is in the store.
    """
    found: Counter[str] = Counter()
    for number in range(TRACES):
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/v1/traces/kill_{number}/export", timeout=20
        ) as answer:
            found.update(entry["id"] for entry in json.load(answer)["entries"])
    return found


@pytest.fixture
def ended() -> Iterator[Callable[[Started], Started]]:
    """
    A function that sees to it that a server is gone after the test.
    """
    servers: list[Started] = []

    def remember(server: Started) -> Started:
        servers.append(server)
        return server

    yield remember
    for server in servers:
        server.clear()


def check(load: Load, found: Counter[str]) -> None:
    lost = load.acknowledged - set(found)
    twice = [name for name, times in found.items() if times > 1]
    assert len(load.acknowledged) > 20 * KILLS
    assert (len(lost), twice) == (0, [])


def test_nothing_acknowledged_is_lost_on_sqlite(tmp_path: Path, ended: Any) -> None:
    """
    Killed ten times while it writes a file: every acknowledged entry is there, none twice.
    """
    load, server = torment("sqlite:///kill.db", tmp_path)
    ended(server)
    check(load, read_all(load.port))


def test_nothing_acknowledged_is_lost_on_redis(tmp_path: Path, ended: Any) -> None:
    """
    Killed ten times while it writes to Redis: every acknowledged entry is there, none twice, every key expires.
    """
    with RealServer(tmp_path) as store:
        load, server = torment(store.url, tmp_path)
        ended(server)
        with redis.Redis.from_url(store.url, protocol=2) as client:
            lists = client.scan_iter(match="logs:*", count=1000)
            found = Counter(json.loads(data)["id"] for name in lists for data in client.lrange(name, 0, -1))
            check(load, found)
            assert [name for name in client.scan_iter(count=1000) if client.ttl(name) == -1] == []
        server.clear()


def test_what_was_acknowledged_is_archived_once(tmp_path: Path) -> None:
    """
    Two servers and a processor killed eight times while they share a Valkey: each message is archived, and counted in
    the live view, as often as it was sent.
    """
    entries = 6_000
    with (
        RealServer(tmp_path) as store,
        mortal.Installation(tmp_path, store.url, inside=False) as one,
    ):
        mortal.torment(one, kills=8, entries=entries, patience_s=60.0)
        assert one.archived() == one.shown() == mortal.truth(entries)
