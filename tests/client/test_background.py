"""
What happens to rows between the queue and the sinks, in order.
"""

import struct
import threading

import pytest

from tests.sinks.parcels import TRACE, row
from tracelog.client.background import Background, to_row
from tracelog.client.crash import note
from tracelog.client.gate import Gate, LongRow
from tracelog.client.pipeline import LateRow, encode_meta
from tracelog.core.compact import HOLE, Header, Ids, encode_ids, read_rows
from tracelog.core.entry import Entry
from tracelog.core.redact import Redactor, RedactSettings
from tracelog.core.rows import EXTRA_FIELDS

HEADER = Header(v=1, source="s", system="backend", sent_at=1.8e12)


def background(hook=None, **redact):
    return Background(HEADER, Redactor(RedactSettings(**redact)), hook)


def entries(load):
    return read_rows(HEADER, load.rows)


def late(error):
    parts = (1.7e9, encode_meta("error", "till"), encode_ids(Ids("t1")), "failed", None)
    return LateRow(parts, {}, note(error))


def test_clean_rows_are_handed_through():
    """
    Rows in which nothing is to be done are the same rows afterwards.
    """
    rows = [row("a"), row("b")]
    load = background()(rows)
    assert load.rows is rows
    assert (load.kept, load.size, load.lost) == (2, sum(map(len, rows)), {})


def test_late_rows_are_written():
    """
    A row whose stack was left for later is written among the others, in its place.
    """
    load = background()([row("a"), late(ValueError("x")), row("b")])
    assert [entry.message for entry in entries(load)] == ["a", "failed", "b"]
    assert entries(load)[1].error == {"type": "ValueError", "message": "x"}
    assert load.size == sum(map(len, load.rows))


def test_a_late_row_that_cannot_be_written():
    """
    A row that cannot be written costs itself, no other.
    """

    class Broken(LateRow):
        def encode(self):
            raise MemoryError

    load = background()([row("a"), Broken((), {}, None), row("b")])
    assert (load.rows[1], load.lost, load.kept) == (HOLE, {"encode": 1}, 2)


def test_secrets_are_taken_out_where_they_are():
    """
    Rows with a secret are written anew without it, the others stay as they were.
    """
    rows = [row("a"), row("password=hunter2hunter2", token="hunter2hunter2"), row("b")]
    load = background()(rows[:])
    assert (load.rows[0], load.rows[2]) == (rows[0], rows[2])
    assert "hunter2" not in str(entries(load)[1])
    assert background(enabled=False)(rows[:]).rows == rows


def test_what_a_hook_adds_is_redacted_too():
    """
    The hook comes before redaction: what it adds or brings to light is clean, too.
    """

    def hook(entry):
        entry.message += " password=hunter2hunter2"
        entry.context = {"secret": "hunter2hunter2"}
        return entry

    load = background(hook)([row("a")])
    assert entries(load)[0].message.startswith("a password=")
    assert "hunter2" not in str(entries(load)[0])


def test_what_a_hook_drops_leaves_a_hole():
    """
    An entry for which the hook returns None is counted, and the others keep their places.
    """
    load = background(lambda entry: entry if entry.message != "b" else None)([row("a"), row("b"), row("c")])
    assert (load.rows[1], load.lost, load.kept) == (HOLE, {"before_send": 1}, 2)


@pytest.mark.parametrize("problem", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), MemoryError()])
def test_a_hook_that_raises(problem):
    """
    Whatever a hook raises, its entry is dropped and counted, the others go on, and the trouble is told.
    """

    def hook(entry):
        if entry.message == "bad":
            raise problem
        return entry

    load = background(hook)([row("a"), row("bad"), row("b")])
    assert [entry.message for entry in entries(load)] == ["a", "b"]
    assert (load.rows[1], load.lost, load.kept) == (HOLE, {"before_send_error": 1}, 2)
    assert load.trouble.startswith(
        f"before_send failed and its entries are dropped: {type(problem).__name__}"
    )


@pytest.mark.parametrize(
    "returned", [True, "text", 12, [], Entry(message="m", trace_id="t", span_id="not hex")]
)
def test_a_hook_that_returns_something_else(returned):
    """
    A hook that returns no valid entry lets none out: it may have been meant to take a secret out.
    """
    load = background(lambda entry: returned)([row("a"), row("b")])
    assert (load.kept, load.lost) == (0, {"before_send_error": 2})
    assert "before_send failed" in load.trouble


def test_a_hook_may_change_everything():
    """
    What a hook changes, the sinks see.
    """

    def hook(entry):
        return Entry(
            trace_id="other",
            timestamp=1.7e12,
            level="fatal",
            message="new",
            user_id="u",
            context={"a": 1},
            count=3,
        )

    (entry,) = entries(background(hook)([row("a")]))
    assert (entry.trace_id, entry.level, entry.message, entry.user_id) == ("other", "fatal", "new", "u")
    assert (entry.context, entry.count) == ({"a": 1}, 3)


