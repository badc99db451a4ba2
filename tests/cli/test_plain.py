"""
What a line of another program's output says, read as an entry.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.cli.joined import Said
from tracelog.cli.plain import level_of, read_said, trace_of
from tracelog.cli.platforms import Platforms
from tracelog.core.entry import RANK, is_trace_id
from tracelog.core.wire import Mint, Reader

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
NOW = 1_795_350_664_123.0


def read(line):
    return list(read_said(Said(line), Reader(NOW, Mint(trace_id=lambda: "run-1", entry_id=str)), Platforms()))


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("server listening on 8080", "info"),
        ("ERROR:root:disk full", "error"),
        ("WARNING:app.models:slow", "warn"),
        ("CRITICAL: out of memory", "fatal"),
        ("INFO:     127.0.0.1:5000 - GET / 200", "info"),
        ("error: no such file", "error"),
        ("warn  - deprecated option", "info"),
        ("2026-11-22 12:31:04,123 ERROR app: refused", "error"),
        ("2026-11-22T12:31:04.123Z WARN cache miss", "warn"),
        ("12:31:04.123 [main] DEBUG com.example.App - started", "debug"),
        ("Nov 22 12:31:04 app[123]: ERROR boom", "error"),
        ("[22/Nov/2026 12:31:04] ERROR boom", "error"),
        ("[error] 123#0: upstream timed out", "error"),
        ("2026/11/22 12:31:04 [crit] 7#7: no space", "fatal"),
        ("[CONVEX M(orders:place)] [WARN] 'late'", "warn"),
        ("<debug> probe", "debug"),
        ("time=12:31 level=warning msg=slow", "warn"),
        ('{"level": "fatal", broken', "fatal"),
        ("severity: NOTICE hello", "info"),
        ("E1122 12:31:04.123456 7 main.go:12] boom", "error"),
        ("W1122 12:31:04.123456 7 main.go:12] hm", "warn"),
        ("F1122 12:31:04.123456 7 main.go:12] dead", "fatal"),
        ("panic: runtime error: index out of range", "fatal"),
        ("Traceback (most recent call last):", "error"),
        ("ValueError: bad", "error"),
        ("sqlite3.OperationalError: database is locked", "error"),
        ("Uncaught TypeError: x is undefined", "error"),
        ("npm ERR! code E404", "error"),
        ("npm WARN deprecated", "warn"),
        ("/app/a.py:12: DeprecationWarning: old", "warn"),
        ("(node:7) ExperimentalWarning: new", "warn"),
        ("retried 3 times without an error so far", "info"),
        ("no ERROR was seen", "info"),
        ("Default settings are used", "info"),
        ("fine, that worked", "info"),
        (f"{'.' * 200} level=error", "info"),
    ],
)
def test_the_level_is_where_loggers_put_it(line, level):
    """
    A level named as a field, in brackets, before a colon or in capitals behind the time is the line's;
    prose is not.
    """
    assert level_of(line) == level


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("nothing here", (None, None)),
        ("trace_id=abc-123 done", ("abc-123", None)),
        ("done (trace_id=abc-123).", ("abc-123", None)),
        ("traceId: 'abc', next", ("abc", None)),
        ('x-trace-id="t.1"', ("t.1", None)),
        (f"traceparent: {PARENT}", (TRACE, "00f067aa0ba902b7")),
        (f"trace_id=other traceparent={PARENT}", (TRACE, "00f067aa0ba902b7")),
        (f"got {PARENT.replace('4bf9', '0000')}", (TRACE.replace("4bf9", "0000"), "00f067aa0ba902b7")),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", (None, None)),
        ("trace_id=0000 then trace_id=ab", ("ab", None)),
        ("backtrace_identity=7", (None, None)),
    ],
)
def test_the_trace_is_what_the_line_names(line, found):
    """
    A `trace_id` or a whole `traceparent` in the text is the line's trace; what no trace can be called is
    passed over.
    """
    assert trace_of(line) == found


def test_a_json_line_keeps_its_fields():
    """
    A JSON object is an entry: known fields in their places, others in its context, levels and times
    straightened.
    """
    (entry,) = read(
        f'{{"msg":"paid","level":"WARNING","time":1795350664,"traceparent":"{PARENT}","order":7,"service":"till"}}'
    )
    assert (entry.message, entry.level, entry.timestamp) == ("paid", "warn", 1_795_350_664_000.0)
    assert (entry.trace_id, entry.parent_id, entry.service) == (TRACE, "00f067aa0ba902b7", "till")
    assert entry.context["order"] == 7


@pytest.mark.parametrize(
    "line",
    ['{"no":"message"}', '{"message":"a", broken', "[1,2]", '{"message":"x","trace_id":"%"}', '"text"'],
)
def test_json_that_is_no_entry_is_text(line):
    """
    An object without a message or with an impossible trace, and broken JSON, are messages as they stand.
    """
    (entry,) = read(line)
    assert (entry.message, entry.trace_id) == (line, "run-1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("\rProgress 0%\rProgress 50%\rProgress 100%", "Progress 100%"),
        ("loading\r\x1b[2K 0%|     | 0/9\r 50%|██   | 4/9\r\r100%|█████| 9/9\r", "loading\n100%|█████| 9/9"),
        ("pulling a 10%\rpulling b 10%\rpulling b 90%", "pulling a 10%\npulling b 90%"),
        ("WARN one thing\rINFO another", "WARN one thing\nINFO another"),
        ("\r".join(f"{n} of 90000" for n in range(90_000)), "89999 of 90000"),
    ],
    ids=["progress", "bar", "two", "no progress", "long"],
)
def test_progress_is_told_by_where_it_ended(line, message):
    """
    A line written over itself is its last state; what is said in other words in between is kept.
    """
    (entry,) = read(line)
    assert entry.message == message


@pytest.mark.parametrize("line", ["", "   ", "\t\r", "\x1b[0m"])
def test_a_blank_line_is_no_entry(line):
    """
    Lines in which nothing can be seen are passed over.
    """
    assert read(line) == []


def test_paint_is_no_text():
    """
    Colours, cursor movements and titles of a terminal are not part of the message and hide no level.
    """
    (entry,) = read("\x1b[2K\x1b[31mERROR\x1b[0m: disk \x1b]0;title\x07full\r")
    assert (entry.message, entry.level) == ("ERROR: disk full", "error")


@given(st.text())
def test_any_line_is_read(line):
    """
    Whatever a program prints, a line gives one valid entry or, when blank, none.
    """
    for entry in read(line):
        assert entry.message
        assert entry.level in RANK
        assert is_trace_id(entry.trace_id)


def test_a_number_that_json_does_not_know_costs_no_field():
    """
    A line with the NaN that Python writes is read as the object it is, the number as text.
    """
    (entry,) = read('{"msg": "trained", "loss": NaN, "steps": 7, "best": 1e999}')
    assert (entry.message, entry.context) == ("trained", {"loss": "NaN", "steps": 7, "best": "1e999"})


def test_the_time_and_service_of_a_container_are_those_of_its_line():
    """
    Where the log of containers names them; a JSON line may say otherwise.
    """
    said = Said("ERROR boom", service="web-1", time="2026-11-22T12:31:04.123456789Z")
    reader = Reader(NOW, Mint(trace_id=lambda: "run-1", entry_id=str))
    (entry,) = read_said(said, reader, Platforms())
    assert (entry.service, entry.level) == ("web-1", "error")
    assert entry.timestamp == pytest.approx(1_795_350_664_123.456, abs=0.01)
    (entry,) = read_said(said._replace(text='{"msg":"x","service":"till"}'), reader, Platforms())
    assert entry.service == "till"
