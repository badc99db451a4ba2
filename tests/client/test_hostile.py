"""
Whatever a program logs: it raises nothing, costs no other entry anything, and is counted.
"""

import asyncio
import collections
import ctypes
import functools
import gc
import logging
import signal
import sys
import threading

import pytest

import tracelog
from tests.client import hostile
from tracelog.core.entry import Entry
from tracelog.integrations.logging import Handler
from tracelog.sinks.memory import MemorySink

UNREADABLE = {*(name for name in hostile.VALUES if name.startswith("raw bytes")), "keys no reader can hash"}
"""Values that make a row which nobody can read: the encoder is not asked what they are."""


@pytest.mark.parametrize("name", hostile.VALUES)
def test_a_hostile_field_costs_no_other(connect, name):
    """
    An entry with a field of any kind arrives with its other fields between its neighbours, or is counted alone.
    """
    client, wire = connect()
    log = client.get_logger("till")
    log.info("before")
    log.info("odd", value=hostile.VALUES[name], good=1)
    log.info("after")
    client.flush(5.0)
    stats = client.stats()
    assert (stats["emitted"], stats["balanced"], stats["in_flight"]) == (3, True, 0)
    if wire.messages == ["before", "after"]:
        assert name in UNREADABLE
        assert stats["dropped"] == {"encode": 1}
    else:
        assert wire.messages == ["before", "odd", "after"]
        assert list(wire.entries.values())[1].context["good"] == 1


def test_a_hostile_field_costs_no_other_in_process(client_of):
    """
    The same holds for a sink in the same process, which reads entries and not bytes.
    """
    sink = MemorySink()
    client = client_of(sinks=[sink])
    for name, value in hostile.VALUES.items():
        client.get_logger("till").info(name, value=value)
    client.flush(5.0)
    stats = client.stats()
    arrived = [entry.message for entry in sink.entries]
    assert set(hostile.VALUES) - set(arrived) <= UNREADABLE
    assert len(set(arrived)) == len(arrived) == stats["stored"]
    assert (stats["emitted"], stats["balanced"], stats["in_flight"]) == (len(hostile.VALUES), True, 0)


def traced(client, value):
    with client.trace("t" if callable(value) else value, field=value):
        client.get_logger("till").info("traced")


def owned(client, value):
    with client.trace("t", user_id=value, area=value, trace_id=value, baggage={"a": value}):
        client.get_logger("till").info("owned")


USES = {
    "message": lambda client, value: client.get_logger("till").info(value),
    "argument": lambda client, value: client.get_logger("till").info("%s and %s", value, "more"),
    "number": lambda client, value: client.get_logger("till").info("%d", value),
    "mapping": lambda client, value: client.get_logger("till").info("%(a)s", {"a": value}),
    "exc_info": lambda client, value: client.get_logger("till").info("exc", exc_info=value),
    "stack_info": lambda client, value: client.get_logger("till").info("stack", stack_info=value),
    "bound": lambda client, value: client.get_logger("till", bound=value).info("bound"),
    "bind": lambda client, value: client.get_logger("till").bind(a=1).bind(value=value).info("bound"),
    "logger": lambda client, value: client.get_logger(value).info("name"),
    "level": lambda client, value: client.get_logger("till").log(value, "level"),
    "trace": traced,
    "owner": owned,
    "entry": lambda client, value: client.ship(Entry(trace_id="a" * 32, message="m", context={"v": value})),
}


@pytest.mark.parametrize("use", USES)
def test_a_hostile_value_anywhere(connect, use):
    """
    Wherever a call takes a value, one of any kind raises nothing, and the entry after it arrives.
    """
    client, wire = connect()
    for name, value in hostile.VALUES.items():
        USES[use](client, value)
        client.get_logger("till").info(f"after {name}")
    client.flush(5.0)
    stats = client.stats()
    assert [m for m in wire.messages if m.startswith("after ")] == [
        f"after {name}" for name in hostile.VALUES
    ]
    assert (stats["balanced"], stats["in_flight"], stats["rejected"]) == (True, 0, {})
    assert stats["emitted"] == len(wire.entries) + sum(stats["dropped"].values())


