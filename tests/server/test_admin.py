"""
Administration over real HTTP: two servers that share one store, embedded and real Valkey.
"""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flooding import PATIENCE_S, wait_for
from tests.server.running import Answer, Running, request
from tests.stores.servers import RealServer
from tracelog.config import Key

ADMIN, READ, INGEST = "admin-key-0123456789", "read-key-0123456789", "ingest-key-0123456789"
KEYS = (Key(token=ADMIN, role="admin"), Key(token=READ, role="read"), Key(token=INGEST))
SHOP = "https://shop.example"
CHANGES = [
    ("POST", "/api/v1/keys"),
    ("DELETE", "/api/v1/keys/abc"),
    ("POST", "/api/v1/switches"),
    ("POST", "/api/v1/mutes"),
    ("DELETE", "/api/v1/mutes/abc"),
    ("POST", "/api/v1/cleanup"),
    ("POST", "/api/v1/import"),
    ("POST", "/api/v1/pins/abcdefgh"),
]

pytestmark = pytest.mark.xdist_group("admin")


@pytest.fixture(scope="module", params=["sqlite", "valkey"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The address of each kind of store in turn.
    """
    folder: Path = tmp_path_factory.mktemp("admin")
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/logs.db"
        return
    with RealServer(folder) as server:
        yield server.url


def attentive(**given: Any) -> Running:
    """
    Return a server that looks many times a second, and not each second, at what others have changed.
    """
    running = Running(**given)
    running.app.desk.office.board.every_s = 0.05
    return running


@pytest.fixture(scope="module")
def pair(url: str) -> Iterator[tuple[Running, Running]]:
    """
    Two servers of that store, with keys in their settings.
    """
    with attentive(store_url=url, keys=KEYS, limits=True) as one, attentive(store_url=url, keys=KEYS) as two:
        yield one, two


def bearer(key: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {key}")


def told(running: Running, method: str, target: str, body: Any = None, *headers: tuple[str, str]) -> Answer:
    given = headers or (bearer(ADMIN),)
    return running.ask(
        request(method, target, json.dumps(body).encode() if body is not None else b"", headers=given)
    )


def audit(running: Running) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = told(running, "GET", "/api/v1/audit").json["records"]
    return records


def test_a_browser_key_is_made_bound_and_revoked(pair: tuple[Running, Running]) -> None:
    """
    A key that one server makes works at the other within seconds, writes from its origin only, as its system
    only, and reads nothing; revoked it opens nothing. Its token is shown once and kept nowhere.
    """
    one, two = pair
    wanted = {"role": "ingest", "name": "shop", "origins": [SHOP], "system": "browser"}
    made = told(one, "POST", "/api/v1/keys", wanted).json
    token, page = made["token"], ("Origin", SHOP)
    wait_for(lambda: two.post({"message": "m"}, bearer(token), page).status == 200)
    entry = {"message": "m", "trace_id": f"trace-{made['id']}", "system": "backend"}
    assert two.post(entry, bearer(token), page).status == 200
    shown = two.get(f"/api/v1/traces/trace-{made['id']}", bearer(READ)).json["entries"][0]
    assert (shown["system"], shown["origin"]) == ("browser", "public")
    assert two.post({"message": "m"}, bearer(token), ("Origin", "https://evil.example")).status == 403
    assert two.get("/api/v1/traces", bearer(token)).json["reason"] == "key_role"
    listed = told(two, "GET", "/api/v1/keys")
    assert [key["name"] for key in listed.json["keys"] if key["id"] == made["id"]] == ["shop"]
    for answer in (listed, told(one, "GET", "/api/v1/audit"), told(one, "GET", "/api/v1/status")):
        assert token.encode() not in answer.body
        assert b"digest" not in answer.body
    assert told(one, "DELETE", f"/api/v1/keys/{made['id']}").status == 200
    assert one.post({"message": "m"}, bearer(token), page).json["reason"] == "key_unknown"
    wait_for(lambda: two.post({"message": "m"}, bearer(token), page).status == 401)
    assert told(one, "DELETE", f"/api/v1/keys/{made['id']}").json["reason"] == "unknown_key"
    assert [each["what"] for each in audit(one)[:2]] == ["keys.revoke", "keys.create"]


def test_a_revoked_key_ends_its_sessions(pair: tuple[Running, Running]) -> None:
    """
    A cookie lives no longer than the key that signed it, on every server; nor does a stream that it opened.
    """
    one, two = pair
    made = told(one, "POST", "/api/v1/keys", {"role": "read"}).json
    signed = one.post(made["token"].encode(), ("Origin", "http://127.0.0.1"), target="/api/v1/session")
    cookie = ("Cookie", (signed.header("set-cookie") or "").partition(";")[0])
    wait_for(lambda: two.get("/api/v1/traces", cookie).status == 200)
    with socket.create_connection(("127.0.0.1", two.port), timeout=PATIENCE_S) as line:
        line.sendall(request("GET", "/api/v1/live?limit=1", headers=[bearer(made["token"])]))
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
        told(one, "DELETE", f"/api/v1/keys/{made['id']}")
        data = b""
        while not data.endswith(b"0\r\n\r\n"):  # the last chunk, behind what is left of the beginning
            data += line.recv(65_536)
    assert one.get("/api/v1/traces", cookie).status == 401
    wait_for(lambda: two.get("/api/v1/traces", cookie).status == 401)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"role": "root"}, "key"),
        ({"role": "read", "origins": [SHOP]}, "key"),
        ({"role": "ingest", "origins": ["*"]}, "key"),
        ({"role": "ingest", "origins": ["null"]}, "key"),
        ({"role": "ingest", "system": "No Such"}, "key"),
        ({"role": "ingest", "token": "mine"}, "invalid_body"),
        ([], "invalid_body"),
    ],
)
def test_what_no_key_can_be(pair: tuple[Running, Running], wanted: Any, reason: str) -> None:
    """
    A wrong wish is a 400 with a sentence, and makes nothing.
    """
    before = told(pair[0], "GET", "/api/v1/keys").json["keys"]
    answer = told(pair[0], "POST", "/api/v1/keys", wanted)
    assert (answer.status, answer.json["reason"]) == (400, reason)
    assert told(pair[0], "GET", "/api/v1/keys").json["keys"] == before


@pytest.mark.parametrize(("method", "target"), CHANGES)
def test_only_admin_keys_change_anything(pair: tuple[Running, Running], method: str, target: str) -> None:
    """
    Without the right `admin`, or by a page of another origin, or by a cookie without the own origin, nothing
    is changed; GET never changes anything; and none of it leaves a record.
    """
    one, before = pair[0], audit(pair[0])
    signed = one.post(ADMIN.encode(), ("Origin", "http://127.0.0.1"), target="/api/v1/session")
    cookie = ("Cookie", (signed.header("set-cookie") or "").partition(";")[0])
    for headers, status in (
        ([("X-None", "1")], 401),
        ([bearer(READ)], 403),
        ([bearer(INGEST)], 403),
        ([bearer(ADMIN), ("Origin", SHOP)], 403),
        ([cookie], 401),
        ([cookie, ("Origin", SHOP)], 401),
    ):
        assert told(one, method, target, {"mode": "safe"}, *headers).status == status
    assert told(one, "GET", target).status in {200, 404, 405}
    assert audit(one) == before


def test_a_switch_reaches_pages_of_every_server(pair: tuple[Running, Running]) -> None:
    """
    What is switched at one server is what a page hears from the other, until the settings have their say again.
    """
    one, two = pair
    asked = "/api/v1/status?page=1"
    assert told(one, "POST", "/api/v1/switches", {"capture": False}).json["capture"] is False
    assert one.get(asked, ("Origin", SHOP)).json == {"capture": False}
    wait_for(lambda: two.get(asked).json == {"capture": False})
    assert told(two, "GET", "/api/v1/switches").json["said_by"] == "operator"
    assert told(two, "POST", "/api/v1/switches", {"capture": None}).json["capture"] is True
    wait_for(lambda: one.get(asked).json == {"capture": True})
    assert told(one, "POST", "/api/v1/switches", {"capture": "no"}).status == 400


def test_a_mute_is_counted_and_ends(pair: tuple[Running, Running]) -> None:
    """
    Muted entries are not stored and are counted as `muted`, but for errors; others are stored; a mute that was
    ended lets everything through.
    """
    one = pair[0]
    mute = told(one, "POST", "/api/v1/mutes", {"system": "noisy", "minutes": 5, "why": "deploy"}).json
    send = bearer(INGEST)
    said = one.post(
        [
            {"message": "quiet please", "system": "noisy", "trace_id": "trace-mute"},
            {"message": "it broke", "system": "noisy", "trace_id": "trace-mute", "level": "error"},
            {"message": "another", "system": "worker", "trace_id": "trace-mute"},
        ],
        send,
    ).json
    assert (said["accepted"], said["suppressed_by"]) == (2, {"muted": 1})
    single = one.post({"message": "once more", "system": "noisy", "trace_id": "trace-mute"}, send)
    assert (single.status, single.json["suppressed"]) == (200, "muted")
    kept = one.get("/api/v1/traces/trace-mute", bearer(READ)).json["entries"]
    assert {"it broke", "another"} <= {entry["message"] for entry in kept}
    ledger = one.get("/api/v1/ledger?system=noisy", bearer(READ)).json
    assert (ledger["suppressed"]["muted"], ledger["balanced"]) == (2, True)
    assert [each["id"] for each in told(one, "GET", "/api/v1/mutes").json["mutes"]] == [mute["id"]]
    assert told(one, "GET", "/api/v1/status").json["mutes"] == 1
    assert told(one, "DELETE", f"/api/v1/mutes/{mute['id']}").status == 200
    after = one.post({"message": "heard", "system": "noisy", "trace_id": "trace-mute"}, send).json
    assert "suppressed" not in after
    assert told(one, "DELETE", f"/api/v1/mutes/{mute['id']}").json["reason"] == "unknown_mute"


@pytest.mark.parametrize("wanted", [{}, {"system": "a", "minutes": 0}, {"source": "a", "minutes": 99_999}])
def test_a_mute_has_bounds(pair: tuple[Running, Running], wanted: dict[str, Any]) -> None:
    """
    Nobody mutes everybody, and nobody for ever.
    """
    assert told(pair[0], "POST", "/api/v1/mutes", wanted).status == 400


def test_an_emergency_needs_the_words_and_leaves_a_trace(pair: tuple[Running, Running]) -> None:
    """
    Nothing is deleted by a dry run or without the typed words; with them every log goes, keys, mutes and the
    audit stay, and both the audit and the logs tell who did it.
    """
    one, two = pair
    key = told(one, "POST", "/api/v1/keys", {"role": "read"}).json
    one.post({"message": "m", "trace_id": "trace-doomed"}, bearer(INGEST))
    path = "/api/v1/cleanup"
    dry = told(one, "POST", path, {"mode": "emergency", "dry_run": True}).json
    assert dry["traces"] >= 1
    for wrong in ({}, {"confirm": "yes"}, {"confirm": "Delete all logs"}):
        answer = told(one, "POST", path, {"mode": "emergency", **wrong})
        assert (answer.status, answer.json["reason"]) == (400, "confirm")
    assert one.get("/api/v1/traces/trace-doomed", bearer(READ)).status == 200
    done = told(one, "POST", path, {"mode": "emergency", "confirm": "delete all logs"})
    assert (done.status, done.json["dry_run"]) == (200, False)
    assert two.get("/api/v1/traces/trace-doomed", bearer(READ)).status == 404
    wait_for(lambda: two.get("/api/v1/traces", bearer(key["token"])).status == 200)
    assert [each["what"] for each in audit(two)[:2]] == ["cleanup.emergency", "cleanup.emergency.begun"]
    assert audit(two)[0]["who"] == "settings-1"
    wait_for(lambda: two.get("/api/v1/traces/tracelog-admin", bearer(READ)).status == 200)
    rows = two.get("/api/v1/traces/tracelog-admin", bearer(READ)).json["entries"]
    assert any(row["message"].startswith("cleanup.emergency by settings-1") for row in rows)


def test_a_safe_clean_up_tells_first(pair: tuple[Running, Running]) -> None:
    """
    A dry run is not recorded, the clean-up is, and entries stay; a mode that is none is refused.
    """
    one, before = pair[0], len(audit(pair[0]))
    one.post({"message": "m", "trace_id": "trace-safe"}, bearer(INGEST))
    dry = told(one, "POST", "/api/v1/cleanup", {"mode": "safe", "dry_run": True}).json
    assert {"expired", "orphaned", "endless", "silent", "bytes"} <= set(dry)
    assert len(audit(one)) == before
    assert told(one, "POST", "/api/v1/cleanup", {"mode": "safe"}).json["dry_run"] is False
    assert audit(one)[0]["what"] == "cleanup.safe"
    assert one.get("/api/v1/traces/trace-safe", bearer(READ)).status == 200
    assert told(one, "POST", "/api/v1/cleanup", {"mode": "all"}).json["reason"] == "mode"


def test_pins_and_imports_are_recorded(pair: tuple[Running, Running]) -> None:
    """
    What changed something before there was an audit is in it, too.
    """
    one = pair[0]
    one.post({"message": "m", "trace_id": "trace-pinned"}, bearer(INGEST))
    assert told(one, "POST", "/api/v1/pins/trace-pinned").status == 200
    assert told(one, "POST", "/api/v1/import", [{"message": "i", "trace_id": "trace-imported"}]).status == 200
    assert [(each["what"], each["who"]) for each in audit(one)[:2]] == [
        ("import", "settings-1"),
        ("pins", "settings-1"),
    ]


def test_the_store_is_looked_at(pair: tuple[Running, Running]) -> None:
    """
    The closer look says what is there and what to do, to who may read.
    """
    shown = told(pair[0], "GET", "/api/v1/health/store", None, bearer(READ)).json
    assert shown["ok"] is True
    assert shown["traces"] >= 0
    assert isinstance(shown["recommendations"], list)
    assert told(pair[0], "GET", "/api/v1/health/store", None, bearer(INGEST)).status == 403


def test_an_open_server_shuts_with_its_first_key(tmp_path: Path) -> None:
    """
    Where no key is needed, the first one must be an admin's; from then on all need one, after a restart, too.
    The last admin key goes last and on purpose, and then none is needed again.
    """
    where = f"sqlite:///{tmp_path}/open.db"
    none = ("X-None", "1")
    with Running(store_url=where) as running:
        refused = told(running, "POST", "/api/v1/keys", {"role": "ingest"}, none)
        assert (refused.status, refused.json["reason"]) == (409, "first_key")
        admin = told(running, "POST", "/api/v1/keys", {"role": "admin"}, none).json
        assert running.get("/api/v1/traces").status == 401
        assert running.post({"message": "m"}).status == 401
        for key, status in (("wrong", 401), (admin["token"], 403)):  # of OTLP exporters, by the body
            assert running.post({"api_key": key}, target="/decide").status == status
    with Running(store_url=where) as running:
        assert running.get("/api/v1/traces").status == 401
        as_admin = bearer(admin["token"])
        read = told(running, "POST", "/api/v1/keys", {"role": "read"}, as_admin).json
        last = f"/api/v1/keys/{admin['id']}"
        assert told(running, "DELETE", f"{last}?last=1", None, as_admin).json["reason"] == "last_admin"
        assert told(running, "DELETE", f"/api/v1/keys/{read['id']}", None, as_admin).status == 200
        assert told(running, "DELETE", last, None, as_admin).json["reason"] == "last_admin"
        assert told(running, "DELETE", f"{last}?last=1", None, as_admin).json["open"] is True
        assert running.get("/api/v1/traces").status == 200
        assert told(running, "DELETE", "/api/v1/keys/settings-1", None, none).json["reason"] == "unknown_key"


def test_two_admins_who_revoke_each_other_leave_one(tmp_path: Path) -> None:
    """
    While one server revokes a key, the other one revokes the only other admin key: the first takes it back.
    """
    where, none = f"sqlite:///{tmp_path}/both.db", ("X-None", "1")
    with Running(store_url=where) as one, attentive(store_url=where) as two:
        ann = told(one, "POST", "/api/v1/keys", {"role": "admin"}, none).json
        bob = told(one, "POST", "/api/v1/keys", {"role": "admin"}, bearer(ann["token"])).json
        wait_for(lambda: two.get("/api/v1/traces", bearer(bob["token"])).status == 200)
        board = one.app.desk.office.board
        take, others = board.take, []

        async def take_late(name: str) -> bool:
            others.append(
                await asyncio.to_thread(
                    told, two, "DELETE", f"/api/v1/keys/{ann['id']}", None, bearer(bob["token"])
                )
            )
            return bool(await take(name))

        board.take = take_late  # type: ignore[method-assign]
        answer = told(one, "DELETE", f"/api/v1/keys/{bob['id']}", None, bearer(ann["token"]))
        assert [other.status for other in others] == [200]
        assert (answer.status, answer.json["reason"]) == (409, "last_admin")
        assert one.get("/api/v1/traces", bearer(bob["token"])).status == 200
        assert one.get("/api/v1/traces", bearer(ann["token"])).status == 401


def test_a_store_that_forgot_its_keys_opens_nothing(tmp_path: Path) -> None:
    """
    A server that had keys stays shut when they vanish from the store without having been revoked.
    """
    with RealServer(tmp_path) as server, attentive(store_url=server.url) as running:
        none = ("X-None", "1")
        admin = told(running, "POST", "/api/v1/keys", {"role": "admin"}, none).json
        assert running.get("/api/v1/traces", bearer(admin["token"])).status == 200
        server.kill()
        server.start()
        wait_for(
            lambda: running.get("/api/v1/traces", bearer(admin["token"])).json.get("reason") == "key_unknown"
        )
        assert running.get("/api/v1/traces").status == 401
