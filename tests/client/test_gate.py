"""
The queue, its budget, and the counts of what calling threads drop.
"""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.client.books import Books
from tracelog.client.cells import Cells
from tracelog.client.gate import DROPS, Drops, Gate
from tracelog.core.account_format import COUNTED
from tracelog.core.ledger import Ledger


@given(st.lists(st.sampled_from([*DROPS, "look"]), max_size=60))
def test_drops_are_counted_however_often_one_looks(steps):
    """
    Looking does not change what is counted.
    """
    drops, expected = Drops(), dict.fromkeys(DROPS, 0)
    for step in steps:
        if step == "look":
            assert drops.read() == expected
        else:
            drops.count(step)
            expected[step] += 1
    assert drops.read() == expected


def test_threads_count_together():
    """
    Counts of several threads are not lost.
    """
    drops = Drops()

    def work():
        for _ in range(20_000):
            drops.count("queue_overflow")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drops.read()["queue_overflow"] == 80_000


def test_a_drop_finds_the_cells_that_took_over():
    """
    Who was about to count when other cells took over counts in these: what was carried is not looked at again.
    """
    gate = Gate()
    about_to_count = gate.drops.count
    before, after = gate.drops.cells, Cells()
    gate.count_in(after)
    after.carry(before)
    about_to_count("queue_overflow")
    assert gate.drops.read()["queue_overflow"] == 1


@pytest.mark.parametrize(("size", "slots"), [(0, 0), (255, 0), (256, 1), (2_560, 10)])
def test_large_rows_take_more_room(size, slots):
    """
    A row is charged one slot for each slot's worth of bytes beyond the first.
    """
    gate = Gate()
    gate.attend(lambda rank: False, 100, 256)
    gate.high_water = 100
    gate.charge(size)
    assert (gate.budget, gate.high_water) == (100 - slots, 100 - slots)


def test_a_gate_that_nobody_attends_lets_everything_in():
    """
    Before a shipper attends it, nothing is dropped.
    """
    gate = Gate()
    assert not gate.full(0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20))
def test_numbers_are_consecutive_but_for_what_was_dropped(steps):
    """
    Every row and every dropped entry takes one number, in order.
    """
    gate = Gate()
    books = Books(gate)
    taken = dropped = 0
    for rows, drops in steps:
        for _ in range(drops):
            gate.drops.count("queue_overflow")
        dropped += drops
        assert books.give_numbers(rows) == taken + dropped
        taken += rows
    assert books.seq == taken + dropped
    shown = books.view(Ledger(stored=taken), waiting=0, in_flight=0, closed=False)
    assert (shown["emitted"], shown["balanced"]) == (taken + dropped, True)


def test_what_a_sink_logs_need_not_be_reported():
    """
    Entries that a sink logged itself are no reason for a report, which would make it log again.
    """
    gate = Gate()
    books = Books(gate)
    gate.drops.count("reentrant")
    assert books.dropped(Ledger()) == 0
    gate.drops.count("invalid")
    assert books.dropped(Ledger(dropped={"sink_error": 2})) == 3


def test_totals_never_fall_while_other_cells_take_over():
    """
    Running numbers are given out by these totals: whoever reads in the middle of a change sees what was counted, and
    what was counted meanwhile, once.
    """
    gate = Gate()
    old, new = gate.drops.cells, Cells(memoryview(bytearray(8 * len(COUNTED))).cast("Q"))
    gate.put(b"row", 3)
    gate.drops.count("invalid")
    new.follow(old)
    gate.put(b"row", 3)
    assert new.read() == old.read()
    assert gate.go_on_in(new) is old
    gate.put(b"row", 3)
    gate.drops.count("invalid")
    assert (new.read()["appended"], new.dropped()["invalid"]) == (3, 2)
    assert gate.drops.read()["invalid"] == 2
