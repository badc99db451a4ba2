"""
Open pages notice what changes behind them: a store that goes and comes back, without being asked.
"""

import time

import pytest

from tests.browser.test_logs_page import line, opened, say
from tests.browser.test_trace_page import SEEN
from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.config import Key

AT_ONCE_MS = 3_000
"""Far less than between two looks at the status; a store that answers nothing is given up after a second."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """
    A real Redis-compatible server that a test may take away and has to bring back.
    """
    with RealServer(tmp_path_factory.mktemp("away")) as store:
        yield store


def test_an_open_live_page_is_told_at_once_that_the_store_went_and_came_back(page, store):
    """
    Nobody looks at the status: the stream itself says that nothing comes any more, and when it goes on.
    """
    with Running(store_url=store.url, process_sample=1.0, process_interval=0.05) as running:
        say(running, "before it went")
        opened(page, running)
        line(page, "before it went").wait_for()
        page.locator(".drops", has_text="nothing dropped").wait_for()
        page.route("**/api/v1/status", lambda route: route.abort())
        store.kill()
        page.locator(".mark.lost", has_text="the store is away, nothing comes").wait_for(timeout=AT_ONCE_MS)
        assert page.evaluate(SEEN) == "the store is away"
        assert "drops are not known" in page.locator(".state").inner_text()
        assert page.locator(".line", has_text="before it went").is_visible()
        store.start()
        page.locator(".mark.live").wait_for(timeout=AT_ONCE_MS)
        assert page.evaluate(SEEN) == "the store is back"
        page.unroute("**/api/v1/status")
        deadline = time.monotonic() + 10
        while line(page, "after its return").count() == 0 and time.monotonic() < deadline:
            say(running, "after its return")
            page.wait_for_timeout(100)
        assert line(page, "after its return").count() == 1


def test_two_servers_of_one_host_do_not_sign_one_another_out(page):
    """
    Who signs in to a second server on the same host, or out of it, stays signed in to the first.
    """

    def address(running, token=""):
        return f"http://127.0.0.1:{running.port}/logs{token and '#key=' + token}"

    keys = {name: (Key(token=f"{name}-0123456789abcdef", role="read"),) for name in ("first", "second")}
    with Running(keys=keys["first"]) as first, Running(keys=keys["second"]) as second:
        for running, (key,) in ((first, keys["first"]), (second, keys["second"])):
            page.goto(address(running, key.token))
            page.locator(".mark.live").wait_for()
        opened(page, first)
        assert page.locator(".mark.live").is_visible()
        opened(page, second).get_by_role("button", name="Sign out").click()
        page.get_by_label("A read key").wait_for()
        opened(page, first)
        assert [cookie["name"] for cookie in page.context.cookies()] == [f"tracelog_session_{first.port}"]
