"""
`tracelog demo`: the story is real, the claims are checked, and nothing is left behind.
"""

import json
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.started import plain_environment

pytestmark = pytest.mark.xdist_group("demo")  # its tests share one run


def processes_of(folder):
    """
    Return the command lines of running processes that stand in *folder* or below it, or name it.
    """
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listed.stdout.splitlines()]
    return [args for pid, args in lines if str(folder) in f"{place_of(pid)} {args}"]


def place_of(pid):
    """
    Return the working folder of a process, where the system tells it.
    """
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def run(*command):
    return subprocess.run(
        command, env=plain_environment(), capture_output=True, text=True, timeout=30, check=True
    )


def spent():
    """
    Return the processor time of all processes that this one started and that have ended.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """
    One run of `tracelog demo --once`: what it printed, the seconds of processor time that it and its programs
    took (those of the wall are longer on a busy machine), and where its files were.
    """
    folder = tmp_path_factory.mktemp("demo")
    before = spent()
    done = subprocess.run(
        [sys.executable, "-m", "tracelog", "demo", "--once", "--port", "0"],
        env={
            **plain_environment(),
            "TMPDIR": str(folder),
            "TRACELOG_LEVEL": "error",
            "TRACELOG_REDACT_KEY": "mine",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, spent() - before, folder


def test_it_ends_well_and_soon(once):
    """
    `--once` ends by itself with 0, within its 15 seconds, whatever the person's own settings of tracelog are.
    """
    done, took, _ = once
    assert done.returncode == 0, done.stderr
    assert took < 15.0


def test_it_leaves_nothing_behind(once):
    """
    No process and no file of the demo outlives it.
    """
    _, _, folder = once
    assert list(folder.iterdir()) == []
    assert processes_of(folder) == []


def test_it_tells_the_story(once):
    """
    The brief names the cause and where it lies, how it travelled through the systems, and what the flood was.
    """
    out = once[0].stdout
    brief, _, timeline = out.partition("ledger ")
    assert "database is locked, in billing (backend)" in brief
    steps = [
        "database is locked",
        "billing answered 500",
        "shop answered 502",
        "checkout failed with status 500",
    ]
    places = [brief.index(step, brief.index("cause ")) for step in steps]
    assert places == sorted(places)
    assert "400 \N{MULTIPLICATION SIGN}" in brief
    assert "cart re-rendered (effect run 1)" in timeline
    assert "in worker and backend" in brief
    assert max(map(len, out.splitlines())) <= 100


def test_it_checks_its_claims(once):
    """
    One trace through four programs, the cause, the flood, the secret and the ledger are each told as checked.
    """
    marked = [line for line in once[0].stdout.splitlines() if line.startswith("  ✓")]
    assert len(marked) == 5
    assert "web → edge → shop → billing" in marked[0]
    assert "billing's: database is locked" in marked[1]
    assert "400 repeated lines" in marked[2]
    assert "adds up" in marked[4]


def test_words_and_data_are_apart(once):
    """
    What happens meanwhile is told on standard error; without a terminal there is no colour on either stream.
    """
    done, _, _ = once
    assert [line for line in done.stderr.splitlines() if not line.startswith("tracelog: ")] == []
    assert "presses Buy, order 3: 500" in done.stderr
    assert "presses Buy" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_it_stays_with_the_story_until_ctrl_c(tmp_path, start):
    """
    Without `--once` the server goes on; the commands it prints work as printed; the store given keeps the
    story, the temporary files go, and Ctrl-C ends it with 0.
    """
    store = tmp_path / "kept" / "logs.db"
    store.parent.mkdir()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    started = start(
        "demo",
        "--port",
        "0",
        "--store",
        "sqlite:///logs.db",
        cwd=store.parent,
        env={"TMPDIR": str(temporary)},
    )
    show = started.line(r"^  tracelog (show .*)", "stdout").split()
    search = started.line(r"^  tracelog (search .*)", "stdout")
    curl = started.line(r"^  (curl .*)", "stdout")
    shown = run(sys.executable, "-m", "tracelog", *show)
    assert "database is locked" in shown.stdout
    found = run("sh", "-c", f"{shlex.quote(sys.executable)} -m tracelog {search}")
    assert "Uncaught (in promise)" in found.stdout
    report = json.loads(run("sh", "-c", curl).stdout)
    assert report["chains"][0]["handled"] is False
    code, _, err = started.end(signal.SIGINT)
    assert (code, "Traceback" in err) == (0, False)
    assert store.stat().st_size > 0
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_a_signal_cleans_up(tmp_path, start):
    """
    A demo that is terminated in the middle ends its programs and removes its files too.
    """
    started = start("demo", "--once", cwd=tmp_path, env={"TMPDIR": str(tmp_path)})
    started.line(r"(four processes)")
    code, _, err = started.end(signal.SIGTERM)
    assert (code, "Traceback" in err) == (128 + signal.SIGTERM, False)
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def test_no_program_outlives_a_demo_that_is_killed(tmp_path, start):
    """
    Every program ends by itself when the demo is gone without a word.
    """
    started = start("demo", "--once", env={"TMPDIR": str(tmp_path)})
    started.line("(four processes)")
    started.process.kill()
    started.process.wait()
    deadline = time.monotonic() + 20.0
    while left := processes_of(tmp_path):
        assert time.monotonic() < deadline, left


def test_no_program_is_left_by_whoever_starts_it_and_goes(tmp_path):
    """
    A program whose both ends are closed before it has said anything ends without an error or an endless loop.
    """
    here = "tracelog.cli.demo"
    commands = [
        [f"{here}.billing", str(tmp_path / "billing.db")],
        *([f"{here}.{name}"] for name in ("shop", "worker", "page")),
        [f"{here}.kept", "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/logs.db"],
    ]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**plain_environment(), "DEMO_SESSION": "t"},
        )
        for command in commands
    ]
    for process in started:
        process.stdin.close()
        process.stdout.close()
    for process in started:
        with process.stderr as stream:
            assert b"Traceback" not in stream.read(), process.args
        process.wait(20.0)
