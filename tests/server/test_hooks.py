"""
Alerts that leave the server: signed, retried, bounded, and sent by one server of many.
"""

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest

from tests.server.receiver import Receiver
from tests.server.running import Running
from tests.server.scripted import LocalGate, ScriptedStore
from tracelog.core.budget import Alert
from tracelog.core.quota_settings import QuotaSettings
from tracelog.core.quota_values import Demand
from tracelog.core.settings import AlertKind
from tracelog.errors import StoreUnavailableError
from tracelog.server import hooks
from tracelog.server.app import App, create_app
from tracelog.server.faults import Faults
from tracelog.server.hooks import MOST, Hook, Notice
from tracelog.server.watch import Watch

pytestmark = pytest.mark.anyio
PATIENCE_S = 20.0
KINDS: tuple[AlertKind, ...] = ("budget", "store", "day", "admin")


def notice(name: str = "n-1", kind: str = "store") -> Notice:
    return Notice(id=name, kind=kind, severity="warn", message="m", at_ms=1.0, data={"a": 1})


def hook_of(url: str | None, store: ScriptedStore, *waits_s: float, secret: str | None = "s3cret") -> Hook:
    return Hook(
        url,
        secret,
        KINDS,
        board=store.board(),
        clock=lambda: 1_000.0,
        faults=Faults(),
        waits_s=waits_s or (0.0, 0.0, 0.0),
    )


def test_a_budget_alert_arrives_signed() -> None:
    """
    When the month's budget passes its edge, the address hears it once from two servers of one store, signed
    over moment and body; the status tells so, and the address stands nowhere.
    """
    quota = QuotaSettings(limit=1_000, monthly_writes=20)
    store = ScriptedStore()
    given: dict[str, Any] = {"limits": True, "quota": quota, "alert_secret": "s3cret", "alerts": ("budget",)}
    with Receiver() as receiver, Running(store, alert_url=receiver.url, **given) as running:
        for at in range(18):
            running.post({"message": f"m{at}", "trace_id": f"trace-{at:03d}", "level": "error"})
        came = receiver.came.get(timeout=PATIENCE_S)
        said = json.loads(came.body)
        assert (said["kind"], said["id"].startswith("budget-")) == ("budget", True)
        parts = dict(part.split("=") for part in came.headers["x-tracelog-signature"].split(","))
        right = hmac.new(b"s3cret", f"{parts['t']}.".encode() + came.body, hashlib.sha256).hexdigest()
        assert parts["v1"] == right
        assert came.headers["x-tracelog-delivery"] == said["id"]
        shown = running.get("/api/v1/status")
        assert (shown.json["alerts"]["url"], shown.json["alerts"]["signed"]) == (True, True)
        assert b"token=t0" not in shown.body
        assert b"s3cret" not in shown.body


@pytest.mark.parametrize(
    ("answers", "tries", "counted"),
    [((), 1, "sent"), ((503, 429), 3, "sent"), ((500, 500, 500), 3, "failed"), ((404,), 1, "failed")],
)
async def test_it_is_tried_again(answers: tuple[int, ...], tries: int, counted: str) -> None:
    """
    What waiting may mend is tried again, as often as there are waits; what it cannot is given up. Either is
    counted, and what was sent is done for all servers.
    """
    store = ScriptedStore()
    with Receiver(answers) as receiver:
        hook = hook_of(receiver.url, store)
        hook.tell(notice())
        await hook.end(PATIENCE_S)
    assert receiver.came.qsize() == tries
    assert hook.view()[counted] == 1
    assert store.board().claims["n-1"] == ("done" if counted == "sent" else "theirs")


