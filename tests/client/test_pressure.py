"""
When there is pressure, how much may travel before an answer, and when it is over. Time is in the test's hands.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.client.pressure import (
    CALM,
    CALM_ROWS,
    FOLDS,
    GUARDS,
    LIMITS,
    LONGEST_S,
    MANY,
    MINUTE_S,
    REPEATS,
    Pressure,
)
from tracelog.core.guard import Guard
from tracelog.sinks.base import Receipt

ANSWERS = [
    (Receipt(), 5_000, CALM),
    (Receipt(remaining=0), 5_000, CALM),
    (Receipt(suppressed={"loop": MANY - 1}), MANY - 1, CALM),
    (Receipt(suppressed={"loop": MANY}), MANY, FOLDS),
    (Receipt(suppressed={"loop": 50}), 100, CALM),
    (Receipt(suppressed={"loop": 51}), 100, FOLDS),
    (Receipt(suppressed={"loop_template": 60, "noise": 10}), 100, FOLDS),
    (Receipt(suppressed={"sampled": 80}), 100, FOLDS),
    (Receipt(suppressed={"unheard_of": 80}), 100, FOLDS),
    (Receipt(limited={"trace_quota": 90}), 100, FOLDS),
    (Receipt(suppressed={"loop": 60, "rate": MANY - 1}), 100, FOLDS),
    (Receipt(suppressed={"loop": 60, "rate": MANY}), 100, LIMITS),
    (Receipt(suppressed={"rate": 100}), 100, LIMITS),
    (Receipt(rejected={"bad_row": 100}), 100, CALM),
    (Receipt(silent=True), CALM_ROWS - 1, CALM),
    (Receipt(silent=True), CALM_ROWS, REPEATS),
]
"""An answer to so many entries, and what is to be held back from then on."""


@pytest.mark.parametrize(("receipt", "sent", "level"), ANSWERS)
def test_what_one_answer_brings(receipt, sent, level):
    """
    Nothing is held back for a reason that the other end has not given, nor before it refuses most.
    """
    pressure = Pressure()
    pressure.hear(receipt, sent, 100.0)
    assert pressure.level == level
    assert level == CALM or Guard(GUARDS[level])


def test_small_answers_add_up_within_a_minute():
    """
    A trickle that is refused is pressure, too, unless it is too thin to cost anything.
    """
    for pause, level in ((1.0, FOLDS), (10.0, CALM)):
        pressure = Pressure()
        for n in range(MANY):
            pressure.hear(Receipt(suppressed={"loop": 1}), 1, 100.0 + n * pause)
        assert pressure.level == level


@pytest.mark.parametrize(("refused", "over"), [(0, False), (49, False), (51, True)])
def test_it_eases_after_a_calm_minute(refused, over):
    """
    Pressure ends with the first whole minute in which most was not refused, and stays otherwise.
    """
    pressure = Pressure()
    pressure.hear(Receipt(suppressed={"loop": 100}), 100, 100.0)
    pressure.turn(100.0 + MINUTE_S)
    assert pressure.level == FOLDS
    pressure.count(100 - refused, refused, 130.0 + MINUTE_S)
    pressure.turn(100.0 + 2 * MINUTE_S)
    assert (pressure.level == FOLDS) == over


def test_a_silent_minute_is_a_calm_one():
    """
    Who said nothing for a whole minute begins anew, without going through minutes one by one.
    """
    pressure = Pressure()
    pressure.hear(Receipt(suppressed={"loop": 100}), 100, 100.0)
    pressure.turn(100.0 + 2 * MINUTE_S)
    assert pressure.level == CALM


def test_it_asks_again_now_and_then():
    """
    However long the flood, all is sent again for once after five minutes: limits may have been raised.
    """
    pressure = Pressure()
    pressure.hear(Receipt(suppressed={"rate": 100}), 100, 100.0)
    minutes = 0
    while pressure.level != CALM:
        minutes += 1
        pressure.count(0, 1_000, 100.0 + minutes * MINUTE_S)
        assert minutes * MINUTE_S <= LONGEST_S
    assert minutes * MINUTE_S == LONGEST_S


def test_a_burst_begins_small_and_grows_with_what_is_kept():
    """
    Twice as much may travel as was kept of the parcel before, at least `CALM_ROWS`, and no more than there is
    room for.
    """
    pressure = Pressure()
    sizes = []
    for n in range(8):
        sizes.append(pressure.most(5_000))
        pressure.hear(Receipt(), sizes[-1], 100.0 + n / 100)
    assert sizes == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
    pressure.hear(Receipt(remaining=300), 5_000, 101.0)
    assert pressure.most(5_000) == 300
    pressure.hear(Receipt(remaining=0), 300, 101.0)
    assert pressure.most(5_000) == CALM_ROWS


def test_what_is_limited_here_need_not_be_asked_about():
    """
    What folds here may still be refused there for other reasons, so it is sent as carefully; what is held to a rate
    is few anyway.
    """
    pressure = Pressure()
    pressure.hear(Receipt(suppressed={"loop": 90}), 100, 100.0)
    assert pressure.most(5_000) == CALM_ROWS
    pressure.hear(Receipt(suppressed={"rate": 90}), 100, 100.0)
    assert pressure.most(5_000) == 5_000


receipts = st.builds(
    Receipt,
    suppressed=st.dictionaries(st.sampled_from(["loop", "rate", "noise"]), st.integers(0, 10_000)),
    limited=st.dictionaries(st.sampled_from(["budget"]), st.integers(0, 10_000)),
    rejected=st.dictionaries(st.sampled_from(["odd"]), st.integers(0, 10_000)),
    silent=st.booleans(),
    remaining=st.none() | st.integers(0, 10**9),
)


@given(st.lists(st.tuples(receipts, st.integers(0, 5_000), st.floats(0.0, 200.0)), max_size=20))
def test_any_answers_leave_a_sensible_state(answers):
    """
    Whatever is answered, something may travel, the level is one that there is a guard for, and two minutes of
    silence end it.
    """
    pressure, now = Pressure(), 0.0
    for receipt, sent, pause in answers:
        now += pause
        pressure.hear(receipt, sent, now)
        assert CALM_ROWS <= pressure.most(5_000) <= 5_000
        assert pressure.level == CALM or pressure.level in GUARDS
    pressure.turn(now + 2 * MINUTE_S + 1.0)
    assert pressure.level == CALM
