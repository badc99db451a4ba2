"""
The account file: how a process's counters look in it, and what they say once the process has ended. Pure.

    cells     64-bit numbers of this machine: what the file is, the counters that calling threads step, what
              was counted before, and the running number below which every row has reached its end
    two notes each a head (generation, length, CRC) and a msgpack text: who speaks, and its ledger so far

The notes are written in turn, so that one of them is whole whenever the process is killed.
"""

from typing import Any, Final
from zlib import crc32

import msgspec

from tracelog.core.ledger import CRASHED, REASONED, Ledger, view
from tracelog.core.rows import Header

DROPS: Final = ("queue_overflow", "after_close", "reentrant", "invalid")
"""Why a calling thread gives an entry up: no room, the client was shut down, it was logged by a sink or hook
of the shipping thread, no row can hold it."""

COUNTED: Final = ("appended", *DROPS)
"""What the cells of calling threads count: entries queued, and entries dropped, by reason."""

MAGIC: Final = 0x31_54_43_41_4C_54_00_01
"""The first cell, also telling the byte order; its last byte is the version."""

FIRST_CELL: Final = 1
FIRST_CARRIED: Final = FIRST_CELL + len(COUNTED)
DONE_CELL: Final = FIRST_CARRIED + len(COUNTED)
CELLS: Final = DONE_CELL + 1

CELL_BYTES: Final = 512
NOTE_BYTES: Final = 7_936
SIZE: Final = CELL_BYTES + 2 * NOTE_BYTES
"""16 KiB: four pages, and room for two ledgers of about two hundred reasons."""

_HEAD: Final = 16
"""Generation (8 bytes), length (4) and CRC-32 (4) before the text of a note."""


class Note(msgspec.Struct, kw_only=True, omit_defaults=True):
    """
    What the background thread writes down after each change.

    Attributes:
        header: Source, system, service, environment and release of the entries.
        address: Of the server that is told, when it can stand in a file.
        ledger: What ended, without what the calling threads dropped.
        unsent: What of its suppressed entries was held back before it was sent, by reason.
        told: Dropped entries that the server has been told of.
        closed: Whether the client was shut down; what is missing then is in the spool.
    """

    header: Header
    address: str = ""
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    unsent: dict[str, int] = {}
    told: int = 0
    closed: bool = False


class State(msgspec.Struct):
    """
    An account as it was read.

    Attributes:
        note: The newest whole one.
        counted: What calling threads counted, by name.
        done: Every row with a lower number has reached its end.
    """

    note: Note
    counted: dict[str, int]
    done: int

    @property
    def emitted(self) -> int:
        return sum(self.counted.values())

    def total(self) -> Ledger:
        """
        Return everything that ended, by outcome and reason.
        """
        total = Ledger()
        total.add(self.note.ledger)
        for reason in DROPS:
            total.count("dropped", reason, self.counted[reason])
        return total

    @property
    def owed(self) -> int:
        """
        How many entries had not reached their end.
        """
        return max(0, self.emitted - self.total().ended())

    @property
    def untold(self) -> bool:
        """
        Whether the server should still hear of something: entries in hand, or ends it has not been told of.
        """
        here = sum(self.total().dropped.values()) + sum(self.note.unsent.values())
        return self.owed > 0 or here - self.counted["reentrant"] > self.note.told

    def report(self, *, final: bool) -> dict[str, Any]:
        """
        Return the ledger as it is told to the server.

        Args:
            final: Whether nothing of it is left in a spool: what is owed then was lost.
        """
        total, owed = self.total(), self.owed
        if final:
            total.count("dropped", CRASHED, owed)
        shown = view(total, emitted=self.emitted, in_flight=0 if final else owed)
        return {**shown, "unsent": self.note.unsent} if self.note.unsent else shown


_encode = msgspec.msgpack.Encoder().encode
_note = msgspec.msgpack.Decoder(Note)


def encode_note(note: Note, generation: int) -> bytes:
    """
    Return *note* as it stands in the file; one with too many reasons has each outcome in one sum.
    """
    text = _encode(note)
    if len(text) > NOTE_BYTES - _HEAD:
        text = _encode(msgspec.structs.replace(note, ledger=_summed(note.ledger)))
    counted = generation.to_bytes(8, "little") + len(text).to_bytes(4, "little")
    return counted + crc32(text, crc32(counted)).to_bytes(4, "little") + text


def note_place(generation: int) -> int:
    """
    Return the offset of the note of this *generation*.
    """
    return CELL_BYTES + (generation & 1) * NOTE_BYTES


def read_account(data: bytes) -> State | None:
    """
    Return what the account file *data* says; None when it is none, or is damaged.
    """
    if len(data) < SIZE:
        return None
    cells = memoryview(data)[: 8 * CELLS].cast("Q")
    notes = [found for slot in (0, 1) if (found := _read_note(data, note_place(slot))) is not None]
    if cells[0] != MAGIC or not notes:
        return None
    counted = {
        name: cells[FIRST_CELL + place] + cells[FIRST_CARRIED + place] for place, name in enumerate(COUNTED)
    }
    return State(max(notes, key=lambda found: found[0])[1], counted, cells[DONE_CELL])


def last_generation(data: bytes) -> int:
    """
    Return the generation of the newest whole note of *data*, 0 when there is none.
    """
    notes = [_read_note(data, note_place(slot)) for slot in (0, 1)]
    return max((found[0] for found in notes if found is not None), default=0)


def _read_note(data: bytes, at: int) -> tuple[int, Note] | None:
    generation = int.from_bytes(data[at : at + 8], "little")
    length = int.from_bytes(data[at + 8 : at + 12], "little")
    text = data[at + _HEAD : at + _HEAD + length]
    said = int.from_bytes(data[at + 12 : at + _HEAD], "little")
    if length > NOTE_BYTES - _HEAD or crc32(text, crc32(data[at : at + 12])) != said:
        return None
    try:
        return generation, _note.decode(text)
    except msgspec.MsgspecError:  # of another version
        return None


def _summed(ledger: Ledger) -> Ledger:
    summed = Ledger(stored=ledger.stored, duplicate=ledger.duplicate)
    for outcome in REASONED:
        summed.count(outcome, "other", sum(getattr(ledger, outcome).values()))
    return summed
