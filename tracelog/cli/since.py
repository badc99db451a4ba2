"""
`tracelog tail --since-last`: what came since the last time, for whoever cannot stay and watch.

How far the last time came is kept in the user's state folder, a file for each server and QUERY: the arrival
up to which everything was shown, and the ids of the seconds before it, because an entry is stored some
moments after it arrived. So nothing is shown twice and nothing is missed; what the store has dropped
meanwhile is said.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from tracelog.cli.failure import FOUND, CommandError
from tracelog.cli.reading import Missing
from tracelog.config import state_folder
from tracelog.core.entry import Entry
from tracelog.core.wire import DECODE_ERRORS
from tracelog.correlation.words import plural
from tracelog.render.reasons import plain

OVERLAP_MS: Final = 5_000.0
"""How far before the last time is looked again: what arrived is stored within seconds, if at all."""

IDS: Final = 10_000
"""Ids kept: those of five seconds at 2,000 entries a second, half a megabyte."""

FILES: Final = 64
"""Servers and queries that are remembered; the one not asked for longest is forgotten."""

MOST: Final = 100_000
"""Entries read at once: some seconds of asking."""

HOLE: Final = "what was shown last is gone from the store, so others may be gone unseen"
FLOOD: Final = f"more came than {MOST:,}; only the latest are shown"

GRAIN_MS: Final = 0.01
"""Moments are doubles, which are this exact."""

Fetch = Callable[[str | None], tuple[list[Entry], str | None]]
"""Returns the page behind a cursor (None: the first), latest arrival first, and the next cursor."""


class Last(msgspec.Struct, frozen=True):
    """
    How far the last time came.

    Attributes:
        reached: The latest arrival that was shown, Unix milliseconds.
        floor: What arrived until then is not looked at again.
        ids: Entries shown that arrived after it.
    """

    reached: float
    floor: float
    ids: frozenset[str]


def arrival(entry: Entry) -> float:
    """
    Return where *entry* stands in the order of a search.
    """
    return entry.timestamp if entry.received_at is None else entry.received_at


def new_since(last: Last, fetch: Fetch) -> tuple[list[Entry], str]:
    """
    Return what is there that was not at *last*, in the order of a search, and what has to be said of it.
    """
    met: list[Entry] = []
    cursor: str | None = None
    while True:
        entries, cursor = fetch(cursor)
        met += [entry for entry in entries if arrival(entry) > last.floor]
        if cursor is None or arrival(entries[-1]) <= last.floor:
            break
        if len(met) >= MOST:
            return [entry for entry in met if entry.id not in last.ids], FLOOD
    new = [entry for entry in met if entry.id not in last.ids]
    return new, HOLE if last.ids and len(new) == len(met) else ""


def went(gone: Sequence[Missing]) -> str:
    """
    Return that traces went which nobody saw whole, "" for none.
    """
    if not gone:
        return ""
    held = plural(sum(one.entries for one in gone), "entry", "entries")
    reasons = ", ".join(sorted({plain(one.why) for one in gone}))
    return f"{plural(len(gone), 'trace')} of {held} went unseen ({reasons})"


def begin(fetch: Fetch) -> list[Entry]:
    """
    Return the latest entries that are there, of the seconds that are looked at again.
    """
    entries, cursor = fetch(None)
    while cursor is not None and len(entries) < MOST:
        if arrival(entries[-1]) <= arrival(entries[0]) - OVERLAP_MS:
            break
        more, cursor = fetch(cursor)
        entries = [*entries, *more]
    return entries


def reached(shown: list[Entry], before: Last | None) -> Last:
    """
    Return how far it came after *shown*, any entries that are there, and what was shown *before*.
    """
    if not shown:
        return before or Last(0.0, 0.0, frozenset())
    moments = {entry.id: arrival(entry) for entry in shown}
    latest = max(moments.values())
    floor = latest - OVERLAP_MS
    if before is not None:
        latest = max(latest, before.reached)
        floor = max(latest - OVERLAP_MS, before.floor)
        moments |= dict.fromkeys(before.ids - moments.keys(), before.reached)
    recent = sorted(((ms, id_) for id_, ms in moments.items() if ms > floor), reverse=True)
    if len(recent) > IDS:
        floor = recent[IDS][0]
        recent = [one for one in recent[:IDS] if one[0] > floor]
    return Last(latest, floor, frozenset(id_ for _, id_ in recent))


def place(url: str, query: str) -> Path:
    """
    Return the file that remembers *query* of the server at *url*.

    Raises:
        CommandError: When this user has no folder for it.
    """
    folder = state_folder()
    if folder is None:
        raise CommandError("there is no place to remember the last time; set HOME or XDG_STATE_HOME", FOUND)
    return folder / "since" / f"{hashlib.sha256(f'{url} {query}'.encode()).hexdigest()[:32]}.json"


def recall(file: Path) -> Last | None:
    """
    Return what *file* remembers; None when it is none, or none of ours.
    """
    with suppress(OSError, *DECODE_ERRORS):
        return msgspec.json.decode(file.read_bytes(), type=Last)
    return None


def remember(file: Path, last: Last) -> None:
    """
    Write *last* to *file*, whole or not at all, and forget what was not asked for longest.

    Raises:
        CommandError: When it cannot be written.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.encode(last))
        draft.replace(file)
        kept = sorted(file.parent.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[FILES:]:
            old.unlink()
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}", FOUND) from error