@pytest.mark.parametrize("problem", [ValueError, SystemExit, MemoryError])
def test_what_cannot_be_shown_to_be_clean_does_not_leave(monkeypatch, problem):
    """
    When redaction of one row fails it is dropped and counted; when the scan itself fails, all of them are.
    """
    one = background()
    rows = [row("a"), row("password=hunter2hunter2"), row("b")]

    def fail(*_):
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(one._redactor, "entry", fail)
        load = one(rows[:])
        assert (load.rows, load.lost) == ([rows[0], HOLE, rows[2]], {"redact_failed": 1})
        patch.setattr(one._redactor, "suspect", fail)
        load = one(rows[:])
    assert (load.rows, load.lost, load.kept) == ([HOLE] * 3, {"pipeline_error": 3}, 0)
    assert load.trouble.startswith(problem.__name__)


def test_large_rows_are_cut_after_redaction():
    """
    A row over the limit of an entry is cut to it; a secret in what is cut off, or on the edge, does not show.
    """
    text = "x" * 65_500 + " password=hunter2hunter2 " + "y" * 300_000
    (entry,) = entries(background()([LongRow(row(text))]))
    assert len(entry.message) <= 65_536
    assert "hunt" not in entry.message
    assert "more characters]" in entry.message
    (entry,) = entries(background()([LongRow(row("m", big="z" * 300_000, small=1))]))
    assert entry.context == {"big": "[cut: too large]", "small": 1}


@pytest.mark.parametrize("places", [(0,), (31, 32), (99,), (5, 70, 71), tuple(range(100))])
def test_secrets_are_taken_out_of_a_batch_wherever_they_are(places):
    """
    Of many rows exactly those with a secret change, in whatever part of the batch they stand.
    """
    secret = {"token": "hunter2hunter2"}
    rows = [row(f"call {n}", **(secret if n in places else {})) for n in range(100)]
    load = background()(rows[:])
    assert [n for n in range(100) if load.rows[n] is not rows[n]] == list(places)
    assert "hunter2" not in str(entries(load))
    assert load.size == sum(map(len, load.rows))


def test_a_time_is_no_text():
    """
    The bytes of a time are not looked at, even where they spell a sensitive word.
    """
    (seconds,) = struct.unpack(">d", b"A\xda\xbf\xb6\x1c\x12pw")
    asked = []

    class Asked(Redactor):
        def suspect(self, data):
            asked.append(data)
            return super().suspect(data)

    rows = [row("a", seconds=seconds)] * 3
    assert Redactor().suspect(rows[0])
    assert Background(HEADER, Asked(RedactSettings()), None)(rows[:]).rows == rows
    assert len(asked) == 1


def test_a_long_row_is_known_by_its_kind():
    """
    A gate marks rows above what an entry may hold, so that nobody has to measure the others.
    """
    gate = Gate()
    for text in ("short", "x" * 200_000, "x" * 270_000):
        gate.put(row(text), len(row(text)))
    assert [type(each) for each in gate.queue] == [bytes, bytes, LongRow]
    assert gate.queue[2].encode() == row("x" * 270_000)


def test_a_row_says_what_the_entry_said():
    """
    An entry made a row and read again is the same entry.
    """
    before = Entry(
        id="s-0",
        trace_id=TRACE,
        timestamp=1_795_350_664_123.0,
        system="backend",
        level="error",
        message="m",
        user_id="u1",
        logger="till",
        area="pay",
        span_id="a" * 16,
        parent_id="b" * 16,
        duration_ms=3.5,
        stack="trace",
        error={"type": "E", "message": "m", "cause": {"type": "F", "message": "n"}},
        context={"a": [1, {"b": None}]},
        source="s",
        seq=0,
        kind="summary",
        count=7,
        last_timestamp=1_795_350_665_000.0,
        why="rate",
        sample_rate=0.5,
        hops=2,
    )
    assert read_rows(HEADER, [to_row(before)]) == [before]
    assert {name for name in EXTRA_FIELDS if getattr(before, name) is None} == set()


def test_forks_wait_for_a_scan(monkeypatch):
    """
    While rows are scanned a fork waits, and while a fork is under way no scan begins.
    """
    one = background()
    scanning, ended = threading.Event(), threading.Event()

    def slow(data):
        scanning.set()
        ended.wait(10)
        return False

    monkeypatch.setattr(one._redactor, "suspect", slow)
    thread = threading.Thread(target=one, args=([row("a")],))
    thread.start()
    assert scanning.wait(10)
    assert not one.pause(0.01)
    ended.set()
    thread.join()
    assert one.pause(10)
    thread = threading.Thread(target=one, args=([row("b")],))
    thread.start()
    thread.join(0.02)
    assert thread.is_alive()
    one.go_on()
    thread.join()
