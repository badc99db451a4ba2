"""
What is particular to the embedded store: one file, two threads, a text index that comes after.
"""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracelog.stores
from tests.stores.rows import NOON_MS, Clock, row
from tracelog.core.entry import decode_entry
from tracelog.core.query import parse
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import Store, TraceFilter, TraceQuota, open_store
from tracelog.stores.sqlite import SqliteStore
from tracelog.stores.sqlite_schema import connect, open_file
from tracelog.stores.sqlite_text import TextIndex

pytestmark = pytest.mark.anyio

WRITER = """
import asyncio, sys
from tests.stores.rows import row
from tracelog.stores import open_store

async def main():
    store = open_store(sys.argv[1])
    await store.start()
    async def write(lane):
        for seq in range(lane, 1_000_000, 4):
            await store.write([row(f"trace-{seq % 7}", seq)])
            print(f"s-{seq}", flush=True)
    await asyncio.gather(*(write(lane) for lane in range(4)))

asyncio.run(main())
"""
"""Writes until it is killed, and prints each id as soon as its write was acknowledged."""


@pytest.fixture
async def opened(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Callable[..., Any]]:
    """
    A function that starts a store on the test's file; all are closed afterwards.
    """
    made: list[SqliteStore] = []

    async def start(**options: Any) -> SqliteStore:
        made.append(SqliteStore(str(tmp_path / "logs.db"), **options))
        await made[-1].start()
        return made[-1]

    yield start
    for each in made:
        await each.close()


async def _index_all(store: SqliteStore) -> None:
    while await store._change(store._index.step):
        pass


def _write_until_killed(url: str, lines: int) -> list[str]:
    """
    Run `WRITER`, kill it after so many lines, and return all ids that it had printed.
    """
    roots = {
        str(Path(module.__file__).parents[2]) for module in (tracelog.stores, sys.modules[row.__module__])
    }
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
    )
    assert writer.stdout is not None
    printed = [writer.stdout.readline() for _ in range(lines)]
    os.kill(writer.pid, signal.SIGKILL)
    printed += writer.stdout.read().splitlines(keepends=True)
    writer.wait(timeout=10)
    writer.stdout.close()
    return [line.strip() for line in printed if line.endswith("\n")]


async def _ids(store: Store, traces: int) -> set[str]:
    found = [await store.fetch(f"trace-{at}") for at in range(traces)]
    return {decode_entry(body).id for trace in found if trace is not None for body in trace.entries}


@pytest.mark.parametrize("lines", [1, 60, 400])
async def test_killed_while_writing(tmp_path: Path, lines: int):
    """
    A process killed in the middle of writing (SIGKILL) has kept every entry it acknowledged.
    """
    url = f"sqlite:///{tmp_path / 'logs.db'}"
    acknowledged = _write_until_killed(url, lines)
    store = open_store(url)
    await store.start()
    stored = await _ids(store, 7)
    assert len(acknowledged) >= lines
    assert set(acknowledged) <= stored
    assert [tally.received for tally in await store.tallies()] == [len(stored)]
    await store.close()


async def test_reopened(opened: Callable[..., Any]):
    """
    A store that was closed and opened again is the same store.
    """
    first = await opened()
    await first.write([row("trace-a", seq) for seq in range(5)])
    before = await first.fetch("trace-a"), await first.traces(TraceFilter()), await first.tallies()
    await first.close()
    again = await opened()
    assert (await again.fetch("trace-a"), await again.traces(TraceFilter()), await again.tallies()) == before
    assert await again.write([row("trace-a", 0)]) == "D"


async def test_two_processes_worth(opened: Callable[..., Any]):
    """
    Two stores on one file agree on what is a repeated id.
    """
    one, two = await opened(), await opened()
    rows = [row(f"trace-{seq % 3}", seq) for seq in range(60)]
    answers = await asyncio.gather(*(store.write([each]) for each in rows for store in (one, two)))
    assert "".join(answers).count("A") == 60
    assert len(await _ids(two, 3)) == 60


