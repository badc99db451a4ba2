"""
The ledger in Redis: what every source had stored, what became of the rest, and what it says itself.

Three hashes with one field a source, and one for the sources that made room for others. What was stored is
counted by the script that stores it; the rest comes here.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from tracelog.core import keys
from tracelog.core.ended import text_of
from tracelog.core.ledger import counts_in
from tracelog.core.store_bounds import LEDGER_TTL_S
from tracelog.stores.books import Others, Sums, leaving, others_of
from tracelog.stores.redis_scripts import COUNT, FOLD, REPORT
from tracelog.stores.redis_wire import Wire, every, mapping, run
from tracelog.stores.values import MAX_SAID, MAX_SOURCES, Ends, Outcome, Tally

FOLDED: Final = 100
"""Sources that go in one script call: others are not kept waiting."""

LOOK_S: Final = 600.0
"""Sources whose time is over are looked for so often; those that are too many at each call."""

LARGE: Final = 500
"""Sources above which their books are made in a thread."""

Book = dict[bytes, bytes]
Made = TypeVar("Made")


class RedisLedger:
    """
    The counting half of the Redis store.

    Args:
        wire: To the server or servers.
        clock: Returns Unix seconds.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._clock = clock
        self._looked = 0.0

    async def report(self, source: str, report: bytes) -> None:
        counts = " ".join(f"{name}={n}" for name, n in counts_in(report).items())
        values = (source, repr(self._now()), counts, report, LEDGER_TTL_S, MAX_SAID)
        await run(self._wire, REPORT, [1, keys.REPORTS, *values])

    async def count(self, outcomes: Sequence[Outcome], ended: Sequence[Ends], call: str) -> None:
        heard = {f"{each.system} {each.source}" for each in outcomes}
        said = [(name, "") for name in sorted(heard)]
        said += [(f"{each.system} {each.source}", text_of(each.runs)) for each in ended]
        added = [
            part
            for each in outcomes
            for part in (f"{each.outcome} {_slug(each.reason)} {each.system} {each.source}", each.n)
        ]
        name, _, number = call.partition(" ")
        books = (keys.OUTCOMES, keys.CALLS + name, keys.TALLY)
        speakers = [part for each in said for part in each]
        head = [repr(self._now()), LEDGER_TTL_S, number, len(said)]
        await run(self._wire, COUNT, [len(books), *books, *head, *speakers, *added])

    async def tallies(self, source: str | None, system: str | None) -> list[Tally]:
        *books, others = await self._read()
        rows = await _made(_books, *books, size=len(books[0]))
        rows += others_of(_sums(others), 0.0) if source is None else []
        return [
            tally
            for tally in rows
            if (source is None or tally.source == source) and (system is None or tally.system == system)
        ]

    async def trim(self, *, look: bool = True) -> int:
        """
        Put the sources together that were silent for longest, and forget those nobody heard for
        `LEDGER_TTL_S`.

        Args:
            look: Whether to look for the latter now; else only every now and then.
        """
        lives = [("EXPIRE", key, LEDGER_TTL_S) for key in (keys.OUTCOMES, keys.REPORTS)]
        sizes = [("HLEN", keys.TALLY), ("HLEN", keys.REPORTS)]
        *_, speakers, reports = await every(self._wire, [*lives, *sizes])
        if not look and max(speakers, reports) <= MAX_SOURCES and self._clock() - self._looked < LOOK_S:
            return 0
        self._looked = self._clock()
        books = await self._read()
        return await self._fold(await _made(_gone, books, self._now(), MAX_SOURCES, size=len(books[0])))

    async def due(self) -> int:
        """
        Return how many sources `trim` would put together now.
        """
        books = await self._read()
        return len(await _made(_gone, books, self._now(), MAX_SOURCES, size=len(books[0])))

    async def _fold(self, gone: list[list[Any]]) -> int:
        names = (keys.TALLY, keys.OUTCOMES, keys.REPORTS, keys.OTHERS)
        went = 0
        for at in range(0, len(gone), FOLDED):
            values = [part for each in gone[at : at + FOLDED] for part in each]
            went += await run(self._wire, FOLD, [len(names), *names, LEDGER_TTL_S, *values])
        return went

    async def _read(self) -> list[Book]:
        books = (keys.TALLY, keys.OUTCOMES, keys.REPORTS, keys.OTHERS)
        return list(map(mapping, await every(self._wire, [("HGETALL", key) for key in books])))

    def _now(self) -> float:
        return self._clock() * 1000


