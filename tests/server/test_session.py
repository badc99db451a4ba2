"""
Signing in on a page: a key becomes a cookie, and the cookie opens what the key opens and nothing to others.
"""

import pytest

from tests.server.running import Running
from tracelog.config import Key, ServerSettings
from tracelog.server import session
from tracelog.server.app import create_app
from tracelog.server.keyring import Known

NOW = 1_800_000_000.0
KEYS = (
    Key(token="reader-0123456789", role="read"),
    Key(token="admin-0123456789", role="admin"),
    Key(token="ingest-0123456789", role="ingest"),
)


@pytest.fixture(scope="module")
def running():
    """
    A server with a key of each role.
    """
    with Running(keys=KEYS) as running:
        yield running


def own(running):
    return ("Origin", "http://127.0.0.1")


def signed_in(running, token):
    """
    Sign in and return the header that a browser sends from then on.
    """
    answer = running.post(token.encode(), own(running), target="/api/v1/session")
    assert answer.status == 204
    return ("Cookie", answer.header("set-cookie").partition(";")[0])


def test_a_key_becomes_a_cookie_that_reads(running):
    """
    Who signed in reads without a key, also as one cookie of several; the page's scripts never see it.
    """
    answer = running.post(b"reader-0123456789", own(running), target="/api/v1/session")
    said = answer.header("set-cookie")
    assert {"HttpOnly", "SameSite=Strict"} <= set(said.split("; "))
    assert "reader-0123456789" not in said
    name, value = signed_in(running, "admin-0123456789")
    assert running.get("/api/v1/traces").status == 401
    assert running.get("/api/v1/traces", (name, value)).status == 200
    assert running.get("/api/v1/traces", (name, f"a=b; {value}; c=d")).status == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"wrong", None, 401),
        (b"ingest-0123456789", None, 403),
        (b"reader-0123456789", ("Origin", "http://evil.example.com"), 403),
        (b"reader-0123456789", ("X-None", "1"), 403),
        (b"x" * 2_000, None, 413),
    ],
    ids=["unknown key", "key that may not read", "foreign page", "no page", "no key"],
)
def test_who_may_not_sign_in(running, body, headers, status):
    """
    A key that may not read gets no cookie, nor does a page of another origin, whatever key it has.
    """
    answer = running.post(body, headers or own(running), target="/api/v1/session")
    assert answer.status == status
    assert answer.header("set-cookie") is None


def test_a_cookie_changes_nothing_for_other_sites(running):
    """
    What changes something needs the page's own origin beside the cookie; foreign pages cannot even read with it.
    """
    cookie = signed_in(running, "reader-0123456789")
    marks = {"target": "/api/v1/marks"}
    assert running.post({"name": "before"}, cookie, own(running), **marks).status == 200
    assert running.post({"name": "before"}, cookie, **marks).status == 401
    foreign = ("Origin", "http://evil.example.com")
    assert running.post({"name": "before"}, cookie, foreign, **marks).status in {401, 403}
    assert running.get("/api/v1/traces", cookie, foreign).status == 403
    assert running.get("/api/v1/traces", cookie, ("Sec-Fetch-Site", "cross-site")).status == 403


def test_a_wrong_key_beside_a_cookie_is_refused(running):
    """
    Who says a key is judged by the key.
    """
    cookie = signed_in(running, "reader-0123456789")
    assert running.get("/api/v1/traces", cookie, ("Authorization", "Bearer wrong")).status == 401


def test_signing_out_takes_the_cookie_away(running):
    """
    An empty body answers a cookie that ends at once.
    """
    answer = running.post(b"", own(running), target="/api/v1/session")
    assert "Max-Age=0" in answer.header("set-cookie")


DIGEST = b"d" * 32
KEYED = [Known(DIGEST, KEYS[0], "settings-1")]


def cookie(now_s=NOW, digest=DIGEST):
    said = session.cookie_of(digest, now_s, host=b"127.0.0.1:8787", secure=True, path="/")
    assert said.endswith("; Secure")
    return said.partition(";")[0].encode()


@pytest.mark.parametrize(
    ("header", "now_s", "known"),
    [
        (cookie(), NOW, True),
        (cookie(), NOW + session.LASTS_S - 1, True),
        (cookie(), NOW + session.LASTS_S, False),
        (cookie(digest=b"e" * 32), NOW, False),
        (cookie()[:-1] + b"z", NOW, False),
        (cookie().replace(b"=18", b"=19"), NOW, False),
        (cookie().replace(b"_8787", b""), NOW, True),
        (b'prefs={"a":[1, 2]}; ' + cookie() + b"; \xff=\x00", NOW, True),
        (b"other=" + b"x" * 20_000 + b"; " + cookie(), NOW, True),
        (cookie(digest=b"e" * 32).replace(b"8787", b"9000") + b"; " + cookie(), NOW, True),
        (b"tracelog_session_x=1.a; " + cookie().replace(b"_8787", b"_878787"), NOW, False),
        (b"tracelog_session=", NOW, False),
        (b"tracelog_session=" + b"9" * 5_000, NOW, False),
        (b"tracelog_session=\xb2\xb3.00", NOW, False),
        (b"\x00;;;=", NOW, False),
        (b"", NOW, False),
    ],
)
def test_what_a_cookie_is_worth(header, now_s, known):
    """
    Only a whole cookie that a known key signed counts, until it ends.
    """
    found = session.key_of({b"cookie": header}, KEYED, now_s)
    assert (found is KEYED[0]) is known


def test_servers_with_the_same_keys_share_their_visitors():
    """
    What one server signed another accepts: nothing is remembered, so a restart signs nobody out.
    """
    apps = [create_app(ServerSettings(store="sqlite::memory:", keys=KEYS)) for _ in range(2)]
    headers = {b"host": b"127.0.0.1:8787"}
    said = apps[0].access.sign_in(KEYS[0].token, headers, secure=False, path="/").partition(";")[0]
    headers[b"cookie"] = said.encode()
    for app in apps:
        app.access.check_read(headers)


def test_signing_out_of_one_server_leaves_the_others_of_its_host():
    """
    A cookie is named by the port. What opens this server ends, also under the name that it had before; what opens
    another one stays.
    """
    other = cookie(digest=b"e" * 32).replace(b"8787", b"9000")
    old = cookie().replace(b"_8787", b"")
    headers = {b"host": b"127.0.0.1:8787", b"cookie": b"; ".join([other, old, cookie()])}
    ended = [said.partition("=")[0] for said in session.no_cookies(headers, KEYED, NOW, "/")]
    assert ended == ["tracelog_session", "tracelog_session_8787"]
    assert session.no_cookies({b"host": b"logs.example.com"}, KEYED, NOW, "/")[0].startswith(
        "tracelog_session=;"
    )
