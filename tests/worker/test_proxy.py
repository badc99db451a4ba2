"""
The example proxy in a real Workers runtime: pages pass, nobody else does, and trouble behind it costs a page nothing.
"""

import gzip
import json

import pytest

from tests.worker.conftest import PAGE_ORIGIN, ask


def parcel(trace, message="from a page", **report):
    entries = [{"trace_id": trace, "message": message, "system": "browser", "source": "page", "seq": 0}]
    return json.dumps({"report": report, "source": f"browser-{trace[:8]}", "entries": entries}).encode()


def send(world, proxy, body, *, path="/log", origin=PAGE_ORIGIN, **headers):
    url = world.runtime.urls[proxy] + path
    return ask(url, method="POST", body=body, origin=origin, content_type="text/plain", **headers)


def test_pages_of_a_listed_origin_pass(world, trace):
    """
    What a page sends is stored, packed or not, under the trace of its headers where it names none; the page may read
    the answer.
    """
    reply = send(world, "proxy", parcel(trace))
    assert (reply.status, reply.json["accepted"]) == (200, 1)
    assert reply.headers["access-control-allow-origin"] == PAGE_ORIGIN
    packed = gzip.compress(b'[{"message": "packed", "source": "packed", "seq": 0}]')
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    assert send(world, "proxy", packed, content_encoding="gzip", traceparent=parent).json["accepted"] == 1
    assert sorted(world.logs.messages(trace)) == ["from a page", "packed"]


@pytest.mark.parametrize("origin", [PAGE_ORIGIN, "https://evil.example"])
def test_a_preflight_is_answered(world, origin):
    """
    A listed origin may send what the client sends; another one is told nothing.
    """
    reply = ask(
        world.runtime.urls["proxy"] + "/log",
        method="OPTIONS",
        origin=origin,
        access_control_request_method="POST",
    )
    assert reply.status == 204
    allowed = (
        reply.headers.get("access-control-allow-origin"),
        reply.headers.get("access-control-allow-methods"),
    )
    assert allowed == ((PAGE_ORIGIN, "POST, GET") if origin == PAGE_ORIGIN else (None, None))
    assert ("traceparent" in reply.headers.get("access-control-allow-headers", "")) == (origin == PAGE_ORIGIN)


@pytest.mark.parametrize(
    ("path", "method", "origin", "status"),
    [
        ("/log", "POST", "https://evil.example", 403),
        ("/log", "POST", "null", 403),
        ("/log", "POST", "none", 403),
        ("/log", "POST", "", 403),
        ("/log", "GET", PAGE_ORIGIN, 405),
        ("/api/v1/traces", "GET", PAGE_ORIGIN, 404),
        ("/api/v1/cleanup", "POST", PAGE_ORIGIN, 404),
        ("/mcp", "POST", PAGE_ORIGIN, 404),
        ("//evil.example/log", "POST", PAGE_ORIGIN, 404),
        ("/log/../api/v1/traces", "GET", PAGE_ORIGIN, 404),
        ("/http://evil.example/", "GET", PAGE_ORIGIN, 404),
        ("/constructor", "GET", PAGE_ORIGIN, 404),
    ],
)
def test_it_is_no_open_relay(world, path, method, origin, status):
    """
    One server, six paths, listed origins: everything else is refused in one sentence and reaches nobody.
    """
    body = b"{}" if method == "POST" else None
    headers = {"origin": origin} if origin else {}
    reply = ask(world.runtime.urls["proxy"] + path, method=method, body=body, **headers)
    assert (reply.status, reply.json["success"]) == (status, False)


def test_a_page_gets_the_client_and_one_word(world):
    """
    Scripts come through without an origin, and of the status whether to capture: whatever else a page asks for.
    """
    script = world.get("proxy", "/tracelog.js")
    assert script.body == ask(f"{world.logs.url}/tracelog.js").body
    assert script.headers["content-type"].startswith("text/javascript")
    assert world.get("proxy", "/api/v1/status?full=1&page=").json == {"capture": True}


def test_size_is_counted_and_not_believed(world, trace):
    """
    A body beyond the limit is refused, whether its length is told or not.
    """
    large = b'[{"message": "' + b"x" * (1 << 20) + b'"}]'
    assert send(world, "proxy", large).status == 413
    halves = iter([large[: 1 << 19], large[1 << 19 :]])
    assert send(world, "proxy", halves).status == 413
    assert send(world, "proxy", iter([parcel(trace)])).json["accepted"] == 1


def test_the_key_is_the_proxys_own(world, trace):
    """
    The server trusts the proxy's key no more than a page's, whatever the page sends beside it.
    """
    reply = send(world, "keyed", parcel(trace), path="/log?key=forged", authorization="Bearer forged")
    assert (reply.status, reply.json["accepted"]) == (200, 1)
    stored = ask(f"{world.keyed}/api/v1/traces/{trace}", authorization="Bearer reader").json["entries"]
    assert [(entry["system"], entry["origin"]) for entry in stored] == [("browser", "public")]


@pytest.mark.parametrize(("proxy", "path"), [("dark", "/logs/log"), ("wrong key", "/log")])
def test_trouble_behind_it_keeps_the_pages_buffer(world, trace, proxy, path):
    """
    A server that is away, or refuses the proxy itself, is a 503 that the page may read: it keeps what it has.
    """
    reply = send(world, proxy, parcel(trace), path=path)
    assert (reply.status, reply.headers["retry-after"], reply.json["reason"]) == (503, "10", "upstream")
    assert reply.headers["access-control-allow-origin"] == PAGE_ORIGIN


def test_the_server_may_stand_below_a_path(world, trace):
    """
    What the address of the server names before `/log` is part of it, with a slash behind it or without; an origin
    is listed with a slash as well.
    """
    assert send(world, "below", parcel(trace), path="/log").json["accepted"] == 1
    assert world.moody.paths[-1] == "/base/log"


@pytest.mark.parametrize("proxy", ["no address", "no limiter"])
def test_what_is_set_up_wrongly_keeps_the_pages_buffer(world, trace, proxy):
    """
    A proxy without the address of a server, or without a rate limiter, is a 503 that the page may read.
    """
    reply = send(world, proxy, parcel(trace))
    assert (reply.status, reply.json["reason"]) == (503, "upstream")
    assert reply.headers["access-control-allow-origin"] == PAGE_ORIGIN


def test_a_network_is_one_address(world, trace):
    """
    Whoever changes the last half of an IPv6 address, of which a line has more than anybody can count, is still limited;
    a neighbour's network is another.
    """
    ours = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:DB8::1:a:b:c:d", "2001:db8:0:1::4"]
    others = ["2001:db8:0:2::1", "2001:db8::1", "192.0.2.7", "::ffff:192.0.2.8"]
    asked = [send(world, "networks", parcel(trace, a), cf_connecting_ip=a).status for a in (*ours, *others)]
    assert asked == [200, 200, 200, 429, 200, 200, 200, 200]


def test_who_asks_too_often_waits(world, trace):
    """
    Beyond the rate of an address the answer is 429 with a time to wait.
    """
    statuses = [send(world, "slow", parcel(trace, f"{n}")).status for n in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert send(world, "slow", parcel(trace)).headers["retry-after"] == "60"
