"""
The contract of a store, asked of every kind: embedded in a file and in memory, a real server, an imitation of one.
"""

import asyncio
from random import Random

import pytest

from tests.stores.conftest import TTL_S, Kept
from tests.stores.rows import NOON_MS, row
from tracelog.core.query import parse
from tracelog.core.quota_settings import QuotaSettings
from tracelog.errors import QuerySyntaxError, StoreUnavailableError, UnknownReferenceError
from tracelog.stores import OTHERS, Outcome, Row, Store, TraceFilter, TraceSummary
from tracelog.stores.gates import Demand
from tracelog.stores.reference import OWN

pytestmark = pytest.mark.anyio

W3C = "4bf92f3577b34da6a3ce929d0e0e4736"

ODD = [
    "a b",
    "*1\r\n$4\r\nPING\r\n",
    "naïve ☕ 日本",
    "x" * 96,
    "{logs:other}",
    "'; DROP TABLE entries; --",
    '\t"\\',
    " ",
]
"""Texts that mean something elsewhere."""

FOUND = {
    "": [0, 1, 2, 3, 4],
    "declined": [1],
    "DECLINED": [1],
    "ine": [1, 4],
    "ne": [1, 3, 4],
    "strasse": [2],
    "level:error": [1, 3],
    "level:fatal": [3],
    "level:info": [0, 1, 2, 3, 4],
    "level:=info": [0, 2, 4],
    "-level:error": [0, 2, 4],
    "system:worker": [1],
    "trace:trace-b": [3, 4],
    "trace:trace-b level:error": [3],
    '"card declined" system:worker': [1],
    "order:12": [0],
    "order:>11": [0, 3],
    "user:U1": [0],
    "source:s": [0, 1, 2, 3, 4],
    "since:2027-01-15T08:00:00.003": [3, 4],
    "until:2027-01-15T08:00:00.001": [0],
    "nowhere": [],
}
"""Searches, and which of five entries they find."""

FILTERED = [
    ({"errors": True}, ["trace-3", "trace-1"]),
    ({"system": "worker"}, ["trace-2"]),
    ({"system": "work"}, []),
    ({"errors": True, "system": "worker"}, []),
    ({"since_ms": NOON_MS + 2_500}, ["trace-4", "trace-3"]),
    ({"since_ms": NOON_MS + 3_000, "errors": True}, ["trace-3"]),
    ({"q": parse("message")}, ["trace-4", "trace-3", "trace-2", "trace-1", "trace-0"]),
    ({"q": parse("level:error -3")}, ["trace-1"]),
    ({"q": parse("nothing of the kind")}, []),
]
"""Filters, and which of five traces they let through."""

REFUSED = [
    ("trace-00", "ambiguous_trace", "trace-006, trace-005, trace-004, trace-003, trace-002 and more"),
    ("trace-9999", "unknown_trace", "no trace trace-9999"),
    ("latest-error", "unknown_trace", "no trace yet"),
    ("trace-0", "unknown_trace", "at least 8"),
    ("", "bad_reference", "its id"),
    ("*", "bad_reference", "its id"),
    ("trace-0%", "bad_reference", "its id"),
    ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", "unknown_trace", "no trace"),
]
"""References that lead to no single one of seven traces, and what is said about them."""

STRANGE_CURSORS = ["", "x", "null", "WzEsMl0", "e30", "é", "W10=="]


async def _all_traces(store: Store, limit: int, **wanted: object) -> list[TraceSummary]:
    found: list[TraceSummary] = []
    cursor = None
    while True:
        page = await store.traces(TraceFilter(limit=limit, cursor=cursor, **wanted))
        assert len(page.items) <= limit
        found += page.items
        if (cursor := page.cursor) is None:
            return found


async def _all_hits(store: Store, q: str, limit: int = 100, **bounds: float) -> list[bytes]:
    found: list[bytes] = []
    cursor = None
    while True:
        page = await store.search(parse(q), limit=limit, cursor=cursor, **bounds)
        assert len(page.items) <= limit
        found += page.items
        if (cursor := page.cursor) is None:
            return found


def _bodies(rows: list[Row]) -> list[bytes]:
    return [body for _, body in rows]


