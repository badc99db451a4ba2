"""
The stdout sink: one entry is one safe line in every form, and no reader, present or gone, harms the program.
"""

import io
import os
import pty
import re
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.parcels import TRACE, parcel, row
from tracelog.core.entry import decode_entry
from tracelog.core.text import one_line
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks import stdout
from tracelog.sinks.base import Receipt
from tracelog.sinks.stdout import FORMATS, StdoutSink

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "link": "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "title": "\x1b]0;owned\x07",
    "cursor": "\x1b[2J\x1b[1;1H",
    "overwrite": "paid 12\rpaid 99",
    "backspaces": "yes\b\b\bno",
    "8-bit CSI": "\x9b2J",
    "forged line": "done\n12:31:04.123 info   checkout  all good",
    "CR LF": "done\r\nfake",
    "unicode line ends": "a\u2028b\u2029c\x85d",
    "bidi": "user\u202egnp.exe\u202c \u2066x\u2069",
    "zero width": "ad\u200bmin\ufeff",
    "tags": "hi\U000e0041\U000e0042",
    "NUL": "a\x00b",
    "quotes": 'he said "a=1" \\ \' and left',
}
"""Rows 54 to 56 of the corpus of bad input, and what breaks quoting."""

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    """
    A stream that says it is a terminal.
    """

    def isatty(self):
        return True


def shown(*rows, form=None, color=None, stream=None):
    stream = io.StringIO() if stream is None else stream
    assert StdoutSink(stream, form, color)(parcel(*rows)) == Receipt()
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_harmless(form, text):
    """
    Hostile text in any field stays inside its own line, and nothing of it reaches the terminal as a command.
    """
    hostile = row(
        text, logger=text, user_id=text, area=text, why=text, **{"key " + text: text}, nested={text: [text]}
    )
    lines = shown(hostile, "next", form=form)

    assert lines.endswith("\n")
    assert len(lines.splitlines()) == lines.count("\n") == 2
    assert one_line(lines.replace("\n", "")) == lines.replace("\n", "")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_is_lossless(text):
    """
    The JSON form, parsed again, is the entry itself, hostile text included.
    """
    sent = parcel(row(text, logger=text, **{text: text}))
    (line,) = shown(*sent.rows, form="json").splitlines()

    assert decode_entry(line) == sent.entries[0]


