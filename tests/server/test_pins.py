"""
Pins and tombstones over HTTP: a trace stays when asked to, and one that is gone is told of, not denied.
"""

import time
from collections.abc import Iterator

import pytest

from tests.server.running import Answer, Running, request
from tests.stores.rows import Clock
from tracelog.config import Key
from tracelog.stores.sqlite import SqliteStore

ADMIN, READ = "admin-key-0123456789", "read-key-0123456789"
HOUR_S = 3_600


@pytest.fixture
def clock() -> Clock:
    """
    The store's clock, which begins now, as the server's does.
    """
    clock = Clock()
    clock.now = time.time()
    return clock


@pytest.fixture
def server(clock: Clock) -> Iterator[Running]:
    """
    A server whose store goes by that clock, and where two traces may be pinned.
    """
    with Running(SqliteStore(":memory:", clock=clock), pins={"most": 2}) as running:
        yield running


def stored(running: Running, *names: str) -> None:
    for name in names:
        entry = {"trace_id": name, "message": "x", "level": "error", "system": "worker", "id": name}
        assert running.post(entry).status == 200


def pinned(running: Running, method: str, ref: str, *headers: tuple[str, str]) -> Answer:
    return running.ask(request(method, f"/api/v1/pins/{ref}", b"", headers=headers))


def test_a_pinned_trace_outlives_its_hour(server: Running, clock: Clock) -> None:
    """
    A pinned trace can be read when others of its age cannot, until it is unpinned.
    """
    stored(server, "trace-kept", "trace-lost")
    told = pinned(server, "POST", "trace-ke").json
    assert (told["success"], told["trace_id"]) == (True, "trace-kept")
    clock.now += 100 * HOUR_S
    assert server.get("/api/v1/traces/trace-kept").json["expires_at"] == told["expires_at"]
    assert [line["trace_id"] for line in server.get("/api/v1/traces").json["traces"]] == ["trace-kept"]
    assert server.get("/api/v1/traces/trace-lost").status == 410
    listed = server.get("/api/v1/pins").json
    assert ([pin["trace_id"] for pin in listed["pins"]], listed["most"]) == (["trace-kept"], 2)
    assert pinned(server, "DELETE", "trace-kept").json["expires_at"] == clock.now * 1000
    assert server.get("/api/v1/traces/trace-kept").status == 410
    assert server.get("/api/v1/pins").json["pins"] == []


def test_a_gone_trace_is_told_of(server: Running, clock: Clock) -> None:
    """
    Every address that takes a reference says when a trace expired and what it held, as a sentence and as
    values; one that never was is unknown.
    """
    stored(server, "trace-gone")
    expires = server.get("/api/v1/traces/trace-gone").json["expires_at"]
    clock.now += 3 * HOUR_S
    for tail in ("", "/report", "/export"):
        answer = server.get(f"/api/v1/traces/trace-gone{tail}")
        assert (answer.status, answer.json["reason"]) == (410, "expired")
        assert "it held 1 entries, 1 of them errors, of worker" in answer.json["error"]
        gone = answer.json["gone"]
        assert (gone["trace_id"], gone["entries"], gone["errors"], gone["gone_ms"]) == (
            "trace-gone",
            1,
            1,
            expires,
        )
    assert server.get("/api/v1/traces/trace-never").json["reason"] == "unknown_trace"


def test_pins_have_bounds(server: Running) -> None:
    """
    As many are pinned as the setting says, and one more is refused with a sentence.
    """
    stored(server, "trace-1", "trace-2", "trace-3")
    assert [pinned(server, "POST", f"trace-{at}").status for at in (1, 2, 3)] == [200, 200, 409]
    answer = pinned(server, "POST", "trace-3").json
    assert (answer["reason"], answer["error"][:20]) == ("pins_full", "2 traces are pinned,")
    assert pinned(server, "DELETE", "trace-3").json["reason"] == "not_pinned"
    assert pinned(server, "POST", "trace-none").status == 404


def test_a_search_tells_what_went(server: Running, clock: Clock) -> None:
    """
    A page behind a cursor names the traces that expired since the page before.
    """
    stored(server, "trace-old")
    clock.now += HOUR_S / 2
    stored(server, "trace-new", "trace-newer")
    first = server.get("/api/v1/search?limit=1").json
    assert (len(first["entries"]), first["missing"]) == (1, [])
    clock.now += 0.6 * HOUR_S
    second = server.get(f"/api/v1/search?limit=1&cursor={first['cursor']}").json
    assert [entry["trace_id"] for entry in second["entries"]] == ["trace-new"]
    assert [(gone["trace_id"], gone["why"]) for gone in second["missing"]] == [("trace-old", "expired")]


def test_only_admins_pin() -> None:
    """
    With keys, what is kept is for an admin to say; a read key sees the list.
    """
    keys = (Key(token=ADMIN, role="admin"), Key(token=READ, role="read"), Key(token="ingest-key-012345678"))
    with Running(keys=keys) as guarded:
        entry = b'{"trace_id":"trace-kept","message":"x"}'
        assert guarded.post(entry, ("authorization", "Bearer ingest-key-012345678")).status == 200
        reader, admin = (("authorization", f"Bearer {token}") for token in (READ, ADMIN))
        assert pinned(guarded, "POST", "trace-kept", reader).status == 403
        assert pinned(guarded, "POST", "trace-kept", admin).status == 200
        assert len(guarded.get("/api/v1/pins", reader).json["pins"]) == 1
        assert guarded.get("/api/v1/pins/trace-kept", admin).status == 405


def test_a_searchs_mistake_has_a_place(server: Running) -> None:
    """
    A search that cannot be read is answered with what is wrong and where it stands.
    """
    answer = server.get("/api/v1/search?q=error%20dur:long")
    assert (answer.status, answer.json["reason"]) == (400, "query")
    assert answer.json["error"].endswith("(character 7)")
