"""
`Client.ship`: an entry made elsewhere goes the way of this client's own.
"""

import pytest

from tracelog.client.client import Client
from tracelog.core.entry import Entry
from tracelog.sinks.memory import MemorySink

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def shipped(*entries, **settings):
    sink = MemorySink()
    client = Client(sinks=[sink], service="till", system="worker", **settings)
    for entry in entries:
        client.ship(entry)
    assert client.flush(30.0) == 0
    return client, list(sink.entries)


def entry(**fields):
    given = {"trace_id": TRACE, "timestamp": 1_795_350_664_123.0, "level": "warn", "message": "slow"}
    return Entry(**{**given, **fields})


def test_an_entry_arrives_as_it_was():
    """
    Time, level, text, hop, error and context of a shipped entry are its own; source and number are the
    client's.
    """
    one = entry(
        span_id="a" * 16,
        parent_id="b" * 16,
        user_id="u1",
        area="pay",
        duration_ms=3.5,
        error={"type": "E", "message": "m"},
        context={"n": 1},
        count=3,
        kind="summary",
    )
    client, (got,) = shipped(one)
    expected = {**{name: getattr(one, name) for name in Entry.__struct_fields__}}
    expected |= {
        "id": f"{client.source}-0",
        "source": client.source,
        "seq": 0,
        "system": "worker",
        "service": "till",
    }
    assert {name: getattr(got, name) for name in Entry.__struct_fields__} | {"logger": None} == expected


def test_what_a_row_cannot_say_is_kept_as_context():
    """
    An entry's own id, source, number, system and service are kept where they differ from the client's; what
    its context says already stands.
    """
    one = entry(
        id="x-7", source="x", seq=7, system="browser", service="till", release="r1", context={"id": "mine"}
    )
    _, (got,) = shipped(one)
    assert got.context == {"id": "mine", "source": "x", "seq": 7, "system": "browser", "release": "r1"}
    assert one.context == {"id": "mine"}


@pytest.mark.parametrize("settings", [{"level": "error"}, {"enabled": False}])
def test_the_level_holds(settings):
    """
    What this client would not log it does not ship.
    """
    client, got = shipped(entry(), **settings)
    assert (got, client.stats()["emitted"]) == ([], 0)


@pytest.mark.parametrize("broken", [{"span_id": "no hex"}, {"context": {"n": object}, "span_id": "zz"}])
def test_an_impossible_entry_is_counted(broken):
    """
    An entry that no row can hold raises nothing and is counted as dropped.
    """
    client, got = shipped(entry(), entry(**broken), entry())
    stats = client.stats()
    assert len(got) == 2
    assert (stats["emitted"], stats["dropped"], stats["balanced"]) == (3, {"invalid": 1}, True)


def test_the_bound_holds():
    """
    Beyond the bound of the queue entries are dropped and counted, the rest arrives, and the sum is right.
    """
    client, got = shipped(*(entry(message=f"m{n}") for n in range(500)), queue_entries=20, flush_interval=5.0)
    stats = client.stats()
    assert len(got) == stats["stored"]
    assert stats["dropped"]["queue_overflow"] > 0
    assert (stats["emitted"], stats["balanced"]) == (500, True)


def test_secrets_go_out():
    """
    A shipped entry is redacted like any other.
    """
    client, entries = shipped(
        entry(message="password=hunter2hunter2", context={"password": "hunter2hunter2"})
    )
    assert client.stats()["dropped"] == {}
    (got,) = entries
    assert "hunter2" not in f"{got.message} {got.context}"
