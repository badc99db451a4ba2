"""
Stored JSON read for its timeline alone.

A decoder makes every text anew, so a thousand entries of one process bring a thousand copies of its name:
that costs time, and more in memory that no cache holds. A name that it knows beforehand, as one of a closed
set, it hands out instead. So the names of a trace are learnt from its first entries, and again where others
turn up. Spans are too many for that; each is kept once while its entry is still in the cache.

Where the timeline could be another than that of whole entries (an id twice, an odd level or time), whole
entries are read.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from tracelog.core.entry import Entry, decode_entry
from tracelog.correlation.intake import Intake, distinct, have_distinct_ids
from tracelog.correlation.spoken import Spoken

LESSON: Final = 1_000
"""Rows read together: so many are in the cache at once, and save what it costs to make a decoder."""

LESSONS: Final = 4
"""Decoders made for one trace: one that brings new names again and again has too many to know them."""

MOST: Final = 64
"""Names known to a decoder at most: `typing` keeps the types made last, and with them their names."""

Told = Spoken[Any]
Decode = Callable[[bytes], Told]
Known = dict[str | None, Any]
"""Each name by itself."""

_decode: Final[Decode] = msgspec.json.Decoder(Spoken[str]).decode


def read_stored(rows: Sequence[bytes]) -> Intake:
    """
    Return the entries of *rows*, JSON that `encode_entry` wrote, each once; good for a timeline and no more.

    Raises:
        msgspec.DecodeError: When a row is no such JSON.
    """
    try:
        entries = cast("list[Entry]", _read(rows))
    except msgspec.ValidationError:
        return distinct([decode_entry(row) for row in rows])
    if not have_distinct_ids(entries):
        return distinct([decode_entry(row) for row in rows])
    return Intake(entries, len(entries), 0)


def _read(rows: Sequence[bytes]) -> list[Told]:
    """
    Return the entries of *rows*, in which equal names are one text.
    """
    entries: list[Told] = []
    names: Known = {}
    spans: Known = {}
    keep = spans.setdefault
    decode: Decode | None = None
    lessons = 0
    for begin in range(0, len(rows), LESSON):
        some = rows[begin : begin + LESSON]
        told = _told(decode, some) if decode is not None else None
        if told is None:
            told = list(map(_decode, some))
            _share_names(told, names)
            lessons += 1
            is_worthwhile = lessons <= LESSONS and len(names) <= MOST and len(some) == LESSON
            decode = _decoder(names) if is_worthwhile else None
        for entry, row in zip(told, some, strict=True):
            entry.row = row
            entry.span_id = keep(entry.span_id, entry.span_id)
        entries += told
    return entries


def _told(decode: Decode, rows: Iterable[bytes]) -> list[Told] | None:
    """
    Return the entries of *rows*; None when *decode* does not know all of their names, or one is odd.
    """
    try:
        return list(map(decode, rows))
    except msgspec.ValidationError:
        return None


def _share_names(told: Iterable[Told], known: Known) -> None:
    keep = known.setdefault
    for entry in told:
        entry.system = keep(entry.system, entry.system)
        entry.service = keep(entry.service, entry.service)
        entry.source = keep(entry.source, entry.source)


def _decoder(known: Iterable[str | None]) -> Decode:
    """
    Return a decoder of entries all of whose names are *known*.
    """
    literal: Any = Literal
    spoken: Any = Spoken
    names = sorted({name or "" for name in known})
    return msgspec.json.Decoder(spoken[literal[tuple(names)]]).decode
