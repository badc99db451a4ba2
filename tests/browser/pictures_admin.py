"""
The pictures of the page of administration: full, empty, read only and with a store that is away, in real Chromium.

    python -m tests.browser.pictures_admin
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.browser.pictures_logs import NARROW, take
from tests.browser.test_debug import spelt
from tests.server.running import Running, request
from tests.stores.rows import Clock
from tests.stores.servers import RealServer
from tracelog.config import Key
from tracelog.stores.sqlite import SqliteStore

WIDE = (1360, 900)

ADMIN, READ = "admin-key-0123456789", "reader-0123456789"
KEYS = (Key(token=ADMIN, role="admin"), Key(token=READ, role="read"))

BEARER = ("Authorization", f"Bearer {ADMIN}")

DAYS, DAY_S = 9, 86_400

SYSTEMS = {"browser": "web", "worker": "edge", "convex": "orders", "backend": "billing"}


def say(running: Running, *messages: str, **fields: Any) -> None:
    """
    Send entries, as any program of this machine does.
    """
    body = [{"trace_id": "trace-of-admin", **fields, "message": message} for message in messages]
    assert running.post(body, BEARER, target="/log").status in (200, 401, 429)


def act(running: Running, path: str, body: bytes) -> Any:
    """
    Change something as an administrator does.
    """
    answer = running.ask(request("POST", f"/api/v1/{path}", body, headers=[BEARER]))
    assert answer.status == 200, answer.body
    return answer.json


def traffic(running: Running, token: str, size: int = 60) -> None:
    """
    Send a minute of four systems: secrets, an error, a loop, a clock that is ahead, and more than a quota takes.
    """
    now, key = time.time() * 1000, ("Authorization", f"Bearer {token}")
    for number, (system, service) in enumerate(SYSTEMS.items()):
        common = {"system": system, "service": service, "source": f"{system}-{number}f3a9c21"}
        for part in range(0, size, 20):
            trace = {"trace_id": f"trace-{system}-{part}-of-shop"}
            calm = [{**trace, **common, "message": spelt(f"{service} step", part + i)} for i in range(20)]
            running.post([{**one, "timestamp": now - 900} for one in calm], key)
    skewed = {
        "system": "browser",
        "service": "web",
        "source": "browser-of-a-laptop",
        "timestamp": now + 94_000,
    }
    running.post(
        [{"trace_id": "trace-checkout", **skewed, "message": "toast shown: Something went wrong"}], key
    )
    failed = {"system": "backend", "service": "billing", "source": "backend-3f3a9c21", "level": "error"}
    words = "charge refused, bearer abcdefghijklmnop1234567890"
    running.post([{"trace_id": "trace-checkout", **failed, "message": words}], key)
    loop = {"system": "browser", "service": "web", "source": "browser-0f3a9c21", "trace_id": "trace-loop"}
    running.post([{**loop, "message": "render loop: effect run"} for _ in range(400)], key)
    running.post([{"trace_id": "trace-x", "level": "error"}], key)  # says nothing, so it is refused


def flood(running: Running, token: str) -> None:
    """
    Send more than the worker's own share, so that it borrows.
    """
    key = ("Authorization", f"Bearer {token}")
    for number in range(900):
        source = f"worker-{number % 30}"
        entry = {"trace_id": f"trace-flood-{number}", "system": "worker", "service": "edge", "source": source}
        if number % 30 == 0:
            body = []
        body.append({**entry, "message": spelt("cart recomputed", number)})
        if number % 30 == 29:
            running.post(body, key)


@contextmanager
def shop() -> Iterator[Running]:
    """
    A server with nine days of history, a minute of traffic, a mute and keys.
    """
    clock = Clock()
    clock.now = time.time() - (DAYS - 1) * DAY_S
    store = SqliteStore.from_url("sqlite::memory:", ttl_s=3600, clock=clock)
    archive = Path(tempfile.mkdtemp()) / "archive"
    with Running(
        store,
        keys=KEYS,
        limits=True,
        process_sample=1.0,
        process_interval=0.2,
        archive=(f"ndjson:{archive}",),
    ) as running:
        made = act(running, "keys", b'{"role":"ingest","name":"all of the shop"}')
        for day in range(DAYS):
            clock.now = time.time() - (DAYS - 1 - day) * DAY_S
            traffic(running, made["token"], 20 * (1 + day * 5 % 4))
        flood(running, made["token"])
        act(running, "keys", b'{"role":"read","name":"ada"}')
        page = b'{"name":"page of the shop","origins":["https://shop.example.com"],"system":"browser"}'
        act(running, "keys", page)
        act(running, "mutes", b'{"system":"kiosk","minutes":90,"why":"floods since the update"}')
        yield running
    shutil.rmtree(archive.parent)


def opened(browser: Browser, running: Running, size: tuple[int, int], scheme: str, key: str = "") -> Page:
    """
    Return the page in a window of *size*, in the colours *scheme*, signed in with *key*.
    """
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{running.port}/admin{f'#key={key}' if key else ''}")
    page.locator("main[aria-busy=false]").wait_for()
    page.locator(".mark.live").wait_for()
    page.get_by_text("pages with the browser client").wait_for()
    page.evaluate("document.fonts.ready")
    return page


def away(browser: Browser) -> None:
    """
    The same server while its Redis is gone, and when it is gone itself.
    """
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as server:
        with Running(store_url=server.url, limits=True, process_sample=1.0) as running:
            traffic(running, "")
            page = opened(browser, running, WIDE, "light")
            page.get_by_text("nothing is written to disk").first.wait_for()
            take(page, "admin-redis")
            server.kill()
            page.locator("h1.bad").wait_for()
            take(page, "admin-failing")
        page.locator(".mark.lost").wait_for()
        take(page, "admin-lost")


def pictures(browser: Browser) -> None:
    with Running(limits=True) as running:
        take(opened(browser, running, WIDE, "light"), "admin-empty")
    with shop() as running:
        for size, shape in ((WIDE, ""), (NARROW, "-narrow")):
            for scheme in ("light", "dark"):
                page = opened(browser, running, size, scheme, ADMIN)
                page.get_by_text("floods since the update by").wait_for()
                page.locator("h1", has_text="not kept").wait_for()  # counts come a second later
                take(page, f"admin{shape}-{scheme}")
                page.get_by_role("heading", name="What can be changed").evaluate(
                    "(one) => one.scrollIntoView()"
                )
                take(page, f"admin-change{shape}-{scheme}")
        page = opened(browser, running, WIDE, "light", READ)
        page.get_by_text("This is a read key").scroll_into_view_if_needed()
        take(page, "admin-read")
    away(browser)


def main() -> None:
    program = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        pictures(browser)
        browser.close()


if __name__ == "__main__":
    main()
