"""
Echoes from the front door of one server: what becomes of them afterwards.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import Running
from tests.server.test_protection import ledger_after, rows_after
from tracelog.core.quota_settings import TraceQuota

SYSTEMS = ("browser", "worker", "backend")


def said(times: int, text: str = "took {} ms", first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """
    Return so many entries of each system of one trace, of one form and with no text twice.
    """
    return [
        {
            "trace_id": "cart",
            "system": system,
            "source": system,
            "seq": n,
            "message": text.format(n),
            **fields,
        }
        for system in SYSTEMS
        for n in range(first, first + times)
    ]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/logs.db"


def test_an_echo_that_comes_again(store: str) -> None:
    """
    A batch whose answer was lost changes nothing, though the window of its echoes is over when it comes again.
    """
    with Running(limits=True, trace_quota=TraceQuota(echo_window_s=0.001), store_url=store) as running:
        answers = [running.post(said(20)).json for _ in range(3)]
    ledger = ledger_after(store, "worker")
    assert [(each["accepted"], each["duplicate"]) for each in answers] == [(22, 0), (0, 22), (0, 22)]
    assert {each["suppressed"] for each in answers} == {38}
    assert (ledger["emitted"], ledger["stored"], ledger["suppressed"]) == (20, 1, {"echo": 19})
    assert ledger["balanced"]
    rows = rows_after(store, "cart")
    assert sum(row.get("count", 1) for row in rows) == 60
    assert Counter(row.get("why") for row in rows) == {None: 22, "echo": 1}


def test_a_single_entry_is_told(store: str) -> None:
    """
    Who sends one entry that is an echo is answered with 200 and the reason.
    """
    with Running(limits=True, trace_quota=TraceQuota(echo_burst=1), store_url=store) as running:
        *firsts, again = (running.post(said(2)[at]) for at in (0, 2, 1))
    assert [(first.status, "suppressed" in first.json) for first in firsts] == [(200, False)] * 2
    assert (again.status, again.json["suppressed"]) == (200, "echo")


def test_an_error_brings_out_what_was_an_echo(store: str) -> None:
    """
    Echoes wait in the flight recorder as all that was refused does, and the first error of each system is stored.
    """
    quota = TraceQuota(echo_window_s=600.0)
    with Running(limits=True, trace_quota=quota, store_url=store) as running:
        running.post(said(4))
        failed = running.post(said(1, "broke", 4, level="error"))
    assert failed.json["accepted"] == 3
    rows = [row for row in rows_after(store, "cart") if row.get("kind") != "suppressed"]
    kinds = Counter((row.get("kind"), row["level"]) for row in rows)
    assert kinds == {(None, "info"): 6, ("context", "info"): 6, (None, "error"): 3}


def test_no_limits_no_echoes(store: str) -> None:
    """
    Where limits are off nothing is compared.
    """
    with Running(limits=False, store_url=store) as running:
        assert running.post(said(20)).json["accepted"] == 60


def test_rows_that_stand_for_others_are_no_echoes(store: str) -> None:
    """
    What a client folded is stored, however often it comes: nothing else tells of what it counts.
    """
    quota = TraceQuota(echo_burst=1, echo_window_s=600.0)
    folded = {"kind": "summary", "count": 7, "why": "loop", "last_timestamp": 1_800_000_000_000}
    with Running(limits=True, trace_quota=quota, store_url=store) as running:
        assert running.post(said(5, **folded)).json["accepted"] == 15
