"""
What pages log goes through a route of their own origin to a real server, and nothing else goes there.
"""

import gzip
import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.integrations.serving import Asgi, Wsgi
from tracelog.errors import ConfigError
from tracelog.integrations import asgi, relay, wsgi
from tracelog.integrations.relay import Relay
from tracelog.testing import LocalServer

pytestmark = pytest.mark.xdist_group("relay")
OWN = [("sec-fetch-site", "same-origin"), ("content-type", "text/plain")]


@pytest.fixture(scope="module")
def logs():
    """
    A real server.
    """
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def site(request, logs):
    """
    A site with the route below `/logs`, watched as all of its requests are.
    """
    route = Relay(logs.url)
    if request.param == "asgi":
        app = Asgi(asgi.Middleware(Starlette(routes=[Mount("/logs", route)])))
    else:
        app = Wsgi(wsgi.Middleware(route.wsgi))
    with app as running:
        yield running


def said(trace, message):
    return json.dumps([{"trace_id": trace, "message": message, "system": "browser"}]).encode()


def test_what_a_page_logs_arrives(told, site, logs):
    """
    A page's entries are stored, its answer is the server's, and passing them on is no request that is logged.
    """
    trace = f"page_{site.port}"
    answer = site.ask("POST", "/logs/log", OWN, said(trace, "clicked"))

    assert answer.status == 200
    assert json.loads(answer.body)["accepted"] == 1
    assert "received_at" in json.loads(answer.body)
    assert [entry["message"] for entry in logs.entries(trace)] == ["clicked"]
    assert told() == []


@pytest.mark.parametrize("name", ["tracelog.js", "tracelog.mjs", "tracelog-core.js", "tracelog-widget.js"])
def test_the_browser_client_comes_from_there(site, logs, name):
    """
    The scripts of a page are served below the route as the server has them, packed for whoever can unpack.
    """
    plain = site.get(f"/logs/{name}")
    packed = site.ask("GET", f"/logs/{name}", [("accept-encoding", "gzip")])

    assert (plain.status, plain.header("content-type").partition(";")[0]) == (200, "text/javascript")
    assert (packed.header("content-encoding"), packed.header("vary")) == ("gzip", "accept-encoding")
    assert plain.body == httpx.get(f"{logs.url}/{name}").content == gzip.decompress(packed.body)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("sec-fetch-site", "cross-site")], 403),
        ([("sec-fetch-site", "same-site")], 403),
        ([("origin", "https://evil.example")], 403),
        ([("origin", "null")], 403),
        ([], 403),
        ([("origin", "OWN")], 200),
    ],
    ids=str,
)
def test_only_own_pages_are_heard(site, headers, status):
    """
    A page of another origin is refused, and so is who tells none; an older browser tells by its origin.
    """
    own = [(name, value.replace("OWN", site.url)) for name, value in headers]
    answer = site.ask("POST", "/logs/log", own, said("any_trace", "x"))

    assert answer.status == status
    assert json.loads(answer.body)["success"] is (status == 200)


def test_what_cannot_be_passed_on_is_said(site, unused_tcp, monkeypatch):
    """
    Another method, a body beyond the bound, too many at once and a server that is away are answers, no failures.
    """
    assert site.get("/logs/secret").status == 405
    monkeypatch.setattr(relay, "BODY_BYTES", 100)
    assert site.ask("POST", "/logs/log", OWN, b"x" * 101).status == 413
    monkeypatch.setattr(relay, "AT_ONCE", 0)
    gone = Relay(f"http://127.0.0.1:{unused_tcp}", key="ingest").pass_on("POST", "/", dict(OWN), b"{}")
    assert (gone.status, json.loads(gone.body)["reason"]) == (503, "busy")
    monkeypatch.undo()
    gone = Relay(f"http://127.0.0.1:{unused_tcp}", key="ingest").pass_on("POST", "/", dict(OWN), b"{}")
    assert (gone.status, gone.headers["retry-after"], json.loads(gone.body)["reason"]) == (
        503,
        "5",
        "unreachable",
    )


@pytest.fixture
def unused_tcp():
    """
    A port that nobody listens on.
    """
    with Wsgi(lambda *_: []) as once:
        return once.port


def test_the_key_stays_on_this_side():
    """
    The server gets the key and what describes the body; nothing else of the page's request, its cookies least of all.
    """
    heard = {}

    def app(environ, start_response):
        heard.update(environ)
        start_response("200 OK", [("x-own", "1"), ("content-type", "application/json")])
        return [b"{}"]

    with Wsgi(app) as server:
        reply = Relay(f"{server.url}/below/", key="ingest_1").pass_on(
            "POST", "/logs", {**dict(OWN), "cookie": "session=1", "authorization": "Bearer x"}, b"{}"
        )
    assert (heard["PATH_INFO"], heard["HTTP_AUTHORIZATION"]) == ("/below/log", "Bearer ingest_1")
    assert "HTTP_COOKIE" not in heard
    assert reply == (200, {"content-type": "application/json"}, b"{}")


def test_a_wrong_address_is_told_at_once():
    """
    What is no address is a sentence when the route is made, not for each page.
    """
    with pytest.raises(ConfigError, match="url"):
        Relay("localhost")
