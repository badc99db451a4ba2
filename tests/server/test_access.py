"""
Who may send and read, and what label entries get: from the socket, on both ways.
"""

from collections.abc import Iterator

import pytest

from tests.server.running import Running, request, settings_of
from tracelog.config import Key
from tracelog.errors import AccessError, ConfigError
from tracelog.server.access import REMEMBERED, Access
from tracelog.server.heads import once

INGEST, READ, ADMIN = "ingest-key-0123456789", "read-key-0123456789", "admin-key-0123456789"
PAGE, WORKER = "page-key-0123456789", "worker-key-0123456789"
SHOP = "https://shop.example"
KEYS = (
    Key(token=INGEST),
    Key(token=READ, role="read"),
    Key(token=ADMIN, role="admin"),
    Key(token=PAGE, origins=(SHOP,), public=True),
    Key(token=WORKER, system="worker"),
)


@pytest.fixture(scope="module", params=[True, False], ids=["direct", "long way"])
def guarded(request: pytest.FixtureRequest) -> Iterator[Running]:
    """
    A server with a key of every kind.
    """
    with Running(direct=request.param, keys=KEYS, cors_origins=("https://listed.example",)) as running:
        yield running


def bearer(key: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {key}")


@pytest.mark.parametrize(
    ("headers", "target", "status", "reason"),
    [
        ([bearer(INGEST)], "/log", 200, None),
        ([("Authorization", f"bearer  {INGEST} ")], "/log", 200, None),
        ([], f"/log?key={INGEST}", 200, None),
        ([], f"/log/?a=b&key={INGEST}", 200, None),
        ([bearer(INGEST)], f"/log?key={READ}", 200, None),
        ([bearer(READ)], f"/log?key={INGEST}", 403, "key_role"),
        ([], "/log", 401, "key_missing"),
        ([("Authorization", f"Basic {INGEST}")], "/log", 401, "key_missing"),
        ([bearer("")], "/log", 401, "key_missing"),
        ([bearer(INGEST[:-1])], "/log", 401, "key_unknown"),
        ([bearer(INGEST + "é")], "/log", 401, "key_unknown"),
        ([], "/log?key=%ff", 401, "key_unknown"),
        ([bearer(READ)], "/log", 403, "key_role"),
        ([bearer(ADMIN)], "/log", 403, "key_role"),
        ([bearer(PAGE), ("Origin", SHOP)], "/log", 200, None),
        ([bearer(PAGE), ("Origin", "HTTPS://SHOP.example")], "/log", 200, None),
        ([bearer(PAGE)], "/log", 200, None),
        ([bearer(PAGE), ("Origin", "https://evil.example")], "/log", 403, "origin"),
        ([bearer(PAGE), ("Origin", f"{SHOP}.evil.example")], "/log", 403, "origin"),
        ([bearer(PAGE), ("Origin", f"{SHOP}:444")], "/log", 403, "origin"),
        ([bearer(PAGE), ("Origin", "null")], "/log", 403, "origin"),
        ([bearer(INGEST), ("Origin", SHOP)], "/log", 403, "origin"),
        ([bearer(INGEST), ("Origin", "https://listed.example")], "/log", 200, None),
        ([bearer(INGEST), ("Origin", "http://localhost:3000")], "/log", 403, "origin"),
    ],
)
def test_writing_needs_an_ingest_key(headers, target, status, reason, guarded: Running) -> None:
    """
    Only ingest keys write, from the origins they are bound to; the header counts before the query.
    """
    answer = guarded.post({"message": "m"}, *headers, target=target)
    assert (answer.status, answer.json.get("reason")) == (status, reason)
    assert answer.header("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize(
    ("headers", "query", "status", "reason"),
    [
        ([bearer(READ)], "", 200, None),
        ([bearer(ADMIN)], "", 200, None),
        ([], f"?key={READ}", 200, None),
        ([bearer(INGEST)], "", 403, "key_role"),
        ([bearer(PAGE), ("Origin", SHOP)], "", 403, "key_role"),
        ([bearer(READ + "x")], "", 401, "key_unknown"),
        ([], "", 401, "key_missing"),
        ([bearer(READ), ("Origin", SHOP)], "", 403, "origin"),
        ([bearer(READ), ("Sec-Fetch-Site", "cross-site")], "", 403, "origin"),
        ([bearer(READ), bearer(INGEST)], "", 400, "header"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/traces", "/api/v1/status", "/api/v1/ledger", "/api/v1/search"])
def test_reading_needs_a_read_key(headers, query, status, reason, path: str, guarded: Running) -> None:
    """
    Read and admin keys read, everywhere; other pages never do.
    """
    answer = guarded.get(path + query, *headers)
    assert (answer.status, answer.json.get("reason")) == (status, reason)
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize("key", [INGEST, READ, WORKER, "some-wrong-key-0123456789"])
def test_no_answer_repeats_a_key(key: str, guarded: Running) -> None:
    """
    Whatever is refused, the key is not in the answer.
    """
    for answer in (
        guarded.post({"message": "m"}, bearer(key), target=f"/log?key={key}"),
        guarded.post(b"{", bearer(key)),
        guarded.get("/api/v1/traces/unknown", bearer(key)),
        guarded.get(f"/nowhere?key={key}"),
    ):
        assert key.encode() not in answer.body + repr(answer.headers).encode()


@pytest.mark.parametrize(
    ("key", "said", "origin", "system"),
    [
        (INGEST, "browser", "server", "browser"),
        (INGEST, None, "server", "manual"),
        (PAGE, "backend", "public", "backend"),
        (WORKER, "backend", "server", "worker"),
        (WORKER, None, "server", "worker"),
    ],
)
def test_the_key_decides_origin_and_system(key, said, origin, system, guarded: Running) -> None:
    """
    The trust label comes from the key, never from the body; a key bound to a system decides that too.
    """
    trace = f"label-{key}-{said}"
    entry = {"trace_id": trace, "message": "m", "origin": "local", "received_at": 1.0}
    guarded.post({**entry, "system": said} if said else entry, bearer(key))
    stored = guarded.get(f"/api/v1/traces/{trace}", bearer(READ)).json["entries"][0]
    assert (stored["origin"], stored["system"]) == (origin, system)
    assert stored["received_at"] > 1_700_000_000_000.0


def test_a_page_may_read_the_headers_that_answers_have(guarded: Running) -> None:
    """
    What is exposed to scripts of another origin is the one header beyond the usual that some answer carries.
    """
    answer = guarded.post({"message": "m"}, bearer(INGEST), ("Origin", "https://listed.example"))
    assert answer.header("access-control-allow-origin") == "https://listed.example"
    assert answer.header("access-control-expose-headers") == "retry-after"


def test_a_preflight_for_a_bound_key_is_allowed(guarded: Running) -> None:
    """
    A preflight carries no key, so the origins that any key is bound to are allowed, and no loopback ones.
    """
    for origin, allowed in (
        (SHOP, SHOP),
        ("https://listed.example", "https://listed.example"),
        ("http://localhost", None),
    ):
        answer = guarded.ask(request("OPTIONS", headers=[("Origin", origin)]))
        assert answer.header("access-control-allow-origin") == allowed


def test_keys_answer_for_any_host_unless_hosts_are_listed() -> None:
    """
    With keys the server may have any name; listed names alone count once there are some.
    """
    headers = {b"host": b"logs.example:443", b"authorization": f"Bearer {INGEST}".encode()}
    Access(settings_of(keys=KEYS)).check_ingest(headers, b"")
    Access(settings_of(keys=KEYS, allowed_hosts=("Logs.example",))).check_ingest(headers, b"")
    with pytest.raises(AccessError) as refused:
        Access(settings_of(keys=KEYS, allowed_hosts=("other.example",))).check_ingest(headers, b"")
    assert refused.value.status == 421


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"keys": (Key(token="same"), Key(token="same", role="read"))}, "same token"),
        ({"keys": (Key(token="k", role="write"),)}, "'write' is unknown"),
        ({"cors_origins": ("*",)}, r"\* and null"),
        ({"cors_origins": ("null",)}, r"\* and null"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(given, words: str) -> None:
    """
    Wrong keys and origins stop the start with a sentence.
    """
    with pytest.raises(ConfigError, match=words):
        Access(settings_of(**given))


def test_the_memory_of_senders_is_bounded() -> None:
    """
    Neither many made-up headers nor long ones fill the memory.
    """
    access = Access(settings_of())
    for number in range(3 * REMEMBERED):
        access.check_ingest({b"host": b"localhost", b"user-agent": str(number).encode()}, b"")
    access.check_ingest({b"host": b"localhost", b"user-agent": b"a" * 10_000}, b"")
    assert len(access._known) <= REMEMBERED
    assert max(len(repr(told)) for told in access._known) < 2_000


def test_a_revealed_reader_cannot_clean_up() -> None:
    """
    Rights above reading need an admin key.
    """
    access = Access(settings_of(keys=KEYS))
    access.check_read({b"authorization": f"Bearer {ADMIN}".encode()}, right="admin")
    with pytest.raises(AccessError, match="role read"):
        access.check_read({b"authorization": f"Bearer {READ}".encode()}, right="admin")


def test_a_header_that_stands_twice_is_named() -> None:
    """
    What may stand once only is refused when it stands twice; other headers may.
    """
    once([(b"x", b"1"), (b"x", b"2")], {b"x": b"2"})
    with pytest.raises(AccessError, match="authorization"):
        once([(b"authorization", b"1"), (b"authorization", b"1")], {b"authorization": b"1"})
