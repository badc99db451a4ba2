"""
What a source owes and what it has, by system; and which sources make room for others.

The one arithmetic of the server's ledger: what `GET /api/v1/ledger` shows of a source is what is kept of it
when it is put together with others, so no sum changes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from tracelog.core.ledger import (
    CRASHED,
    LARGEST_SAID,
    OTHER,
    REASONED,
    REASONS,
    TOLD,
    UNSURE,
    Ledger,
    counts_in,
)
from tracelog.core.store_bounds import LEDGER_TTL_S
from tracelog.stores.values import OTHERS, Tally

MANY_SYSTEMS: Final = 256
"""Systems kept apart in what stands for many sources; a sender may invent any number of them."""

Sums = Counter[tuple[str, str, str]]
"""Outcome, reason and system → how many. For `stored`, `duplicate`, `emitted` and `sources` the reason is
`_`."""


class Account(msgspec.Struct):
    """
    What is known of the entries of one system: how they ended, and how many there were.
    """

    ledger: Ledger
    emitted: int


def accounts_of(rows: Sequence[Tally]) -> dict[str, Account]:
    """
    Return the accounts of one source, given all its *rows*, by system.

    What it says of itself as a whole, and what its running numbers show to be missing, is booked under the
    first of its systems by name.
    """
    accounts = {row.system: Account(_ledger_of(row), row.emitted) for row in rows}
    for account in accounts.values():
        account.emitted = max(account.emitted, account.ledger.ended())
    said = {name: n for row in rows for name, n in _said_of(row).items()}
    main = accounts[_main_of(rows)]
    unsure = {name: said.pop(name) for name in UNSURE if "emitted" in said and name in said}
    for name, n in said.items():
        outcome, _, reason = name.partition("/")
        if outcome in REASONED:
            main.ledger.count(outcome, reason, n)
            main.emitted += n
    numbers = [row.max_seq + 1 for row in rows if row.max_seq is not None and row.max_seq < LARGEST_SAID]
    known = sum(account.emitted for account in accounts.values())
    main.emitted += max(known, said.get("emitted", 0), *numbers) - known
    missing = said.get("emitted", 0) - sum(each.ledger.ended() for each in accounts.values())
    missing -= _recall(accounts.values(), main, said, missing)
    _believe(main, unsure, missing)
    return accounts


def _recall(accounts: Iterable[Account], main: Account, said: Mapping[str, int], missing: int) -> int:
    """
    Count what the source was told that was refused, and no server remembers since one was killed; no more of
    it than is *missing*. Return how many these are.
    """
    known: Counter[tuple[str, str]] = Counter()
    for account in accounts:
        for outcome in REASONED:
            known.update({(outcome, reason): n for reason, n in getattr(account.ledger, outcome).items()})
    recalled = 0
    for name, n in said.items():
        told, _, end = name.partition("/")
        if told == TOLD:
            outcome, _, reason = end.partition("/")
            forgotten = max(0, min(n - known[outcome, reason], missing - recalled))
            main.ledger.count(outcome, reason, forgotten)
            recalled += forgotten
    return recalled


def _believe(main: Account, unsure: Mapping[str, int], missing: int) -> None:
    """
    Count of what was given up *unsure* of its end only so many as are *missing*; below 0 the name was used
    again by another process, whose counts these may be.
    """
    for name, n in unsure.items():
        again = missing < 0 and name != f"dropped/{CRASHED}"
        lost = n if again else min(n, max(0, missing))
        main.ledger.count("dropped", name.partition("/")[2], lost)
        main.emitted += lost if again else 0
        missing -= 0 if again else lost


def by_source(rows: Iterable[Tally]) -> dict[str, list[Tally]]:
    """
    Return the rows of each source, in the order of the first row of each.
    """
    found: dict[str, list[Tally]] = {}
    for row in rows:
        found.setdefault(row.source, []).append(row)
    return found


def sums_of(rows: Sequence[Tally]) -> Sums:
    """
    Return what is kept of a source that is no longer kept apart, given all its *rows*.
    """
    sums: Sums = Counter()
    for system, account in accounts_of(rows).items():
        ledger = account.ledger
        sums["stored", "_", system] += ledger.stored
        sums["duplicate", "_", system] += ledger.duplicate
        sums["emitted", "_", system] += account.emitted
        for outcome in REASONED:
            for reason, n in getattr(ledger, outcome).items():
                sums[outcome, reason, system] += n
    sums["sources", "_", _main_of(rows)] += 1
    return +sums


class Others:
    """
    What is *kept* of sources that are no longer kept apart, while more is added.
    """

    def __init__(self, kept: Sums) -> None:
        self._kept = set(kept)
        self._systems = {system for _, _, system in kept}
        self._reasons = Counter((outcome, system) for outcome, _, system in kept)

    def add(self, sums: Sums) -> Sums:
        """
        Return *sums* as they are to be added, without making more systems and reasons than a bound.
        """
        out: Sums = Counter()
        for (outcome, reason, system), n in sums.items():
            place = system if system in self._systems or len(self._systems) < MANY_SYSTEMS else ""
            what = (outcome, reason, place)
            if what not in self._kept and self._reasons[outcome, place] >= REASONS:
                what = (outcome, OTHER, place)
            if what not in self._kept:
                self._kept.add(what)
                self._systems.add(place)
                self._reasons[outcome, place] += 1
            out[what] += n
        return out


def others_of(kept: Sums, seen_ms: float) -> list[Tally]:
    """
    Return the rows that stand for the sources no longer kept apart, one a system.
    """
    return [
        Tally(
            source=OTHERS,
            system=system,
            received=kept["stored", "_", system],
            duplicate=kept["duplicate", "_", system],
            max_seq=None,
            outcomes=_outcomes_of(kept, system),
            report=None,
            last_seen_ms=seen_ms,
            emitted=kept["emitted", "_", system],
            sources=kept["sources", "_", system],
        )
        for system in sorted({system for _, _, system in kept})
    ]


def leaving(rows: Sequence[Tally], now_ms: float, most: int) -> Iterator[tuple[list[Tally], Sums]]:
    """
    Yield the sources that go, all rows of each, and what is kept of it: nothing when its time is over.

    Args:
        rows: Of every source, most recently heard first.
        now_ms: The present.
        most: Rows that may stay.
    """
    oldest = now_ms - LEDGER_TTL_S * 1000
    room = most
    for source_rows in by_source(rows).values():
        room -= len(source_rows)
        if source_rows[0].last_seen_ms < oldest:
            yield source_rows, Counter()
        elif room < 0:
            yield source_rows, sums_of(source_rows)


def _main_of(rows: Sequence[Tally]) -> str:
    """
    Return the first system by name; none only when a source has no other.
    """
    return min((row.system for row in rows), key=lambda system: (not system, system))


def _said_of(row: Tally) -> dict[str, int]:
    if row.said is not None:
        return row.said
    return {} if row.report is None else counts_in(row.report)


def _ledger_of(row: Tally) -> Ledger:
    ledger = Ledger(stored=row.received, duplicate=row.duplicate)
    for outcome, reasons in row.outcomes.items():
        for reason, n in reasons.items():
            if outcome in REASONED:
                ledger.count(outcome, reason, n)
    return ledger


def _outcomes_of(kept: Sums, system: str) -> dict[str, dict[str, int]]:
    outcomes: dict[str, dict[str, int]] = {}
    for (outcome, reason, of_system), n in kept.items():
        if of_system == system and outcome in REASONED:
            outcomes.setdefault(outcome, {})[reason] = n
    return outcomes
