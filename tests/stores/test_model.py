"""
Any history of calls, played on a store and on a model of thirty lines: they answer alike.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.rows import NOON_MS, Clock, row
from tests.stores.servers import RealServer
from tracelog.core.entry import Entry
from tracelog.core.query import parse
from tracelog.stores import Row, Store, TraceFilter
from tracelog.stores.cursors import arrived, position
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore

made_rows = st.builds(
    lambda trace, seq, source, **fields: row(trace, seq, f"{fields['level']} {seq}", source=source, **fields),
    trace=st.sampled_from(["trace-a", "trace-b", "trace-c"]),
    seq=st.integers(0, 8),
    source=st.sampled_from(["s", "t"]),
    level=st.sampled_from(["debug", "info", "error", "fatal"]),
    system=st.sampled_from(["backend", "worker"]),
    timestamp=st.integers(-3, 3).map(lambda at: NOON_MS + at),
    received_at=st.none() | st.integers(-2, 9).map(lambda at: NOON_MS + at),
)
histories = st.lists(st.tuples(st.integers(0, 2), st.lists(made_rows, min_size=1, max_size=6)), max_size=8)


class Model(msgspec.Struct):
    """
    What a store should hold: for each trace its entries by id, and when it was last written and last failed.
    """

    traces: dict[str, dict[str, Row]] = {}
    touched: dict[str, float] = {}
    failed: dict[str, float] = {}
    tallies: dict[tuple[str, str], list[int]] = {}

    def write(self, rows: list[Row], now_ms: float) -> str:
        score = max(now_ms, *(arrived(entry) for entry, _ in rows))
        return "".join([self._put(entry, body, score) for entry, body in rows])

    def _put(self, entry: Entry, body: bytes, score: float) -> str:
        trace = self.traces.setdefault(entry.trace_id, {})
        counts = self.tallies.setdefault((entry.system, entry.source or ""), [0, 0, -1])
        counts[2] = max(counts[2], entry.seq if entry.seq is not None else -1)
        if entry.id in trace:
            counts[1] += 1
            return "D"
        counts[0] += 1
        trace[entry.id] = (entry, body)
        self.touched[entry.trace_id] = max(score, self.touched.get(entry.trace_id, 0))
        if entry.is_error:
            self.failed[entry.trace_id] = max(score, self.failed.get(entry.trace_id, 0))
        return "A"

    def lines(self, moments: dict[str, float]) -> list[tuple[Any, ...]]:
        order = sorted(moments, key=lambda trace_id: (moments[trace_id], trace_id), reverse=True)
        return [
            self._line(trace_id, [entry for entry, _ in self.traces[trace_id].values()]) for trace_id in order
        ]

    def _line(self, trace_id: str, entries: list[Entry]) -> tuple[Any, ...]:
        errors = [entry for entry in entries if entry.is_error]
        times = [entry.timestamp for entry in entries]
        systems = list(dict.fromkeys(entry.system for entry in entries))
        title = (errors or entries)[0].message
        return trace_id, min(times), max(times), len(entries), len(errors), systems, title

    def hits(self, wanted: Callable[[Entry], bool]) -> list[bytes]:
        found = [each for trace in self.traces.values() for each in trace.values() if wanted(each[0])]
        return [body for _, body in sorted(found, key=lambda each: position(each[0]))]


async def _lines(store: Store, **wanted: Any) -> list[tuple[Any, ...]]:
    found = []
    cursor = None
    while True:
        page = await store.traces(TraceFilter(limit=2, cursor=cursor, **wanted))
        found += [msgspec.structs.astuple(line)[:-1] for line in page.items]
        if (cursor := page.cursor) is None:
            return found


async def _hits(store: Store, q: str) -> list[bytes]:
    found: list[bytes] = []
    cursor = None
    while True:
        page = await store.search(parse(q), limit=3, cursor=cursor)
        found += page.items
        if (cursor := page.cursor) is None:
            return found


async def _play(store: Store, clock: Clock, history: list[tuple[int, list[Row]]]) -> None:
    model = Model()
    await store.start()
    await store.clear()
    for wait_ms, rows in history:
        clock.now += wait_ms / 1000
        assert await store.write(rows) == model.write(rows, clock.now * 1000)
        assert await _lines(store) == model.lines(model.touched)
    for trace_id, entries in model.traces.items():
        trace = await store.fetch(trace_id)
        assert trace is not None
        assert trace.entries == [body for _, body in entries.values()]
    assert await _lines(store, errors=True) == model.lines(model.failed)
    for q in ("", "level:error", "level:info", "error -system:worker", "trace:trace-b"):
        assert await _hits(store, q) == model.hits(parse(q))
    found = {
        (tally.system, tally.source): [tally.received, tally.duplicate, tally.max_seq]
        for tally in await store.tallies()
    }
    assert found == model.tallies
    await store.close()


@settings(max_examples=40, deadline=None)
@given(history=histories, full_text=st.booleans())
def test_embedded(history: list[tuple[int, list[Row]]], *, full_text: bool):
    """
    The embedded store answers as the model does, whatever was written in which order.
    """
    clock = Clock()
    asyncio.run(_play(SqliteStore(":memory:", clock=clock, full_text=full_text), clock, history))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_redis(shared_server: RealServer, history: list[tuple[int, list[Row]]]):
    """
    The Redis store answers as the model does, whatever was written in which order.
    """

    async def play() -> None:
        clock = Clock()
        client = Redis.from_url(shared_server.url, protocol=2)
        await _play(RedisStore(clock=clock, client=client), clock, history)
        await client.aclose()

    asyncio.run(play())


def test_model_is_not_empty():
    """
    The model itself stores, refuses repeats and orders, so that agreeing with it means something.
    """
    model = Model()
    assert (
        model.write([row("trace-a", 1), row("trace-a", 1), row("trace-b", 2, level="error")], NOON_MS + 9)
        == "ADA"
    )
    assert [line[0] for line in model.lines(model.touched)] == ["trace-b", "trace-a"]
    assert len(model.hits(parse("level:error"))) == 1


@pytest.mark.parametrize("history", [[], [(0, [row("trace-a", 1)])]])
def test_short_histories(history: list[tuple[int, list[Row]]]):
    """
    The shortest histories hold too.
    """
    clock = Clock()
    asyncio.run(_play(SqliteStore(":memory:", clock=clock), clock, history))
