"""
Whose rows are counted: log calls are, once; rows about log calls that are counted already are not.
"""

from typing import Any

import pytest

from tests.server.running import Running
from tests.sinks.parcels import parcel, row
from tracelog.core.entry import Entry
from tracelog.server.counts import is_counted
from tracelog.sinks.base import Told

COMPACT = ("Content-Type", "application/vnd.tracelog.batch+msgpack")
JSON = ("Content-Type", Told.content_type)
SOURCE = "a1-00ff"

CASES = [
    ({}, True),
    ({"id": "p-3.n"}, True),
    ({"kind": "summary", "id": "p-3.n"}, False),
    ({"kind": "suppressed", "id": "p-3.n.n"}, False),
    ({"kind": "context", "id": "p-3.c"}, False),
    ({"kind": "summary", "id": "any"}, False),
    ({"kind": "summary", "id": "p-3"}, True),
]


@pytest.mark.parametrize(("fields", "counted"), CASES)
def test_what_is_counted(fields: dict[str, Any], counted: bool) -> None:
    """
    An entry is, and a row about others only where it has a number of its own.
    """
    assert is_counted(Entry(**{"id": "p-3", "source": "p", "seq": 3, **fields})) is counted


def told(kind: str, name: str, seq: int, **fields: Any) -> Entry:
    return Entry(
        id=f"{SOURCE}-{seq}{name}",
        trace_id="loop",
        timestamp=1_795_350_664_000.0 + seq,
        system="backend",
        level="info",
        message="again",
        source=SOURCE,
        seq=seq,
        kind=kind,
        **fields,
    )


@pytest.mark.parametrize("limits", [True, False])
def test_rows_of_a_client_are_shown_and_not_counted(limits: bool) -> None:
    """
    The ledger of a source is its entries, and what its report says was not sent; the rows that tell of these stand
    in the trace, under the name of the source.
    """
    rows = [
        told("summary", ".n", 2, count=90, last_timestamp=1_795_350_664_500.0, why="loop"),
        told("suppressed", ".n", 92, count=5, last_timestamp=1_795_350_664_900.0, why="rate"),
        told("context", ".c", 92),
    ]
    report = {"emitted": 97, "stored": 0, "suppressed": {"loop": 90, "rate": 5}, "in_flight": 2}
    report["unsent"] = {"loop": 90, "rate": 5}
    sent = parcel(row("again", trace="loop"), row("again", trace="loop"), report=report)
    with Running(limits=limits) as running:
        assert running.post(sent.body, COMPACT).json["accepted"] == 2
        assert running.post(Told(sent.header, rows).body, JSON).json["accepted"] == 3
        ledger = running.get(f"/api/v1/ledger?source={SOURCE}").json
        whole = running.get("/api/v1/ledger").json
        trace = running.get("/api/v1/traces/loop").json["entries"]
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (97, 2, True)
    assert ledger["suppressed"] == {"loop": 90, "rate": 5}
    assert (ledger["in_flight"], ledger["unreported"]) == (0, 0)
    assert list(whole["sources"]) == [SOURCE]
    assert sorted((each.get("kind", ""), each["source"]) for each in trace) == [
        ("", SOURCE),
        ("", SOURCE),
        ("context", SOURCE),
        ("summary", SOURCE),
        ("suppressed", SOURCE),
    ]


def test_a_row_that_a_program_passes_on_is_an_entry_of_it() -> None:
    """
    A summary from elsewhere that a program ships under a number of its own is one of its entries: no hole is left.
    """
    sent = parcel(row("again", trace="loop", kind="summary", count=9, why="loop"), row("done", trace="loop"))
    with Running() as running:
        running.post(sent.body, COMPACT)
        ledger = running.get(f"/api/v1/ledger?source={SOURCE}").json
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (2, 2, True)


@pytest.mark.parametrize("unsent", [7, "loop", ["loop"], {"loop": -1}, {"loop": "9"}, {"loop": True}, None])
def test_a_report_that_says_nonsense_counts_for_nothing(unsent: Any) -> None:
    """
    Whatever a report claims was not sent, only counts by reason are believed.
    """
    with Running() as running:
        running.post(parcel(row("a"), report={"unsent": unsent}).body, COMPACT)
        ledger = running.get(f"/api/v1/ledger?source={SOURCE}").json
    assert (ledger["emitted"], ledger["suppressed"], ledger["balanced"]) == (1, {}, True)
