"""
What the demo checks of itself, and how it starts its programs: every piece by itself.
"""

import os
import socket
from pathlib import Path

import msgspec
import pytest

from tracelog.cli.demo import _absolute, _files, _port
from tracelog.cli.demo.actors import Actor, surroundings
from tracelog.cli.demo.facts import Facts, leaks_in, sum_up, wrong
from tracelog.cli.demo.play import Played
from tracelog.cli.demo.words import checks, links
from tracelog.cli.failure import CommandError
from tracelog.core.entry import Entry

BOOK = {
    **dict.fromkeys(("emitted", "stored", "duplicate", "in_flight", "unreported"), 0),
    **{outcome: {} for outcome in ("suppressed", "limited", "rejected", "dropped")},
    "balanced": True,
}


def told_by(service, message="hello", **fields):
    return Entry(
        id=f"{service}-1", trace_id="t", service=service, message=message, system="backend", **fields
    )


BOOKED = {"folded": 400, "lost": {}}
GOOD = Facts(
    entries=[
        told_by("web"),
        told_by("edge", "session [REDACTED:jwt:9c41]"),
        told_by("shop", context={"headers": {"authorization": "[REDACTED:jwt:9c41]"}}),
        told_by("billing", "database is locked"),
    ],
    report={"chains": [{"root": "billing-1"}], "ledger": BOOKED},
    ledger={**BOOK, "emitted": 4, "stored": 4},
    leaks=[],
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entries": GOOD.entries[1:]}, "the trace has nothing from web"),
        ({"report": {"chains": [], "ledger": BOOKED}}, "the report names no cause"),
        ({"report": {"chains": [{"root": "shop-1"}], "ledger": BOOKED}}, "of shop for the cause"),
        ({"leaks": ["the json export of trace ab"]}, "the session token can be read in the json export"),
        (
            {"entries": [told_by("edge"), *GOOD.entries[2:], told_by("web")]},
            "no name that worker and shop share",
        ),
        ({"ledger": {**GOOD.ledger, "balanced": False}}, "the ledger does not add up"),
        ({"ledger": {**GOOD.ledger, "in_flight": 1}}, "1 on their way"),
        ({"report": {**GOOD.report, "ledger": {**BOOKED, "folded": 0}}}, "nothing was folded"),
        (
            {"report": {**GOOD.report, "ledger": {**BOOKED, "lost": {"evicted": 3}}}},
            "3 entries of the trace were lost",
        ),
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
    Any file of the story that holds a part of the secret is named, also beside a store elsewhere; others are not.
    """
    folder, kept = tmp_path / "story", tmp_path / "kept"
    (folder / "deep").mkdir(parents=True)
    kept.mkdir()
    (folder / "deep" / "billing.db").write_bytes(b"nothing")
    (folder / "billing.db").write_bytes(b"a payload b")
    (kept / "logs.db-wal").write_bytes(b"\0\1session-sig\2")
    (kept / "other.db").write_bytes(b"payload of somebody else")
    files = _files(folder, f"sqlite:///{kept / 'logs.db'}")
    assert leaks_in(files, ["payload", "session-sig"]) == ["logs.db-wal", "billing.db"]
    assert leaks_in(_files(folder, "redis://h"), ["session-sig"]) == []


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
    assert "http://127.0.0.1:9/debug/latest-error" in links(
        Played("http://127.0.0.1:9", ["t"], []), color=False
    )
    assert "--url http://127.0.0.1:9" in links(Played("http://127.0.0.1:9", ["t"], []), color=False)
    assert "--url" not in links(Played("http://127.0.0.1:8787", ["t"], []), color=False)


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
