"""
`tracelog run`: the program behaves as it does alone, and its trace has what it said.
"""

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.cli.started import Started, plain_environment
from tracelog.cli import commands

SAYS = """
import os, sys
print("charging", flush=True)
print("WARN slow", file=sys.stderr, flush=True)
print(os.environ["TRACEPARENT"], file=sys.stderr, flush=True)
print(sys.stdin.read().upper(), end="")
sys.exit(7)
"""

FAILS = """
def charge():
    raise ValueError("no card")
charge()
"""

WAITS = """
import signal, sys, time
for number, code in ((signal.SIGTERM, 5), (signal.SIGQUIT, 6)):
    signal.signal(number, lambda *_, code=code: sys.exit(code))
print("ready", flush=True)
time.sleep(60)
"""


def run(served, trace, *command, data=b"", options=(), environ=None):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tracelog",
            "run",
            "--trace",
            trace,
            "--url",
            served.url,
            *options,
            "--",
            *command,
        ],
        input=data,
        capture_output=True,
        env={**plain_environment(), **(environ or {})},
        timeout=60,
        check=False,
    )


def in_this_process(served, *command):
    """
    Return the exit code of `tracelog run -- COMMAND`, called here.
    """
    return CliRunner().invoke(commands, ["run", "--url", served.url, "--", *command]).exit_code


def stored(served, trace):
    return served.get(f"/api/v1/traces/{trace}")["entries"]


def test_a_program_is_a_hop_of_a_trace(served, trace):
    """
    Streams and exit code are the program's own; its lines, its end and its duration stand in the trace it was given.
    """
    done = run(served, trace, sys.executable, "-c", SAYS, data=b"input", options=("--service", "shop"))
    entries = {entry["message"]: entry for entry in stored(served, trace)}
    hop = entries[sys.executable.rsplit("/", 1)[1]]
    assert (done.returncode, done.stdout) == (7, b"charging\nINPUT")
    traceparent = done.stderr.decode().split("\n")[1]
    assert traceparent.split("-")[2] == hop["span_id"]
    assert (entries["charging"]["level"], entries["WARN slow"]["level"]) == ("info", "warn")
    assert {entries[name]["span_id"] for name in ("charging", "INPUT", "ended with exit code")} == {
        hop["span_id"]
    }
    assert entries["ended with exit code"]["context"] == {"exit_code": 7}
    assert hop["duration_ms"] > 0
    assert {entry["service"] for entry in entries.values()} == {"shop"}


def test_a_crash_is_one_error(served, trace):
    """
    A traceback is one entry with its stack and what was raised.
    """
    run(served, trace, sys.executable, "-c", FAILS)
    (crash,) = [entry for entry in stored(served, trace) if entry.get("stack")]
    assert (crash["level"], crash["message"]) == ("error", "ValueError: no card")
    assert crash["error"] == {"type": "ValueError", "message": "no card"}
    assert "line 3, in charge" in crash["stack"]


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        (["no-such-program-anywhere"], 127, "there is no such command"),
        (["/"], 126, "cannot be run"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137, "stored at"),
    ],
    ids=["unknown", "not runnable", "killed"],
)
def test_an_end_is_told_as_a_shell_does(command, code, sentence, served, trace):
    """
    A command that is not there, cannot run, or dies by a signal has the exit code that a shell gives it.
    """
    done = run(served, trace, *command)
    assert done.returncode == code
    assert sentence in done.stderr.decode()


def test_what_a_program_ships_is_not_stored_twice(served, trace):
    """
    A program with a console of its own, as an agent's has, ships its entries and does not print them as well.
    """
    program = (
        f"import tracelog; tracelog.configure(url={served.url!r}); tracelog.get_logger('own').info('once')"
    )
    done = run(
        served, trace, sys.executable, "-c", program, environ={"AI_AGENT": "x", "TRACELOG_CONSOLE": ""}
    )

    assert done.returncode == 0, done.stderr
    assert [entry["logger"] for entry in stored(served, trace) if "once" in entry["message"]] == ["own"]


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 5), (signal.SIGQUIT, 6)])
def test_signals_reach_the_program(number, expected, served, trace):
    """
    Who stops `tracelog run` stops the program, which ends in its own way.
    """
    started = Started("run", "--trace", trace, "--url", served.url, "--", sys.executable, "-c", WAITS)
    try:
        assert started.line("(ready)", "stdout") == "ready"
        code, _, _ = started.end(number)
    finally:
        started.clear()
    assert code == expected


def test_a_signal_before_the_program_runs_waits_for_it(served, monkeypatch):
    """
    A signal that comes while the program is being started reaches it, so that no orphan stays behind.
    """
    start = subprocess.Popen

    def starting(*given, **options):
        signal.raise_signal(signal.SIGTERM)
        return start(*given, **options)

    monkeypatch.setattr(subprocess, "Popen", starting)
    assert in_this_process(served, "sleep", "60") == 128 + signal.SIGTERM


def test_what_is_ignored_stays_ignored(served):
    """
    Behind `nohup` the program hears no SIGHUP, as it would hear none alone.
    """
    asked = "import signal; raise SystemExit(int(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN))"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert in_this_process(served, sys.executable, "-c", asked) == 1
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_a_server_the_program_runs(unused_url):
    """
    A server that is away changes nothing for the program.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tracelog",
            "run",
            "--url",
            unused_url,
            "--",
            sys.executable,
            "-c",
            "print(1)",
        ],
        capture_output=True,
        env=plain_environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"1\n")
