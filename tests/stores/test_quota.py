"""
What one trace may store: the same on every store, never more whoever writes at once, and charged with the write only.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from tests.stores.conftest import Kept
from tests.stores.rows import NOON_MS, row
from tests.stores.servers import RealServer
from tracelog.core import keys
from tracelog.core.entry import decode_entry
from tracelog.stores import TraceQuota
from tracelog.stores.notes import Notes
from tracelog.stores.redis import RedisStore
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.trace_quota import Used, classes_of

pytestmark = pytest.mark.anyio

SMALL = TraceQuota(normal=4, extra=4, critical=12, window_s=600, max_bytes=0, own=3)

CASES = {
    "normal rows end at the normal part": ("nnnnnn", "AAAATT"),
    "errors go on into the extra part": ("nnnneeeeee", "AAAAAAAATT"),
    "privileged rows take half of it": ("nnnnppppeee", "AAAAAATTAAT"),
    "errors take the normal part first": ("eeeenneeeee", "AAAATTAAAAT"),
    "one critical row opens the trace for all": ("nnnnnc" + "n" * 9, "AAAATA" + "AAAAAAA" + "TT"),
    "critical rows end somewhere too": ("c" * 14, "A" * 12 + "TT"),
    "the last places of a critical trace are not for context": (
        "c" + "p" * 9 + "n" * 5,
        "A" * 8 + "TT" + "AAAAT",
    ),
    "own rows have places beyond all others": ("nnnneeeeooooneo", "AAAAAAAAAAANTTN"),
    "own rows leave the places of others, then take some as privileged ones": (
        "ooooonnnoooeee",
        "AAAAAAATAANAAT",
    ),
    "an own row that the gate refused is noted": ("nwnnwnw", "ANAANAN"),
    "nothing is noted where nothing is stored": ("wwn", "TTA"),
}
"""Classes of rows in a row, and what becomes of them under `SMALL`."""

classes = st.text(st.sampled_from("nnnpecoow"), min_size=1, max_size=8)
calls = st.lists(st.tuples(st.integers(0, 700), classes, st.integers(0, 30)), min_size=1, max_size=12)
"""Calls of a history: seconds that pass before, classes of its rows, number of the first."""


class TestEveryStore:
    @pytest.mark.parametrize("name", CASES)
    async def test_classes(self, kept: Kept, name: str):
        """
        Each class gets its part, whether its rows come in one call or each alone.
        """
        letters, expected = CASES[name]
        for trace_id, size in (("trace-a", len(letters)), ("trace-b", 1)):
            rows = [row(trace_id, seq) for seq in range(len(letters))]
            found = ""
            for at in range(0, len(rows), size):
                part = slice(at, at + size)
                found += await kept.store.write(rows[part], quota=SMALL, classes=letters[part])
            assert found == expected
            trace = await kept.store.fetch(trace_id)
            assert trace is not None
            noted = 1 if "N" in expected else 0
            assert trace.stored == len(trace.entries) == expected.count("A") + noted
            assert trace.refused == ("T" in expected.removeprefix("TTA"))

    async def test_what_own_rows_count(self, kept: Kept):
        """
        Own rows that find no place are shown with their trace: added up by kind, system and reason, beyond eight of
        these as one for all others, each id once, and as long as the trace lives.
        """
        said = [(f"s{n % 10}", "rate" if n % 2 else "two words", n + 1) for n in range(30)]
        rows = [
            row("trace-a", n, id=f"row {n}", system=system, kind="suppressed", why=why, count=count)
            for n, (system, why, count) in enumerate(said)
        ]
        assert await kept.store.write([row("trace-a", 99)], quota=SMALL) == "A"
        assert await kept.store.write(rows[:20], quota=SMALL, classes="w" * 20) == "N" * 20
        assert await kept.store.write(rows[10:], quota=SMALL, classes="w" * 20) == "N" * 20
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        entries = [decode_entry(body) for body in trace.entries[1:]]
        counts = {(each.system, each.why): each.count for each in entries[:8]}
        expected: Counter[tuple[str, str]] = Counter()
        for system, why, count in said:
            expected[system, why] += count
        assert counts == {key: n for key, n in expected.items() if key[0] < "s8"}
        assert (entries[8].why, entries[8].kind, len(entries)) == ("other", "suppressed", 9)
        assert sum(each.count or 0 for each in entries) == sum(count for _, _, count in said)
        assert max(each.last_timestamp or 0 for each in entries) == NOON_MS + 29
        assert (trace.stored, trace.refused) == (10, False)
        await kept.let_expire()
        assert await kept.store.write([row("trace-a", 99)], quota=SMALL) == "A"
        again = await kept.store.fetch("trace-a")
        assert again is not None
        assert len(again.entries) == 1

    async def test_without_quota(self, kept: Kept):
        """
        Without a quota nothing is refused and nothing counted.
        """
        assert await kept.store.write([row("trace-a", seq) for seq in range(9)]) == "A" * 9
        later = [row("trace-a", seq) for seq in range(9, 15)]
        assert await kept.store.write(later, quota=SMALL) == "AAAATT"

    async def test_classes_by_level(self, kept: Kept):
        """
        Rows without classes are essential when they are errors.
        """
        rows = [row("trace-a", seq, level="error" if seq > 6 else "info") for seq in range(9)]
        assert await kept.store.write(rows, quota=SMALL) == "AAAATTTAA"

    async def test_repeats_charge_nothing(self, kept: Kept):
        """
        A repeated id is a duplicate whatever is left of the quota, and leaves it as it was.
        """
        rows = [row("trace-a", seq) for seq in range(6)]
        assert await kept.store.write([rows[0], rows[0], rows[1]], quota=SMALL) == "ADA"
        assert await kept.store.write(rows, quota=SMALL) == "DDAATT"
        assert await kept.store.write(rows[:5], quota=SMALL) == "DDDDT"
        [tally] = await kept.store.tallies()
        assert (tally.received, tally.duplicate, tally.max_seq) == (4, 7, 5)

    async def test_traces_apart(self, kept: Kept):
        """
        One trace's flood takes nothing from another one's quota, in one and the same call.
        """
        rows = [row(f"trace-{seq % 2}", seq) for seq in range(12)] + [row("trace-2", 99)]
        assert await kept.store.write(rows, quota=SMALL) == "AAAAAAAATTTTA"

    async def test_next_window(self, kept: Kept):
        """
        When the window is over the trace may store as much again; what was stored stays.
        """
        rows = [row("trace-a", seq) for seq in range(30)]
        assert await kept.store.write(rows[:9], quota=SMALL) == "AAAATTTTT"
        await kept.age("trace-a", 590)
        assert await kept.store.write(rows[9:11], quota=SMALL) == "TT"
        await kept.age("trace-a", 11)
        assert await kept.store.write(rows[11:20], quota=SMALL) == "AAAATTTTT"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert len(trace.entries) == 8

    async def test_bytes(self, kept: Kept):
        """
        A trace takes so many bytes and then only what still fits, and no window gives it room again.
        """
        quota = TraceQuota(max_bytes=3_000, window_s=600)
        large = [row("trace-a", seq, "x" * 1_000) for seq in range(4)]
        assert await kept.store.write(large, quota=quota) == "AAZZ"
        await kept.age("trace-a", 601)
        assert await kept.store.write([large[3], row("trace-a", 4)], quota=quota) == "ZA"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert sum(map(len, trace.entries)) <= 3_000

    async def test_begins_anew(self, kept: Kept):
        """
        A trace whose time was over begins with a whole quota, critical no more.
        """
        await kept.store.write([row("trace-a", seq) for seq in range(9)], quota=SMALL, classes="c" * 9)
        await kept.let_expire()
        again = [row("trace-a", seq) for seq in range(9)]
        assert await kept.store.write(again, quota=SMALL) == "AAAATTTTT"

    async def test_strange_classes(self, kept: Kept):
        """
        Classes that are none, or not one a row, are a mistake of the caller.
        """
        for letters in ("", "nn", "N", "é"):
            with pytest.raises(ValueError, match="for each of the 1 rows"):
                await kept.store.write([row("trace-a", 1)], quota=SMALL, classes=letters)

    async def test_many_writers(self, kept: Kept):
        """
        However many write one trace at once, it stores its quota and not one row more.
        """
        writes = [
            kept.store.write([row("trace-a", at * 10 + n, source=f"s{at}") for n in range(10)], quota=SMALL)
            for at in range(20)
        ]
        assert "".join(await asyncio.gather(*writes)).count("A") == SMALL.normal
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert len(trace.entries) == SMALL.normal


def _expected(history: list[tuple[int, str, int]], quota: TraceQuota) -> tuple[list[str], str]:
    """
    What the pure arithmetic says of the rows of one trace, and what it notes with it.
    """
    used, notes, known, now_ms, answers = Used(), Notes(), set(), NOON_MS, []
    for wait_s, letters, first in history:
        now_ms += wait_s * 1000
        answer = ""
        for at, class_ in enumerate(letters):
            entry, body = _made(first + at)
            if first + at in known:
                answer += "D"
                continue
            if class_ in "ow" and notes.knows(entry.id):
                answer += "N"
                continue
            answer += used.admit(quota, (class_, len(body)), now_ms)
            known |= {first + at} if answer[-1] == "A" else set()
            if answer[-1] == "N":
                notes.note(entry, body)
        answers.append(answer)
    return answers, notes.written()[0]


def _made(seq: int) -> Any:
    """
    Return a row whose words, time and count are as strange as a row of ours may be.
    """
    said = {"why": ("rate", "two words", "", None)[seq % 4], "kind": ("suppressed", "summary")[seq % 2]}
    said |= {"system": f"s{seq % 5}", "count": 2**40 + seq, "timestamp": NOON_MS + seq / 3}
    return row("trace-a", seq, "x\n" * (seq % 7), **said)


async def test_notes_of_others_are_none(raw: Redis, shared_server: RealServer):
    """
    Text of another program where notes stand spoils no trace.
    """
    store = RedisStore(shared_server.url, timeout_s=5)
    await store.start()
    await store.write([row("trace-a", 1)], quota=SMALL)
    for text in ("a b c 1 x y", "a b c 1 2.000 no json", b"\xff\n \n", "a b c 1 2.000"):
        await raw.hset(keys.companion(keys.QUOTA, "trace-a"), "w", text)
        trace = await store.fetch("trace-a")
        assert trace is not None
        assert (len(trace.entries), trace.stored) == (1, 1)
    await store.close()


@pytest.mark.parametrize("max_bytes", [0, 900])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=calls)
def test_script_follows_the_arithmetic(
    shared_server: RealServer, max_bytes: int, history: list[tuple[int, str, int]]
):
    """
    Redis answers any history of calls as the arithmetic does, and keeps what it answered.
    """
    quota = TraceQuota(normal=4, extra=4, critical=12, window_s=600, max_bytes=max_bytes, own=3)

    async def play() -> tuple[list[str], str]:
        client = Redis.from_url(shared_server.url, protocol=2)
        store = RedisStore(client=client, timeout_s=5)
        await store.start()
        await store.clear()
        answers = []
        for wait_s, letters, first in history:
            if await client.exists(keys.companion(keys.QUOTA, "trace-a")):
                await client.hincrby(keys.companion(keys.QUOTA, "trace-a"), "t", -wait_s * 1000)
            rows = [_made(first + at) for at in range(len(letters))]
            answers.append(await store.write(rows, quota=quota, classes=letters))
        noted = await client.hget(keys.companion(keys.QUOTA, "trace-a"), "w") or b""
        await store.close()
        await client.aclose()
        return answers, noted.decode()

    assert asyncio.run(play()) == _expected(history, quota)


@settings(max_examples=60, deadline=None)
@given(history=calls)
def test_bounds(history: list[tuple[int, str, int]]):
    """
    Between two beginnings of windows, which are a window apart at least, no more is stored than the quota says:
    normal and extra part, or the critical bound once a critical row was stored.
    """
    used, now_ms, began, stored = Used(), NOON_MS, [], 0
    for wait_s, letters, _ in history:
        now_ms += wait_s * 1000
        for class_ in letters:
            since = used.since_ms
            fate = used.admit(SMALL, (class_, 10), now_ms)
            if used.since_ms != since:
                began.append(now_ms)
                stored = 0
            stored += fate == "A"
            most = SMALL.critical if used.is_critical else SMALL.normal + SMALL.extra
            assert stored - used.own <= most
            assert used.own <= SMALL.own
            assert fate == "A" or class_ == "w" or stored >= SMALL.normal
    assert all(later - earlier >= 600_000 for earlier, later in pairwise(began))


async def test_several_processes_on_one_server(shared_server: RealServer, raw: Redis):
    """
    Of many writers with clients of their own, flooding the same traces with every class, a trace takes 100 rows and
    50 more for errors; a critical one 1,000.
    """
    stores = [RedisStore(shared_server.url, timeout_s=5) for _ in range(4)]
    for store in stores:
        await store.start()
    writes = [
        stores[at % 4].write(
            [row(trace_id, n, source=f"s{at}") for n in range(60)], quota=TraceQuota(), classes=letters * 10
        )
        for at in range(24)
        for trace_id, letters in (("plain", "nnnnnn"), ("failing", "nnepen"), ("grave", "nncnen"))
    ]
    await asyncio.gather(*writes)
    found = {name: await raw.llen(f"logs:{name}") for name in ("plain", "failing", "grave")}
    assert found == {"plain": 100, "failing": 150, "grave": 1_000}
    for store in stores:
        await store.close()


async def test_two_processes_on_one_file(tmp_path: Any):
    """
    Two embedded stores on one file keep one count between them.
    """
    stores = [SqliteStore(str(tmp_path / "logs.db")) for _ in range(2)]
    for store in stores:
        await store.start()
    await asyncio.gather(
        *(
            stores[at % 2].write([row("trace-a", n, source=f"s{at}") for n in range(3)], quota=SMALL)
            for at in range(10)
        )
    )
    trace = await stores[0].fetch("trace-a")
    assert trace is not None
    assert len(trace.entries) == SMALL.normal
    for store in stores:
        await store.close()


@pytest.fixture
def spent() -> Callable[[str], Used]:
    """
    A function that charges letters one after the other, ten bytes each.
    """

    def charge(letters: str) -> Used:
        used = Used()
        for class_ in letters:
            used.admit(SMALL, (class_, 10), NOON_MS)
        return used

    return charge


def test_refused_rows_charge_nothing(spent: Callable[[str], Used]):
    """
    What is refused leaves every count as it was.
    """
    assert spent("nnnn") == spent("nnnnnnn") != spent("nnn")


def test_clock_turned_back(spent: Callable[[str], Used]):
    """
    A clock that goes back gives no new window.
    """
    assert spent("nnnn").admit(SMALL, ("n", 10), NOON_MS - 10_000_000) == "T"


def test_default_classes():
    """
    Errors and worse are essential, everything else is normal.
    """
    levels = ("debug", "info", "warn", "error", "fatal")
    assert classes_of([row("t", at, level=level) for at, level in enumerate(levels)], None) == "nnnee"
