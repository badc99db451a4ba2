"""
Floods of a real program against a real server with its usual limits: what travels, what is kept, and that both sides
give the same account.
"""

import json
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.cli.started import Served, Started
from tests.client.programs import run
from tests.stores.servers import RealServer

FLOOD = """
from tracelog.sinks import HttpSink

class Counting:
    '''The real sink, and how many rows it was handed.'''
    guarded = True

    def __init__(self):
        self.real, self.requests, self.rows = HttpSink(os.environ["TO"]), 0, 0
    def __call__(self, parcel):
        self.requests += 1
        self.rows += parcel.kept
        return self.real(parcel)
    def close(self):
        self.real.close()

WORDS = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay")
def words(n):
    return " ".join(WORDS[int(digit)] for digit in str(n))

sink = Counting()
tracelog.configure(service="till", sinks=[sink])
log = tracelog.get_logger("loop")
travelled, traces = {}, {}

def flood(name, text):
    before = sink.rows
    with tracelog.trace(name) as traces[name]:
        for n in range(16_000):
            log.info(text(n))
        assert tracelog.flush(20.0) == 0
        log.error(name + " broke")
    travelled[name] = sink.rows - before

flood("same", lambda n: "effect run")
flood("form", lambda n: f"effect {n} run")
flood("distinct", words)
tracelog.flush(20.0)
quiet = sink.requests
log.info("and quiet again")
tracelog.shutdown(20.0)
stats = tracelog.stats()
print(json.dumps({
    "travelled": travelled, "requests": sink.requests, "stats": stats,
    "traces": {name: trace.trace_id for name, trace in traces.items()},
}))
"""


@contextmanager
def serving(folder, store):
    """
    A server with its usual limits, over the embedded store or a real Valkey.
    """
    (folder / "redis").mkdir()
    with RealServer(folder / "redis") as valkey:
        url = valkey.url if store == "redis" else f"sqlite:///{folder}/logs.db"
        started = Started("serve", "--port", "0", "--store", url, cwd=folder)
        try:
            yield Served(started.line(r"listening on (\S+)"), folder)
        finally:
            started.end(15)
            started.clear()


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_floods_from_the_front_door(store, tmp_path):
    """
    Each of three floods of 16,000 lines travels as a few hundred rows; its errors arrive at once, with what was
    said before them where it was held back; and client and server agree on every entry.
    """
    with serving(tmp_path, store) as served:
        ran = run(FLOOD, tmp_path, TO=served.url, XDG_STATE_HOME=str(tmp_path))
        assert ran.code == 0, ran.err
        said = json.loads(ran.out)
        stats = said["stats"]
        source = next(iter(stats["sources"]))
        rows = {
            name: served.get(f"/api/v1/traces/{trace}")["entries"] for name, trace in said["traces"].items()
        }
        ledger = served.get(f"/api/v1/ledger?source={source}")
        whole = served.get("/api/v1/ledger")
    assert max(said["travelled"].values()) < 500, said["travelled"]
    assert said["requests"] < 60
    assert stats["emitted"] == 3 * (16_000 + 2) + 1
    assert stats["balanced"]
    assert (stats["dropped"], stats["limited"], stats["rejected"]) == ({}, {}, {})
    for name in (
        "emitted",
        "stored",
        "suppressed",
        "limited",
        "rejected",
        "dropped",
        "unreported",
        "balanced",
    ):
        assert ledger[name] == stats[name], name
    assert set(whole["sources"]) == {source}
    for name, entries in rows.items():
        kinds = Counter(entry.get("kind") for entry in entries)
        told = sum(entry.get("count", 1) for entry in entries if entry.get("kind") != "context")
        assert [entry["level"] for entry in entries].count("error") == 1
        assert {entry["source"] for entry in entries} == {source}
        assert kinds[None] + kinds["summary"] + kinds["suppressed"] < 150
        if name != "distinct":  # its rows may be told together with those of other traces
            assert told == 16_002
    broke = next(entry for entry in rows["distinct"] if entry["level"] == "error")
    before = [entry for entry in rows["distinct"] if entry.get("kind") == "context"]
    assert before
    assert all(entry["seq"] < broke["seq"] for entry in before)
    assert max(entry["seq"] for entry in before) == broke["seq"] - 1
