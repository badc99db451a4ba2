"""
What several systems of a trace say of one thing at once: the same on every store, and as the arithmetic says.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.conftest import Kept
from tests.stores.rows import NOON_MS, Clock, row
from tests.stores.servers import RealServer
from tracelog.core.prints import NO_PRINT, print_of
from tracelog.stores import Row, Store, TraceQuota
from tracelog.stores.echoes import REMEMBERED, Said, prints_of
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.trace_quota import Used

pytestmark = pytest.mark.anyio

QUOTA = TraceQuota(normal=1_000, max_bytes=0)
SYSTEMS = ("browser", "worker", "backend")
TWO = ("browser", "worker")

Call = tuple[int, list[tuple[str, str, str]], int]
"""Milliseconds that pass before, system, level and template of its rows, number of the first."""

words = st.tuples(
    st.sampled_from(SYSTEMS), st.sampled_from(["info", "log", "error"]), st.sampled_from(["cart *", "paid"])
)
calls: st.SearchStrategy[list[Call]] = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 999, 1_000, -1_000, -300]),
        st.lists(words, min_size=1, max_size=9),
        st.integers(0, 40),
    ),
    max_size=12,
)


def spoken(said: list[tuple[str, str, str]], first: int = 0) -> tuple[list[Row], list[str]]:
    """
    Return rows and prints of what is *said* by systems at levels in words.
    """
    rows = [
        row("trace-a", first + at, text, system=system, level=level)
        for at, (system, level, text) in enumerate(said)
    ]
    return rows, [print_of(system, level, text) for system, level, text in said]


async def fates(
    store: Store, said: list[tuple[str, str, str]], first: int = 0, quota: TraceQuota = QUOTA
) -> str:
    rows, prints = spoken(said, first)
    return await store.write(rows, quota=quota, prints=prints)


def same(*systems: str, level: str = "info", text: str = "cart changed") -> list[tuple[str, str, str]]:
    return [(system, level, text) for system in systems]


class TestEveryStore:
    async def test_twenty_each(self, kept: Kept):
        """
        What a system says alone is stored. From the second system on it is an echo, but for the first of each.
        """
        found = [await fates(kept.store, same(*[system] * 20), 20 * at) for at, system in enumerate(SYSTEMS)]
        assert found == ["A" * 20, "A" + "E" * 19, "A" + "E" * 19]
        assert await fates(kept.store, same(*SYSTEMS * 9), 60) == "E" * 27

    async def test_in_turn(self, kept: Kept):
        """
        Those that speak in turn fill the five together, whether they come in one call or each alone.
        """
        assert await fates(kept.store, same(*SYSTEMS * 3)) == "AAAAAEEEE"
        alone = [
            await fates(kept.store, same(system, text="other"), at)
            for at, system in enumerate(SYSTEMS * 3, 50)
        ]
        assert "".join(alone) == "AAAAAEEEE"

    async def test_next_window(self, kept: Kept):
        """
        A second after its first entry the form is stored again, and so is it under a clock that went back.
        """
        assert await fates(kept.store, same(*TWO * 3)) == "AAAAAE"
        kept.clock.now += 0.999
        assert await fates(kept.store, same("worker"), 10) == "E"
        kept.clock.now += 0.001
        assert await fates(kept.store, same(*TWO * 3), 20) == "AAAAAE"
        kept.clock.now -= 3_000
        assert await fates(kept.store, same("worker"), 30) == "A"

    async def test_first_error(self, kept: Kept):
        """
        The first error of each system is stored, whatever the others said and it said itself.
        """
        said = same(*["browser"] * 5, "worker", "browser", "worker", "backend", level="error")
        assert await fates(kept.store, [*same("worker", text="began"), *said]) == "AAAAAAAEEA"

    async def test_kinds_of_level(self, kept: Kept):
        """
        `log` and `info` are one form; an error of the same words is another one.
        """
        said = [
            *same(*TWO * 2),
            *same(*TWO, level="log"),
            *same(*TWO, level="error"),
            *same(*TWO, level="warn"),
        ]
        assert await fates(kept.store, said) == "AAAA" + "AE" + "AA" + "AA"

    async def test_other_forms_and_traces(self, kept: Kept):
        """
        Other words, other traces and rows without a print wait for nothing.
        """
        assert await fates(kept.store, same(*TWO * 3, "worker")) == "AAAAAEE"
        assert await fates(kept.store, same("worker", text="other"), 10) == "A"
        rows, prints = spoken(same("worker", "worker"), 20)
        assert await kept.store.write(rows, quota=QUOTA, prints=[NO_PRINT, prints[1]]) == "AE"
        assert await kept.store.write([row("trace-b", 1)], quota=QUOTA, prints=prints[:1]) == "A"
        assert await kept.store.write([row("trace-a", 30 + at) for at in range(9)], quota=QUOTA) == "A" * 9

    async def test_charges_nothing(self, kept: Kept):
        """
        An echo takes nothing of the trace's quota, is not in the trace, and its id may come again.
        """
        quota = TraceQuota(normal=6, extra=0, max_bytes=0)
        assert await fates(kept.store, same(*TWO * 15), quota=quota) == "A" * 5 + "E" * 25
        assert await fates(kept.store, same("backend", "cron"), 30, quota=quota) == "AT"
        kept.clock.now += 1
        assert await fates(kept.store, same(*TWO * 3), 4, quota=TraceQuota()) == "DAAAAA"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert len(trace.entries) == trace.stored == 11

    async def test_only_what_is_stored_counts(self, kept: Kept):
        """
        An entry that the quota refused is neither one of the five nor the first of its system.
        """
        full = TraceQuota(normal=1, extra=0, max_bytes=0)
        assert await fates(kept.store, same(*["worker"] * 9, "browser"), quota=full) == "A" + "T" * 9
        assert await fates(kept.store, same(*["worker"] * 5, *TWO), 20) == "AAAAAAE"

    async def test_switched_off(self, kept: Kept):
        """
        With a burst of 0 nothing waits.
        """
        assert await fates(kept.store, same(*TWO * 20), quota=TraceQuota(echo_burst=0)) == "A" * 40

    async def test_strange_prints(self, kept: Kept):
        """
        Prints that are none, or not one a row, are a mistake of the caller.
        """
        for prints in ([], [NO_PRINT, NO_PRINT], ["short"], ["é" * 12]):
            with pytest.raises(ValueError, match="for each of the 1 rows"):
                await kept.store.write([row("trace-a", 1)], quota=QUOTA, prints=prints)

    async def test_begins_anew(self, kept: Kept):
        """
        A trace whose time was over has heard nobody.
        """
        assert await fates(kept.store, same(*SYSTEMS * 2)) == "AAAAAE"
        await kept.let_expire()
        assert await fates(kept.store, same(*SYSTEMS * 2)) == "AAAAAE"


def _expected(history: list[Call], quota: TraceQuota) -> list[str]:
    """
    What the pure arithmetic says of the rows of one trace.
    """
    used, kept, known, now_ms, answers = Used(), ("", ""), set[int](), NOON_MS, []
    for wait_ms, words_, first in history:
        now_ms += wait_ms
        rows, prints = spoken(words_, first)
        said = Said.read(*kept, quota, now_ms)
        answer = ""
        for at, ((_, body), print_) in enumerate(zip(rows, prints, strict=True), first):
            if at in known:
                answer += "D"
            elif said.echoes(print_, quota):
                answer += "E"
            else:
                answer += used.admit(quota, ("n", len(body)), now_ms)
                if answer[-1] == "A":
                    said.note(print_, now_ms)
                    known.add(at)
        kept = said.written() if "A" in answer else kept
        answers.append(answer)
    return answers


async def _play(store: Store, clock: Clock, history: list[Call], quota: TraceQuota) -> list[str]:
    await store.start()
    await store.clear()
    answers = []
    for wait_ms, words_, first in history:
        clock.now = round(clock.now * 1000 + wait_ms) / 1000
        rows, prints = spoken(words_, first)
        answers.append(await store.write(rows, quota=quota, classes="n" * len(rows), prints=prints))
    await store.close()
    return answers


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=calls, burst=st.integers(0, 6))
def test_stores_follow_the_arithmetic(shared_server: RealServer, history: list[Call], burst: int):
    """
    A real server and the embedded store answer any history of calls as the arithmetic does.
    """
    quota = TraceQuota(normal=30, extra=0, max_bytes=0, echo_burst=burst)

    async def play() -> tuple[list[str], list[str]]:
        clocks = Clock(), Clock()
        client = Redis.from_url(shared_server.url, protocol=2)
        there = await _play(
            RedisStore(client=client, clock=clocks[0], timeout_s=5), clocks[0], history, quota
        )
        await client.aclose()
        return there, await _play(SqliteStore(":memory:", clock=clocks[1]), clocks[1], history, quota)

    expected = _expected(history, quota)
    assert asyncio.run(play()) == (expected, expected)


async def test_memory_is_bounded(kept: Kept):
    """
    Of more forms than are remembered the oldest is stored again, and so is a voice that was forgotten.
    """
    many = [(TWO[at % 2], "info", f"form {'x' * at}") for at in range(REMEMBERED + 1)]
    assert await fates(kept.store, many * 9) == "A" * len(many) * 9
    kept.clock.now += 1
    twice = [(system, *rest) for _, *rest in many[:-1] for system in TWO]
    assert await fates(kept.store, twice * 3, 500) == "A" * 2 * len(twice) + "AE" * REMEMBERED
    kept.clock.now += 1
    assert await fates(kept.store, same(*TWO * 3), 1_000) == "AAAAAE"
    crowd = [f"system-{at}" for at in range(REMEMBERED + 1)]
    said = same(*crowd, *crowd[1:], "worker")
    assert await fates(kept.store, said, 2_000) == "A" * len(crowd) + "E" * REMEMBERED + "A"


@given(st.lists(words, max_size=200), st.integers(1, 5))
def test_bounds(said: list[tuple[str, str, str]], burst: int):
    """
    In one window a form that several say is stored as often as the burst says and once more a system; less is stored
    of it only then.
    """
    known, quota, stored = Said(), TraceQuota(echo_burst=burst), dict[str, int]()
    voices: dict[str, set[str]] = {}
    for system, level, text in said:
        print_ = print_of(system, level, text)
        form = print_[4:]
        if not known.echoes(print_, quota):
            several = len(voices.setdefault(form, set()) | {system}) > 1
            assert not several or stored[form] < burst or system not in voices[form]
            known.note(print_, NOON_MS)
            stored[form] = stored.get(form, 0) + 1
            voices[form].add(system)
        else:
            assert stored[form] >= burst
            assert len(voices[form] | {system}) > 1


async def test_several_processes_on_one_server(shared_server: RealServer, raw: Redis):
    """
    However many writers say the same in one trace at once, five are stored and the first of each system.
    """
    stores = [RedisStore(shared_server.url, timeout_s=5) for _ in range(3)]
    for store in stores:
        await store.start()
    quota = TraceQuota(echo_window_s=600.0)
    writes = [fates(stores[at % 3], same(SYSTEMS[at % 3]), at, quota=quota) for at in range(60)]
    found = "".join(await asyncio.gather(*writes))
    assert 5 <= found.count("A") <= 7
    assert await raw.llen("logs:trace-a") == found.count("A")
    for store in stores:
        await store.close()


def test_prints_of_none():
    """
    Rows without prints have blank ones, which nothing compares.
    """
    assert prints_of(3, None) == NO_PRINT * 3
