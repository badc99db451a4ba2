"""
Entries for an agent: those that a search finds, only what is new since an answer, and waiting for one.

A cursor names the arrival up to which an answer told everything. What arrived within the last seconds before
it is remembered by id, because an entry is stored some moments after it arrived: so nothing is told twice and
nothing is missed. When none of what is remembered is there any more, the answer says that there is a hole.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.correlation.words import duration, plural
from tracelog.mcp.asking import PAGE, Ask, Gone, Page, arrived, entries_of, read
from tracelog.mcp.rows import lines_of
from tracelog.mcp.tools import checked_system, fetch, quiet
from tracelog.render.answer import Answer, RefusedError, handle
from tracelog.render.reasons import plain

MOST: Final = 2_000
"""Entries of one answer: folded they fill any budget, and reading more takes seconds."""

OVERLAP_MS: Final = 5_000.0
"""How far before a cursor is read again: an entry is stored within seconds of its arrival, or refused."""

CURSORS: Final = 256
"""Remembered cursors; another one still works, and tells entries of its last seconds again."""

LONGEST_S: Final = 60.0
"""Of waiting: agents give up a call after some minutes."""

POLL_S: Final = 0.5

LEVELS: Final = ("debug", "info", "warn", "error", "fatal")

_CURSOR: Final = re.compile(r"after:(\d{1,16})-(\d{1,9})")


class Wanted(msgspec.Struct, frozen=True):
    """
    Which entries: every field that is set narrows.
    """

    trace: str = ""
    query: str = ""
    level: str = ""
    system: str = ""
    since: str = ""
    before: str = ""


class _Found(msgspec.Struct):
    entries: list[Entry]
    older: str | None = None
    note: str = ""


class _Told(msgspec.Struct, frozen=True):
    """
    What a cursor stands for: the search, and when the entries of its last seconds arrived, by id.
    """

    search: str
    recent: dict[str, float]


HOLE: Final = "gap: entries told before are gone from the store, so others may be gone untold"
FORGOTTEN: Final = (
    "this cursor is not remembered (of an earlier run?): what arrived within 5 s before it is told again"
)
GRAIN_MS: Final = 1.0
"""Cursors name whole milliseconds, so what arrived at one may be as much behind it."""

FLOOD: Final = f"gap: more came than {MOST:,}; these are the latest of them, find the others with since=15m"


class Watch:
    """
    What answers about entries; remembers its cursors.

    Args:
        ask: The server.
        now: Monotonic seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask = ask
        self._now = now
        self._sleep = sleep
        self._cursors: OrderedDict[str, _Told] = OrderedDict()
        self._given = 0

    def logs(self, wanted: Wanted, *, fold: bool = True) -> Answer:
        """
        Tell the latest entries that are *wanted*; those since an answer when `since` is its cursor.

        Raises:
            RefusedError, NoAnswerError: When nothing can be told.
        """
        search = self._search(wanted)
        found = self._find(search, wanted)
        cursor = self._cursor(found.entries, search, wanted.since)
        after = [f'new ones later: logs(since="{cursor}")'] if cursor else []
        if found.older:
            after.append(f'older: logs(before="{found.older}") with the same filters')
        note = [found.note] if found.note else []
        if not found.entries:
            return Answer(
                [*note, "no entry fits", quiet(self._ask)],
                after=after,
                data={"shown": 0, "cursor": cursor},
            )
        lines = lines_of(found.entries, fold=fold)
        more = "there are older ones" if found.older else "these are all"
        told = plural(len(found.entries), "entry", "entries")
        errors = sum(entry.is_error for entry in found.entries)
        sums = f"{told} in {plural(len(lines), 'line')}, {plural(errors, 'error')}"
        facts = [*note, f"{sums}; oldest first, in UTC; {more}"]
        data = {"shown": len(found.entries), "errors": errors, "cursor": cursor, "older": found.older}
        return Answer(facts, lines, after, data)

    def wait_for(self, wanted: Wanted, *, timeout: float, quiet_s: float = 0.0) -> Answer:
        """
        Wait until an entry is there that is *wanted*, or until nothing new came for *quiet_s* seconds.

        Args:
            wanted: What to wait for; what `since` names and is there already counts.
            timeout: Seconds at most.
            quiet_s: Also end after so many seconds without a new entry; 0 for never.

        Raises:
            RefusedError, NoAnswerError: When nothing can be told.
        """
        if not 0.0 < timeout <= LONGEST_S:
            raise RefusedError(f"timeout is up to {LONGEST_S:.0f} seconds; call again to wait longer")
        if not 0.0 <= quiet_s < inf:
            raise RefusedError("quiet is a number of seconds without a new entry, or 0 for never")
        search = self._search(wanted)
        begun = heard = self._now()
        newest: str | None = None
        while True:
            found = self._find(search, wanted)
            passed = self._now() - begun
            if found.entries:
                return self._matched(found.entries, passed)
            latest = self._newest()
            if latest != newest:
                newest, heard = latest, self._now()
            if quiet_s and self._now() - heard >= quiet_s:
                return self._unseen(f"quiet: nothing came for {duration(quiet_s * 1000.0)}", passed)
            if passed >= timeout:
                return self._unseen("not seen", passed)
            self._sleep(min(POLL_S, timeout - passed))

    def _matched(self, entries: list[Entry], passed: float) -> Answer:
        lines = lines_of(entries, fold=True)
        first = min(entries, key=arrived)
        name = handle(first.trace_id)
        facts = [f"seen after {duration(passed * 1000.0)}: {plural(len(entries), 'entry', 'entries')}"]
        after = [f'next: brief(trace="{name}")'] if name else []
        return Answer(facts, lines, after, {"seen": True, "shown": len(entries), "trace": name})

    def _unseen(self, why: str, passed: float) -> Answer:
        errors = list(entries_of(self._page("level:error", since=f"{round(passed) + 1}s").entries))
        facts = [f"{why} (waited {duration(passed * 1000.0)})", quiet(self._ask)]
        if errors:
            facts.append(f"{plural(len(errors), 'error')} while waiting:")
        return Answer(facts, lines_of(errors, fold=True), [], {"seen": False, "errors": len(errors)})

    def _newest(self) -> str | None:
        page = self._page("", limit=1)
        return next((entry.id for entry in entries_of(page.entries)), None)

    def _search(self, wanted: Wanted) -> str:
        """
        Return the search that means the same.
        """
        if wanted.level and wanted.level not in LEVELS:
            raise RefusedError(f"level is one of {', '.join(LEVELS)} and means that or worse")
        system = checked_system(wanted.system)
        trace = fetch(self._ask, wanted.trace).trace_id if wanted.trace else ""
        parts = {"trace": f'"{trace}"' if trace else "", "level": wanted.level, "system": system}
        terms = [f"{name}:{value}" for name, value in parts.items() if value]
        return " ".join([*terms, wanted.query]).strip()

    def _find(self, search: str, wanted: Wanted) -> _Found:
        known = _CURSOR.fullmatch(wanted.since)
        if known is None:
            return self._latest(search, wanted)
        if wanted.before:
            raise RefusedError("give since or before, not both cursors")
        return self._since(search, float(known[1]), self._cursors.get(wanted.since))

    def _latest(self, search: str, wanted: Wanted) -> _Found:
        found: list[Entry] = []
        gone: list[Gone] = []
        cursor: str | None = wanted.before or None
        while True:
            page = self._page(search, since=wanted.since or None, cursor=cursor)
            found += entries_of(page.entries)
            gone += page.missing
            cursor = page.cursor
            if cursor is None or len(found) >= MOST:
                return _Found(found, cursor, _went(gone))

    def _since(self, search: str, reached: float, told: _Told | None) -> _Found:
        """
        Return what arrived after *reached*, and what is new of the seconds before it.
        """
        met: list[Entry] = []
        begin, oldest = reached - OVERLAP_MS, inf
        page = self._page(search, gone_since=repr(reached + GRAIN_MS))
        went = _went(page.missing, "unseen")
        while True:
            entries = list(entries_of(page.entries))
            met += [entry for entry in entries if arrived(entry) > begin]
            oldest = min([oldest, *map(arrived, entries[-1:])])
            if page.cursor is None or len(met) >= MOST or oldest <= begin:
                break
            page = self._page(search, cursor=page.cursor)
        recent = told.recent if told is not None else {}
        new = [entry for entry in met if entry.id not in recent]
        if len(met) >= MOST and arrived(met[-1]) > reached:
            return _Found(new, note=FLOOD)
        if told is None:
            hole = "" if oldest <= reached + GRAIN_MS else HOLE
            return _Found(new, note="; ".join(filter(None, [went or hole, FORGOTTEN])))
        is_hole = told.search == search and len(new) == len(met)
        return _Found(new, note=went or (HOLE if is_hole else ""))

    def _page(self, search: str, **options: Any) -> Page:
        return read(self._ask, "/api/v1/search", Page, q=search, **{"limit": PAGE, **options})

    def _cursor(self, entries: list[Entry], search: str, since: str) -> str | None:
        """
        Return a cursor behind *entries*, or *since* itself where nothing came since.
        """
        if not entries:
            return since if _CURSOR.fullmatch(since) else None
        arrivals = {entry.id: arrived(entry) for entry in entries}
        reached = max(arrivals.values())
        before = self._cursors.get(since)
        if before is not None:
            arrivals = {**before.recent, **arrivals}
        recent = {id_: ms for id_, ms in arrivals.items() if ms > reached - OVERLAP_MS}
        self._given += 1
        cursor = f"after:{reached:.0f}-{self._given}"
        self._cursors[cursor] = _Told(search, recent)
        while len(self._cursors) > CURSORS:
            self._cursors.popitem(last=False)
        return cursor


def _went(gone: list[Gone], how: str = "since the page before") -> str:
    """
    Return which traces went, so that what they held here is missing; "" for none.
    """
    if not gone:
        return ""
    held = plural(sum(one.entries for one in gone), "entry", "entries")
    reasons = ", ".join(sorted({plain(one.why) for one in gone}))
    return f"gap: {plural(len(gone), 'trace')} of {held} went {how} ({reasons})"
