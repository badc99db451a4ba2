"""
The obligations of a store, asked of any: `check_store`, for who writes one.

Each check is one sentence of the contract in `stores/base.py`; its failure says which, and what was seen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tracelog.core.entry import Entry, encode_entry
from tracelog.core.query import parse
from tracelog.core.quota_settings import QuotaSettings, TraceQuota
from tracelog.errors import UnknownReferenceError
from tracelog.stores import DUPLICATE, OVER_QUOTA, STORED, Outcome, Row, Store, TraceFilter
from tracelog.stores.gates import Demand
from tracelog.testing.clock import NOON

TRACE: Final = "check-trace-a"
OTHER: Final = "check-trace-b"

HEALTH: Final = {"kind", "ok", "cause", "version", "size_bytes", "keys", "warnings"}


def check_store(make: Callable[[], Store]) -> None:
    """
    Hold a store to its contract. What it holds is removed.

    Args:
        make: Returns a store that has not been started; it is called for each check.

    Raises:
        AssertionError: With the obligation that it does not meet.
    """
    for check in CHECKS:
        asyncio.run(_checked(make, check))


async def _checked(make: Callable[[], Store], check: Callable[[Store], Awaitable[None]]) -> None:
    store = make()
    await store.start()
    await store.start()
    try:
        await store.clear()
        await check(store)
        await store.clear()
    except AssertionError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise AssertionError(f"a store that works raises nothing here; this one raised {said}") from error
    finally:
        await store.close()
        await store.close()


def a_row(trace_id: str, seq: int, *, level: str = "info", message: str = "") -> Row:
    """
    Return an entry and its JSON.
    """
    entry = Entry(
        id=f"check-{seq}",
        trace_id=trace_id,
        timestamp=NOON * 1000 + seq,
        received_at=NOON * 1000 + seq,
        system="backend",
        level=level,
        message=message or f"message {seq}",
        source="check",
        seq=seq,
    )
    return entry, encode_entry(entry)


async def _keeps(store: Store) -> None:
    rows = [a_row(TRACE, seq) for seq in (2, 0, 1)]
    _same(await store.write(rows), STORED * 3, "new entries are stored")
    trace = await store.fetch(TRACE)
    _same(
        None if trace is None else trace.entries,
        [body for _, body in rows],
        "a trace is fetched as it was written: the JSON byte for byte, in the order of arrival",
    )
    _same(await store.fetch(OTHER), None, "a trace that nobody wrote is None")


async def _nothing(store: Store) -> None:
    _same(await store.write([]), "", "writing nothing is answered with nothing")


async def _once(store: Store) -> None:
    first, again = a_row(TRACE, 1, message="first"), a_row(TRACE, 1, message="again")
    sentence = "an id is stored once in a trace, in one call and in the next, and the first wins"
    _same(await store.write([first, again]), STORED + DUPLICATE, sentence)
    _same(await store.write([again]), DUPLICATE, sentence)
    _same(await store.write([a_row(OTHER, 1)]), STORED, "the same id in another trace is another entry")
    trace = await store.fetch(TRACE)
    _same(None if trace is None else trace.entries, [first[1]], sentence)


async def _at_once(store: Store) -> None:
    rows = [a_row(TRACE, seq) for seq in range(10)]
    answers = await asyncio.gather(*[store.write(rows) for _ in range(5)])
    stored = [sum(fates[place] == STORED for fates in answers) for place in range(len(rows))]
    _same(stored, [1] * 10, "an id is stored once however concurrently it is sent")


async def _quota(store: Store) -> None:
    quota = TraceQuota(normal=2, extra=1)
    sentence = "a trace's quota is charged in the step that stores its entries, and repeats charge nothing"
    rows = [a_row(TRACE, seq) for seq in range(3)]
    _same(await store.write(rows[:1], quota=quota, classes="n"), STORED, sentence)
    _same(await store.write(rows[:1], quota=quota, classes="n"), DUPLICATE, sentence)
    _same(await store.write(rows[1:], quota=quota, classes="nn"), STORED + OVER_QUOTA, sentence)
    error = a_row(TRACE, 9, level="error")
    _same(await store.write([error], quota=quota, classes="e"), STORED, "an error has room beyond the quota")


async def _gate(store: Store) -> None:
    gate = store.gate(QuotaSettings(limit=10, weights={"backend": 1}))
    replies = [await gate.ask([Demand("backend", "normal", 8)]) for _ in range(2)]
    granted = [sum(grant.n for grant in reply.grants) for reply in replies]
    _same(granted, [8, 2], "all that ask the gate of a store share one hour")


async def _found(store: Store) -> None:
    await store.write([a_row(TRACE, 1), a_row(TRACE, 2, level="error", message="declined")])
    await store.write([a_row(OTHER, 3)])
    for ref, meant in {TRACE: TRACE, OTHER: OTHER, "latest": OTHER, "latest-error": TRACE}.items():
        _same(await store.resolve(ref), meant, f"the reference {ref!r} means one trace")
    for ref in ("check-trace-", "nothing-of-the-kind", ""):
        try:
            meant = await store.resolve(ref)
        except UnknownReferenceError:
            continue
        _same(meant, UnknownReferenceError, f"the reference {ref!r}, which means none or several, is refused")
    listed = await store.traces(TraceFilter())
    _same([each.trace_id for each in listed.items], [OTHER, TRACE], "traces are listed, last written first")
    failed = await store.traces(TraceFilter(errors=True))
    _same([each.trace_id for each in failed.items], [TRACE], "failed traces can be asked for")


async def _search(store: Store) -> None:
    rows = [a_row(TRACE, seq, message="needle" if seq % 2 else "hay") for seq in range(6)]
    await store.write(rows)
    first = await store.search(parse("needle"), limit=2)
    rest = await store.search(parse("needle"), limit=2, cursor=first.cursor)
    _same(
        [*first.items, *rest.items],
        [rows[seq][1] for seq in (5, 3, 1)],
        "a search gives what matches page by page, latest arrival first",
    )
    _same(rest.cursor, None, "the last page has no cursor")


async def _counts(store: Store) -> None:
    await store.write([a_row(TRACE, 0), a_row(TRACE, 1)])
    await store.count([Outcome("check", "backend", "limited", "trace_quota", 3)])
    await store.report("check", b'{"emitted":5}')
    (tally,) = await store.tallies(source="check")
    told = (tally.received, tally.outcomes, tally.report)
    expected = (2, {"limited": {"trace_quota": 3}}, b'{"emitted":5}')
    _same(told, expected, "what became of a source's entries adds up")
    _same(await store.tallies(source="nobody"), [], "of a source that never spoke nothing is known")


async def _health(store: Store) -> None:
    health = await store.health()
    _same(HEALTH - set(health), set(), "health names kind, ok, cause, version, size_bytes, keys and warnings")
    _same(health["cause"], None, "a store that works names no cause of trouble")


async def _clear(store: Store) -> None:
    await store.write([a_row(TRACE, 0)])
    await store.sweep()
    if await store.fetch(TRACE) is None:
        raise AssertionError("sweep removes what is expired or orphaned; it removed a trace that lives")
    await store.clear()
    _same(await store.fetch(TRACE), None, "clear removes every entry")
    _same((await store.traces(TraceFilter())).items, [], "clear removes every trace")


def _same(seen: Any, expected: Any, sentence: str) -> None:
    if isinstance(expected, list):
        seen = list(seen or ())
    if seen != expected:
        raise AssertionError(f"{sentence}; expected {expected!r}, and saw {seen!r}")


CHECKS: Final = (
    _keeps,
    _nothing,
    _once,
    _at_once,
    _quota,
    _gate,
    _found,
    _search,
    _counts,
    _health,
    _clear,
)
"""Each is given a store of its own, empty."""
