"""
The ledger over all sources: what became of every entry, in all, by system, by reason and by source.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tracelog.core.entry import LARGEST_COUNT
from tracelog.core.ledger import REASONED, Ledger, view
from tracelog.core.reasons import MEANINGS
from tracelog.server.counts import REDACTED
from tracelog.server.own import OWN_SOURCE
from tracelog.stores import OTHERS, Store, Tally
from tracelog.stores.books import Account, accounts_of, by_source

MOST_SOURCES: Final = 1_000
"""Sources that a ledger shows one by one."""

SILENT_AFTER_MS: Final = 60_000.0
"""A source that said nothing for a minute is taken to have ended: what it still owes is unreported, not in
flight."""


async def read_ledger(
    store: Store, now_ms: float, *, source: str | None = None, system: str | None = None
) -> dict[str, Any]:
    """
    Return the ledger of *store*, of one *source* or *system* if named; many sources are added up in a thread.
    That of all says as `redacted`, too, how often which rule replaced something in any server.
    """
    tallies = await store.tallies(source=source)
    if len(tallies) <= MOST_SOURCES:
        ledger = ledger_of(tallies, now_ms, system)
    else:
        ledger = await asyncio.to_thread(ledger_of, tallies, now_ms, system)
    return ledger if source or system else {**ledger, "redacted": redacted_in(tallies)}


def redacted_in(tallies: Sequence[Tally]) -> dict[str, int]:
    """
    Return how often which rule replaced something, in all servers together, as the store holds it.
    """
    own = [row.outcomes.get(REDACTED, {}) for row in tallies if row.source == OWN_SOURCE]
    return dict(sorted(sum((Counter(each) for each in own), Counter()).items()))


def ledger_of(tallies: Sequence[Tally], now_ms: float, system: str | None = None) -> dict[str, Any]:
    """
    Return the ledger over *tallies*, what the store knows of each source: its own counts, and what the source
    itself reported as lost before sending.

    Sums are over all of them. Sources are shown one by one as far as `MOST_SOURCES` go, most recently heard
    first, and what is left as `OTHERS`.

    Args:
        tallies: All rows of each source.
        now_ms: The present.
        system: Only what belongs to this one.
    """
    total, others = Sum(), Sum()
    sources: dict[str, Any] = {}
    left, left_seen = 0, 0.0
    for source, rows in by_source(tallies).items():
        accounts = accounts_of(rows)
        if source == OWN_SOURCE or (system is not None and system not in accounts):
            continue
        last_seen = max(row.last_seen_ms for row in rows)
        is_shown = len(sources) < MOST_SOURCES and source != OTHERS
        own = Sum() if is_shown else others
        for name, account in accounts.items():
            if system is None or name == system:
                silent = source == OTHERS or now_ms - last_seen > SILENT_AFTER_MS
                total.book(account, name, silent=silent)
                own.book(account, name, silent=silent)
        if is_shown:
            sources[source] = own.view() | _particulars(rows, last_seen)
        else:
            left += sum(row.sources for row in rows) if source == OTHERS else 1
            left_seen = max(left_seen, last_seen)
    if left:
        more = {"max_seq": None, "last_seen": left_seen, "report": None, "sources": left}
        sources[OTHERS] = others.view() | more
    shown = total.view()
    del shown["systems"]
    return {**shown, "sources": sources}


class Sum:
    """
    The sum of accounts.

    Attributes:
        emitted: Entries that there were; *in_flight* and *unreported* those whose end is not known.
        counts: Those that ended, by outcome and reason; of `stored` and `duplicate` the reason is empty.
        systems: Of the accounts.
    """

    def __init__(self) -> None:
        self.emitted = 0
        self.in_flight = 0
        self.unreported = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.systems: set[str] = set()

    def book(self, account: Account, system: str, *, silent: bool) -> None:
        """
        Add what is known of the entries of *system*; what a silent source still owes is not on its way.
        """
        ledger = account.ledger
        owed = account.emitted - ledger.ended()
        self.emitted += account.emitted
        self.in_flight += 0 if silent else owed
        self.unreported += owed if silent else 0
        self.counts["stored", ""] += ledger.stored
        self.counts["duplicate", ""] += ledger.duplicate
        for outcome in REASONED:
            for reason, n in getattr(ledger, outcome).items():
                self.counts[outcome, reason] += n
        if system:
            self.systems.add(system)

    def view(self) -> dict[str, Any]:
        """
        Return the promised shape. Our own reasons come first, so that invented ones take no place of theirs.
        """
        ledger = Ledger()
        for outcome, reason in sorted(self.counts, key=_ours_first):
            ledger.count(outcome, reason, self.counts[outcome, reason])
        shown = view(ledger, emitted=self.emitted, in_flight=self.in_flight, unreported=self.unreported)
        return {**shown, "systems": sorted(self.systems)}


def _ours_first(counted: tuple[str, str]) -> tuple[bool, str]:
    outcome, reason = counted
    return reason not in MEANINGS.get(outcome, {}), reason


def _particulars(rows: Sequence[Tally], last_seen: float) -> dict[str, Any]:
    numbers = [row.max_seq for row in rows if row.max_seq is not None]
    report = next((row.report for row in rows if row.report), None)
    return {
        "max_seq": max(numbers) if numbers else None,
        "last_seen": last_seen,
        "report": (_plausible(report) or None) if report else None,
    }


def _plausible(data: bytes) -> dict[str, Any]:
    """
    Return the counts of a source's own report, without what can be none: anybody may have written it.
    """
    try:
        report = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    if not isinstance(report, dict):
        return {}
    counts: dict[str, Any] = {}
    for name, value in report.items():
        if isinstance(value, dict):
            counts[name] = {reason: n for reason, n in value.items() if _is_count(n)}
        elif _is_count(value):
            counts[name] = value
    return counts


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT
