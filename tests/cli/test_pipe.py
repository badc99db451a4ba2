"""
`tracelog pipe`: bytes go on unchanged, lines become entries, and nobody's pipeline breaks for it.
"""

import io
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.started import plain_environment
from tracelog.cli.pouring import LINE_BYTES, Shipped, Splitter, pour
from tracelog.client.client import Client
from tracelog.sinks import MemorySink

PIPE = [sys.executable, "-m", "tracelog", "pipe"]


def pipe(data, *arguments, env=None, stdout=subprocess.PIPE, cwd=None):
    return subprocess.run(
        [*PIPE, *arguments],
        input=data,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**plain_environment(), **(env or {})},
        timeout=60,
        check=False,
    )


def stored(served, trace):
    return served.get(f"/api/v1/traces/{trace}")["entries"]


def test_lines_become_entries_and_go_on(served, trace):
    """
    Bytes pass unchanged, whatever they are; each line is an entry of the system, service and trace named;
    blank lines are none.
    """
    data = b'starting\r\n\n  \nERROR: disk full\nnot \xff utf-8\n{"msg":"paid","level":"warn","order":7}\nend'
    done = pipe(data, "--system", "convex", "--service", "shop", "--trace", trace, "--url", served.url)
    assert (done.returncode, done.stdout) == (0, data)
    entries = stored(served, trace)
    assert [(entry["message"], entry["level"]) for entry in entries] == [
        ("starting", "info"),
        ("ERROR: disk full", "error"),
        ("not \ufffd utf-8", "info"),
        ("paid", "warn"),
        ("end", "info"),
    ]
    assert {(entry["system"], entry["service"]) for entry in entries} == {("convex", "shop")}
    assert entries[3]["context"] == {"order": 7}
    said = done.stderr.decode()
    assert said == f"tracelog: 7 lines; 5 logged = 5 stored at {served.url}; see tracelog show {trace}\n"


def test_lines_go_to_the_traces_they_name(served, trace):
    """
    A line that names a trace belongs to it; the others share one that the end names.
    """
    other = f"{trace}-other"
    data = f"request trace_id={trace} done\nstarted\nagain trace_id={other}\nstopped\n".encode()
    done = pipe(data, "--url", served.url)
    own = done.stderr.decode().split("tracelog show ")[1].strip()
    assert [entry["message"] for entry in stored(served, trace)] == [f"request trace_id={trace} done"]
    assert [entry["message"] for entry in stored(served, own)] == ["started", "stopped"]


def test_the_trace_of_the_parent_process_is_inherited(served, trace):
    """
    Under `TRACEPARENT`, lines that name no trace belong to that one.
    """
    env = {"TRACEPARENT": f"00-{trace}-00f067aa0ba902b7-01", "TRACELOG_URL": served.url}
    assert pipe(b"child says\n", env=env).returncode == 0
    assert [entry["message"] for entry in stored(served, trace)] == ["child says"]


def test_somebody_elses_broken_file_stops_no_pipeline(served, trace, tmp_path):
    """
    In a folder whose pyproject.toml cannot be read, lines are passed on and logged all the same.
    """
    (tmp_path / "pyproject.toml").write_text("<<<<<<< main\n[tool.tracelog]\n")
    done = pipe(b"one\n", "--trace", trace, "--url", served.url, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"one\n")
    first, *_ = done.stderr.decode().splitlines()
    assert first.endswith(
        "pyproject.toml cannot be read: Invalid statement (at line 1, column 1); going on without"
    )
    assert [entry["message"] for entry in stored(served, trace)] == ["one"]


def test_a_line_is_passed_on_and_shipped_as_it_comes(served, trace, start):
    """
    A slow program is followed live: its line is passed on before the next one comes.
    """
    started = start("pipe", "--trace", trace, "--url", served.url)
    started.process.stdin.write(b"first\n")
    started.process.stdin.flush()
    assert started.line("(first)", "stdout") == "first"
    started.process.stdin.write(b"second\n")
    code, out, err = started.end()
    assert (code, out) == (0, "second\n")
    assert "2 logged = 2 stored" in err


