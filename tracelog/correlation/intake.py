"""
What was handed in, each entry once and each with an id: the ground that the order of arrival cannot shake.
"""

from collections.abc import Iterable, Mapping
from itertools import count

import msgspec

from tracelog.core.entry import Entry, encode_entry


class Intake(msgspec.Struct, frozen=True):
    """
    Each entry once; *handed* rows came in, *duplicate* log calls among them came twice.
    """

    entries: list[Entry]
    handed: int
    duplicate: int


def distinct(entries: Iterable[Entry]) -> Intake:
    """
    Return each entry once, whatever the order handed in; none is changed.

    Of entries that share an id the one that arrived first is kept. An entry without an id is named by its
    source and number, or else by a number of our own, on a copy.
    """
    chosen: dict[str, Entry] = {}
    nameless: list[Entry] = []
    handed = duplicate = 0
    for entry in entries:
        handed += 1
        named = entry if entry.id else _named(entry)
        if named is None:
            nameless.append(entry)
        elif named.id not in chosen:
            chosen[named.id] = named
        else:
            chosen[named.id], left = sorted((chosen[named.id], named), key=_arrival)
            duplicate += left.weight
    return Intake([*chosen.values(), *_numbered(nameless, chosen)], handed, duplicate)


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
