"""
What each role of a key may do, over every address that the server has.
"""

from collections.abc import Iterator

import pytest

from tests.server.running import Running, request
from tests.server.test_admin import ADMIN, INGEST, READ, SHOP, bearer
from tracelog.config import Key
from tracelog.server.app import create_app
from tracelog.server.log import INGEST_PATHS
from tracelog.server.web import PAGES

pytestmark = pytest.mark.xdist_group("admin")

PAGE = "page-key-0123456789"
KEYS = (
    Key(token=ADMIN, role="admin"),
    Key(token=READ, role="read"),
    Key(token=INGEST),
    Key(token=PAGE, origins=(SHOP,), system="browser", public=True),
)

EVERYBODY = {"", INGEST, PAGE, READ, ADMIN}
READERS = {READ, ADMIN}

FREE = {"/healthz", "/readyz", "/debug", "/debug/{ref}", "/tracelog.js", "/tracelog.mjs", "/tracelog.js.map"}
FREE |= {f"/tracelog-{name}.js" for name in ("core", "widget", "worker", "convex")}
FREE |= {path for paths in PAGES.values() for path in paths}
"""Addresses without data."""

WRITING = {*INGEST_PATHS, "/v1/logs", "/i/v1/logs", "/v1/traces", "/webhooks/cloudflare", "/webhooks/convex"}

IN_THE_BODY = {"/decide", "/api/v1/session"}
"""Here what opens stands in the body; a header opens nothing."""

OF_ADMINS = {
    *("GET /api/v1/keys", "POST /api/v1/keys", "DELETE /api/v1/keys/{id}", "POST /api/v1/cleanup"),
    *("POST /api/v1/switches", "POST /api/v1/mutes", "DELETE /api/v1/mutes/{id}", "GET /api/v1/audit"),
    *("POST /api/v1/import", "POST /api/v1/pins/{ref}", "DELETE /api/v1/pins/{ref}"),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """
    A server with a key of each kind, and with the agents' tools.
    """
    with Running(keys=KEYS, limits=True, mcp=True) as running:
        yield running


def addresses() -> list[tuple[str, str]]:
    """
    Return method and path of everything that the server has a route for.
    """
    routes = create_app(store="sqlite::memory:", keys=KEYS, mcp=True)._routes.routes
    found = {(method, route.path) for route in routes for method in route.methods or {"POST"}}
    found |= {("POST", path) for path in INGEST_PATHS}
    return sorted(each for each in found if each[0] != "HEAD")


def allowed(method: str, path: str) -> set[str]:
    """
    Return whose keys open an address, and `` for nobody's.
    """
    if path in FREE or path.startswith("/web/"):
        return EVERYBODY
    if path in WRITING:
        return {INGEST, PAGE}
    if path in IN_THE_BODY:
        return set()
    return {ADMIN} if f"{method} {path}" in OF_ADMINS else READERS


def status_of(running: Running, data: bytes) -> int:
    """
    Return the status of the answer to *data*, and wait for no more of it: streams do not end.
    """
    with running.connect() as line:
        line.send(data)
        return int(line._file.readline().split(b" ")[1])


@pytest.mark.parametrize(("method", "path"), addresses())
def test_each_role_opens_what_is_its_own(running: Running, method: str, path: str) -> None:
    """
    Reading keys open what reads, admin keys what changes, ingest keys what takes entries and nothing else;
    without a key nothing is told, and what a key does not open is a 401 or 403.
    """
    target = path.replace("{ref}", "unknown-trace").replace("{id}", "unknown")
    body = b'{"mode":"safe","dry_run":true}' if method == "POST" else b""
    opened = set()
    for key in EVERYBODY:
        headers = [bearer(key)] if key else []
        if status_of(running, request(method, target, body, headers=headers)) not in {401, 403}:
            opened.add(key)
    assert opened == allowed(method, path)