def test_a_flood_is_slowed_to_what_is_delivered():
    """
    More lines than the queue holds are all delivered: a fast writer waits instead of losing entries.
    """
    sink = MemorySink()
    client = Client(sinks=[sink], queue_entries=1000)
    shipped = Shipped(client, "run-1", breath=500)
    for _ in range(40):
        shipped(iter([b"line"] * 100))
    shipped.rest()
    client.shutdown(5.0)
    assert (shipped.lines, len(sink.entries), client.stats()["dropped"]) == (4000, 4000, {})


def test_a_reader_that_leaves_loses_no_entry(served, trace):
    """
    When the output cannot be written any more, the rest of the input is still logged and the exit code is 0.
    """
    read, write = os.pipe()
    os.close(read)
    try:
        done = pipe(b"one\ntwo\nthree\n", "--trace", trace, "--url", served.url, stdout=write)
    finally:
        os.close(write)
    assert done.returncode == 0
    assert len(stored(served, trace)) == 3
    assert "the output cannot be written any more" in done.stderr.decode()


def test_without_a_server_the_pipeline_goes_on(unused_url):
    """
    Where no server is, everything passes, the loss is counted and named, and the exit code is 0.
    """
    done = pipe(b"one\ntwo\n", "--url", unused_url)
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")
    said = done.stderr.decode()
    assert "2 lines; 2 logged = 0 stored + 2 dropped (shutdown)" in said
    assert "did not answer" in said


def test_numbers_are_lines_like_any_other(served, trace):
    """
    A thousand lines that only count are one row of the report, which shows the first of them; one line is one.
    """
    data = "".join(f"{n}\n" for n in range(1, 1_001)).encode()
    done = pipe(data, "--trace", trace, "--url", served.url)
    assert "1,000 lines; 1,000 logged" in done.stderr.decode()
    report = served.get(f"/api/v1/traces/{trace}/report")
    assert [(row["message"], row["count"]) for row in report["timeline"]] == [("1", 1_000)]
    assert "*" not in str(report["insights"])
    done = pipe(b"end\n", "--trace", trace, "--url", served.url)
    assert done.stderr.decode().startswith("tracelog: 1 line; 1 logged")


def test_ctrl_c_is_for_the_program_in_front(served, trace, start):
    """
    The first Ctrl-C does not end it: what the interrupted program says last is passed on and logged.
    """
    started = start("pipe", "--trace", trace, "--url", served.url)
    started.process.stdin.write(b"working\n")
    started.process.stdin.flush()
    assert started.line("(working)", "stdout") == "working"
    started.process.send_signal(signal.SIGINT)
    started.process.stdin.write(b"interrupted, cleaning up\n")
    code, out, _ = started.end()
    assert (code, out) == (0, "interrupted, cleaning up\n")
    assert len(stored(served, trace)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trace", "no spaces"], "1 to 128 letters, digits"),
        (["--system", "No System"], "system must be"),
        (["--url", "ftp://h"], "http://"),
    ],
)
def test_what_cannot_work_is_told_at_once(arguments, said):
    """
    A wrong option is a usage error before a byte is read.
    """
    done = pipe(b"one\n", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


@given(st.lists(st.binary(max_size=20)), st.data())
def test_lines_do_not_depend_on_the_pieces(parts, data):
    """
    However a stream is cut into pieces, its lines are the same: those between line ends, and what stands at
    the end.
    """
    whole = b"\n".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    split = Splitter()
    found = [line for piece in pieces if piece for line in split(piece)] + list(split(b""))
    assert found == whole.split(b"\n")[:-1] + [last for last in whole.split(b"\n")[-1:] if last]


def test_an_endless_line_is_bounded():
    """
    Of a line without an end only the beginning is kept in memory; what comes after it is read as ever.
    """
    split = Splitter()
    for _ in range(40):
        assert list(split(b"x" * (LINE_BYTES // 10))) == []
    assert list(split(b"y\nnext\n")) == [b"x" * LINE_BYTES, b"next"]


class Teletype(io.BytesIO):
    """
    A terminal at which somebody presses Ctrl-C.
    """

    def isatty(self):
        return True

    def read1(self, size=-1):
        raise KeyboardInterrupt


def test_ctrl_c_ends_typing():
    """
    When a person types the input, the first Ctrl-C ends it.
    """
    sink = MemorySink()
    client = Client(sinks=[sink])
    shipped = Shipped(client, "run-1")
    pour(Teletype(), io.BytesIO(), shipped)
    client.shutdown(5.0)
    assert (shipped.lines, sink.entries) == (0, [])
