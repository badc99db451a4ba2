"""
Any search over any entries finds on every store what the predicate says, page by page, newest arrival first.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.rows import NOON_MS, Clock, row
from tests.stores.servers import RealServer
from tracelog.core.query import parse
from tracelog.errors import QuerySyntaxError
from tracelog.stores import Row, Store
from tracelog.stores.cursors import position
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore

pytestmark = pytest.mark.xdist_group("stores-search")

words = st.sampled_from(["card", "declined", "CARD", "é", "a\\b", 'say "x"', "42", "o", "timeout"])
texts = st.lists(words, min_size=1, max_size=3).map(" ".join)
made_rows = st.builds(
    row,
    trace_id=st.sampled_from(["trace-a1", "trace-a2", "trace-b1"]),
    seq=st.integers(0, 30),
    message=texts,
    level=st.sampled_from(["debug", "log", "info", "warn", "error", "fatal"]),
    system=st.sampled_from(["backend", "worker", "browser"]),
    service=st.none() | st.sampled_from(["shop", "Bank"]),
    user_id=st.none() | texts,
    duration_ms=st.none() | st.integers(0, 2_000).map(float),
    received_at=st.integers(0, 40).map(lambda at: NOON_MS + at),
    error=st.none() | st.builds(lambda said: {"type": "Refused", "message": said}, texts),
    context=st.none()
    | st.dictionaries(st.sampled_from(["cart", "note"]), texts | st.integers(0, 99), max_size=2),
)
quoted = texts.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
numbers = st.integers(0, 99)
terms = st.one_of(
    quoted,
    st.sampled_from(
        ["card", "clin", "error:Refused", "error:Ref*", "trace:trace-a", "trace:trace-b1", "kind:entry"]
    ),
    st.builds(
        "level:{}{}".format,
        st.sampled_from(["", "=", "<", "<=", ">", ">="]),
        st.sampled_from(["info", "error"]),
    ),
    st.builds("{}:{}".format, st.sampled_from(["user", "note", "cart", "message", "stack"]), quoted),
    st.builds(
        "{}:{}".format,
        st.sampled_from(["system", "service"]),
        st.sampled_from(["worker,browser", "bank", "s*"]),
    ),
    st.builds("cart:{}{}".format, st.sampled_from(["", ">", "<="]), numbers),
    st.builds("dur:{}..{}ms".format, numbers, st.integers(100, 3_000)),
    st.builds("seq:{}{}".format, st.sampled_from([">", ""]), st.integers(0, 30)),
    st.builds(
        "{}:{}".format,
        st.sampled_from(["since", "until"]),
        st.integers(0, 30).map(lambda at: int(NOON_MS) + at),
    ),
)


def _is_read(q: str) -> bool:
    """
    Whether *q* is a search: where `since` is later than `until` it is refused.
    """
    try:
        parse(q, now_ms=NOON_MS)
    except QuerySyntaxError as error:
        assert "since is later than until" in str(error)  # noqa: PT017 - every other one must be read
        return False
    return True


some_terms = st.lists(st.tuples(st.sampled_from(["", "", "-"]), terms).map("".join), max_size=4)
searches = some_terms.map(" ".join).filter(_is_read)


def _expected(rows: list[Row], q: str) -> list[bytes]:
    """
    Return what *q* finds of *rows*, by asking each entry alone; an id is stored once in a trace, the first.
    """
    kept: dict[tuple[str, str], Row] = {}
    for entry, body in rows:
        kept.setdefault((entry.trace_id, entry.id), (entry, body))
    wanted = parse(q, now_ms=NOON_MS)
    found = [each for each in kept.values() if wanted(each[0])]
    return [body for _, body in sorted(found, key=lambda each: position(each[0]))]


async def _found(store: Store, q: str) -> list[bytes]:
    found: list[bytes] = []
    cursor = None
    while True:
        page = await store.search(parse(q, now_ms=NOON_MS), limit=3, cursor=cursor)
        found += page.items
        if (cursor := page.cursor) is None:
            return found


async def _play(
    store: Store, rows: list[Row], asked: list[str], index: Callable[[Any], Any] | None = None
) -> None:
    await store.start()
    await store.clear()
    half = len(rows) // 2
    await store.write(rows[:half])
    if index is not None:
        await index(store)
    await store.write(rows[half:])
    for q in asked:
        assert await _found(store, q) == _expected(rows, q), q
    await store.close()


async def _index(store: SqliteStore) -> None:
    while await store._change(store._index.step):
        pass


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(made_rows, max_size=14),
    asked=st.lists(searches, min_size=1, max_size=6),
    full_text=st.booleans(),
)
def test_embedded(rows: list[Row], asked: list[str], *, full_text: bool) -> None:
    """
    What the embedded store passes over by its indexes the predicate would not find, indexed by half or not.
    """
    store = SqliteStore(":memory:", clock=Clock(), full_text=full_text)
    asyncio.run(_play(store, rows, asked, _index))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(made_rows, max_size=14), asked=st.lists(searches, min_size=1, max_size=6))
def test_redis(shared_server: RealServer, rows: list[Row], asked: list[str]) -> None:
    """
    The Redis store finds what the predicate finds.
    """

    async def play() -> None:
        client = Redis.from_url(shared_server.url, protocol=2)
        await _play(RedisStore(clock=Clock(), client=client), rows, asked)
        await client.aclose()

    asyncio.run(play())
