"""
Loggers: what they say, at which level, with which fields, and when settings change.
"""

import copy
import pickle
import threading
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracelog
from tracelog.client.gate import Gate
from tracelog.client.hop import MUTED
from tracelog.client.pipeline import build_call
from tracelog.core.compact import Header, read_rows
from tracelog.core.entry import RANK

LEVELS = [
    ("debug", "debug"),
    ("info", "info"),
    ("msg", "info"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("error", "error"),
    ("critical", "fatal"),
    ("fatal", "fatal"),
]


@pytest.mark.parametrize(("method", "level"), LEVELS)
def test_methods_and_their_levels(connect, method, level):
    """
    Each method of the standard library and structlog logs at its level.
    """
    client, wire = connect()
    getattr(client.get_logger("till"), method)("hello", a=1)
    client.flush(5.0)
    (entry,) = wire.entries.values()
    assert (entry.level, entry.message, entry.logger, entry.context) == (level, "hello", "till", {"a": 1})


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("debug", "debug"),
        ("log", "info"),
        ("WARNING", "warn"),
        ("critical", "fatal"),
        ("trace", "debug"),
        (10, "debug"),
        (5, "debug"),
        (0, "debug"),
        (20, "info"),
        (35, "warn"),
        (40, "error"),
        (99, "fatal"),
        ("nonsense", "info"),
        (None, "info"),
        (2.5, "info"),
    ],
)
def test_log_at_a_level(connect, said, level):
    """
    `log()` takes names and numbers; what is neither counts as info, and nothing raises.
    """
    client, wire = connect()
    log = client.get_logger("till")
    log.log(said, "hello %s", "you", level="field")
    client.flush(5.0)
    (entry,) = wire.entries.values()
    assert (entry.level, entry.message, entry.context) == (level, "hello you", {"level": "field"})
    assert log.is_enabled_for(said)
    assert log.isEnabledFor(said)


@pytest.mark.parametrize("lowest", sorted(RANK, key=RANK.get))
def test_below_the_level_nothing_is_logged(connect, lowest):
    """
    What ranks below the level costs nothing and is not counted.
    """
    client, wire = connect(level=lowest)
    log = client.get_logger("till")
    for method, _ in LEVELS:
        getattr(log, method)(method)
    client.flush(5.0)
    expected = [method for method, level in LEVELS if RANK[level] >= RANK[lowest]]
    assert wire.messages == expected
    assert client.stats()["emitted"] == len(expected)
    assert [m for m, level in LEVELS if log.is_enabled_for(level)] == expected
    assert [m for m, level in LEVELS if log.isEnabledFor(level)] == expected


def test_bound_fields(connect):
    """
    `bind` adds, `unbind` takes away, `new` starts over; each makes another logger, and a call's own fields win.
    """
    client, wire = connect()
    log = client.get_logger("till", service="a")
    both = log.bind(order=1, message="field", self=2)
    both.info("both", order=2)
    both.unbind("order", "absent").info("unbound")
    both.new(only=1).info("new")
    log.info("first")
    client.flush(5.0)
    assert [entry.context for entry in wire.entries.values()] == [
        {"service": "a", "self": 2, "order": 2, "message": "field"},
        {"service": "a", "self": 2, "message": "field"},
        {"only": 1},
        {"service": "a"},
    ]
    assert repr(log) == "<Logger 'till' {'service': 'a'}>"
    assert repr(client.get_logger("till")) == "<Logger 'till'>"


def test_there_are_no_other_methods(connect):
    """
    A method that a logger does not have is an ordinary attribute error.
    """
    log = connect()[0].get_logger("till")
    with pytest.raises(AttributeError, match="'Logger' object has no attribute 'infos'"):
        log.infos("x")
    assert copy.copy(log)._name == "till"


def test_a_logger_travels_to_another_process():
    """
    A pickled logger is, where it arrives, the logger of that name of the default client.
    """
    tracelog.configure(sinks=["memory:"])
    log = pickle.loads(pickle.dumps(tracelog.get_logger("till", order=1)))
    log.info("hello")
    assert repr(log) == "<Logger 'till' {'order': 1}>"
    assert tracelog.stats()["emitted"] == 1


def test_a_held_logger_goes_on_with_new_settings(connect):
    """
    Loggers and even their bound methods that a program holds log by the settings in force.
    """
    client, wire = connect(level="info")
    log = client.get_logger("till")
    info, debug = log.info, log.debug
    info("one")
    debug("not yet")
    other = type(wire)()
    client.reconfigure(sinks=[other], level="debug", flush_interval=0.01)
    info("two")
    log.debug("three")
    debug("never: it was built to do nothing")
    client.flush(5.0)
    assert (wire.messages, other.messages) == (["one"], ["two", "three"])
    assert client.stats()["emitted"] == 3


def test_changing_settings_while_threads_log(connect):
    """
    While four threads log and bind, settings change again and again: nothing is lost and no logger is left
    behind.
    """
    client, wire = connect()
    log = client.get_logger("till")
    logged, going = [0] * 4, threading.Event()

    def work(n):
        while not going.wait(0.0002):
            log.bind(n=n).info("x")
            log.info("y")
            logged[n] += 2

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    wires = [wire]
    for _ in range(10):
        wires.append(type(wire)())
        client.reconfigure(sinks=[wires[-1]], flush_interval=0.001)
    going.set()
    for thread in threads:
        thread.join()
    log.info("last")
    client.flush(5.0)
    stats = client.stats()
    assert wires[-1].messages[-1] == "last"
    assert (stats["emitted"], stats["balanced"], stats["in_flight"]) == (sum(logged) + 1, True, 0)
    ids = [entry for each in wires for entry in each.entries]
    assert len(ids) == len(set(ids)) == stats["stored"]
    assert stats["stored"] + sum(stats["dropped"].values()) == stats["emitted"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(-1e300, 1e300) | TEXT
FIELDS = st.dictionaries(
    st.sampled_from(["a", "message", "level", "self", "id", "größe", "trace_id"]),
    PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT.filter(bool), PLAIN, max_size=3),
    max_size=3,
)


@given(TEXT, FIELDS, FIELDS, st.sampled_from(sorted(RANK)))
def test_the_fused_call_says_what_was_said(message, bound, fields, level):
    """
    What the calling thread encodes reads back as the message, level, fields and ids of the call, whatever they
    are.
    """
    gate = Gate()
    build_call(gate, level, "till", bound)(message, **fields)
    (row,) = gate.queue
    (entry,) = read_rows(Header(v=1, source="s", system="backend", sent_at=time.time() * 1000), [row])
    assert (entry.message, entry.level, entry.logger) == (message, level, "till")
    assert (entry.context or {}) == {**bound, **fields}
    assert entry.fixed is None
    assert row == msgspec.msgpack.encode(msgspec.msgpack.decode(row))


def test_what_a_muted_place_logs_is_counted():
    """
    A call where a sink runs queues nothing and is counted as reentrant, in whatever form it comes.
    """
    gate = Gate()
    call = build_call(gate, "info", "till", {})
    from tracelog.client.context import PLACE

    token = PLACE.set(MUTED)
    try:
        call("plain", a=1)
        call("args %s", 1)
        call("exc", exc_info=ValueError())
        call("odd", a=2**70)
        call("x" * 1_000_000)
    finally:
        PLACE.reset(token)
    assert gate.queue == []
    assert gate.drops.read()["reentrant"] == 5
