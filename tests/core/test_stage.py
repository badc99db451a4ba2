"""
Stages: what one drops is named with its place in the request, and what is kept keeps its place.
"""

from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.stage import OUTCOMES, Batch, Drop, run


def batch_of(count):
    return Batch(entries=[Entry(id=str(n), message="m") for n in range(count)], places=list(range(count)))


def dropper(chosen):
    """
    A stage that drops the entries of the ids in *chosen*.
    """

    def stage(batch):
        batch.drop(
            {
                at: Drop(batch.places[at], "suppressed", "chosen", "it was chosen", entry)
                for at, entry in enumerate(batch.entries)
                if int(entry.id) in chosen
            }
        )

    return stage


@given(st.integers(0, 20), st.lists(st.sets(st.integers(0, 25)), max_size=4))
def test_every_entry_ends_in_exactly_one_place(count, choices):
    """
    After any stages each entry is kept at its own place or dropped once, by the first stage that chose it.
    """
    batch = run([dropper(chosen) for chosen in choices], batch_of(count))
    gone = set().union(*choices) & set(range(count))
    assert sorted([*batch.places, *(drop.index for drop in batch.drops)]) == list(range(count))
    assert {drop.index for drop in batch.drops} == gone
    assert [int(entry.id) for entry in batch.entries] == batch.places == sorted(set(range(count)) - gone)
    assert all(int(drop.entry.id) == drop.index and drop.outcome in OUTCOMES for drop in batch.drops)


def test_stages_run_in_order_on_one_batch():
    """
    Each stage sees what the one before it left.
    """
    seen = []
    stages = [dropper({1}), lambda batch: seen.append(list(batch.places)), dropper({0})]
    batch = run(stages, batch_of(3))
    assert seen == [[0, 2]]
    assert batch.places == [2]


def test_nothing_left_ends_the_run():
    """
    Stages behind the one that dropped the last entry are not called.
    """
    called = []
    run([dropper({0}), called.append], batch_of(1))
    run([called.append], batch_of(0))
    assert called == []


def test_nothing_to_drop_changes_nothing():
    """
    A stage without objections leaves the very lists it got.
    """
    batch = batch_of(2)
    entries = batch.entries
    batch.drop({})
    assert batch.entries is entries
    assert batch.drops == []
