"""
One Chromium and one real `tracelog serve` for the tests of a process; each test has a page and a trace of its own.
"""

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

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
UNUSED = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
)
"""
What Chromium leaves out when a driver holds it. The first three are half of what a test costs: with each window come
two hidden pages for what the address bar drops down, and a process for the page after next. The others are what
Playwright leaves out; its list does not hold beside ours.
"""

DRIVEN = [*FLAGS, f"--disable-features={','.join(UNUSED)}"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

collect_ignore = [] if any(map(shutil.which, firefox.NAMES)) else ["test_firefox.py"]
"""Not every machine that has a Chromium has a Firefox, too."""


HERE: Final = Path(__file__).parent
OF_SERVERS: Final = {"test_logs_page", "test_admin_page", "test_accessibility", "test_trace_parts"}
"""The half of the tests, by time, that look at the pages of servers of their own."""

_OPEN: Final = ExitStack()
"""What is open as long as each next test has a page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Keep these tests together in two processes: those of one share a browser.
    """
    for item in items:
        if HERE in item.path.parents:
            half = "pages" if item.path.stem in OF_SERVERS else "client"
            item.add_marker(pytest.mark.xdist_group(f"browser-{half}"))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """
    Close the browser before a test that needs none: Playwright occupies the event loop of the thread.
    """
    if "chromium" not in getattr(nextitem, "fixturenames", ()):
        _OPEN.close()
        _chromium.cache_clear()


@cache
def _chromium() -> Browser:
    program = next(filter(None, map(shutil.which, NAMES)))
    playwright = _OPEN.enter_context(sync_playwright())
    return _OPEN.enter_context(playwright.chromium.launch(executable_path=program, args=DRIVEN))


@pytest.fixture
def chromium() -> Browser:
    """
    The Chromium of the system.
    """
    return _chromium()


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
