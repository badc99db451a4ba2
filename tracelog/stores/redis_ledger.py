"""
The ledger in Redis: what every source had stored, what became of the rest, and what it says itself.

Three hashes with one field a source. What was stored is counted by the script that stores it; the rest comes
here. Adding to a count cannot be repeated: after a lost reply it may have been done, and is not done again.
"""

from collections.abc import Callable, Iterator, Sequence

from tracelog.core import keys
from tracelog.stores.redis_scripts import COUNT, REPORT
from tracelog.stores.redis_wire import Wire, every, mapping, run
from tracelog.stores.values import LEDGER_TTL_S, MAX_SOURCES, MAX_TALLIES, Outcome, Tally


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

    async def report(self, source: str, report: bytes) -> None:
        said = f"{self._now()!r} ".encode() + report
        await run(self._wire, REPORT, [1, keys.REPORTS, source, said, LEDGER_TTL_S])

    async def count(self, outcomes: Sequence[Outcome]) -> None:
        names = list(dict.fromkeys(f"{each.system} {each.source}" for each in outcomes))
        added = [
            part
            for each in outcomes
            for part in (f"{each.outcome} {_slug(each.reason)} {each.system} {each.source}", each.n)
        ]
        books = (keys.OUTCOMES, keys.REPORTS, keys.TALLY)
        head = [repr(self._now()), LEDGER_TTL_S, len(names)]
        await run(self._wire, COUNT, [len(books), *books, *head, *names, *added])

    async def tallies(self, source: str | None, system: str | None) -> list[Tally]:
        books = await self._read()
        found = [
            tally
            for tally in books
            if (source is None or tally.source == source) and (system is None or tally.system == system)
        ]
        return found[:MAX_TALLIES]

    async def trim(self) -> int:
        """
        Remove the sources that were silent for longest, and those nobody heard for `LEDGER_TTL_S`.
        """
        oldest = self._now() - LEDGER_TTL_S * 1000
        books = await self._read()
        gone = [each for at, each in enumerate(books) if each.last_seen_ms < oldest or at >= MAX_SOURCES]
        if not gone:
            return 0
        await every(self._wire, [removal for each in gone for removal in _removals(each)])
        return len(gone)

    async def _read(self) -> list[Tally]:
        """
        Return every source, most recently heard first.
        """
        books = (keys.TALLY, keys.OUTCOMES, keys.REPORTS)
        return _books(*map(mapping, await every(self._wire, [("HGETALL", key) for key in books])))

    def _now(self) -> float:
        return self._clock() * 1000


def _removals(gone: Tally) -> Iterator[tuple[str, ...]]:
    """
    Yield the commands that remove what is known of a source.
    """
    name = f"{gone.system} {gone.source}"
    yield "HDEL", keys.TALLY, name
    yield "HDEL", keys.REPORTS, gone.source
    for outcome, reasons in gone.outcomes.items():
        yield "HDEL", keys.OUTCOMES, *[f"{outcome} {reason} {name}" for reason in reasons]


def _books(
    tallies: dict[bytes, bytes], outcomes: dict[bytes, bytes], reports: dict[bytes, bytes]
) -> list[Tally]:
    ended: dict[str, dict[str, dict[str, int]]] = {}
    for field, n in outcomes.items():
        outcome, reason, name = field.decode().split(" ", 2)
        ended.setdefault(name, {}).setdefault(outcome, {})[reason] = int(n)
    said = {source.decode(): report.split(b" ", 1) for source, report in reports.items()}
    rows = [(name.decode(), *value.decode().split(" ")) for name, value in tallies.items()]
    heard = {name.split(" ", 1)[1] for name, *_ in rows}
    rows += [
        (f" {source}", "0", "0", "-1", at.decode()) for source, (at, _) in said.items() if source not in heard
    ]
    books = []
    rows.sort(key=lambda row: (float(row[4]), row[0].split(" ", 1)), reverse=True)
    for name, received, duplicate, max_seq, seen in rows:
        system, source = name.split(" ", 1)
        books.append(
            Tally(
                source=source,
                system=system,
                received=int(received),
                duplicate=int(duplicate),
                max_seq=None if max_seq == "-1" else int(max_seq),
                outcomes=ended.get(name, {}),
                report=said.pop(source, (b"", None))[1],
                last_seen_ms=float(seen),
            )
        )
    return books


def _slug(reason: str) -> str:
    return "_".join(reason.split())