async def test_private(opened: Callable[..., Any], tmp_path: Path):
    """
    The file is for its owner alone.
    """
    await (await opened()).write([row("trace-a", 1)])
    assert _modes(tmp_path) == {0o600}


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def _directory(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("not a database, and long enough to be seen as none " * 50)


def _other_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE cookies (host TEXT)")
    other.close()


def _other_state(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE state (name TEXT, value INTEGER)")
    other.close()


def _newer(path: Path) -> None:
    newer = open_file(str(path))
    newer.execute("UPDATE state SET value = 99 WHERE name = 'version'")
    newer.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_directory, "is a directory"),
        (_text, "no file of tracelog"),
        (_other_program, "of another program"),
        (_other_state, "of another program"),
        (_newer, "another version of tracelog"),
    ],
)
async def test_not_a_store(tmp_path: Path, make: Callable[[Path], None], says: str):
    """
    What can never be a store is refused at the start, named, and left as it is.
    """
    path = tmp_path / "logs.db"
    make(path)
    store = SqliteStore(str(path))
    with pytest.raises(ConfigError, match=says):
        await store.start()
    with pytest.raises(StoreUnavailableError, match="not started"):
        await store.write([row("trace-a", 1)])


async def test_unreachable_path(tmp_path: Path):
    """
    A path below a file cannot be opened, and the sentence says which path.
    """
    (tmp_path / "file").write_text("")
    store = SqliteStore(str(tmp_path / "file" / "logs.db"))
    with pytest.raises(StoreUnavailableError, match=r"logs\.db cannot be opened"):
        await store.start()


async def test_old_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    An SQLite without the statements we use is refused by name.
    """
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 1))
    with pytest.raises(ConfigError, match=r"needs 3\.35"):
        await SqliteStore(str(tmp_path / "logs.db")).start()


@pytest.mark.parametrize(
    "url", ["sqlite:", "sqlite:///", "sqlite:path", "sqlite://host/x", "postgres://x", ""]
)
def test_bad_address(url: str):
    """
    An address of no store is refused, and the sentence shows how one looks.
    """
    with pytest.raises(ConfigError, match=r"sqlite:///path"):
        open_store(url)


def test_relative_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Three slashes name a path from here, four one from the root, as in other tools.
    """
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///logs/here.db", f"sqlite:///{tmp_path}/logs/there.db"):
        store = open_store(url)

        async def use(store: Store = store) -> None:
            await store.start()
            await store.close()

        asyncio.run(use())
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"here.db", "there.db"}


