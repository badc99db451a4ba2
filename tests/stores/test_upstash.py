"""
What only the REST interface shows: what goes over the wire, answers that are none, limits of a plan, the token.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from tests.stores.rows import row
from tests.stores.servers import RealServer
from tests.stores.upstash_server import TOKEN, Handler, UpstashServer
from tracelog.core.query import parse
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import TraceQuota, open_store
from tracelog.stores.redis_commit import OneStepStore
from tracelog.stores.redis_resp import arguments, command
from tracelog.stores.upstash import TIMEOUT_S, UpstashStore

pytestmark = pytest.mark.anyio

Started = Callable[..., Awaitable[UpstashStore]]

DISTURBED = {
    "a page": (lambda handler: handler.answer(200, b"<html>"), "answered 200 and no list"),
    "an error of a proxy": (lambda handler: handler.answer(502, b"{}"), "answered 502 and no list"),
    "too few replies": (lambda handler: handler.answer(200, b"[]"), "answered 200 and no list"),
    "a closed line": (lambda handler: setattr(handler, "close_connection", True), "cannot be reached"),
    "no HTTP": (lambda handler: _say(handler, b"SSH-2.0\r\n\r\n"), "cannot be reached"),
    "used up": (
        lambda handler: handler.answer(400, b'{"error":"ERR max daily request limit exceeded. Limit: 1"}'),
        "requests are used up",
    ),
    "full": (
        lambda handler: handler.answer(200, b'[{"error":"ERR DB capacity quota exceeded"}]'),
        "database is full",
    ),
    "too large": (
        lambda handler: handler.answer(400, b'{"error":"ERR max request size exceeded"}'),
        "larger than the plan allows",
    ),
}
"""What may come instead of replies, and what is said about it."""


def _say(handler: Handler, text: bytes) -> None:
    handler.wfile.write(text)
    handler.close_connection = True


@pytest.fixture
def rest(shared_rest: UpstashServer) -> UpstashServer:
    """
    The stand-in, with nothing seen yet.
    """
    shared_rest.seen.clear()
    shared_rest.faults.clear()
    return shared_rest


@pytest.fixture
async def on(anyio_backend: str) -> AsyncIterator[Started]:
    """
    A function that returns a started store on the given address.
    """
    made: list[UpstashStore] = []

    async def start(address: str, token: str = TOKEN, timeout_s: float = 5) -> UpstashStore:
        made.append(UpstashStore(f"upstash+http://{quote(token)}@{address}", timeout_s=timeout_s))
        await made[-1].start()
        return made[-1]

    yield start
    for each in made:
        await each.close()


async def test_on_the_wire(rest: UpstashServer, raw: Redis, on: Started):
    """
    A write is one request to /pipeline with the token as bearer and base64 asked for; the script goes along once.
    """
    store = await on(rest.address)
    await store.write([row("trace-a", 1)])
    await raw.script_flush()
    rest.seen.clear()
    assert await store.write([row(f"trace-{at}", at) for at in range(5)]) == "A" * 5
    assert await store.write([row(f"trace-{at}", at) for at in range(6)], quota=TraceQuota()) == "DDDDDA"
    assert await store.write([row("trace-a", 2)]) == "A"
    sent = [json.loads(body)[0][0] for _, _, body in rest.seen]
    assert sent == ["EVALSHA", "EVAL", "EVALSHA", "EVAL", "EVALSHA"]
    path, headers, _ = rest.seen[0]
    assert (path, headers["Authorization"]) == ("/pipeline", f"Bearer {TOKEN}")
    assert headers["Upstash-Encoding"] == "base64"


async def test_foreign_text(rest: UpstashServer, raw: Redis, on: Started):
    """
    Whatever bytes a list holds come back as they are, also those that the interface does not encode.
    """
    held = [b"OK", b"", b"T0s=", b"\xff\x00", "☕".encode()]
    await raw.rpush("logs:foreign", *held)
    trace = await (await on(rest.address)).fetch("foreign")
    assert trace is not None
    assert trace.entries == held


async def test_wrong_token(rest: UpstashServer, on: Started, caplog: pytest.LogCaptureFixture):
    """
    A wrong token is a lasting fault, not tried again at once, and stands in no text.
    """
    store = await on(rest.address, token="hunter2")
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(StoreUnavailableError, match="refuses the user") as refused,
    ):
        await store.write([row("trace-a", 1)])
    assert refused.value.retry_after >= 30
    asked = len(rest.seen)
    with pytest.raises(StoreUnavailableError):
        await store.write([row("trace-a", 1)])
    assert len(rest.seen) == asked
    health = await store.health()
    assert health["ok"] is False
    told = f"{refused.value!r} {refused.value.__cause__!r} {health} {caplog.text} {store!r} {vars(store)}"
    assert "hunter2" not in told


@pytest.mark.parametrize("name", DISTURBED)
async def test_disturbed(rest: UpstashServer, raw: Redis, on: Started, name: str):
    """
    What is no answer is said in one sentence, harms nothing, and the next request goes through.
    """
    fault, says = DISTURBED[name]
    store = await on(rest.address)
    await store.write([row("trace-a", 1)])
    rest.faults.append(fault)
    with pytest.raises(StoreUnavailableError, match=says):
        await store.search(parse(""))
    assert await store.write([row("trace-a", 1), row("trace-a", 2)]) == "DA"


async def test_oversized_answer(rest: UpstashServer, on: Started, monkeypatch: pytest.MonkeyPatch):
    """
    An answer that has no end is not read to it.
    """
    monkeypatch.setattr("tracelog.stores.upstash_http.MAX_REPLY", 100)
    store = await on(rest.address)
    rest.faults.append(lambda handler: handler.answer(200, b'["' + b"x" * 1_000 + b'"]'))
    with pytest.raises(StoreUnavailableError, match="more than 100 bytes"):
        await store.fetch("trace-a")


async def test_silent(rest: UpstashServer, own_server: Callable[..., RealServer], on: Started):
    """
    A database that does not answer costs a bounded time, however many ask, and is asked again afterwards.
    """
    server = own_server()
    with UpstashServer(server.port) as slow:
        store = await on(slow.address, timeout_s=0.3)
        await store.write([row("trace-a", 0)])
        server.freeze()
        began = time.monotonic()
        writes = [store.write([row("trace-a", at)]) for at in range(30)]
        lost = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(error) for error in lost} == {StoreUnavailableError}
        assert time.monotonic() - began < 2
        server.thaw()
        patient = await on(slow.address)
        assert "X" not in await patient.write([row("trace-a", at) for at in range(30)])
        trace = await patient.fetch("trace-a")
        assert trace is not None
        assert len(trace.entries) == 30


async def test_absent(on: Started):
    """
    An address where nobody listens is unreachable, and `health` says so.
    """
    store = await on("127.0.0.1:1")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        await store.fetch("trace-a")
    assert "cannot be reached" in (await store.health())["cause"]


async def test_not_started(rest: UpstashServer):
    """
    A store that was not started, or was closed, takes nothing.
    """
    store = UpstashStore(f"upstash+http://t@{rest.address}")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="not started"):
            await store.write([row("trace-a", 1)])
        await store.start()
        await store.close()


@pytest.mark.parametrize(
    ("url", "token", "timeout_s"),
    [
        ("upstash+https://abc@db.upstash.io", "abc", 2.0),
        ("upstash+https://:a%2Bb@db.upstash.io", "a+b", 2.0),
        ("upstash+https://default:abc@db.upstash.io/", "abc", 2.0),
        ("upstash+https://db.upstash.io?token=abc&timeout=0.25", "abc", 0.25),
        ("upstash+http://abc@localhost:8080", "abc", 2.0),
    ],
)
def test_addresses(url: str, token: str, timeout_s: float):
    """
    The token may stand as user, as password or as a setting; a time limit may be set.
    """
    store = open_store(url)
    assert isinstance(store, UpstashStore)
    made = store._wire._rest
    assert made._headers["Authorization"] == f"Bearer {token}"
    line = made._connect()
    assert (line.timeout, line.default_port) == (timeout_s, 443 if "https" in url else 80)


@pytest.mark.parametrize(
    "url",
    [
        "upstash+https://db.upstash.io",
        "upstash+https://",
        "upstash+https://secret@",
        "upstash+https://secret@host/0",
        "upstash+https://secret@host:port",
        "upstash+https://secret@host?timeout=x",
        "upstash+https://secret@host?timeout=0",
        "upstash+https://secret@host?timeout=nan",
        "upstash+https://secret%0d%0aX@host",
    ],
)
def test_bad_addresses(url: str):
    """
    An address that can never work is refused at once, without a word of it.
    """
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "values", [["PING"], ["SET", "k\r\n$1", b"\x00\r\n"], ["ZADD", 1.5, 10**15], ["A", "", "é"]]
)
def test_packed_commands_are_read_back(values: list[Any]):
    """
    A packed command holds the values it was made of, whatever they contain.
    """
    expected = [each if isinstance(each, bytes) else str(each).encode() for each in values]
    assert arguments(command(*values)) == expected


def test_the_gate_has_the_patience_of_the_internet():
    """
    An answer that takes a tenth of a second is no trouble here, and is one for a Redis nearby; no wait is longer than
    what the transport gives it.
    """
    assert OneStepStore.gate_timeout_s < 0.1 < UpstashStore.gate_timeout_s < TIMEOUT_S