async def _made(make: Callable[..., Made], *arguments: Any, size: int) -> Made:
    """
    Return what *make* makes; of many sources in a thread, so that others are served meanwhile.
    """
    if size <= LARGE:
        return make(*arguments)
    return await asyncio.to_thread(make, *arguments)


def _gone(books: Sequence[Book], now_ms: float, most: int) -> list[list[Any]]:
    """
    Return the arguments of the script for each source that goes, so that *most* rows stay.
    """
    tallies, outcomes, said, others = books
    kept = Others(_sums(others))
    gone = []
    for rows, sums in leaving(_books(tallies, outcomes, said), now_ms, most):
        gone.append([*_held(rows, tallies, outcomes, said), *_added(kept.add(sums))])
    return gone


def _held(rows: list[Tally], tallies: Book, outcomes: Book, said: Book) -> Iterator[Any]:
    """
    Yield what the script must find unchanged to remove a source: its fields and their values.
    """
    fields = [(3, rows[0].source)]
    for row in rows:
        name = f"{row.system} {row.source}"
        fields.append((1, name))
        fields += [
            (2, f"{outcome} {reason} {name}") for outcome, of_it in row.outcomes.items() for reason in of_it
        ]
    books = {1: tallies, 2: outcomes, 3: said}
    held = [(book, field, books[book].get(field.encode())) for book, field in fields]
    found = [each for each in held if each[2] is not None]
    yield len(found)
    for each in found:
        yield from each


def _added(sums: Sums) -> Iterator[Any]:
    yield len(sums)
    for field, n in sums.items():
        yield " ".join(field)
        yield n


def _sums(others: Book) -> Sums:
    sums: Sums = Counter()
    for field, n in others.items():
        outcome, reason, system = field.decode().split(" ", 2)
        sums[outcome, reason, system] = int(n)
    return sums


def _books(tallies: Book, outcomes: Book, reports: Book) -> list[Tally]:
    """
    Return every source that is kept apart, most recently heard first.
    """
    ended: dict[str, dict[str, dict[str, int]]] = {}
    for field, n in outcomes.items():
        outcome, reason, name = field.decode().split(" ", 2)
        ended.setdefault(name, {}).setdefault(outcome, {})[reason] = int(n)
    said = {source.decode(): _said(value) for source, value in reports.items()}
    rows = [(name.decode(), *value.decode().split(" ", 4)) for name, value in tallies.items()]
    heard = {name.split(" ", 1)[1] for name, *_ in rows}
    rows += [(f" {source}", "0", "0", "-1", at) for source, (at, *_) in said.items() if source not in heard]
    books = []
    rows.sort(key=lambda row: (float(row[4]), row[0].split(" ", 1)), reverse=True)
    for name, received, duplicate, max_seq, seen, *_ in rows:
        system, source = name.split(" ", 1)
        _, counts, report = said.pop(source, ("", None, None))
        books.append(
            Tally(
                source=source,
                system=system,
                received=int(received),
                duplicate=int(duplicate),
                max_seq=None if max_seq == "-1" else int(max_seq),
                outcomes=ended.get(name, {}),
                report=report,
                said=counts,
                last_seen_ms=float(seen),
            )
        )
    return books


def _said(value: bytes) -> tuple[str, dict[str, int] | None, bytes]:
    """
    Return when a source last reported, its largest counts, and the report. A program that writes to Redis
    itself leaves the counts out.
    """
    at, _, rest = value.partition(b" ")
    if not rest.startswith(b"["):
        return at.decode(), None, rest
    counts, _, report = rest[1:].partition(b"] ")
    pairs = [part.rpartition("=") for part in counts.decode().split()]
    return at.decode(), {name: int(n) for name, _, n in pairs}, report


def _slug(reason: str) -> str:
    return "_".join(reason.split())