async def test_locked(opened: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    While another program holds the file, writes fail within a bounded time and reads go on.
    """
    monkeypatch.setattr("tracelog.stores.sqlite_schema.BUSY_S", 0.05)
    store = await opened()
    await store.write([row("trace-a", 1)])
    other = connect(str(tmp_path / "logs.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked"):
        await store.write([row("trace-a", 2)])
    with pytest.raises(StoreUnavailableError, match="locked"):
        await store.sweep()
    health = await store.health()
    assert (health["ok"], "locked" in health["cause"]) == (False, True)
    assert await store.fetch("trace-a") is not None
    other.execute("ROLLBACK")
    other.close()
    assert await store.write([row("trace-a", 2)]) == "A"


async def test_full_disk(opened: Callable[..., Any]):
    """
    When nothing fits any more the whole call is refused and charges nothing; with room again it is stored.
    """
    store = await opened()
    await store.write([row("trace-a", 1)])
    await store._change(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
    rows = [row("trace-a", seq, "x" * 1_000) for seq in range(2, 200)]
    with pytest.raises(StoreUnavailableError, match="full"):
        await store.write(rows)
    assert [tally.received for tally in await store.tallies()] == [1]
    await store._change(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
    assert await store.write(rows) == "A" * len(rows)


async def test_poisoned_row(opened: Callable[..., Any]):
    """
    A row that SQLite cannot take fails its own call and none of those that share its transaction.
    """
    store = await opened()
    entries = [row("trace-a", at) for at in range(10)]
    entries[5][0].id = "\ud800"
    answers = await asyncio.gather(*(store.write([each]) for each in entries), return_exceptions=True)
    assert [answer == "A" for answer in answers] == [at != 5 for at in range(10)]
    assert isinstance(answers[5], UnicodeEncodeError)


async def test_backlog(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    """
    Only so many rows may wait for the writing thread; further writers are told to come back.
    """
    monkeypatch.setattr("tracelog.stores.sqlite.MAX_WAITING", 10)
    store = await opened()
    answers = await asyncio.gather(
        *(store.write([row("trace-a", at)]) for at in range(15)), return_exceptions=True
    )
    assert answers[:10] == ["A"] * 10
    assert {type(answer) for answer in answers[10:]} == {StoreUnavailableError}
    assert await store.write([row("trace-a", 14)]) == "A"


async def test_writes_share_transactions(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    """
    Writes that wait together are stored together, however many there are, with other work between them.
    """
    monkeypatch.setattr("tracelog.stores.sqlite_write.BATCH_ROWS", 7)
    store = await opened()
    writes = [store.write([row(f"trace-{at % 3}", at * 2 + n) for n in range(2)]) for at in range(40)]
    answers = await asyncio.gather(*writes[:20], store.report("s", b"{}"), *writes[20:])
    assert [answer for answer in answers if answer is not None] == ["AA"] * 40
    assert len(await _ids(store, 3)) == 80


class TestTextIndex:
    async def test_finds_what_visiting_finds(self, opened: Callable[..., Any]):
        """
        Entries are found whether the index has reached them, some of them, or none.
        """
        store = await opened()
        for seq in range(0, 60, 20):
            await store.write(
                [
                    row(f"trace-{at % 4}", at, "needle" if at % 5 == 0 else "hay")
                    for at in range(seq, seq + 20)
                ]
            )
            found = [decode_entry(body).seq for body in (await store.search(parse("needle"))).items]
            assert found == [at for at in range(seq + 19, -1, -1) if at % 5 == 0]
            if seq == 0:
                await _index_all(store)
        await _index_all(store)
        assert len((await store.search(parse("needle"))).items) == 12
        assert len((await store.search(parse("NEEDLE trace:trace-0 -hay"))).items) == 3

    async def test_growing_meanwhile(self, opened: Callable[..., Any]):
        """
        An entry that is indexed while a search is under way is found once.
        """
        store = await opened()
        await store.write([row("trace-a", seq) for seq in range(20)])
        await _index_all(store)
        await store._change(
            lambda c: c.execute("UPDATE state SET value = 10 WHERE name = 'indexed'").fetchall()
        )
        assert len((await store.search(parse("said"))).items) == 20

    async def test_in_idle_time(self, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
        """
        The index is built by the idle writing thread, without being asked.
        """
        monkeypatch.setattr("tracelog.stores.sqlite_worker.QUIET_S", 0.0)
        store = await opened()
        await store.write([row("trace-a", seq) for seq in range(450)])

        def indexed(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT value FROM state WHERE name = 'indexed'").fetchone()[0])

        async with asyncio.timeout(10):
            while await store._read(indexed) < 450:  # noqa: ASYNC110 - the thread tells nobody that it was idle
                await asyncio.sleep(0)

    async def test_common_words(self, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
        """
        A word that nearly all entries hold is found without the index.
        """
        monkeypatch.setattr("tracelog.stores.sqlite_text.MAX_CANDIDATES", 5)
        store = await opened()
        await store.write([row("trace-a", seq) for seq in range(30)])
        await _index_all(store)
        assert len((await store.search(parse("said"))).items) == 30

    async def test_begun_again(self, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
        """
        An index that mostly speaks of entries long gone is made anew, and misses nothing meanwhile.
        """
        monkeypatch.setattr("tracelog.stores.sqlite_text.STALE", 20)
        clock = Clock()
        store = await opened(clock=clock, ttl_s=60)
        for turn in range(4):
            await store.write([row(f"trace-{turn}", turn * 100 + at, f"turn{turn}") for at in range(15)])
            await _index_all(store)
            assert len((await store.search(parse(f"turn{turn}"))).items) == 15
            clock.now += 61
            await store.sweep()

        def rows_in_index(connection: sqlite3.Connection) -> int:
            return len(
                connection.execute(
                    "SELECT rowid FROM entries_text WHERE entries_text MATCH '\"tur\"'"
                ).fetchall()
            )

        assert await store._read(rows_in_index) <= 30

    async def test_without_fts5(self, opened: Callable[..., Any]):
        """
        Where the index cannot be made the store works without it, and `health` says so.
        """
        store = await opened()
        unable = sqlite3.connect(":memory:", isolation_level=None)
        unable.execute("PRAGMA query_only = ON")
        index = TextIndex()
        index.prepare(unable)
        unable.close()
        assert not index.on
        store._index.on = False
        await store.write([row("trace-a", 1, "needle")])
        assert len((await store.search(parse("needle"))).items) == 1
        assert any("text index is off" in warning for warning in (await store.health())["warnings"])

    async def test_no_entries(self, opened: Callable[..., Any]):
        """
        What is no entry is left out of the index and stops nothing.
        """
        store = await opened()
        entry, _ = row("trace-a", 1)
        await store.write([(entry, b"no json"), row("trace-a", 2, "needle")])
        await _index_all(store)
        assert len((await store.search(parse("needle"))).items) == 1


async def test_tidies_when_idle(opened: Callable[..., Any]):
    """
    The idle writing thread removes what is over, a little at a time, and rests when there is nothing.
    """
    clock = Clock()
    store = await opened(clock=clock, ttl_s=60)
    await store.write([row(f"trace-{at}", at) for at in range(450)])
    clock.now += 61

    def left(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    more = [await store._change(store._tidy) for _ in range(8)]
    assert more[-1] is False
    assert True in more
    assert await store._read(left) == 0


async def test_tidying_waits_for_better_times(
    opened: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """
    What cannot be tidied now because the file is locked is left for later.
    """
    monkeypatch.setattr("tracelog.stores.sqlite_schema.BUSY_S", 0.01)
    store = await opened()
    await store.write([row("trace-a", 1)])
    other = connect(str(tmp_path / "logs.db"))
    other.execute("BEGIN IMMEDIATE")
    assert await store._change(store._tidy) is False
    other.execute("ROLLBACK")
    other.close()


texts = st.text(st.sampled_from('abAB ßéÉİ☕"\\-\n'), max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    messages=st.lists(texts, max_size=8), wanted=texts.map(lambda text: text.strip("\n")).filter(str.strip)
)
def test_index_and_visit_agree(messages: list[str], wanted: str):
    """
    For any messages and any text, the index finds exactly what visiting every entry finds.

    The text does not begin or end with a line break: that is what stands between the fields of an entry.
    """
    quoted = '"' + wanted.replace("\\", "\\\\").replace('"', '\\"') + '"'

    async def search(*, full_text: bool) -> list[bytes]:
        store = SqliteStore(":memory:", clock=Clock(), full_text=full_text)
        await store.start()
        await store.write(
            [row("trace-a", at, message, context={"note": message}) for at, message in enumerate(messages)]
        )
        await _index_all(store)
        found = await store.search(parse(quoted))
        await store.close()
        return found.items

    expected = [at for at, message in enumerate(messages) if wanted.casefold() in message.casefold()]
    indexed = asyncio.run(search(full_text=True))
    assert sorted(decode_entry(body).timestamp - NOON_MS for body in indexed) == expected
    assert asyncio.run(search(full_text=False)) == indexed


async def test_a_file_of_an_earlier_version_is_taken_over(opened: Callable[..., Any], tmp_path: Path) -> None:
    """
    A file that was written before the store kept what own rows count is read and written as any other.
    """
    quota = TraceQuota(normal=1, extra=0, own=1)
    store = await opened()
    assert await store.write([row("trace-a", 1)], quota=quota) == "A"
    await store.close()
    with closing(sqlite3.connect(tmp_path / "logs.db")) as earlier:
        earlier.execute("DROP TABLE told")
    store = await opened()
    assert await store.write([row("trace-a", n) for n in (2, 3, 4)], quota=quota, classes="noo") == "TAN"
    trace = await store.fetch("trace-a")
    assert trace is not None
    assert (len(trace.entries), trace.refused) == (3, True)