def test_a_huge_value_is_not_kept(connect):
    """
    A text of 20 MB is logged without being kept: what waits is bounded by bytes, whatever is handed over.
    """
    client, wire = connect(queue_entries=100, queue_bytes=1024 * 1024)
    log = client.get_logger("till")
    huge = "x" * 20_000_000
    log.info(huge)
    log.info("field", value=huge, small=1)
    log.info("nested", value=[{"a": huge}] * 5)
    log.info("argument %s", huge)
    waiting = sum(len(row) for row in list(client.gate.queue) if isinstance(row, bytes))
    assert waiting < 8 * 1024 * 1024
    client.flush(5.0)
    assert client.stats()["balanced"]
    for entry in wire.entries.values():
        assert len(entry.message) + len(str(entry.context)) < 300 * 1024
    (field,) = [entry for entry in wire.entries.values() if entry.message == "field"]
    assert field.context == {"value": "[cut: too large]", "small": 1}


def test_half_a_secret_does_not_pass_the_cut(connect):
    """
    A secret that stands where a huge text is cut is either redacted or cut off, never half of it shown.
    """
    client, wire = connect(redact=True)
    log = client.get_logger("till")
    secret = "password=hunter2hunter2"
    for at in range(256 * 1024 - 30, 256 * 1024 + 10, 4):
        text = " " * at + secret + " " * 2_000_000
        log.info(text)
        log.info("field", value=text)
    client.flush(5.0)
    assert len(wire.entries) == 20
    for entry in wire.entries.values():
        assert "hunt" not in f"{entry.message} {entry.context}"


class Chatty:
    """
    Logs whenever it is looked at.
    """

    def __init__(self, log):
        self.log = log

    def __repr__(self):
        self.log.info("from inside", depth=1)
        return "chatty"


def test_logging_from_repr(connect):
    """
    A value that logs while it is being logged makes two entries.
    """
    client, wire = connect()
    log = client.get_logger("till")
    log.info("outside", value=Chatty(log))
    log.info(Chatty(log))
    client.flush(5.0)
    assert sorted(wire.messages) == ["chatty", "from inside", "from inside", "outside"]


class Exits:
    """
    Handlers of signals, of every make: what they raise is the program's.
    """

    def __call__(self, _number, _frame):
        raise SystemExit(3)

    def method(self, _number, _frame):
        sys.exit(3)

    def alarm(self, _number, _frame):
        raise TimeoutError("too slow")


@pytest.mark.parametrize(
    ("handler", "raised"),
    [
        (signal.default_int_handler, KeyboardInterrupt),
        (lambda _number, _frame: sys.exit(3), SystemExit),
        (Exits(), SystemExit),
        (functools.partial(Exits.method, None), SystemExit),
        (Exits().alarm, TimeoutError),
    ],
)
def test_what_a_signal_raises_passes(connect, handler, raised):
    """
    What a signal raises in the middle of a log call reaches the program, and the account still adds up.
    """

    class Interrupted:
        def __repr__(self):
            signal.raise_signal(signal.SIGTERM)
            return "never"

    client, wire = connect()
    log, foreign = client.get_logger("till"), logging.getLogger("foreign")
    foreign.handlers, foreign.propagate = [Handler(client=client)], False
    foreign.setLevel(logging.DEBUG)
    before = signal.signal(signal.SIGTERM, handler)
    try:
        for call in (
            lambda: log.info("x", value=Interrupted()),
            lambda: log.info(Interrupted()),
            lambda: log.info("%s", Interrupted()),
            lambda: log.error("x", exc_info=ValueError(Interrupted())),
            lambda: foreign.info("%s", Interrupted()),
            lambda: foreign.info("x", extra={"value": Interrupted()}),
        ):
            with pytest.raises(raised):
                call()
    finally:
        signal.signal(signal.SIGTERM, before)
    log.info("goes on")
    client.flush(5.0)
    assert wire.messages == ["goes on"]
    assert client.stats()["balanced"]


class TimeLimit(BaseException):
    """
    What a worker raises in a thread whose work takes too long.
    """


def test_what_another_thread_raises_passes(connect):
    """
    A time limit that is put into a thread in the middle of a log call reaches the work; a cancelled future does not.
    """

    class Late:
        def __repr__(self):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(threading.get_ident()), ctypes.py_object(TimeLimit)
            )
            return str(list(map(str, "late")))

    class Cancelled:
        def __repr__(self):
            loop = asyncio.new_event_loop()
            future = loop.create_future()
            future.cancel()
            loop.close()
            return future.result()

    client, wire = connect()
    log = client.get_logger("till")
    log.info("first")  # a thread that is about to begin would pass for the one that starts it
    client.flush(5.0)
    for call in (lambda: log.info("x", value=Late()), lambda: log.info("%s", Late())):
        with pytest.raises(TimeLimit):
            call()
    log.info("goes on", value=Cancelled())
    client.flush(5.0)
    assert wire.messages == ["first", "goes on"]
    assert client.stats()["balanced"]