class TestWriting:
    async def test_new(self, kept: Kept):
        """
        A new entry is answered True and is found in its trace, byte for byte and in arrival order.
        """
        rows = [row("trace-a", seq) for seq in (3, 1, 2)]
        assert await kept.store.write(rows) == "AAA"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert trace.entries == _bodies(rows)
        assert trace.stored == 3

    async def test_nothing(self, kept: Kept):
        """
        Writing nothing is answered with nothing.
        """
        assert await kept.store.write([]) == ""

    async def test_repeated(self, kept: Kept):
        """
        An id is stored once in its trace, in one call and in the next, and the first content wins.
        """
        first, again = row("trace-a", 1, "first"), row("trace-a", 1, "again")
        assert await kept.store.write([first, again, row("trace-a", 2)]) == "ADA"
        assert await kept.store.write([again, row("trace-a", 3), again]) == "DAD"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert trace.entries == _bodies([first, row("trace-a", 2), row("trace-a", 3)])
        assert trace.stored == 3

    async def test_only_repeated(self, kept: Kept):
        """
        A call that brings nothing new is answered False throughout and changes nothing.
        """
        rows = [row("trace-a", seq) for seq in range(5)]
        await kept.store.write(rows)
        assert await kept.store.write(rows) == "D" * 5
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert trace.entries == _bodies(rows)

    async def test_same_id_elsewhere(self, kept: Kept):
        """
        An id belongs to its trace: another trace may have it too.
        """
        assert await kept.store.write([row("trace-a", 1), row("trace-b", 1)]) == "AA"

    async def test_concurrent_repeats(self, kept: Kept):
        """
        Of many senders of the same entries at once, exactly one is told of each that it is new.
        """
        rows = [row(f"trace-{seq % 3}", seq) for seq in range(30)]
        orders = [Random(seed).sample(rows, len(rows)) for seed in range(12)]
        answers = await asyncio.gather(*(kept.store.write(order) for order in orders))
        news = [
            entry.id
            for order, answer in zip(orders, answers, strict=True)
            for (entry, _), new in zip(order, answer, strict=True)
            if new == "A"
        ]
        assert sorted(news) == sorted(entry.id for entry, _ in rows)
        traces = [await kept.store.fetch(f"trace-{at}") for at in range(3)]
        assert [len(trace.entries) for trace in traces if trace] == [10, 10, 10]

    async def test_odd_text(self, kept: Kept):
        """
        Ids, sources and messages are data: none of them becomes a command, a key or a statement.
        """
        rows = [row(f"trace-{at}", at, odd, id=odd, source=odd) for at, odd in enumerate(ODD)]
        assert await kept.store.write(rows) == "A" * len(ODD)
        assert await kept.store.write(rows) == "D" * len(ODD)
        for at, odd in enumerate(ODD):
            trace = await kept.store.fetch(f"trace-{at}")
            assert trace is not None
            assert trace.entries == _bodies(rows[at : at + 1])
            assert [(tally.received, tally.duplicate) for tally in await kept.store.tallies(source=odd)] == [
                (1, 1)
            ]

    async def test_large_trace(self, kept: Kept):
        """
        A trace far larger than one command may be is stored whole, in order, each entry once.
        """
        rows = [row("trace-a", seq) for seq in range(4_500)]
        assert await kept.store.write(rows + rows[:10]) == "A" * 4_500 + "D" * 10
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert trace.entries == _bodies(rows)

    async def test_many_traces(self, kept: Kept):
        """
        A call of thousands of traces stores every one of them.
        """
        rows = [row(f"trace-{seq}", seq) for seq in range(2_100)]
        assert await kept.store.write(rows) == "A" * 2_100
        assert await kept.store.write(rows[::100]) == "D" * 21
        assert len(await _all_hits(kept.store, "", limit=1_000)) == 2_100

    async def test_large_entries(self, kept: Kept):
        """
        Entries of the largest size are taken, however many come in one call.
        """
        rows = [row(f"trace-{seq % 7}", seq, "x" * 250_000) for seq in range(40)]
        assert await kept.store.write(rows) == "A" * 40
        trace = await kept.store.fetch("trace-3")
        assert trace is not None
        assert trace.entries == _bodies(rows[3::7])


