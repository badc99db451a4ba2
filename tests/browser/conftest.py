"""
One Chromium and one real `tracelog serve` for all tests; each test has a page and a trace of its own.
"""

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import firefox
from tests.browser.site import Logs, Site, open_site
from tests.cli.started import Started

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

collect_ignore = [] if any(map(shutil.which, firefox.NAMES)) else ["test_firefox.py"]
"""Not every machine that has a Chromium has a Firefox, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Keep these tests together in one process: they share a browser.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """
    The Chromium of the system. No longer than for these tests: Playwright occupies the event loop of the thread.
    """
    program = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    """
    A server as its own process.
    """
    folder = tmp_path_factory.mktemp("logs")
    started = Started("serve", "--port", "0", "--store", f"sqlite:///{folder}/logs.db", "--no-limits")
    logs = Logs(started.line(r"listening on (\S+)"))
    drain = threading.Thread(target=started.process.stderr.read, daemon=True)
    drain.start()
    yield logs
    started.process.terminate()
    drain.join()
    started.clear()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """
    The site whose pages log: another origin than the server's.
    """
    with open_site() as site:
        yield site


@pytest.fixture(scope="session")
def other() -> Iterator[Site]:
    """
    A third origin, which pages call.
    """
    with open_site() as site:
        yield site


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """
    An empty tab with storages of its own.
    """
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def trace() -> str:
    """
    A trace id that no other test uses.
    """
    return uuid.uuid4().hex


@pytest.fixture
def visit(page: Page, site: Site, logs: Logs, trace: str) -> Callable[..., Page]:
    """
    Open a page that has the script tag and runs *script* after it.
    """

    def visit(script: str = "", *, head: str = "", tag: str = "", where: str = "", **headers: str) -> Page:
        html = (
            f'<!doctype html><meta charset="utf-8"><title>a page</title>{head}'
            f'<script src="{logs.url}/tracelog.js" data-trace-id="{trace}" {tag}></script>'
            f"<body><script>\n{script}\n</script>"
        )
        page.goto(site.page(html, **headers) + where)
        return page

    return visit


@pytest.fixture
def shipped(visit: Callable[..., Page], logs: Logs, trace: str) -> Callable[..., list[dict]]:
    """
    Open such a page, wait until what it said is stored, and return its entries in order.
    """

    def shipped(script: str = "", *, until: str = "", **given: str) -> list[dict]:
        page = visit(script, **given)
        if until:
            page.wait_for_function(until)
        page.evaluate("tracelog.flush()")
        return logs.trace(trace)

    return shipped
