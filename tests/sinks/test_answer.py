"""
What a server's answer means: every answer there can be ends in a receipt or in one of the promised errors.
"""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.text import one_line
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.answer import (
    REASON_CHARS,
    REASONS_KEPT,
    RETRY_AFTER_CAP_S,
    SAID_CHARS,
    read_answer,
    retry_after,
)
from tracelog.sinks.base import Receipt

NOW = 1_795_350_664.0
"""Sunday, 22 November 2026, 12:31:04 UTC."""


@pytest.fixture(autouse=True)
def _far_east(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(reply, status=200, sent=3, **headers):
    return read_answer(status, headers, msgspec.json.encode(reply), sent=sent, now=NOW)


RETRY_AFTER = [
    (None, None),
    ("", None),
    ("0", 0.0),
    ("7", 7.0),
    (" 120 ", 120.0),
    ("1000000000", RETRY_AFTER_CAP_S),
    ("9" * 5000, RETRY_AFTER_CAP_S),
    ("-1", None),
    ("1.5", None),
    ("soon", None),
    ("\u0667", None),
    ("Sun, 22 Nov 2026 12:31:34 GMT", 30.0),
    ("Sun, 22 Nov 2026 12:31:34 -0000", 30.0),
    ("Sun, 22 Nov 2026 13:31:14 +0100", 10.0),
    ("Sunday, 22-Nov-26 12:31:34 GMT", 30.0),
    ("Sun Nov 22 12:31:34 2026", 30.0),
    ("Sun, 22 Nov 2020 12:31:34 GMT", 0.0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_CAP_S),
    ("Mon, 99 Foo 2026 99:99:99 GMT", None),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after(value, seconds):
    """
    Seconds and the three date forms of HTTP are understood, at most five minutes are obeyed, the rest is ignored.
    """
    assert retry_after(value, NOW) == seconds


@given(
    st.text()
    | st.integers().map(str)
    | st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
)
def test_any_retry_after(value):
    """
    No header makes a client wait longer than the bound, or raises.
    """
    seconds = retry_after(value, NOW)

    assert seconds is None or 0.0 <= seconds <= RETRY_AFTER_CAP_S


@pytest.mark.parametrize("value", [case[0] for case in RETRY_AFTER if case[0]])
def test_waiting_is_told(value):
    """
    The wait that a busy server asks for travels with the error.
    """
    with pytest.raises(SinkUnavailableError) as caught:
        read({"success": False, "error": "slow down"}, 429, **{"retry-after": value})

    assert caught.value.retry_after == retry_after(value, NOW)


RECEIPTS = [
    ({"success": True}, Receipt(silent=True)),
    ({"success": True, "trace_id": "t", "id": "a-1", "remaining_quota": 5}, Receipt(silent=True)),
    ({"accepted": 3, "duplicate": 0, "suppressed": 0, "limited": {}, "rejected": []}, Receipt()),
    ({"accepted": 0, "suppressed": {"noise": 1, "loop": 2}}, Receipt(suppressed={"noise": 1, "loop": 2})),
    ({"accepted": 2, "limited": {"budget": 1, "none": 0}}, Receipt(limited={"budget": 1})),
    ({"accepted": 2, "rejected": ["odd"]}, Receipt(rejected={"invalid": 1})),
    ({"accepted": 2, "rejected": [{"index": 1}]}, Receipt(rejected={"invalid": 1})),
    ({"accepted": 99}, Receipt()),
    ({"accepted": "3"}, Receipt(rejected={"unanswered": 3})),
    (
        {"accepted": True, "duplicate": -5, "limited": [1], "rejected": {"a": 1}},
        Receipt(rejected={"unanswered": 3}),
    ),
    ({"accepted": 0, "limited": {"quota": True, "budget": "9"}}, Receipt(rejected={"unanswered": 3})),
]


@pytest.mark.parametrize(("reply", "receipt"), RECEIPTS)
def test_receipts(reply, receipt):
    """
    Counts that are counts are taken over; what an answer leaves unsaid is not taken for stored.
    """
    assert read(reply) == receipt


def test_reasons_are_bounded():
    """
    A server cannot fill the ledger of its clients: reasons are short, safe and few, and no count is lost.
    """
    many = {f"\x1b[2J reason {n} " + "x" * 1000: 1 for n in range(1000)}
    receipt = read(
        {"accepted": 0, "limited": many, "rejected": [{"reason": reason} for reason in many]}, sent=2000
    )

    for reasons in (receipt.limited, receipt.rejected):
        assert len(reasons) == REASONS_KEPT + 1
        assert sum(reasons.values()) == 1000
        assert all(reason.isprintable() and len(reason) <= REASON_CHARS + 8 for reason in reasons)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
REPLY = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("success", "accepted", "duplicate", "suppressed", "limited", "rejected", "error"), JSON
    ),
)


@given(st.integers(200, 599), REPLY.map(msgspec.json.encode) | st.binary(max_size=50), st.integers(0, 5000))
def test_any_answer(status, answer, sent):
    """
    Whatever the status and the body, there is a receipt of counts or one of the two errors, with a safe sentence.
    """
    said = ""
    try:
        receipt = read_answer(status, {}, answer, sent=sent, now=NOW)
    except (SinkUnavailableError, SinkRefusedError) as error:
        said = str(error)
        receipt = Receipt()

    counts = [receipt.duplicate]
    for reasons in (receipt.suppressed, receipt.limited, receipt.rejected):
        counts += reasons.values()
    assert all(type(n) is int and n >= 0 for n in counts)
    assert said or status in {200, 400, 429}
    assert one_line(said) == said
    assert len(said) < 20 * SAID_CHARS