class TestReading:
    async def test_unknown(self, kept: Kept):
        """
        A trace that is not there, or could not be, is None.
        """
        assert await kept.store.fetch("trace-a") is None
        assert await kept.store.fetch("logs:{x}/../*") is None
        assert await kept.store.fetch("") is None

    async def test_expiry(self, kept: Kept):
        """
        A trace says when it will be gone, and every write puts that off.
        """
        await kept.store.write([row("trace-a", 1)])
        kept.clock.now += 10
        await kept.store.write([row("trace-a", 2)])
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert trace.expires_at_ms == pytest.approx(NOON_MS + (10 + TTL_S) * 1000, abs=1_500)

    async def test_over(self, kept: Kept):
        """
        A trace whose time is over shows nowhere, swept or not.
        """
        await kept.store.write([row("trace-aaaa", 1, level="error")])
        await kept.let_expire()
        assert await kept.store.fetch("trace-aaaa") is None
        assert await _all_traces(kept.store, 10) == []
        assert await _all_traces(kept.store, 10, errors=True) == []
        assert await _all_hits(kept.store, "") == []
        for ref in ("trace-aaaa", "trace-aa", "latest", "latest-error"):
            with pytest.raises(UnknownReferenceError):
                await kept.store.resolve(ref)

    async def test_begins_anew(self, kept: Kept):
        """
        A trace that is written after its time was over begins anew, its old ids forgotten.
        """
        await kept.store.write([row("trace-a", 1, "old", level="error"), row("trace-a", 2, "old")])
        await kept.let_expire()
        assert await kept.store.write([row("trace-a", 1, "new")]) == "A"
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert (len(trace.entries), trace.stored) == (1, 1)
        [line] = await _all_traces(kept.store, 10)
        assert (line.title, line.entries, line.errors) == ("new", 1, 0)


class TestReferences:
    async def test_names(self, kept: Kept):
        """
        An id, its beginning, a traceparent and the two names all lead to the trace they mean.
        """
        await kept.store.write([row(W3C, 1, level="error")])
        kept.clock.now += 1
        await kept.store.write([row("trace-later", 2)])
        kept.clock.now += 1
        await kept.store.write(
            [row(name, 3, level="error") for name in OWN]
        )  # never the latest that is meant
        found = {
            W3C: W3C,
            W3C[:8]: W3C,
            f"00-{W3C}-00f067aa0ba902b7-01": W3C,
            "latest-error": W3C,
            "latest": "trace-later",
            "trace-later": "trace-later",
            "trace-la": "trace-later",
        }
        assert {ref: await kept.store.resolve(ref) for ref in found} == found

    async def test_whole_id_wins(self, kept: Kept):
        """
        An id that is also the beginning of others means itself, however short it is.
        """
        await kept.store.write([row("abc", 1), row("abcdefgh", 2), row("abcdefghi", 3)])
        assert await kept.store.resolve("abc") == "abc"
        assert await kept.store.resolve("abcdefgh") == "abcdefgh"

    async def test_refused(self, kept: Kept):
        """
        What means no trace, or several, is refused in one sentence that helps.
        """
        await kept.store.write([row(f"trace-{at:03}", at) for at in range(7)])
        for ref, reason, says in REFUSED:
            with pytest.raises(UnknownReferenceError, match=says) as refused:
                await kept.store.resolve(ref)
            assert refused.value.reason == reason

    async def test_few_candidates(self, kept: Kept):
        """
        A beginning of two traces is answered with both.
        """
        await kept.store.write([row("trace-two-b", 1), row("trace-two-a", 2)])
        with pytest.raises(UnknownReferenceError, match="could mean trace-two-b, trace-two-a; give more"):
            await kept.store.resolve("trace-two")


