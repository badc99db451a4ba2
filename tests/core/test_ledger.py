"""
The ledger: every entry that was emitted is counted exactly once, whatever became of it.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.ledger import OTHER, REASONED, REASONS, Ledger, from_view, view

COUNTS = st.lists(
    st.tuples(
        st.sampled_from(("stored", *REASONED)),
        st.sampled_from(("queue_full", "noise", "trace_quota")),
        st.integers(-2, 1000),
    ),
    max_size=30,
)


def filled(counts):
    ledger = Ledger()
    for outcome, reason, n in counts:
        ledger.count(outcome, reason, n)
    return ledger


@given(COUNTS, st.integers(0, 50))
def test_it_balances_when_every_entry_is_counted_once(counts, in_flight):
    """
    Emitted equals the ends of all entries plus those under way, and one more or less does not balance.
    """
    ledger = filled(counts)
    emitted = sum(max(n, 0) for _, _, n in counts) + in_flight
    assert view(ledger, emitted=emitted, in_flight=in_flight)["balanced"] is True
    assert view(ledger, emitted=emitted + 1, in_flight=in_flight)["balanced"] is False
    assert view(ledger, emitted=emitted, in_flight=in_flight, unreported=1)["balanced"] is False


def test_a_duplicate_ends_nothing():
    """
    A second delivery is counted apart: the entry it repeats is stored already.
    """
    ledger = Ledger()
    ledger.count("stored", n=3)
    ledger.count("duplicate", n=2)
    assert ledger.ended() == 3
    assert view(ledger, emitted=3, in_flight=0)["duplicate"] == 2
    assert view(ledger, emitted=3, in_flight=0)["balanced"] is True


@given(COUNTS)
def test_the_promised_shape_survives_the_wire(counts):
    """
    A ledger shown, sent as JSON and read elsewhere has the same totals.
    """
    ledger = filled(counts)
    sent = msgspec.json.decode(msgspec.json.encode(view(ledger, emitted=0, in_flight=0)))
    assert from_view(sent) == ledger


@given(COUNTS, COUNTS)
def test_adding_is_counting_both(first, second):
    """
    The sum of two ledgers is the ledger of both lists of counts.
    """
    total = filled(first)
    total.add(filled(second))
    assert total == filled([*first, *second])


def test_the_shape():
    """
    The view names every promised key, reasons in order.
    """
    ledger = Ledger()
    ledger.count("dropped", "queue_full", 2)
    ledger.count("dropped", "after_close")
    assert view(ledger, emitted=4, in_flight=1) == {
        "emitted": 4,
        "stored": 0,
        "duplicate": 0,
        "suppressed": {},
        "limited": {},
        "rejected": {},
        "dropped": {"after_close": 1, "queue_full": 2},
        "in_flight": 1,
        "unreported": 0,
        "balanced": True,
    }
    assert list(view(ledger, emitted=4, in_flight=1)["dropped"]) == ["after_close", "queue_full"]


def test_invented_reasons_are_bounded_and_still_counted():
    """
    However many reasons a report invents, memory is bounded and the total is exact.
    """
    ledger = from_view({"dropped": {f"reason {n}": 1 for n in range(10_000)}})
    assert len(ledger.dropped) == REASONS + 1
    assert ledger.dropped[OTHER] == 10_000 - REASONS
    assert ledger.ended() == 10_000


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"stored": "many", "duplicate": -1, "dropped": 7, "limited": None, "rejected": [1]},
        {"stored": True, "dropped": {"x": True, "y": -3, "z": "1", "w": 1.5, "v": None}},
    ],
)
def test_what_is_no_count_is_left_out(report):
    """
    A report of another process is not believed where it is no count.
    """
    assert from_view(report) == Ledger()


def test_reasons_of_a_report_are_cut():
    """
    A reason is a slug; a novel in its place is cut.
    """
    assert list(from_view({"dropped": {"x" * 1000: 1}}).dropped) == ["x" * 64]
