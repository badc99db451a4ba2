"""
Tee and memory: the first sink decides, the others get a copy, and what is kept is bounded.
"""

import pytest

from tests.sinks.parcels import parcel, row
from tracelog.core.compact import HOLE
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Receipt
from tracelog.sinks.memory import MemorySink
from tracelog.sinks.tee import TeeSink


class Remembering:
    """
    A sink that keeps its own form of a parcel in the memo, as the HTTP sink does.
    """

    def __init__(self, form, outcome=None):
        self.form = form
        self.outcome = outcome or Receipt()
        self.taken = []
        self.closed = 0

    def __call__(self, parcel):
        if parcel.memo is None:
            parcel.memo = (self.form, len(parcel))
        self.taken.append(parcel.memo)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self):
        self.closed += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome


def test_the_first_decides():
    """
    The receipt is that of the first; every other got the same entries.
    """
    kept = MemorySink()
    tee = TeeSink(Remembering("a", Receipt(duplicate=2)), kept)
    sent = parcel("one", "two")

    assert tee(sent) == Receipt(duplicate=2)
    assert list(kept.entries) == sent.entries


@pytest.mark.parametrize("error", [SinkUnavailableError("later"), SinkRefusedError("never")])
def test_what_the_first_did_not_take(error):
    """
    When the first raises, the parcel has not reached its end and no other sees it yet.
    """
    kept = MemorySink()
    with pytest.raises(type(error)):
        TeeSink(Remembering("a", error), kept)(parcel("one"))

    assert not kept.entries


def test_memos_are_not_shared():
    """
    Each sink finds its own form of the parcel at its next try, never that of another.
    """
    first, other = Remembering("a"), Remembering("b")
    tee, sent = TeeSink(first, other), parcel("one")
    tee(sent)
    tee(sent)

    assert first.taken == [("a", 1), ("a", 1)]
    assert other.taken == [("b", 1), ("b", 1)]


@pytest.mark.parametrize("error", [SinkUnavailableError("away"), OSError("gone"), ZeroDivisionError("bug")])
def test_a_failing_other_is_counted(error):
    """
    Whatever an other raises, the receipt stands, the sinks behind it get their copy, and its loss is counted.
    """
    kept = MemorySink()
    tee = TeeSink(Remembering("a"), Remembering("b", error), kept)

    assert tee(parcel("one", HOLE, "three")) == Receipt()
    assert tee(parcel("four", seq=3)) == Receipt()
    assert tee.lost == {"Remembering": 3}
    assert tee.last_error == f"Remembering: {error}"
    assert len(kept.entries) == 3


def test_all_are_closed():
    """
    Closing reaches every sink, also those behind one that fails.
    """
    sinks = [Remembering("a", OSError("a")), Remembering("b", OSError("b")), Remembering("c")]
    tee = TeeSink(*sinks)
    assert tee.last_error is None
    tee.close()

    assert [sink.closed for sink in sinks] == [1, 1, 1]
    assert tee.last_error == "Remembering: b"


def test_memory_is_bounded():
    """
    Only the last entries are kept, oldest first, and closing leaves them readable.
    """
    kept = MemorySink(capacity=3)
    kept(parcel(*"abcde"))
    kept.close()

    assert [entry.message for entry in kept.entries] == ["c", "d", "e"]


def test_a_parcel_is_its_rows():
    """
    A parcel shows what its rows mean: as many entries as rows without holes, each with its own number.
    """
    sent = parcel("a", HOLE, row("c", level="error", amount=1), seq=7, service="shop")

    assert (len(sent), sent.kept) == (3, 2)
    assert [(entry.id, entry.message, entry.level) for entry in sent.entries] == [
        ("a1-00ff-7", "a", "info"),
        ("a1-00ff-9", "c", "error"),
    ]
    assert sent.entries is sent.entries


def test_a_row_that_is_no_entry():
    """
    A row that cannot be read is counted by its reason; the others keep their numbers.
    """
    kept = MemorySink()
    receipt = kept(parcel("a", row("b", trace="{x}"), HOLE, "d", seq=5))

    assert receipt == Receipt(rejected={"bad_trace_id": 1})
    assert [(entry.seq, entry.message) for entry in kept.entries] == [(5, "a"), (8, "d")]
