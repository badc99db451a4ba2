"""
`tracelog demo`: the story is real, the claims are checked, and nothing is left behind.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.cli.started import plain_environment
from tracelog.cli.demo import _absolute, _port
from tracelog.cli.demo.actors import Actor, surroundings
from tracelog.cli.demo.facts import Facts, leaks_in, sum_up, wrong
from tracelog.cli.demo.play import Told
from tracelog.cli.demo.words import checks, links
from tracelog.cli.failure import CommandError
from tracelog.core.entry import Entry


def processes_of(folder):
    """
    Return the command lines of running processes that stand in *folder* or name it.
    """
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line]


def run(*command):
    return subprocess.run(
        command, env=plain_environment(), capture_output=True, text=True, timeout=30, check=True
    )


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """
    One run of `tracelog demo --once`: what it printed, how long it took, and where its files were.
    """
    folder = tmp_path_factory.mktemp("demo")
    started = time.monotonic()
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
    return done, time.monotonic() - started, folder


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
    assert "cart re-rendered (effect run *)" in timeline
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
    found = run("sh", "-c", f"{sys.executable} -m tracelog {search}")
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


BOOK = {
    **dict.fromkeys(("emitted", "stored", "duplicate", "in_flight", "unreported"), 0),
    **{outcome: {} for outcome in ("suppressed", "limited", "rejected", "dropped")},
    "balanced": True,
}


def told_by(service, message="hello", **fields):
    return Entry(
        id=f"{service}-1", trace_id="t", service=service, message=message, system="backend", **fields
    )


GOOD = Facts(
    entries=[
        told_by("web"),
        told_by("edge", "session [REDACTED:jwt:9c41]"),
        told_by("shop", context={"headers": {"authorization": "[REDACTED:jwt:9c41]"}}),
        told_by("billing", "database is locked"),
    ],
    report={"chains": [{"root": "billing-1"}], "ledger": {"folded": 400}},
    ledger={**BOOK, "emitted": 4, "stored": 4},
    leaks=[],
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entries": GOOD.entries[1:]}, "the trace has nothing from web"),
        ({"report": {"chains": [], "ledger": {"folded": 400}}}, "the report names no cause"),
        ({"report": {"chains": [{"root": "shop-1"}], "ledger": {"folded": 400}}}, "of shop for the cause"),
        ({"leaks": ["the json export of trace ab"]}, "the session token can be read in the json export"),
        (
            {"entries": [told_by("edge"), *GOOD.entries[2:], told_by("web")]},
            "no name that worker and shop share",
        ),
        ({"ledger": {**GOOD.ledger, "balanced": False}}, "the ledger does not add up"),
        ({"ledger": {**GOOD.ledger, "in_flight": 1}}, "1 on their way"),
        ({"report": {**GOOD.report, "ledger": {"folded": 0}}}, "nothing was folded"),
    ],
)
def test_a_claim_that_does_not_hold_is_told(change, said):
    """
    For each claim, facts that do not bear it out give a sentence that says so; facts that do give none.
    """
    assert list(wrong(GOOD)) == []
    (sentence,) = wrong(msgspec.structs.replace(GOOD, **change))
    assert said in sentence


def test_a_secret_in_a_file_is_found(tmp_path):
    """
    Any file that holds a part of the secret is named; others are not.
    """
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "logs.db-wal").write_bytes(b"\0\1session-sig\2")
    (tmp_path / "logs.db").write_bytes(b"nothing")
    assert leaks_in(tmp_path, ["payload", "session-sig"]) == ["logs.db-wal"]


def test_ledgers_are_added_up():
    """
    The sum of several ledgers has the sum of each count and reason, and balances when all do.
    """
    one = {**BOOK, "emitted": 5, "stored": 3, "limited": {"quota": 2}}
    two = {
        **BOOK,
        "emitted": 4,
        "stored": 1,
        "limited": {"quota": 1},
        "dropped": {"queue": 2},
        "balanced": False,
    }
    total = sum_up([one, two])
    assert (total["emitted"], total["stored"], total["balanced"]) == (9, 4, False)
    assert (total["limited"], total["dropped"]) == ({"quota": 3}, {"queue": 2})


def test_the_words_follow_the_facts():
    """
    Checks and links say what was found and where the server is; the usual address needs no naming.
    """
    assert "jwt:9c41" in checks(GOOD, color=False)
    assert "4 logged = 4 stored" in checks(GOOD, color=False)
    assert "--url http://127.0.0.1:9" in links(Told("http://127.0.0.1:9", ["t"], []), color=False)
    assert "--url" not in links(Told("http://127.0.0.1:8787", ["t"], []), color=False)


def test_the_usual_port_is_taken_only_when_free():
    """
    An asked port is used as it is, a visitor gets the usual one if nobody has it, and nobody's visit gets
    any.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        usual = probe.getsockname()[1]
        assert _port(None, once=False, usual=usual) == 0
    assert _port(None, once=False, usual=usual) == usual
    assert (_port(7, once=True), _port(None, once=True)) == (7, 0)


@pytest.mark.parametrize("store", ["redis://h:1/0", "sqlite::memory:"])
def test_only_files_are_counted_from_here(store, tmp_path, monkeypatch):
    """
    A relative file is the person's, counted from their folder; other stores stay as they are.
    """
    monkeypatch.chdir(tmp_path)
    assert _absolute(store) == store
    assert _absolute("sqlite:///a/b.db") == f"sqlite:///{tmp_path}/a/b.db"
    assert _absolute("sqlite:////a/b.db") == "sqlite:////a/b.db"


def test_a_program_that_fails_is_quoted(tmp_path):
    """
    When a program of the story ends without doing its part, the sentence has what it said.
    """
    actor = Actor("billing", "tracelog.cli.demo.billing", environ=surroundings("k"), folder=tmp_path)
    try:
        with pytest.raises(
            CommandError, match=r"the demo's billing did not do its part; it said: .*IndexError"
        ):
            actor.wait_for("ready")
    finally:
        actor.stop()


def test_the_persons_settings_stay_out(monkeypatch):
    """
    The story's environment has the secret of its tags and nothing of the person's own settings of tracelog.
    """
    for name in ("TRACELOG_SINKS", "TRACEPARENT"):
        monkeypatch.setenv(name, "stdout:")
    found = {name: value for name, value in surroundings("k").items() if name.startswith("TRACE")}
    assert found == {"TRACELOG_REDACT_KEY": "k"}
    assert Path(surroundings("k")["PYTHONPATH"].split(os.pathsep)[0], "tracelog").is_dir()
