"""
What waits for one sink, with clock and chance in the hands of the test.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import pair
from tests.sinks.parcels import row
from tracelog.client.books import Books
from tracelog.client.gate import Gate
from tracelog.client.load import Load
from tracelog.client.outbox import Outbox, Report, Terms
from tracelog.client.receipts import outcomes
from tracelog.core.compact import HOLE, Header
from tracelog.core.ledger import Ledger
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import ParcelTooLargeError, Receipt


class Desk:
    """
    An outbox on a clock of its own.
    """

    def __init__(self, *steps, retry_for=300.0, heeds=True):
        self.now = 1_000.0
        self.wire = pair.Wire(*steps)
        self.books = Books(Gate())
        header = Header(v=1, source=self.books.source, system="backend")
        terms = Terms(header, retry_for, self.books, lambda: self.now, lambda: 1.8e9, chance=lambda: 1.0)
        terms = terms._replace(heeds=heeds)
        self.outbox = Outbox(self.wire, terms)

    def put(self, *messages, **fields):
        rows = [HOLE if message is None else row(message, **fields) for message in messages]
        load = Load(rows)
        load.lost = {"gone": rows.count(HOLE)} if HOLE in rows else {}
        with self.books.lock:
            self.outbox.put(self.books.give_numbers(len(rows)), load)

    def send(self, **options):
        return self.outbox.send(lambda: Report({"emitted": 1}, 7), **options)

    @property
    def told(self):
        ledger = self.outbox.ledger
        return ledger.stored, ledger.duplicate, ledger.limited, ledger.rejected, ledger.dropped


def test_one_parcel_a_time():
    """
    What waits goes out in order with its numbers, and reaches its end when the sink has taken it.
    """
    desk = Desk()
    desk.put("a", None, "b")
    desk.put("c")
    assert (desk.outbox.in_flight, desk.outbox.oldest, desk.outbox.idle) == (3, 0, False)
    assert desk.send()
    assert not desk.send()
    assert desk.wire.messages == ["a", "b", "c"]
    assert [entry.seq for entry in desk.wire.entries.values()] == [0, 2, 3]
    assert desk.told == (3, 0, {}, {}, {})
    assert (desk.outbox.in_flight, desk.outbox.bytes, desk.outbox.idle) == (0, 0, True)


def test_the_same_ids_on_every_try():
    """
    A batch that nobody took comes again with the same ids, and one whose answer was lost is stored once.
    """
    desk = Desk(pair.away(), pair.unheard)
    desk.put("a", "b")
    for _ in range(3):
        desk.send()
        desk.now += 60.0
    assert len(desk.wire.tries) == 3
    assert desk.wire.tries[0] == desk.wire.tries[1] == desk.wire.tries[2] == list(desk.wire.entries)
    assert desk.told == (2, 2, {}, {}, {})


def test_it_waits_before_it_tries_again():
    """
    After a failure nothing is sent before the pause is over, but at once when asked to.
    """
    desk = Desk(pair.away(), pair.away())
    desk.put("a")
    assert not desk.send()
    desk.now += 0.4
    assert not desk.send()
    assert len(desk.wire.tries) == 1
    assert desk.outbox.trouble == "nobody answers"
    assert not desk.send(at_once=True)
    assert len(desk.wire.tries) == 2
    desk.now += 1.0
    assert desk.send()
    assert desk.outbox.trouble is None


def test_it_withholds_what_the_quota_has_no_room_for():
    """
    While the other end has room for errors only, lower levels are counted as limited and do not travel.
    """
    desk = Desk(lambda _wire, _batch: Receipt(limited={"system_quota": 1}, hold_s=30.0))
    desk.put("refused")
    desk.send()
    assert "quota" in desk.outbox.trouble
    desk.put("withheld", "withheld", None)
    desk.put("an error", level="error")
    desk.send()
    assert desk.wire.messages == ["an error"]
    assert desk.told == (1, 0, {"system_quota": 1, "withheld": 2}, {}, {})
    assert desk.outbox.idle
    assert (desk.outbox.in_flight, desk.outbox.bytes) == (0, 0)
    desk.now += 30.0
    desk.put("again")
    desk.send()
    assert desk.wire.messages == ["an error", "again"]


def test_without_limits_nothing_is_withheld():
    """
    A trusted load is sent whatever the other end says of its quota.
    """
    desk = Desk(lambda _wire, _batch: Receipt(hold_s=30.0), heeds=False)
    desk.put("a")
    desk.send()
    desk.put("b")
    desk.send()
    assert desk.wire.messages == ["b"]


def test_what_was_withheld_is_reported():
    """
    The other end learns of withheld entries as it does of dropped ones.
    """
    desk = Desk(lambda _wire, _batch: Receipt(hold_s=30.0))
    desk.put("a")
    desk.send()
    desk.put("b", "c")
    assert desk.books.dropped(desk.outbox.ledger) == 2


def test_it_obeys_a_pause_that_was_asked_for():
    """
    `Retry-After` is waited for, even by a flush.
    """
    desk = Desk(pair.away(20.0))
    desk.put("a")
    desk.send()
    for later in (0.0, 10.0, 9.9):
        desk.now += later
        assert not desk.send(at_once=True)
    assert len(desk.wire.tries) == 1
    desk.now += 0.1
    assert desk.send()
    assert desk.wire.messages == ["a"]


def test_the_pause_begins_when_the_attempt_ends():
    """
    The time that a failing attempt took does not shorten the pause after it.
    """

    def slow(wire, batch):
        desk.now += 5.0
        raise SinkUnavailableError("too slow")

    desk = Desk(slow)
    desk.put("a")
    desk.send()
    desk.now += 0.4
    assert not desk.send()
    desk.now += 0.1
    assert desk.send()


def test_a_parcel_is_given_up_after_its_time():
    """
    What nobody takes is counted when its own time is over; what came later still has its own.
    """
    desk = Desk(*[pair.away()] * 40, retry_for=100.0)
    desk.put("old")
    desk.send()
    desk.now += 90.0
    desk.put("young")
    desk.send(at_once=True)
    desk.now += 10.0
    desk.send(at_once=True)
    assert desk.told == (0, 0, {}, {}, {"retry_expired": 1})
    desk.now += 60.0
    desk.send(at_once=True)
    desk.now += 60.0
    desk.wire.then()
    assert desk.send(at_once=True)
    assert desk.wire.messages == ["young"]


@pytest.mark.parametrize("most", [1, 3, 7])
def test_too_large_a_parcel_is_halved(most):
    """
    A server that takes small batches only gets everything in small batches, in order.
    """
    desk = Desk(pair.too_large(most))
    desk.put(*(f"m{n}" for n in range(40)))
    while not desk.outbox.idle:
        assert desk.send()
    assert desk.wire.messages == [f"m{n}" for n in range(40)]
    assert desk.told == (40, 0, {}, {}, {})


def test_a_single_row_that_is_too_large_is_rejected():
    """
    What cannot be halved any more is counted as rejected, and the rest goes on, in larger batches by and by.
    """
    desk = Desk(pair.too_large(0))
    desk.put("a", "b")
    while not desk.outbox.idle:
        desk.send()
    assert desk.told == (0, 0, {}, {"too_large": 2}, {})
    desk.wire.then()
    for _ in range(60):
        desk.put(*"abcdefgh")
        while not desk.outbox.idle:
            desk.send()
    assert max(map(len, desk.wire.tries[-8:])) == 8


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (pair.refused, (0, 0, {}, {"http_400": 2}, {})),
        (pair.raises(SinkRefusedError("no", reason="r" * 500)), (0, 0, {}, {"r" * 64: 2}, {})),
        (pair.raises(ValueError("x")), (0, 0, {}, {}, {"sink_error": 2})),
        (pair.raises(SystemExit(3)), (0, 0, {}, {}, {"sink_error": 2})),
        (pair.raises(KeyboardInterrupt()), (0, 0, {}, {}, {"sink_error": 2})),
        (pair.raises(MemoryError()), (0, 0, {}, {}, {"sink_error": 2})),
        (pair.answers(None), (2, 0, {}, {}, {})),
        (pair.answers(17), (2, 0, {}, {}, {})),
        (pair.answers(Receipt(duplicate=1)), (2, 1, {}, {}, {})),
        (pair.answers(Receipt(limited={"trace_quota": 1})), (1, 0, {"trace_quota": 1}, {}, {})),
        (pair.answers(Receipt(rejected={"a": 1}, limited={"b": 1})), (0, 0, {"b": 1}, {"a": 1}, {})),
        (pair.answers(Receipt(limited={"much": 99})), (0, 0, {"much": 2}, {}, {})),
        (pair.answers(Receipt(limited={"less": -5}, duplicate=-3)), (2, 0, {}, {}, {})),
        (pair.answers(Receipt(limited={"odd": "1"}, duplicate="2")), (2, 0, {}, {}, {})),
        (pair.answers(Receipt(limited="odd")), (2, 0, {}, {}, {})),
        (pair.answers(Receipt(duplicate=99)), (2, 2, {}, {}, {})),
    ],
)
def test_every_answer_ends_every_entry_once(step, told):
    """
    Whatever a sink returns or raises, each entry of the parcel is counted once, and nothing waits any more.
    """
    desk = Desk(step)
    desk.put("a", "b")
    assert desk.send()
    assert desk.told == told
    assert (desk.outbox.in_flight, desk.outbox.idle) == (0, True)


@given(
    st.integers(0, 20),
    st.dictionaries(st.text(max_size=5), st.integers(-5, 30), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(-5, 30), max_size=3),
    st.integers(-5, 30),
)
def test_an_answer_never_counts_more_than_was_sent(entries, limited, rejected, duplicate):
    """
    The ends that are read from any receipt add up to the entries that were sent.
    """
    ledger = Ledger()
    for outcome, reason, n in outcomes(
        Receipt(limited=limited, rejected=rejected, duplicate=duplicate), entries
    ):
        ledger.count(outcome, reason, n)
    assert ledger.ended() == entries
    assert ledger.duplicate <= ledger.stored


def test_rows_that_cannot_be_read_cost_no_others():
    """
    When a sink fails over rows that nobody can read, these are counted and the others are delivered.
    """
    desk = Desk()
    rows = [row("a"), b"\x95\xcb", row("b"), b"\xc1", row("c")]
    with desk.books.lock:
        desk.outbox.put(desk.books.give_numbers(5), Load(rows))
    while not desk.outbox.idle:
        desk.send()
    assert [(entry.seq, entry.message) for entry in desk.wire.entries.values()] == [
        (0, "a"),
        (2, "b"),
        (4, "c"),
    ]
    assert desk.told == (3, 0, {}, {}, {"encode": 2})
    assert desk.outbox.bytes == 0


def test_a_report_alone():
    """
    A report travels alone when nothing waits, is tried again like any parcel, and counts no entries.
    """
    desk = Desk(pair.away())
    desk.outbox.post(Report({"emitted": 3}, 3))
    assert not desk.outbox.idle
    desk.send()
    desk.now += 10.0
    assert desk.send()
    assert desk.wire.reports == [{"emitted": 3}] * 2
    assert (desk.outbox.told, desk.told) == (3, (0, 0, {}, {}, {}))
    desk.put("a")
    desk.outbox.post(Report({"emitted": 4}, 4))
    desk.send()
    assert desk.wire.reports[2:] == [{"emitted": 1}]
    assert desk.outbox.told == 7


def test_shedding():
    """
    Beyond the bound the lowest level goes, is counted, and the parcel that is being delivered stays.
    """
    desk = Desk(pair.away())
    desk.put("under way", level="debug")
    desk.send()
    desk.put(*"abc", level="info")
    desk.put(*"def", level="error")
    desk.outbox.shed(5, 10**9)
    assert desk.told[4] == {"queue_overflow": 2}
    desk.outbox.shed(99, 0)
    assert desk.told[4] == {"queue_overflow": 6}
    desk.now += 10.0
    desk.send()
    assert desk.wire.messages == ["under way"]
    assert (desk.outbox.in_flight, desk.outbox.bytes) == (0, 0)


def test_giving_up():
    """
    What is given up is counted once, whatever the sink says afterwards, and nothing is taken or sent any more.
    """
    desk = Desk(lambda wire, batch: desk.outbox.give_up("shutdown") or pair.taken(wire, batch))
    desk.put("a", "b")
    desk.send()
    desk.outbox.give_up("again")
    desk.put("c")
    desk.outbox.shed(0, 0)
    assert not desk.send()
    assert desk.told == (0, 0, {}, {}, {"shutdown": 2})
    assert desk.outbox.in_flight == 0


def test_giving_up_while_rows_are_weeded():
    """
    The same holds when the sink fails over unreadable rows at that moment.
    """

    def sink(parcel):
        desk.outbox.give_up("shutdown")
        raise ValueError

    desk = Desk()
    desk.outbox.sink = sink
    with desk.books.lock:
        desk.outbox.put(desk.books.give_numbers(2), Load([b"\xc1", row("a")]))
    desk.send()
    assert desk.told == (0, 0, {}, {}, {"shutdown": 2})


def test_too_large_is_a_refusal():
    """
    The error that asks for smaller batches is one that refuses, so that sinks need to know one only.
    """
    assert issubclass(ParcelTooLargeError, SinkRefusedError)