class TestLists:
    async def _fill(self, kept: Kept) -> None:
        """
        Five traces, a second apart: the second and fourth hold an error, the third is of another system.
        """
        for at in range(5):
            level = "error" if at in (1, 3) else "info"
            await kept.store.write(
                [
                    row(
                        f"trace-{at}",
                        at,
                        f"message {at}",
                        system="worker" if at == 2 else "backend",
                        level=level,
                    )
                ]
            )
            kept.clock.now += 1

    async def test_line(self, kept: Kept):
        """
        A line tells how many entries and errors, from when to when, of which systems, and what went wrong first.
        """
        rows = [
            row("trace-a", 5, "opening\nand more"),
            row("trace-a", 9, "fine", system="worker"),
            row("trace-a", 2, "  \nit broke", system="browser", level="error"),
            row("trace-a", 4, "again", system="worker", level="fatal"),
        ]
        await kept.store.write(rows[:2])
        [line] = await _all_traces(kept.store, 10)
        assert (line.title, line.errors, line.systems) == ("opening", 0, ["backend", "worker"])
        await kept.store.write(rows[2:])
        [line] = await _all_traces(kept.store, 10)
        assert line == TraceSummary(
            trace_id="trace-a",
            first_ms=NOON_MS + 2,
            last_ms=NOON_MS + 9,
            entries=4,
            errors=2,
            systems=["backend", "worker", "browser"],
            title="it broke",
            expires_at_ms=line.expires_at_ms,
        )
        assert line.expires_at_ms == pytest.approx(NOON_MS + TTL_S * 1000, abs=1_500)

    @pytest.mark.parametrize("limit", [1, 2, 10])
    async def test_order(self, kept: Kept, limit: int):
        """
        Traces come newest write first, each once, whatever the size of a page.
        """
        await self._fill(kept)
        await kept.store.write([row("trace-1", 100)])
        found = [line.trace_id for line in await _all_traces(kept.store, limit)]
        assert found == ["trace-1", "trace-4", "trace-3", "trace-2", "trace-0"]

    @pytest.mark.parametrize("limit", [3, 64, 200])
    async def test_same_moment(self, kept: Kept, limit: int):
        """
        Traces of one and the same moment are parted into pages without loss and without repetition.
        """
        await kept.store.write([row(f"trace-{at:03}", at) for at in range(150)])
        found = [line.trace_id for line in await _all_traces(kept.store, limit)]
        assert found == sorted((f"trace-{at:03}" for at in range(150)), reverse=True)

    @pytest.mark.parametrize("limit", [1, 50])
    async def test_filters(self, kept: Kept, limit: int):
        """
        A filter lets through the traces it names and no others, on pages of any size.
        """
        await self._fill(kept)
        found = [
            [line.trace_id for line in await _all_traces(kept.store, limit, **wanted)]
            for wanted, _ in FILTERED
        ]
        assert found == [expected for _, expected in FILTERED]

    async def test_last_error_first(self, kept: Kept):
        """
        The list of errors goes by the last error of each trace, not by what was written later.
        """
        await self._fill(kept)
        await kept.store.write([row("trace-1", 100, "calm")])
        assert [line.trace_id for line in await _all_traces(kept.store, 50, errors=True)] == [
            "trace-3",
            "trace-1",
        ]
        kept.clock.now += 1
        await kept.store.write([row("trace-1", 101, "again", level="fatal")])
        assert [line.trace_id for line in await _all_traces(kept.store, 50, errors=True)] == [
            "trace-1",
            "trace-3",
        ]
        assert await kept.store.resolve("latest-error") == "trace-1"

    async def test_visited_in_portions(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        A filter that lets few traces through ends a page early, and its cursors lead to all of them.
        """
        for module in ("sqlite_read", "redis_read"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_VISITED", 2)
        monkeypatch.setattr("tracelog.stores.redis_read.CHUNK", 2)
        await self._fill(kept)
        first = await kept.store.traces(TraceFilter(system="worker"))
        assert (first.items, first.cursor is None) == ([], False)
        assert [line.trace_id for line in await _all_traces(kept.store, 50, system="worker")] == ["trace-2"]

    async def test_a_trace_is_found_by_its_id_in_one_page(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        Traces of other names do not count as visited, so however many came later, the first page has it.
        """
        for module in ("sqlite_read", "redis_read"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_VISITED", 2)
        monkeypatch.setattr("tracelog.stores.redis_read.CHUNK", 2)
        await kept.store.write([row(f"trace-{at:03}", at) for at in range(30)])
        for name, count in (("trace-000", 1), ("trace-00", 10), ("trace-9", 0)):
            wanted = parse(f'trace:"{name}"', now_ms=NOON_MS)
            found = [line.trace_id for line in await _all_traces(kept.store, 50, q=wanted)]
            assert found == sorted(found, reverse=True)
            assert len(found) == count
        page = await kept.store.traces(TraceFilter(q=parse("trace:trace-000", now_ms=NOON_MS)))
        assert [line.trace_id for line in page.items] == ["trace-000"]

    async def test_limits(self, kept: Kept):
        """
        A page holds at least one trace and at most two hundred, whatever is asked for.
        """
        await kept.store.write([row(f"trace-{at:03}", at) for at in range(205)])
        assert len((await kept.store.traces(TraceFilter(limit=10_000))).items) == 200
        assert len((await kept.store.traces(TraceFilter(limit=0))).items) == 1

    async def test_bad_cursor(self, kept: Kept):
        """
        A cursor that is none of ours is refused, in lists and in searches.
        """
        for cursor in STRANGE_CURSORS:
            with pytest.raises(QuerySyntaxError, match="cursor"):
                await kept.store.traces(TraceFilter(cursor=cursor))
            with pytest.raises(QuerySyntaxError, match="cursor"):
                await kept.store.search(parse(""), cursor=cursor)


class TestSearch:
    async def test_order(self, kept: Kept):
        """
        The latest arrival comes first; of equal ones the latest timestamp, then ids in order.
        """
        rows = [
            row("trace-a", 1, received_at=NOON_MS + 50),
            row("trace-b", 2, received_at=NOON_MS + 70),
            row("trace-a", 3, received_at=NOON_MS + 60),
            row("trace-b", 4, timestamp=NOON_MS + 65),
            row("trace-b", 5, timestamp=NOON_MS, received_at=NOON_MS + 60),
            row("trace-a", 6, timestamp=NOON_MS, received_at=NOON_MS + 60),
        ]
        await kept.store.write(rows)
        assert await _all_hits(kept.store, "") == _bodies([rows[at] for at in (1, 3, 2, 5, 4, 0)])

    @pytest.mark.parametrize("limit", [1, 7, 1_000])
    async def test_pages(self, kept: Kept, limit: int):
        """
        Pages of any size together are all hits, each once, newest first.
        """
        rows = [
            row(f"trace-{seq % 4}", seq, "odd" if seq % 2 else "even", timestamp=NOON_MS + seq // 3)
            for seq in range(60)
        ]
        await kept.store.write(rows)
        expected = [each for each in rows if each[0].message == "odd"]
        expected.sort(key=lambda each: (-each[0].timestamp, each[0].trace_id, each[0].id))
        assert await _all_hits(kept.store, "odd", limit) == _bodies(expected)

    async def test_language(self, kept: Kept):
        """
        Every store finds what the search language means.
        """
        rows = [
            row("trace-a", 0, "charging", user_id="u1", context={"order": 12}),
            row("trace-a", 1, "Card declined", system="worker", level="error"),
            row("trace-a", 2, "Straße\nblocked"),
            row("trace-b", 3, "gone", level="fatal", context={"order": 13.5}),
            row("trace-b", 4, 'said "fine"'),
        ]
        await kept.store.write(rows)
        found = {
            q: [rows.index(each) for each in rows[::-1] if each[1] in await _all_hits(kept.store, q)]
            for q in FOUND
        }
        assert found == {q: seqs[::-1] for q, seqs in FOUND.items()}

    async def test_bounds(self, kept: Kept):
        """
        The bounds of time are about timestamps: from the first on, before the second.
        """
        rows = [row("trace-a", seq) for seq in range(6)]
        await kept.store.write(rows)
        found = await _all_hits(kept.store, "", since_ms=NOON_MS + 2, until_ms=NOON_MS + 5)
        assert found == _bodies(rows[4:1:-1])

    async def test_new_entries_stay_in_front(self, kept: Kept):
        """
        What arrives between two pages moves nothing on the second.
        """
        rows = [row(f"trace-{seq}", seq) for seq in range(6)]
        await kept.store.write(rows)
        first = await kept.store.search(parse(""), limit=3)
        await kept.store.write([row("trace-0", 50), row("trace-9", 51)])
        second = await kept.store.search(parse(""), limit=3, cursor=first.cursor)
        assert first.items + second.items == _bodies(rows[::-1])

    async def test_limit(self, kept: Kept):
        """
        A page holds at least one entry and at most a thousand.
        """
        await kept.store.write([row("trace-a", seq) for seq in range(1_100)])
        assert len((await kept.store.search(parse(""), limit=100_000)).items) == 1_000
        assert len((await kept.store.search(parse(""), limit=-1)).items) == 1


class TestLedger:
    async def test_counts(self, kept: Kept):
        """
        Each source of each system counts what it had stored, what came again, and its largest number.
        """
        await kept.store.write([row("trace-a", 4), row("trace-b", 2), row("trace-a", 4)])
        kept.clock.now += 1
        await kept.store.write([row("trace-b", 2), row("trace-b", 1, source="t", system="worker")])
        kept.clock.now += 1
        bare = row("trace-c", 1, id="x")
        bare[0].source = bare[0].seq = None
        await kept.store.write([bare])
        found = [
            (
                tally.system,
                tally.source,
                tally.received,
                tally.duplicate,
                tally.max_seq,
                tally.last_seen_ms - NOON_MS,
            )
            for tally in await kept.store.tallies()
        ]
        assert found == [
            ("backend", "", 1, 0, None, 2_000),
            ("worker", "t", 1, 0, 1, 1_000),
            ("backend", "s", 2, 2, 4, 1_000),
        ]

    async def test_outcomes(self, kept: Kept):
        """
        What was not stored is added up by outcome and reason, also for a source that stored nothing.
        """
        await kept.store.count(
            [
                Outcome("s", "backend", "rejected", "bad_json", 2),
                Outcome("s", "backend", "limited", "trace_quota"),
            ]
        )
        await kept.store.count(
            [Outcome("s", "backend", "rejected", "bad_json"), Outcome("", "", "rejected", "too large")]
        )
        await kept.store.count([])
        found = {(tally.system, tally.source): tally.outcomes for tally in await kept.store.tallies()}
        assert found == {
            ("backend", "s"): {"rejected": {"bad_json": 3}, "limited": {"trace_quota": 1}},
            ("", ""): {"rejected": {"too_large": 1}},
        }

    async def test_report(self, kept: Kept):
        """
        The last report of a source is kept as it was given, also when the source had nothing stored.
        """
        await kept.store.write([row("trace-a", 1)])
        await kept.store.report("s", b'{"emitted":1}')
        await kept.store.report("s", b'{"emitted": 2, "x": "\xc3\xa9 y"}')
        kept.clock.now += 1
        await kept.store.report("silent", b"{}")
        found = [(tally.source, tally.received, tally.report) for tally in await kept.store.tallies()]
        assert found == [("silent", 0, b"{}"), ("s", 1, b'{"emitted": 2, "x": "\xc3\xa9 y"}')]

    async def test_filter(self, kept: Kept):
        """
        Counts can be asked for by source and by system.
        """
        await kept.store.write(
            [row("trace-a", 1), row("trace-a", 1, source="t"), row("trace-a", 1, id="i", system="worker")]
        )
        assert [(t.system, t.source) for t in await kept.store.tallies(source="s")] == [
            ("worker", "s"),
            ("backend", "s"),
        ]
        assert [(t.system, t.source) for t in await kept.store.tallies(system="worker")] == [("worker", "s")]
        assert await kept.store.tallies(source="t", system="worker") == []

    async def test_outlives_traces(self, kept: Kept):
        """
        Counts stay when the traces they speak of are gone.
        """
        await kept.store.write([row("trace-a", 1)])
        await kept.let_expire()
        await kept.store.sweep()
        assert [tally.received for tally in await kept.store.tallies()] == [1]

    async def test_forgotten(self, kept: Kept, monkeypatch: pytest.MonkeyPatch):
        """
        A sweep forgets the sources that were silent for a day; past the bound it puts the most silent ones
        together, which changes no sum.
        """
        await kept.store.write([row("trace-a", 1, source="old")])
        await kept.store.count([Outcome("old", "backend", "rejected", "bad_json")])
        kept.clock.now += 24 * 3600 + 1
        for at in range(4):
            kept.clock.now += 1
            await kept.store.write([row("trace-a", 1, source=f"s{at}")])
        await kept.store.sweep()
        assert [tally.source for tally in await kept.store.tallies()] == ["s3", "s2", "s1", "s0"]
        for module in ("sqlite_ledger", "redis_ledger"):
            monkeypatch.setattr(f"tracelog.stores.{module}.MAX_SOURCES", 2)
        await kept.store.sweep()
        *apart, others = await kept.store.tallies()
        assert [tally.source for tally in apart] == ["s3", "s2"]
        assert (others.source, others.system, others.sources) == (OTHERS, "backend", 2)
        assert (others.received, others.emitted) == (2, 4)
        await kept.store.write([row("trace-b", 1, source="old")])
        assert [tally.outcomes for tally in await kept.store.tallies(source="old")] == [{}]


class TestCare:
    async def test_health(self, kept: Kept):
        """
        A store that works says so, with its kind, its size and what it holds.
        """
        await kept.store.write([row("trace-a", 1)])
        health = await kept.store.health()
        assert set(health) == {"kind", "ok", "cause", "version", "size_bytes", "keys", "warnings"}
        assert (health["ok"], health["cause"]) == (True, None)
        assert health["keys"] >= 1

    async def test_sweep(self, kept: Kept):
        """
        A sweep removes what is over and nothing else, and says how much that was.
        """
        await kept.store.write([row(f"trace-{at}", at) for at in range(5)])
        assert await kept.store.sweep() == 0
        await kept.let_expire()
        assert await kept.store.sweep() == 5
        await kept.store.write([row("trace-new", 9)])
        assert await kept.store.sweep() == 0
        assert [line.trace_id for line in await _all_traces(kept.store, 10)] == ["trace-new"]

    async def test_clear(self, kept: Kept):
        """
        An emptied store holds nothing and takes the same entries as new.
        """
        rows = [row("trace-a", seq, level="error") for seq in range(3)]
        await kept.store.write(rows)
        await kept.store.report("s", b"{}")
        await kept.store.count([Outcome("s", "backend", "rejected", "bad_json")])
        await kept.store.clear()
        assert await kept.store.fetch("trace-a") is None
        assert await _all_hits(kept.store, "said") == []
        assert await kept.store.tallies() == []
        assert await kept.store.write(rows) == "A" * 3

    async def test_twice(self, kept: Kept):
        """
        Starting and closing twice is harmless, and a closed store says that it is not started.
        """
        await kept.store.start()
        await kept.store.write([row("trace-a", 1)])
        await kept.store.close()
        with pytest.raises(StoreUnavailableError, match="not started"):
            await kept.store.write([row("trace-a", 2)])
        await kept.store.close()

    async def test_close_waits(self, kept: Kept):
        """
        Closing ends after the writes that were already given.
        """
        writes = [asyncio.ensure_future(kept.store.write([row("trace-a", seq)])) for seq in range(20)]
        await asyncio.sleep(0)
        await kept.store.close()
        assert await asyncio.gather(*writes) == ["A"] * 20

    async def test_cancelled(self, kept: Kept):
        """
        Whoever gives up waiting for a write does the store no harm, and may send it again.
        """
        rows = [row("trace-a", seq) for seq in range(50)]
        for each in rows:
            task = asyncio.ensure_future(kept.store.write([each]))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await kept.store.write(rows)
        trace = await kept.store.fetch("trace-a")
        assert trace is not None
        assert sorted(trace.entries) == sorted(_bodies(rows))


class TestGate:
    """
    The quotas behind every store.
    """

    async def test_systems_share_an_hour(self, kept: Kept):
        """
        A system has its share and what sleeping ones lend, what is not stored is given back, the status adds up.
        """
        gate = kept.store.gate(QuotaSettings(limit=100))
        reply = await gate.ask([Demand("browser", "normal", 130), Demand("worker", "essential", 3)])
        assert (reply.granted("browser", "normal"), reply.granted("worker", "essential")) == (70, 3)
        assert reply.retry_after_ms > 0
        [lent, *_] = [
            grant for grant in reply.grants if grant.system == "browser" and grant.pool != "browser"
        ]
        again = await gate.ask([Demand("browser", "normal", 5)], [lent.refund(2)])
        assert again.granted("browser", "normal") == 2
        held = await gate.status()
        assert sum(system.current for system in held.systems) == 73
        assert held.month_used == 73

    async def test_two_servers_share_it(self, kept: Kept):
        """
        Whoever asks through whichever gate of a store, together they get what there is.
        """
        gates = [kept.store.gate(QuotaSettings(limit=50)) for _ in range(4)]
        replies = await asyncio.gather(*(gate.ask([Demand("browser", "normal", 20)]) for gate in gates))
        assert sum(reply.granted("browser", "normal") for reply in replies) == 50