@given(
    st.lists(
        st.tuples(
            st.text(),
            st.dictionaries(
                st.text(),
                st.recursive(
                    st.none()
                    | st.booleans()
                    | st.integers(-(2**63), 2**64 - 1)
                    | st.floats()
                    | st.text()
                    | st.binary(),
                    lambda inner: (
                        st.lists(inner, max_size=3)
                        | st.dictionaries(
                            st.text()
                            | st.integers(-9, 9)
                            | st.tuples(st.integers(0, 9))
                            | st.binary(max_size=3)
                            | st.none()
                            | st.booleans(),
                            inner,
                            max_size=3,
                        )
                    ),
                    max_leaves=8,
                ),
                max_size=4,
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(FORMATS),
)
def test_whatever_a_row_can_hold(entries, form):
    """
    Any value that a row can carry is written in every form, one line an entry, with no exception.
    """
    rows = [row(message, context=fields) for message, fields in entries]

    assert len(shown(*rows, form=form).splitlines()) == len(rows)


PRETTY = [
    (
        row(amount=12, user_id="u1"),
        "12:31:04.123 info   checkout  charging card  amount=12 user=u1  4bf92f35",
    ),
    (row("call bank", duration_ms=12.04), "12:31:04.123 info   checkout  call bank (12 ms)  4bf92f35"),
    (row("call bank", duration_ms=0.256), "12:31:04.123 info   checkout  call bank (0.256 ms)  4bf92f35"),
    (row("call bank", duration_ms=999.4), "12:31:04.123 info   checkout  call bank (999 ms)  4bf92f35"),
    (row("call bank", duration_ms=2345.6), "12:31:04.123 info   checkout  call bank (2.35 s)  4bf92f35"),
    (row("no logger", logger=None, trace="trace_123"), "12:31:04.123 info   shop  no logger  trace_123"),
    (
        row("x", logger="a.very.long.name.of.a.module"),
        "12:31:04.123 info   …name.of.a.module  x  4bf92f35",
    ),
    (row("x", logger="OneVeryLongNameWithoutDots"), "12:31:04.123 info   …LongNameWithoutDots  x  4bf92f35"),
    (
        row("effect run *", kind="summary", count=1090, why="duplicate"),
        "12:31:04.123 info   checkout  effect run * (\N{MULTIPLICATION SIGN}1,090, duplicate)  4bf92f35",
    ),
    (
        row("tick", kind="suppressed", count=3, why="sampled"),
        "12:31:04.123 info   checkout  tick (\N{MULTIPLICATION SIGN}3, not kept, sampled)  4bf92f35",
    ),
    (
        row(
            "x",
            level="warn",
            cart={"total": 12.5, "lines": [1, "b"], "empty": {}},
            note="two words",
            none=None,
        ),
        '12:31:04.123 warn   checkout  x  cart.total=12.5 cart.lines=[1,"b"] cart.empty={} note="two words" none=null  4bf92f35',
    ),
    (row("x", sql="y" * 1000), f"12:31:04.123 info   checkout  x  sql={'y' * 200}…  4bf92f35"),
    (row("x", seconds=float("nan")), "--:--:--.--- info   checkout  x  original_timestamp=nan  4bf92f35"),
    (row("x", seconds=1e300), "--:--:--.--- info   checkout  x  original_timestamp=1e303  4bf92f35"),
    (
        row("x", area="cart", **{"a b=": 1, "": 2}),
        "12:31:04.123 info   checkout  x  a_b_=1 _=2 area=cart  4bf92f35",
    ),
]


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("one", "line"), PRETTY, ids=[line[13:60] for _, line in PRETTY])
def test_pretty_lines(one, line):
    """
    A pretty line says when, how bad, who, what, with which fields and in which trace, in this order.
    """
    assert shown(one, form="pretty") == line + "\n"


def test_pretty_columns_align():
    """
    Lines of one parcel are aligned from the first on, and later ones with them.
    """
    stream = io.StringIO()
    sink = StdoutSink(stream, "pretty")
    sink(parcel(row("one", logger="web"), row("two", logger="checkout.bank")))
    sink(parcel(row("one", logger="x", level="error")))

    assert {line.index("one") for line in stream.getvalue().splitlines() if "one" in line} == {35}
    assert "two" in stream.getvalue().splitlines()[1][35:]


def test_stacks_stand_below():
    """
    A stack keeps its lines, below its entry and indented, and cannot leave its place.
    """
    stack = (
        'Traceback (most recent call last):\n  File "bank.py", line 41\r\n\tcharge()\x1b[2J\nTimeoutError\n'
    )
    lines = shown(row("failed", level="error", stack=stack), form="pretty").splitlines()

    assert lines == [
        "12:31:04.123 error  checkout  failed  4bf92f35",
        "             Traceback (most recent call last):",
        '               File "bank.py", line 41',
        "             \tcharge()\\x1b[2J",
        "             TimeoutError",
    ]


def test_errors_without_a_stack_are_told():
    """
    An error and its causes stand below the entry, one a line, unless the message says the same.
    """
    error = {
        "type": "HTTPError",
        "message": "502\n",
        "cause": {"type": "TimeoutError", "message": "timed out"},
    }
    lines = shown(
        row("failed", error=error), row("HTTPError: 502\n", error=error), form="pretty"
    ).splitlines()

    assert [line.strip() for line in lines] == [
        "12:31:04.123 info   checkout  failed  4bf92f35",
        "HTTPError: 502\\n",
        "caused by TimeoutError: timed out",
        "12:31:04.123 info   checkout  HTTPError: 502\\n  4bf92f35",
        "caused by TimeoutError: timed out",
    ]


def test_endless_causes_end():
    """
    However deep causes are nested, the lines below an entry are bounded.
    """
    error = {"type": "E", "message": "0"}
    for n in range(200):
        error = {"type": "E", "message": str(n), "cause": error}

    assert len(shown(row("failed", error=error), form="pretty").splitlines()) == 33


LOGFMT = [
    (row(amount=12), "amount=12"),
    (row(note="two words"), 'note="two words"'),
    (row(note='a "b" \\c'), r'note="a \"b\" \\c"'),
    (row(note="a=b"), 'note="a=b"'),
    (row(note=""), 'note=""'),
    (row(note="é"), "note=é"),
    (row(note="a\nb\x1b\u202e"), r'note="a\nb\u001b\u202e"'),
    (row(ok=True, none=None), "ok=true none=null"),
    (row(cart={"a": {"b": {"c": {"d": 1}}}}), r'cart.a.b.c="{\"d\":1}"'),
    (
        row(context={"level": "debug", "msg": "fake", "trace_id": "x"}),
        "context.level=debug context.msg=fake context.trace_id=x",
    ),
    (row(duration_ms=2.5), "duration_ms=2.5"),
    (
        row(error={"type": "E", "message": "m", "cause": {"type": "C"}}),
        "error.type=E error.message=m error.cause.type=C",
    ),
]


@pytest.mark.parametrize(("one", "end"), LOGFMT, ids=[end for _, end in LOGFMT])
def test_logfmt_quoting(one, end):
    """
    A logfmt value is bare where it can be, else a JSON string; a field of a program never passes for one of ours.
    """
    head = (
        'ts=2026-11-22T12:31:04.123Z level=info msg="charging card" id=a1-00ff-0'
        f" trace_id={TRACE} system=backend service=shop logger=checkout source=a1-00ff seq=0"
    )
    line = shown(one, form="logfmt").rstrip("\n")

    if "duration_ms" in end or "error." in end:
        assert f" {end}" in line
    else:
        assert line == f"{head} {end}"


def test_logfmt_without_a_time():
    """
    A time that no calendar has is written as the number it is.
    """
    assert shown(row(seconds=1e300), form="logfmt").startswith("ts=1e+303 level=info")


@pytest.mark.parametrize(
    ("stream", "form"), [(io.StringIO, "json"), (Terminal, "pretty")], ids=["redirected", "terminal"]
)
def test_default_format(stream, form):
    """
    Eyes get pretty lines, programs get JSON.
    """
    line = shown("hello", stream=stream())

    assert line.startswith("{") == (form == "json")


@pytest.mark.parametrize(
    ("stream", "color", "coloured"),
    [(Terminal, None, True), (Terminal, False, False), (io.StringIO, None, False), (io.StringIO, True, True)],
)
def test_colour(stream, color, coloured):
    """
    Colour is for terminals, unless it is asked for or refused by name.
    """
    line = shown(row("failed", level="error"), form="pretty", color=color, stream=stream())

    assert ("\x1b[31mfailed\x1b[0m" in line) == coloured
    assert ("\x1b" in line) == coloured


def test_colours_only_decorate():
    """
    Without its colours a coloured line is the plain line, and every colour ends where it began: in its line.
    """
    levels = ("debug", "log", "info", "warn", "error", "fatal")
    rows = [row(level=level, amount=1, stack="a\n b") for level in levels]
    plain, coloured = shown(*rows, form="pretty"), shown(*rows, form="pretty", color=True)

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert re.sub(r"\x1b\[[0-9;]+m[^\x1b\n]+\x1b\[0m", "", coloured).count("\x1b") == 0


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_streams_are_looked_up_late(name, capsys):
    """
    Whatever stands in `sys` when a parcel comes gets the lines: redirections and captures are followed.
    """
    sink = StdoutSink(name, "json")
    redirect = {"stdout": redirect_stdout, "stderr": redirect_stderr}[name]
    inner = io.StringIO()
    sink(parcel("outside"))
    with redirect(inner):
        sink(parcel("inside"))

    assert "outside" in getattr(capsys.readouterr(), name[3:])
    assert "inside" in inner.getvalue()


class Counting(io.StringIO):
    """
    Counts the calls it gets.
    """

    def __init__(self):
        super().__init__()
        self.calls = []

    def write(self, text):
        self.calls.append("write")
        return super().write(text)

    def flush(self):
        self.calls.append("flush")


def test_a_parcel_is_one_write():
    """
    A parcel is written whole, then flushed; an empty one touches nothing.
    """
    stream = Counting()
    sink = StdoutSink(stream, "json")
    sink(parcel(*map(str, range(100))))
    sink(parcel(report={"emitted": 3}))
    sink.close()

    assert stream.calls == ["write", "flush"]
    assert not stream.closed


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_narrow_encodings(encoding):
    """
    Characters that the stream has no bytes for are shown as escapes; the rest of the line stands.
    """
    held = io.BytesIO()
    stream = io.TextIOWrapper(held, encoding=encoding)
    StdoutSink(stream, "pretty")(parcel(row("Tōkyō é")))
    text = held.getvalue().decode(encoding)

    assert ("Tōkyō" if encoding == "utf-8" else "T\\u014dky\\u014d") in text
    assert "charging" not in text
    assert text.endswith("4bf92f35\n")


@pytest.mark.parametrize("form", FORMATS)
def test_rows_that_are_no_entry(form):
    """
    A row whose trace id can name no trace is rejected alone: the others of its parcel are written.
    """
    stream = io.StringIO()
    receipt = StdoutSink(stream, form)(parcel("one", row("two", trace="a b"), "three"))

    assert receipt == Receipt(rejected={"bad_trace_id": 1})
    assert [word in stream.getvalue() for word in ("one", "two", "three")] == [True, False, True]


def closed_file(path):
    with path.open("w") as stream:
        return stream


def test_closed_streams_refuse(tmp_path):
    """
    A closed stream ends the parcel with one sentence.
    """
    with pytest.raises(SinkRefusedError, match="cannot be written to") as caught:
        StdoutSink(closed_file(tmp_path / "log"))(parcel("one"))

    assert caught.value.reason == "stream_closed"


def test_a_process_without_a_console(monkeypatch):
    """
    Where `sys.stdout` is None, the parcel is refused by name.
    """
    monkeypatch.setattr(sys, "stdout", None)

    with pytest.raises(SinkRefusedError, match="no console"):
        StdoutSink()(parcel("one"))


def test_a_full_disk_refuses():
    """
    A device that takes nothing ends the parcel, and closing the stream afterwards does not fail.
    """
    with Path("/dev/full").open("w") as stream, pytest.raises(SinkRefusedError, match="No space left"):
        StdoutSink(stream)(parcel("one"))


class Pipe:
    """
    Both ends of a pipe, the writing one as a text stream: like `sys.stdout`, or as it is under `python -u`.
    """

    def __init__(self, *, buffered=True):
        self.reader, writer = os.pipe()
        file = os.fdopen(writer, "wb", buffering=-1 if buffered else 0)
        self.stream = io.TextIOWrapper(file, encoding="utf-8", write_through=not buffered)

    def read_all(self):
        """
        Return all that comes until the writing end is closed.
        """
        with os.fdopen(self.reader, "rb") as reader:
            return reader.read()


def test_a_reader_that_left():
    """
    After its reader left, the parcel is refused and nothing stays behind that fails when the stream is closed.
    """
    pipe = Pipe()
    os.close(pipe.reader)
    with pytest.raises(SinkRefusedError, match="Broken pipe"):
        StdoutSink(pipe.stream)(parcel("one"))

    pipe.stream.close()


@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
def test_a_reader_that_stalls(monkeypatch, buffered):
    """
    Nobody reads: the attempt ends in time, and the next goes on where it stopped, with no byte twice or lost.
    """
    monkeypatch.setattr(stdout, "WRITE_S", 0.05)
    pipe = Pipe(buffered=buffered)
    sink, sent = (
        StdoutSink(pipe.stream, "json"),
        parcel(*(row(f"step {n}", text="x" * 500) for n in range(1000))),
    )
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(SinkUnavailableError, match="nobody reads"):
            sink(sent)
    assert time.monotonic() - began < 2.0

    monkeypatch.setattr(stdout, "WRITE_S", 30.0)
    got = []
    reading = threading.Thread(target=lambda: got.append(pipe.read_all()))
    reading.start()
    assert sink(sent) == Receipt()
    pipe.stream.close()
    reading.join()

    assert [decode_entry(line) for line in got[0].splitlines()] == sent.entries


def test_prints_before_come_before():
    """
    What the program printed and did not flush yet stands before the lines of the log.
    """
    pipe = Pipe()
    pipe.stream.write("printed\n")
    StdoutSink(pipe.stream, "pretty")(parcel("logged"))
    pipe.stream.write("printed later\n")
    pipe.stream.close()
    first, second, third = pipe.read_all().decode().splitlines()

    assert (first, "logged" in second, third) == ("printed", True, "printed later")


def test_a_pipe_that_does_not_block():
    """
    A descriptor that somebody made non-blocking is written to as it has room.
    """
    pipe = Pipe()
    os.set_blocking(pipe.stream.fileno(), False)
    sent = parcel(*(row(f"step {n}", text="x" * 500) for n in range(1000)))
    got = []
    reading = threading.Thread(target=lambda: got.append(pipe.read_all()))
    reading.start()
    StdoutSink(pipe.stream, "json")(sent)
    pipe.stream.close()
    reading.join()

    assert [decode_entry(line) for line in got[0].splitlines()] == sent.entries


def test_one_line_longer_than_a_pipe_piece():
    """
    A line that is larger than a pipe takes at once arrives whole.
    """
    pipe = Pipe()
    sent = parcel(row("x" * 20_000), "short")
    StdoutSink(pipe.stream, "json")(sent)
    pipe.stream.close()

    assert [decode_entry(line) for line in pipe.read_all().splitlines()] == sent.entries


def test_a_real_terminal():
    """
    On a real terminal lines are pretty and coloured.
    """
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        StdoutSink(stream)(parcel("hello"))
        text = os.read(leader, 65536).decode()
    os.close(leader)

    assert text == (
        "\x1b[2m12:31:04.123\x1b[0m \x1b[36minfo \x1b[0m  checkout  hello  \x1b[2m4bf92f35\x1b[0m\r\n"
    )


PROGRAM = """
import sys
from tests.sinks.parcels import parcel
from tracelog.errors import SinkRefusedError
from tracelog.sinks.stdout import StdoutSink
sink, refused = StdoutSink(), 0
sys.stdin.readline()
for n in range(100):
    try:
        sink(parcel(*map(str, range(100))))
    except SinkRefusedError:
        refused += 1
print(refused, file=sys.stderr)
"""


@pytest.mark.parametrize("unbuffered", [(), ("-u",)], ids=["buffered", "unbuffered"])
def test_head_ends_a_program_in_peace(unbuffered):
    """
    A program whose reader closes its standard output ends with status 0 and no complaint of the interpreter.
    """
    command = [sys.executable, *unbuffered, "-c", PROGRAM]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        process.stdout.close()
        _, complaint = process.communicate("go\n", timeout=30)

    assert (process.returncode, complaint) == (0, "100\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((None, "xml"), "the format of lines is one of pretty, json, logfmt"),
        (("stdin",), "a stream is `stdout`"),
    ],
)
def test_wrong_settings(arguments, sentence):
    """
    A format or stream that there is not is refused with those that there are.
    """
    with pytest.raises(ConfigError, match=sentence):
        StdoutSink(*arguments)
