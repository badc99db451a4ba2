"""
The stand-in of Upstash's REST interface is held against the official clients, in Python and in JavaScript: what is
proved over it is then proved about the interface that these clients know.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis
from upstash_redis import Redis as UpstashRedis
from upstash_redis.errors import UpstashError

from tests.stores.rows import row
from tests.stores.upstash_server import TOKEN, UpstashServer
from tracelog.core.quota_settings import QuotaSettings
from tracelog.stores import TraceQuota
from tracelog.stores.gates import Demand
from tracelog.stores.upstash import UpstashStore

pytestmark = pytest.mark.anyio

NODE = Path(__file__).parents[1] / "node" / "upstash.mjs"

Calls = list[list[Any]]
Answers = dict[str, Any]
Client = Callable[[str, str, Answers], Answers]


def in_python(address: str, token: str, calls: Answers) -> Answers:
    """
    Return what the Python client is told.
    """

    def tried(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except UpstashError as error:
            return {"error": str(error)}

    def queued(queue: Any, wanted: Calls) -> Any:
        for name, *given in wanted:
            getattr(queue, name)(*given)
        return tried(queue.exec) if wanted else []

    with UpstashRedis(url=f"http://{address}", token=token, rest_retries=0, allow_telemetry=False) as client:
        return {
            "alone": [
                tried(lambda name=name, given=given: getattr(client, name)(*given))
                for name, *given in calls["alone"]
            ],
            "pipeline": queued(client.pipeline(), calls.get("pipeline", [])),
            "together": queued(client.multi(), calls.get("together", [])),
        }


def in_javascript(address: str, token: str, calls: Answers) -> Answers:
    """
    Return what the JavaScript client is told.
    """
    command = ["node", str(NODE), f"http://{address}", token]
    ran = subprocess.run(
        command, input=json.dumps(calls), capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers: Answers = json.loads(ran.stdout)
    return answers


CLIENTS = {"python": in_python, "javascript": in_javascript}

SCRIPT = "return {KEYS[1], ARGV[1], 1, false, {redis.call('GET', KEYS[1])}}"

CALLS: Answers = {
    "alone": [
        ["ping"],
        ["rpush", "list", "☕ and\nlines", "", "T0s="],
        ["lrange", "list", 0, -1],
        ["get", "nothing"],
        ["ttl", "list"],
        ["incr", "list"],
        ["eval", SCRIPT, ["text"], ["é"]],
        ["eval", "return redis.error_reply('ERR no such thing')", [], []],
    ],
    "pipeline": [["incr", "n"], ["lrange", "list", 0, 0]],
    "together": [["incr", "n"], ["get", "n"]],
}
ANSWERED: Answers = {
    "alone": [
        "PONG",
        3,
        ["☕ and\nlines", "", "T0s="],
        None,
        -1,
        "WRONGTYPE",
        ["text", "é", 1, None, [None]],
        "no such thing",
    ],
    "pipeline": [1, ["☕ and\nlines"]],
    "together": [2, "2"],
}
"""What a real server holds, in each client's own values; of an error a part of its sentence."""


@pytest.fixture
async def store(shared_rest: UpstashServer, raw: Redis, anyio_backend: str) -> AsyncIterator[UpstashStore]:
    """
    A store of ours on the stand-in, in front of an empty server.
    """
    shared_rest.seen.clear()
    shared_rest.faults.clear()
    made = UpstashStore(f"upstash+http://{quote(TOKEN)}@{shared_rest.address}", timeout_s=5)
    await made.start()
    yield made
    await made.close()


@pytest.mark.parametrize("name", CLIENTS)
async def test_official_clients_are_told_what_the_server_holds(
    name: str, shared_rest: UpstashServer, store: UpstashStore
) -> None:
    """
    Texts of any kind, nothing, numbers, nested replies, errors, pipelines and transactions arrive as they are.
    """
    told = await asyncio.to_thread(CLIENTS[name], shared_rest.address, TOKEN, CALLS)
    for got, expected in zip(told["alone"], ANSWERED["alone"], strict=True):
        assert (expected in got["error"]) if isinstance(got, dict) else (got == expected), (got, expected)
    assert (told["pipeline"], told["together"]) == (ANSWERED["pipeline"], ANSWERED["together"])


@pytest.mark.parametrize("name", CLIENTS)
async def test_official_clients_are_refused_as_they_expect(
    name: str, shared_rest: UpstashServer, store: UpstashStore
) -> None:
    """
    A wrong token, and one bad command of a pipeline, are the errors that these clients know.
    """
    told = await asyncio.to_thread(CLIENTS[name], shared_rest.address, "wrong", {"alone": [["ping"]]})
    assert "WRONGPASS" in told["alone"][0]["error"]
    mixed = {"alone": [["set", "k", "x"]], "pipeline": [["incr", "k"], ["get", "k"]]}
    told = await asyncio.to_thread(CLIENTS[name], shared_rest.address, TOKEN, mixed)
    assert "not an integer" in told["pipeline"]["error"]


@pytest.mark.parametrize("name", CLIENTS)
async def test_official_clients_read_what_is_stored(
    name: str, shared_rest: UpstashServer, store: UpstashStore
) -> None:
    """
    The list of a trace is read by any client of the interface, row by row, with its time to live.
    """
    await store.write([row("trace-a", seq) for seq in range(3)], quota=TraceQuota())
    calls = {"alone": [["lrange", "logs:trace-a", 0, -1], ["ttl", "logs:trace-a"]]}
    rows, ttl = (await asyncio.to_thread(CLIENTS[name], shared_rest.address, TOKEN, calls))["alone"]
    assert [json.loads(each)["seq"] for each in rows] == [0, 1, 2]
    assert 3590 < ttl <= 3600


@pytest.mark.parametrize("name", CLIENTS)
async def test_official_clients_run_our_scripts(
    name: str, shared_rest: UpstashServer, store: UpstashStore, raw: Redis
) -> None:
    """
    What our transport sends does the same when an official client sends it: the gate charges, the trace is written.
    """
    await raw.script_flush()
    await store.gate(QuotaSettings()).ask([Demand("worker", "normal", 3)])
    await store.write([row("trace-a", seq) for seq in range(3)], quota=TraceQuota())
    sent = [
        command for _, _, body in shared_rest.seen for command in json.loads(body) if command[0] == "EVAL"
    ]
    ours = [await raw.lrange("logs:trace-a", 0, -1), (await store.gate(QuotaSettings()).status()).month_used]
    await raw.flushall()
    calls = [["eval", script, given[: int(keys)], given[int(keys) :]] for _, script, keys, *given in sent]
    told = await asyncio.to_thread(CLIENTS[name], shared_rest.address, TOKEN, {"alone": calls})
    assert [answer for answer in told["alone"] if isinstance(answer, dict)] == []
    assert [
        await raw.lrange("logs:trace-a", 0, -1),
        (await store.gate(QuotaSettings()).status()).month_used,
    ] == ours
    assert (len(ours[0]), ours[1]) == (3, 3)