async def test_who_answers_byte_by_byte_counts_as_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A receiver whose answer never ends is left after the time for one, and what is notable behind it is sent.
    """
    monkeypatch.setattr(hooks, "ANSWER_S", 0.2)
    hanging_up = asyncio.Event()

    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not hanging_up.is_set():
            writer.write(b"x")
            with suppress(ConnectionError):
                await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(hanging_up.wait(), 0.02)
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    hook = hook_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", ScriptedStore(), 0.0)
    try:
        hook.tell(notice())
        await hook.end(2.0)
        assert hook.view()["last"]["error"] == "it does not answer (TimeoutError)"
    finally:
        hanging_up.set()
        server.close()


async def test_one_server_sends() -> None:
    """
    Servers that notice the same send it once together; while the store is away each does, under one id.
    """
    store = ScriptedStore()
    with Receiver() as receiver:
        hooks = [hook_of(receiver.url, store, secret=None) for _ in range(3)]
        for hook in hooks:
            hook.tell(notice())
        await asyncio.gather(*(hook.end(PATIENCE_S) for hook in hooks))
        assert receiver.came.qsize() == 1
        assert sum(hook.view()["left_to_others"] for hook in hooks) == 2
        store.trouble = StoreUnavailableError("away")
        assert "x-tracelog-signature" not in receiver.came.get().headers


async def test_waiting_notices_are_bounded() -> None:
    """
    While nobody answers, the newest wait and the oldest are dropped and counted; without an address or for an
    unwanted kind nothing waits at all.
    """
    hook = hook_of("http://127.0.0.1:1/", ScriptedStore(), 3_600.0)
    for at in range(MOST + 5):
        hook.tell(notice(f"n-{at}"))
    assert (hook.view()["waiting"], hook.view()["dropped"]) == (MOST, 5)
    await hook.end(0.0)
    silent = hook_of(None, ScriptedStore())
    silent.tell(notice())
    assert silent.view()["waiting"] == 0


def watching(store: ScriptedStore, url: str, now_ms: list[float], **given: Any) -> tuple[App, Watch]:
    app = create_app(store=store, port=0, alert_url=url, **given)
    hook = hook_of(url, store)
    return app, Watch(store, app.ingest, hook, clock=lambda: now_ms[0])


async def test_the_store_s_trouble_is_told_once() -> None:
    """
    That the store went away, and that it came back, are told when they happen, not at every look; so is a
    new kind of warning, whatever number stands in it. What was not so from the start is a row, too.
    """
    store, now_ms = ScriptedStore(), [1_800_000_000_000.0]
    with Receiver() as receiver:
        app, watch = watching(store, receiver.url, now_ms, limits=False)
        for trouble in (None, StoreUnavailableError("gone"), StoreUnavailableError("gone"), None, None):
            store.trouble = trouble
            await watch.look()
            now_ms[0] += 60_000
        watch._compare({"ok": True, "warnings": ["Redis has evicted 5 keys since it started"]})
        watch._compare({"ok": True, "warnings": ["Redis has evicted 1,205 keys since it started"]})
        await watch._hook.end(PATIENCE_S)
        await app.ingest.drain()
        told = [json.loads(receiver.came.get_nowait().body)["message"] for _ in range(receiver.came.qsize())]
    assert told == [
        "the store is not well: gone",
        "the store is well again; it was not for 120 s",
        "Redis has evicted 5 keys since it started",
    ]
    assert [json.loads(body)["message"] for body in store.stored.values()] == told[1:]


async def test_yesterday_is_reported_once() -> None:
    """
    The first look of a day sends what the last one stored and cost, by system.
    """
    gate = LocalGate(QuotaSettings(monthly_writes=100))
    await gate.ask([Demand("worker", "normal", 30)])
    gate.now_ms += 86_400_000
    store, now_ms = ScriptedStore(), [float(gate.now_ms)]
    with Receiver() as receiver:
        app, watch = watching(store, receiver.url, now_ms)
        assert app.ingest.gatekeeper is not None
        app.ingest.gatekeeper.gate = gate
        await watch.look()
        await watch.look()
        await watch._hook.end(PATIENCE_S)
        said = json.loads(receiver.came.get_nowait().body)
        assert receiver.came.empty()
        await app.ingest.drain()
    assert list(store.stored) == [said["id"]]
    assert (said["kind"], said["data"]["writes"], said["data"]["by_system"]) == ("day", 30, {"worker": 30})


async def test_the_budget_and_the_callbacks_hear_the_same() -> None:
    """
    Both functions of the operator and the address hear of a level; a function that fails costs no alert, and
    one hears without an address, too, but only of what is wanted.
    """
    heard: list[Alert] = []
    noticed: list[Notice] = []

    def broken(_: Notice) -> None:
        raise ValueError("odd")

    with Receiver() as receiver:
        app = create_app(
            store=ScriptedStore(), port=0, alert_url=receiver.url, on_alert=heard.append, on_notice=broken
        )
        change = Alert(level=1, was=0, severity="warn", month=202611, used=80, writes=100, message="80 %")
        app._alert(change)
        await app.desk.hook.end(PATIENCE_S)
        assert json.loads(receiver.came.get_nowait().body)["id"] == change.id
    assert heard == [change]
    assert app.faults.total == 1
    for kinds in (("budget",), ("store",)):
        app = create_app(store=ScriptedStore(), port=0, alerts=kinds, on_notice=noticed.append)
        app._alert(change)
    assert [(notice.id, notice.kind) for notice in noticed] == [(change.id, "budget")]
