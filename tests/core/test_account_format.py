"""
The account file: what it says of a process that was killed at any moment.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.account_format import (
    CELLS,
    COUNTED,
    DONE_CELL,
    FIRST_CARRIED,
    FIRST_CELL,
    MAGIC,
    NOTE_BYTES,
    SIZE,
    Note,
    encode_note,
    last_generation,
    note_place,
    read_account,
)
from tracelog.core.ledger import Ledger
from tracelog.core.rows import Header

HEADER = Header(v=1, source="a-1", system="backend", service="shop")


def file_of(*notes, appended=0, carried=0, drops=0, done=0):
    """
    Return a file as a process leaves it.
    """
    data = bytearray(SIZE)
    cells = memoryview(data)[: 8 * CELLS].cast("Q")
    cells[0], cells[FIRST_CELL], cells[FIRST_CARRIED], cells[DONE_CELL] = MAGIC, appended, carried, done
    cells[FIRST_CELL + 1] = drops
    cells.release()
    for generation, note in enumerate(notes, 1):
        text = encode_note(note, generation)
        at = note_place(generation)
        data[at : at + len(text)] = text
    return data


def note(stored, **fields):
    return Note(header=HEADER, ledger=Ledger(stored=stored, **fields))


def test_the_newest_note_counts():
    """
    Notes are written in turn, and the last one is read.
    """
    for count in range(1, 5):
        data = bytes(file_of(*[note(n) for n in range(count)], appended=10))
        assert read_account(data).note.ledger.stored == count - 1
        assert last_generation(data) == count


@given(st.integers(2, 6), st.data())
def test_a_note_that_was_being_written_is_not_read(count, data):
    """
    When the process was killed in the middle of a note, the one before it counts, unless what was missing
    happened to stand there already.
    """
    whole = file_of(*[note(n) for n in range(count)])
    text = encode_note(note(count), count + 1)
    at = note_place(count + 1)
    written = data.draw(st.integers(0, len(text) - 1))
    whole[at : at + written] = text[:written]
    state = read_account(bytes(whole))
    assert state.note.ledger.stored in {count - 1, count}


@given(st.binary(max_size=300), st.integers(0, SIZE), st.booleans())
def test_damage_is_never_believed(junk, at, cut):
    """
    Whatever was written over a file, it is read as a note that was written, or not at all.
    """
    data = file_of(note(1), note(2), appended=5)
    data[at : at + len(junk)] = junk
    state = read_account(bytes(data[:at] if cut else data[:SIZE]))
    assert state is None or state.note.ledger.stored in {1, 2}


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_the_report_adds_up(appended, carried, drops, stored):
    """
    Every entry has an end: stored, dropped before, or lost with the process.
    """
    stored = min(stored, appended + carried)
    state = read_account(bytes(file_of(note(stored), appended=appended, carried=carried, drops=drops)))
    assert state.emitted == appended + carried + drops
    final, open_ = state.report(final=True), state.report(final=False)
    assert final["balanced"]
    assert open_["balanced"]
    lost = appended + carried - stored
    assert (state.owed, open_["in_flight"], final["in_flight"]) == (lost, lost, 0)
    assert final["dropped"].get("crashed", 0) == lost
    assert final["dropped"].get("queue_overflow", 0) == drops


@pytest.mark.parametrize(
    ("made", "told", "untold"),
    [(note(3), 0, False), (note(2), 0, True), (note(2, dropped={"encode": 1}), 0, True)],
)
def test_who_has_something_to_say(made, told, untold):
    """
    Entries in hand and drops that nobody was told of are worth a report; a settled account is not.
    """
    assert read_account(bytes(file_of(made, appended=3))).untold is untold
    settled = msgspec.structs.replace(note(2, dropped={"encode": 1}), told=1)
    assert not read_account(bytes(file_of(settled, appended=3))).untold


def test_a_ledger_that_is_too_large_is_summed():
    """
    A note with more reasons than fit says the sum of each outcome.
    """
    reasons = {f"{number:03d}-{'x' * 200}": 2 for number in range(60)}
    text = encode_note(note(1, rejected=reasons), 1)
    assert len(text) < NOTE_BYTES
    data = file_of(note(1, rejected=reasons), appended=121)
    assert read_account(bytes(data)).note.ledger.rejected == {"other": 120}
    assert len(COUNTED) == 5


def test_another_machine_s_or_another_version_s_file():
    """
    A file with its bytes the other way round, or whose note has another form, says nothing.
    """
    data = file_of(note(1))
    data[:8] = data[:8][::-1]
    assert read_account(bytes(data)) is None
    strange = file_of()
    text = encode_note(msgspec.structs.replace(note(1), header=None), 1)
    strange[note_place(1) : note_place(1) + len(text)] = text
    assert read_account(bytes(strange)) is None