@pytest.mark.parametrize("kind", [hostile.ReprExits, hostile.ReprInterrupts, hostile.FieldsExit])
def test_nothing_that_is_logged_ends_the_program(connect, kind):
    """
    What a value itself raises comes out of no door, not even an exit or an interrupt; every line arrives.
    """
    client, wire = connect()
    log, foreign = client.get_logger("till"), logging.getLogger("foreign")
    foreign.handlers, foreign.propagate = [Handler(client=client)], False
    foreign.setLevel(logging.DEBUG)
    value = kind()
    log.info("field", value=[value])
    log.info(value)
    log.info("%s", value)
    log.bind(value=value).info("bound")
    log.error("x", exc_info=ValueError(value))
    with client.trace("named", user_id=value, baggage={"a": value}), client.span(value, value=value):
        foreign.info("%s", value)
    foreign.info(value, extra={"value": value})
    assert client.flush(5.0) == 0
    assert (len(wire.messages), client.stats()["balanced"]) == (9, True)


def test_a_value_that_exits_whatever_it_is_asked(connect):
    """
    No door of ours lets out what a mapping raises that is asked for its length, its truth, or anything else.
    """
    client, wire = connect()
    log = client.get_logger("till")
    value = hostile.AllExits(a=1)
    log.info("field", value=value)
    log.info("%s", value)
    log.info(value)
    with client.trace("t", baggage=value, headers=value, trace_id=value):
        assert "traceparent" in tracelog.inject(value)
    assert client.flush(5.0) == 0
    assert (len(wire.messages), client.stats()["balanced"]) == (4, True)


def test_finalizers_log(connect):
    """
    Objects that log when they are collected, in the middle of other log calls, do no harm.
    """
    client, wire = connect()
    log = client.get_logger("till")

    class Dying:
        def __init__(self):
            self.me = self

        def __del__(self):
            log.info("gone")

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for n in range(300):
            log.info("made", it=Dying(), n=[n])
    finally:
        gc.set_threshold(*before)
        gc.collect()
    client.flush(5.0)
    counted = collections.Counter(wire.messages)
    assert counted == {"made": 300, "gone": 300}
    assert client.stats()["balanced"]


@pytest.mark.parametrize(
    ("message", "args", "expected"),
    [
        ("plain", (), "plain"),
        ("100%", (), "100%"),
        ("%s", ("a",), "a"),
        ("%s %d", ("a", 2), "a 2"),
        ("%(a)s-%(b)d", ({"a": 1, "b": 2},), "1-2"),
        ("%s", ({"a": 1},), "{'a': 1}"),
        ("%s", ((1, 2),), "(1, 2)"),
        ("%s %s", ("a",), "%s %s a"),
        ("%d", ("a",), "%d a"),
        ("no place", ("a", "b"), "no place a b"),
        ("%(a)s", ({},), "%(a)s {}"),
        (12, (), "12"),
        (None, (), "None"),
        (ValueError("x"), (), "x"),
        (hostile.Text("own"), (), "own"),
        (hostile.Text("own %s"), ("way",), "own way"),
        (hostile.StrRaises(), (), "<str failed: ValueError>"),
        ("%s", (hostile.StrRaises(),), "%s <str failed: ValueError>"),
    ],
    ids=range(18),
)
def test_format_arguments(connect, message, args, expected):
    """
    `%`-arguments are applied as the standard library does; a wrong format still says what was meant.
    """
    client, wire = connect()
    client.get_logger("till").info(message, *args)
    client.flush(5.0)
    assert wire.messages == [expected]


def test_what_changes_later_does_not_show(connect):
    """
    An entry says what was true when it was logged.
    """
    client, wire = connect()
    items = [1]
    order = {"items": items}
    client.get_logger("till").info("order", order=order)
    items.append(2)
    order["more"] = True
    client.flush(5.0)
    (entry,) = wire.entries.values()
    assert entry.context == {"order": {"items": [1]}}
