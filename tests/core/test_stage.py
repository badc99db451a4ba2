"""
Batches: what one drops is named with its place in the request, and what is kept keeps its place.
"""

from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.stage import Batch, Drop


def batch_of(count):
    return Batch(entries=[Entry(id=str(n), message="m") for n in range(count)], places=list(range(count)))


def refuse(batch, chosen):
    """
    Drop the entries of the ids in *chosen*.
    """
    batch.drop(
        {
            at: Drop(batch.places[at], "suppressed", "chosen", "it was chosen", entry)
            for at, entry in enumerate(batch.entries)
            if int(entry.id) in chosen
        }
    )


@given(st.integers(0, 20), st.lists(st.sets(st.integers(0, 25)), max_size=4))
def test_every_entry_ends_in_exactly_one_place(count, choices):
    """
    After any drops each entry is kept at its own place or dropped once, by the first that chose it.
    """
    batch = batch_of(count)
    for chosen in choices:
        refuse(batch, chosen)
    gone = set().union(*choices) & set(range(count))
    assert sorted([*batch.places, *(drop.index for drop in batch.drops)]) == list(range(count))
    assert {drop.index for drop in batch.drops} == gone
    assert [int(entry.id) for entry in batch.entries] == batch.places == sorted(set(range(count)) - gone)
    assert all(int(drop.entry.id) == drop.index for drop in batch.drops)


def test_nothing_to_drop_changes_nothing():
    """
    Who has no objections leaves the very lists that were there.
    """
    batch = batch_of(2)
    entries = batch.entries
    batch.drop({})
    assert batch.entries is entries
    assert batch.drops == []
