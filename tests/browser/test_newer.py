"""
What comes behind an open page is told quietly, and shown when its reader wants it, where the reader is.
"""

import time

from tests.browser.site import Logs
from tests.browser.test_debug import post, rows, spelt
from tests.browser.test_trace_page import SEEN, opened
from tests.server.running import Running

RETURN = "dispatchEvent(new Event('focus'))"
"""The reader comes back to the window: the page looks at once."""

TOP = """
() => {
  const head = document.querySelector('.map').getBoundingClientRect().bottom;
  const seen = [...document.querySelectorAll('.row:not(.aside)')].map((row) => [row.getBoundingClientRect().top, row.querySelector('.text').textContent]);
  return seen.filter(([top]) => top >= head).sort((a, b) => a[0] - b[0])[0];
}
"""


def told(count, begin, word="step", **fields):
    return [
        {"message": spelt(word, i), "timestamp": begin + i, "system": "worker", **fields}
        for i in range(count)
    ]


def test_entries_that_come_to_an_open_trace_are_told_and_shown_in_place(page, logs, trace):
    """
    A button counts them and nothing moves; pressed by key it shows them, and filters, panel and the row in sight stay.
    """
    begin = time.time() * 1000
    post(logs, trace, told(120, begin))
    opened(page, logs, f"/debug/{trace}?hide=browser")
    page.keyboard.press("j")
    page.locator(".panel", has_text="step a").wait_for()
    page.mouse.wheel(0, 1400)
    page.wait_for_function("scrollY > 700")
    before = page.evaluate(TOP)
    post(logs, trace, told(7, begin - 50, "late arrival") + told(2, begin + 500, "after", system="browser"))
    page.evaluate(RETURN)
    button = page.get_by_role("button", name="9 entries newer, show")
    button.wait_for()
    assert page.evaluate(SEEN) == "9 entries newer, show"
    assert page.evaluate(TOP) == before
    page.keyboard.press("n")
    page.get_by_role("button", name="worker 127").wait_for()
    assert button.is_hidden()
    after = page.evaluate(TOP)
    assert after[1] == before[1]
    assert abs(after[0] - before[0]) <= 1
    assert page.locator(".panel", has_text="step a").is_visible()
    assert page.get_by_role("button", name="browser 2").get_attribute("aria-pressed") == "false"
    page.evaluate("scrollTo(0, 0)")
    page.locator(".row", has_text="late arrival a").wait_for()
    page.evaluate(RETURN)
    page.wait_for_load_state("networkidle")
    assert page.locator("button.newer").is_hidden()


def test_an_open_list_of_traces_tells_of_newer_ones(page):
    """
    New traces, and known ones that grew, are counted; the list stays until its reader asks, and focus stays in it.
    """
    with Running() as running:
        logs = Logs(f"http://127.0.0.1:{running.port}")
        post(logs, "trace-first-of-all", [{"message": "first words"}])
        post(logs, "trace-second-one", [{"message": "second words"}])
        opened(page, logs, "/debug")
        post(logs, "trace-first-of-all", [{"message": "more words", "level": "error"}])
        post(logs, "trace-third-one", [{"message": "third words"}])
        page.evaluate(RETURN)
        page.get_by_role("button", name="2 traces newer, show").wait_for()
        assert page.locator(".list a").count() == 2
        page.locator(".list a", has_text="second words").focus()
        page.keyboard.press("n")
        page.locator(".list a", has_text="third words").wait_for()
        assert "second words" in page.evaluate("document.activeElement.textContent")
        assert page.locator(".list a", has_text="more words").count() == 2
        assert page.locator("button.newer").is_hidden()


def test_an_open_page_outlives_its_server(page):
    """
    A look that nobody answers changes nothing; the next server is found without a reload.
    """
    with Running() as running:
        logs, port = Logs(f"http://127.0.0.1:{running.port}"), running.port
        post(logs, "trace-of-before", told(3, time.time() * 1000))
        opened(page, logs, "/debug/trace-of-before")
    page.evaluate("addEventListener('unhandledrejection', () => { window.failed = true; })")
    with page.expect_event("requestfailed"):
        page.evaluate(RETURN)
    assert len(rows(page)) == 3
    with Running(port=port):
        post(logs, "trace-of-before", told(4, time.time() * 1000, "again"))
        page.evaluate(RETURN)
        page.get_by_role("button", name="entry newer").wait_for()
    assert page.evaluate("window.failed") is None
