"""
What is drawn fits: lanes lie over the bars of their rows on any screen, and a brief fits its reader's agent.
"""

import pytest

from tests.browser.test_debug import story
from tests.browser.test_trace_page import SEEN, opened
from tests.server.running import Running
from tests.stores.servers import RealServer

ALIGNED = """
() => {
  const plot = document.querySelector('.plot').getBoundingClientRect();
  const track = document.querySelector('.row:not(.aside) .track').getBoundingClientRect();
  const axis = document.querySelector('.axis').getBoundingClientRect();
  const line = parseFloat(getComputedStyle(document.querySelector('.plot')).borderLeftWidth);
  return [plot.left + line - track.left, plot.right - track.right, axis.left - track.left, axis.right - track.right];
}
"""


@pytest.mark.parametrize("width", [1360, 800, 690, 390, 320])
def test_lanes_lie_over_the_bars_of_their_rows(page, logs, trace, width):
    """
    A moment has the same place in the lanes, on the axis and in the rows, however wide the screen is.
    """
    page.set_viewport_size({"width": width, "height": 844})
    story(logs, trace)
    opened(page, logs, f"/debug/{trace}")
    assert all(abs(apart) <= 1 for apart in page.evaluate(ALIGNED)), page.evaluate(ALIGNED)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_brief_for_an_agent_fits_what_was_chosen(page, logs, trace):
    """
    The budget is chosen by keys in the menu, told by the button and the note, and remembered; the brief is no longer.
    """
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    story(logs, trace)
    opened(page, logs, f"/debug/{trace}")
    button = page.get_by_role("button", name="Copy for agent")
    assert "2,000 tokens" in button.get_attribute("title")
    briefs = {}
    for tokens in ("4,000", "500"):
        page.locator("summary", has_text="Export").click()
        page.get_by_label("Copy for agent within").select_option(f"{tokens} tokens")
        page.keyboard.press("Escape")
        page.reload()
        assert tokens in button.get_attribute("title")
        button.click()
        page.wait_for_function(f"() => {SEEN}.includes('{tokens}')")
        briefs[tokens] = page.evaluate("navigator.clipboard.readText()")
    assert len(briefs["500"]) < len(briefs["4,000"])
    assert all("database is locked" in brief for brief in briefs.values())


def test_one_trouble_of_the_store_is_one_recommendation(page, tmp_path):
    """
    A Redis without a limit of its memory is told once, with what to do.
    """
    with RealServer(tmp_path) as store, Running(store_url=store.url) as running:
        page.goto(f"http://127.0.0.1:{running.port}/admin")
        advice = page.get_by_role("region", name="Store").locator("ul.plain li")
        advice.filter(has_text="set maxmemory, so that").wait_for()
        assert [text for text in advice.all_inner_texts() if "memory limit" in text] == []
