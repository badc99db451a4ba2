"""
The conformance checks that ship: ours pass them, and whatever breaks one obligation is told which.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.client.default import get_logger
from tracelog.errors import SinkRefusedError
from tracelog.sinks import open_sink
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.memory import MemorySink
from tracelog.stores import Fates, Page, Row, open_store
from tracelog.stores.sqlite import SqliteStore
from tracelog.testing import check_sink, check_store


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def test_our_stores_keep_the_contract(tmp_path: Path, valkey: RealServer):
    """
    The embedded store, in a file and in memory, and a real Valkey pass every check.
    """
    for url in (f"sqlite:///{tmp_path}/logs.db", "sqlite::memory:", valkey.url):
        check_store(lambda url=url: open_store(url, ttl_s=60))


def test_our_sinks_keep_the_contract(valkey: RealServer, capsys: pytest.CaptureFixture[str]):
    """
    The sinks for memory, standard output, a real server and a real Valkey pass every check.
    """
    check_sink(MemorySink)
    with Running() as running:
        for url in ("stdout:", f"http://127.0.0.1:{running.port}", valkey.url):
            check_sink(lambda url=url: open_sink(url))
        assert len(running.messages()) == 3
    assert "message 2" in capsys.readouterr().out


class Broken(MemorySink):
    """
    A sink that does as *call* says, after it has done as it should.
    """

    def __init__(self, call: Callable[["Broken", Parcel], Any]) -> None:
        super().__init__()
        self.call = call
        self.kept: list[Any] = []
        self.closed = False

    def __call__(self, parcel: Parcel) -> Receipt:
        receipt = super().__call__(parcel)
        return self.call(self, parcel) or receipt

    def close(self) -> None:
        self.closed = True


def refuse(_sink: Broken, _parcel: Parcel) -> None:
    raise SinkRefusedError("never")


def fail(_sink: Broken, _parcel: Parcel) -> None:
    raise KeyError("body")


def refuse_repeats(sink: Broken, parcel: Parcel) -> None:
    if len(sink.entries) > len(parcel):
        raise SinkRefusedError("twice")


def refuse_empty(_sink: Broken, parcel: Parcel) -> None:
    if not len(parcel):
        raise SinkRefusedError("empty")


def stay_closed(sink: Broken, _parcel: Parcel) -> None:
    if sink.closed:
        raise SinkRefusedError("closed")


SINKS = {
    "a parcel that it can deliver; this one said: never": refuse,
    "this one raised KeyError": fail,
    "entries it has already taken": refuse_repeats,
    "an empty parcel": refuse_empty,
    "after `close`": stay_closed,
    "keeps no reference": lambda sink, parcel: sink.kept.append(parcel),
    "leaves a parcel as it is": lambda _, parcel: parcel.rows.reverse(),
    "never logs": lambda _, parcel: get_logger().info("sent", rows=len(parcel)),
    "returned int": lambda _, parcel: 1,
    "speaks of each entry once": lambda _, parcel: Receipt(duplicate=2, rejected={"bad": 2}),
}


@pytest.mark.parametrize("sentence", SINKS)
def test_a_sink_that_breaks_an_obligation_is_told_which(sentence: str):
    """
    Each way to be wrong is met by the check that speaks of it.
    """
    with pytest.raises(AssertionError, match=sentence):
        check_sink(lambda: Broken(SINKS[sentence]))


class Doubling(SqliteStore):
    async def write(self, rows: Sequence[Row], **given: Any) -> Fates:
        await super().write(rows, **given)
        return "A" * len(rows)


class Reordering(SqliteStore):
    async def write(self, rows: Sequence[Row], **given: Any) -> Fates:
        fates = await super().write(list(reversed(rows)), **given)
        return fates[::-1]


class Forgetful(SqliteStore):
    async def sweep(self) -> int:
        await self.clear()
        return 1


class Deaf(SqliteStore):
    async def count(self, outcomes: Sequence[Any]) -> None:
        await asyncio.sleep(0)


class Guessing(SqliteStore):
    async def resolve(self, ref: str) -> str:
        return (await self.traces_of(ref)) or await super().resolve(ref)

    async def traces_of(self, ref: str) -> str:
        return "check-trace-a" if ref == "check-trace-" else ""


class Ungated(SqliteStore):
    def gate(self, settings: Any) -> Any:
        return super().gate(replace(settings, limit=1_000))


class Endless(SqliteStore):
    async def search(self, query: Any, **given: Any) -> Page[bytes]:
        page = await super().search(query, **given)
        return Page(page.items, page.cursor or "more")


class Failing(SqliteStore):
    async def fetch(self, trace_id: str) -> Any:
        raise KeyError(trace_id)


class Sick(SqliteStore):
    async def health(self) -> dict[str, Any]:
        return {"kind": "sick", "ok": False}


STORES = {
    "an id is stored once": Doubling,
    "in the order of arrival": Reordering,
    "it removed a trace that lives": Forgetful,
    "adds up": Deaf,
    "means none or several": Guessing,
    "share one hour": Ungated,
    "the last page has no cursor": Endless,
    "health names": Sick,
    "this one raised KeyError: 'check-trace-a'": Failing,
}


@pytest.mark.parametrize("sentence", STORES)
def test_a_store_that_breaks_an_obligation_is_told_which(sentence: str):
    """
    Each way to be wrong is met by the check that speaks of it.
    """
    with pytest.raises(AssertionError, match=sentence):
        check_store(lambda: STORES[sentence](":memory:", ttl_s=60))
