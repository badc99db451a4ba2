"""
The console beside shipping: what it shows is safe and short, and no terminal, stuck or gone, harms the program.
"""

import io
import os
import pty
import re
import sys
import time
from contextlib import contextmanager

import pytest

from tests.sinks.parcels import SECONDS, parcel, row
from tests.sinks.test_stdout import HOSTILE, Terminal
from tracelog.core.text import one_line
from tracelog.errors import SinkUnavailableError
from tracelog.sinks import ConsoleSink, stdout
from tracelog.sinks.base import Receipt
from tracelog.sinks.console import LINES_A_SECOND, NAMED, TRACES_MOST
from tracelog.sinks.lines import logfmt_line
from tracelog.sinks.stdout import StdoutSink

OTHER = "99ab01cd99ab01cd99ab01cd99ab01cd"


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def listen(monkeypatch):
    """
    Makes standard error a stream in memory; in the test itself, since pytest sets its own before each.
    """

    def listen():
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        return sys.stderr

    return listen


@contextmanager
def terminal(monkeypatch):
    """
    Standard error as a real terminal, of which nothing is read unless the test does.
    """
    reader, end = pty.openpty()
    with os.fdopen(end, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        yield reader
        monkeypatch.undo()


def read_all(reader):
    os.set_blocking(reader, False)
    said = b""
    try:
        while more := os.read(reader, 65536):
            said += more
    except OSError:  # nothing more
        return said.decode().replace("\r\n", "\n")
    return said.decode()


@pytest.mark.parametrize("form", ["pretty", "compact"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_harmless(form, text, listen):
    """
    Hostile text in any field stays inside its own line, and nothing of it reaches the terminal as a command.
    """
    stderr = listen()
    error = {"type": text, "message": text, "cause": {"type": text, "message": text}}
    hostile = row(
        text, logger=text, user_id=text, why=text, stack=f'File "{text}", line 1, in {text}', **{text: text}
    )
    told = row(text, logger=text, error=error, level="error")
    sink = ConsoleSink(form)
    sink(parcel(hostile, told, "next"))
    sink.close()
    lines = stderr.getvalue()

    assert one_line(lines.replace("\n", "")) == lines.replace("\n", "")
    assert len(lines.splitlines()) == lines.count("\n") >= 3
    assert form == "pretty" or lines.count("\n") == 4


COMPACT = [
    ([row(amount=12)], ["12:31:04.123 info checkout: charging card amount=12 [4bf92f35]"]),
    (
        [row("a", logger=None), row("b", logger=None, seconds=SECONDS + 1.2034)],
        ["12:31:04.123 info a [4bf92f35]", "+1203 info b"],
    ),
    (
        [row("tick"), row("tick", seconds=SECONDS + 1), row("tock"), row("tick", trace=OTHER)],
        [
            "12:31:04.123 info checkout: tick [4bf92f35] (\N{MULTIPLICATION SIGN}2)",
            "+0 info checkout: tock",
            "+0 info checkout: tick [99ab01cd]",
        ],
    ),
    ([row("call bank", duration_ms=12.04)], ["12:31:04.123 info checkout: call bank (12 ms) [4bf92f35]"]),
    (
        [
            row(
                "failed",
                level="error",
                error={
                    "type": "HTTPError",
                    "message": "502\n",
                    "cause": {"type": "TimeoutError", "message": "x"},
                },
                logger="pay",
                stack='Traceback …\n  File "a.py", line 4, in deep\nTimeoutError: timed out\n\nTraceback …\n'
                '  File "b.py", line 1, in outer\n  File "b.py", line 9, in charge\n    x()\nHTTPError: 502\n',
            )
        ],
        [
            "12:31:04.123 error pay: failed | HTTPError: 502\\n at b.py:9 in charge < caused by TimeoutError: x [4bf92f35]"
        ],
    ),
    (
        [row("x" * 700, logger=None, sql="y" * 400)],
        [
            f"12:31:04.123 info {'x' * 500}… (+200 characters) sql={'y' * 200}… [4bf92f35]",
        ],
    ),
]


@pytest.mark.parametrize(("rows", "lines"), COMPACT, ids=range(len(COMPACT)))
def test_compact_lines(rows, lines, listen):
    """
    Compact lines say what is new in each: the time since the first, the trace where it changes, equal ones once.
    """
    stderr = listen()
    assert ConsoleSink("compact")(parcel(*rows)) == Receipt()
    assert stderr.getvalue().splitlines() == lines


def test_the_last_line_says_how_to_read_the_traces(listen):
    """
    At the end of compact lines, the latest trace with an error is the one to read, and some others are named.
    """
    stderr = listen()
    sink = ConsoleSink("compact", command="tracelog brief {}")
    sink(parcel(row("a", trace="trace_1"), row("b", level="error"), row("c", trace=OTHER)))
    sink.close()
    sink.close()

    (last,) = [line for line in stderr.getvalue().splitlines() if line.startswith("tracelog:")]
    assert last == "tracelog: 3 traces, 1 with errors: tracelog brief 4bf92f35 (also 99ab01cd, trace_1)"


def test_the_last_line_is_bounded(listen):
    """
    Of very many traces only so many are remembered and named; where no server shows them, no command is said.
    """
    stderr = listen()
    sink = ConsoleSink("compact", clock=lambda: 0.0)
    sink(parcel(*(row("x", trace=f"trace_{n}") for n in range(TRACES_MOST + 5))))
    sink.close()

    *_, last = stderr.getvalue().splitlines()
    assert last.startswith(f"tracelog: {TRACES_MOST:,} traces: trace_{TRACES_MOST + 4} (also ")
    assert last.count("trace_") == NAMED + 1


def test_people_get_no_last_line(listen):
    """
    Pretty lines end without a word; each names its trace.
    """
    stderr = listen()
    sink = ConsoleSink("pretty")
    sink(parcel("one"))
    sink.close()

    assert stderr.getvalue() == "12:31:04.123 info   checkout  one  4bf92f35\n"


@pytest.mark.parametrize("color", [True, False])
def test_colours_are_for_terminals(color, monkeypatch):
    """
    Pretty lines are coloured at a terminal, unless colours are switched off, and compact ones never.
    """
    for form in ("pretty", "compact"):
        monkeypatch.setattr(sys, "stderr", Terminal())
        ConsoleSink(form, color=color)(parcel("one"))
        assert ("\x1b[" in sys.stderr.getvalue()) is (color and form == "pretty")


def test_a_flood_leaves_room_for_errors(listen):
    """
    Beyond so many lines a second the rest is left out and counted, errors have room of their own, and the next
    second says how many are missing.
    """
    stderr = listen()
    now = [0.0]
    sink = ConsoleSink("pretty", clock=lambda: now[0])
    flood = sink(parcel(*(str(n) for n in range(LINES_A_SECOND + 100)), row("lost card", level="error")))
    now[0] = 1.0
    sink(parcel("later"))
    lines = stderr.getvalue().splitlines()

    assert flood == Receipt(suppressed={"too_fast": 100})
    assert "lost card" in lines[LINES_A_SECOND]
    assert lines[LINES_A_SECOND + 1] == "tracelog: 100 entries are not shown here"
    assert "later" in lines[LINES_A_SECOND + 2]


def test_what_the_program_shows_is_not_shown_again(listen):
    """
    What a logging library shows by its own means is counted, not shown, and belongs to a trace all the same.
    """
    stderr = listen()
    sink = ConsoleSink("compact", elsewhere=lambda entry: entry.message == "seen")

    assert sink(parcel("seen", "new")) == Receipt(suppressed={"shown_elsewhere": 1})
    assert sink(parcel(row("seen", trace=OTHER))) == Receipt(suppressed={"shown_elsewhere": 1})
    sink.close()
    shown = stderr.getvalue()
    assert "seen" not in shown
    assert "2 traces" in shown


def test_a_stuck_terminal_is_not_waited_for(monkeypatch):
    """
    A terminal that nobody reads costs a moment, not the program: what it does not take is counted, the lines
    it took are whole, and it is told how many are missing once it is read again.
    """
    with terminal(monkeypatch) as reader:
        sink = ConsoleSink("compact", clock=lambda: 0.0)
        begun = time.monotonic()
        rows = [row(f"{n:04d} {'x' * 300}", logger=None) for n in range(250)]
        missed = 0
        for start in range(0, 250, 50):
            missed += sink(parcel(*rows[start : start + 50])).rejected.get("terminal_full", 0)
        took = time.monotonic() - begun
        said = read_all(reader)
        assert sink(parcel(row("read again", logger=None))) == Receipt()
        lines = (said + read_all(reader)).splitlines()

    assert took < 2.0
    whole = [line for line in lines if re.fullmatch(r"\S+ info \d{4} x{300}(?: \[4bf92f35\])?", line)]
    assert 0 < missed == 250 - len(whole)
    assert lines[len(whole) :] == [f"tracelog: {missed} entries are not shown here", "+0 info read again"]


def test_the_output_at_a_stuck_terminal_waits_no_longer_than_it_says(monkeypatch):
    """
    The stdout sink, too, offers the rest again instead of waiting in the middle of a write.
    """
    monkeypatch.setattr(stdout, "WRITE_S", 0.05)
    with terminal(monkeypatch) as reader:
        sent = parcel(*(row("x" * 300) for _ in range(200)))
        sink = StdoutSink("stderr", "logfmt")
        with pytest.raises(SinkUnavailableError, match="nobody reads"):
            sink(sent)
        said = ""
        for _ in range(20):
            said += read_all(reader)
            try:
                sink(sent)
                break
            except SinkUnavailableError:
                continue
        said += read_all(reader)

    assert said.splitlines() == [logfmt_line(entry) for entry in sent.entries]


def test_a_console_that_is_gone_is_no_trouble(monkeypatch):
    """
    Without standard error, with a closed one, or at a terminal that hung up, nothing is raised and all is
    counted.
    """
    sink = ConsoleSink("compact")
    monkeypatch.setattr(sys, "stderr", None)
    assert sink(parcel("one", "two")) == Receipt(rejected={"no_stream": 2})
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert sink(parcel("one", "two")) == Receipt(rejected={"stream_closed": 2})
    sink.close()
    with terminal(monkeypatch) as reader:
        os.close(reader)
        assert sink(parcel("one")) == Receipt(rejected={"stream_closed": 1})
        sink.close()
