"""
What was handed in, each entry once, with an id and a time: the ground that the order of arrival cannot shake.

JSON objects are read as on the wire. A time that is none (absent, absurd, not a number) is unknown: it counts
as the arrival, else as the beginning of the trace, from where the running number of a source moves it to its
place.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from math import inf, isfinite
from typing import Any, Final, cast

import msgspec

from tracelog.core.entry import Entry, encode_entry
from tracelog.core.straighten import straighten
from tracelog.errors import InvalidEntryError

LATEST_MS: Final = 253_402_300_800_000.0
"""The year 10000: no calendar of ours goes on, and sums with larger numbers are no longer exact."""

UNKNOWN: Final = inf
"""The time of an entry whose time is unknown, until the others are known."""


class Intake(msgspec.Struct, frozen=True):
    """
    Each entry once; *handed* rows came in, *duplicate* log calls among them came twice.
    """

    entries: list[Entry]
    handed: int
    duplicate: int


def distinct(entries: Iterable[Entry | Mapping[str, Any]]) -> Intake:
    """
    Return each entry once, whatever the order handed in; none is changed.

    Of entries that share an id the one that arrived first is kept. An entry without an id is named by its
    source and number, or else by a number of our own, on a copy.

    Raises:
        InvalidEntryError: When a JSON object cannot be an entry: it has no message or an unusable trace id.
    """
    entries = list(entries)
    if set(map(type, entries)) == {Entry} and are_sound(cast("list[Entry]", entries)):
        return Intake(cast("list[Entry]", entries), len(entries), 0)
    chosen: dict[str, Entry] = {}
    nameless: list[Entry] = []
    handed = duplicate = mended = 0
    for given in entries:
        handed += 1
        if isinstance(given, Entry) and _is_sound(given):
            entry = given
        else:
            entry, mended = _mended(given), mended + 1
        named = entry if entry.id else _named(entry)
        if named is None:
            nameless.append(entry)
        elif named.id not in chosen:
            chosen[named.id] = named
        else:
            chosen[named.id], left = sorted((chosen[named.id], named), key=_arrival)
            duplicate += left.weight
    once = [*chosen.values(), *_numbered(nameless, chosen)]
    return Intake(_timed(once) if mended else once, handed, duplicate)


def are_sound(entries: Sequence[Entry]) -> bool:
    """
    Whether each of *entries* has an id of its own and times that are times, as nearly all that are fetched.
    """
    return have_distinct_ids(entries) and have_times(entries)


def have_distinct_ids(entries: Sequence[Entry]) -> bool:
    """
    Whether each of *entries* has an id of its own.
    """
    ids = {entry.id for entry in entries}
    return len(ids) == len(entries) and "" not in ids


def have_times(entries: Sequence[Entry]) -> bool:
    """
    Whether the times of each of *entries* are times.
    """
    received = {moment for entry in entries if (moment := entry.received_at) is not None}
    last = [moment for entry in entries if (moment := entry.last_timestamp) is not None]
    times = [entry.timestamp for entry in entries]
    return all(map(_are_times, (times, received, last)))


def _are_times(moments: Collection[float]) -> bool:
    """
    Whether all *moments* are times. The sum is asked first: what is not a number compares with nothing.
    """
    return not moments or (isfinite(sum(moments)) and min(moments) > -LATEST_MS and max(moments) < LATEST_MS)


def _is_sound(entry: Entry) -> bool:
    last, received = entry.last_timestamp, entry.received_at
    return (
        -LATEST_MS < entry.timestamp < LATEST_MS
        and (last is None or -LATEST_MS < last < LATEST_MS)
        and (received is None or -LATEST_MS < received < LATEST_MS)
    )


def _mended(given: Entry | Mapping[str, Any]) -> Entry:
    """
    Return the entry that *given* means, with times that are times or unknown.
    """
    entry = given if isinstance(given, Entry) else _read(given)
    return msgspec.structs.replace(
        entry,
        timestamp=entry.timestamp if abs(entry.timestamp) < LATEST_MS else UNKNOWN,
        last_timestamp=_moment(entry.last_timestamp),
        received_at=_moment(entry.received_at),
    )


def _read(raw: Mapping[str, Any]) -> Entry:
    """
    Return *raw* straightened; what the server has said of a stored entry is believed here.
    """
    if not isinstance(raw, Mapping):
        raise InvalidEntryError(
            f"an entry is an Entry or a JSON object, not {type(raw).__name__}", reason="not_an_object"
        )
    entry = straighten(raw, now_ms=UNKNOWN, new_trace_id=str)
    origin, fixed = raw.get("origin"), raw.get("fixed")
    return msgspec.structs.replace(
        entry,
        received_at=_moment(raw.get("received_at")),
        origin=origin if isinstance(origin, str) else None,
        fixed=fixed if isinstance(fixed, list) else entry.fixed,
    )


def _moment(value: Any) -> float | None:
    known = isinstance(value, int | float) and abs(value) < LATEST_MS
    return float(value) if known else None


def _timed(entries: list[Entry]) -> list[Entry]:
    """
    Return *entries* with a time for those whose own is unknown.
    """
    begin = min([entry.timestamp for entry in entries if entry.timestamp < LATEST_MS], default=0.0)
    return [
        entry
        if entry.timestamp < LATEST_MS
        else msgspec.structs.replace(entry, timestamp=begin if (at := entry.received_at) is None else at)
        for entry in entries
    ]


def _named(entry: Entry) -> Entry | None:
    if not entry.source or entry.seq is None:
        return None
    return msgspec.structs.replace(entry, id=f"{entry.source}-{entry.seq}")


def _numbered(nameless: list[Entry], taken: Mapping[str, Entry]) -> list[Entry]:
    names = (name for n in count(1) if (name := f"unnamed-{n}") not in taken)
    return [
        msgspec.structs.replace(entry, id=name)
        for entry, name in zip(sorted(nameless, key=written), names, strict=False)
    ]


def _arrival(entry: Entry) -> tuple[float, bytes]:
    return entry.received_at or float("inf"), written(entry)


def written(entry: Entry) -> bytes:
    """
    Return all that *entry* says; half characters, which no encoder takes and no receiver lets in, as escapes.
    """
    try:
        return encode_entry(entry)
    except UnicodeEncodeError:
        return repr(entry).encode(errors="backslashreplace")
