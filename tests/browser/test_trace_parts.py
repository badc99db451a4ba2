"""
Parts of the page of a trace that fail quietly when they fail: evidence, exact numbers, trouble, held keys, the map.
"""

import time

import pytest

from tests.browser.test_debug import post, spelt, story
from tests.browser.test_trace_page import opened
from tests.server.running import Running
from tracelog.config import Key

COUNTED = """
window.written = 0;
const replace = history.replaceState;
history.replaceState = function (...told) { window.written++; return replace.apply(this, told); };
"""

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shifted += one.value; })
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def long(page, logs, trace):
    """
    The page of a trace of 300 rows, one a millisecond.
    """
    begin = time.time() * 1000
    told = [{"id": f"{trace}-{i}", "message": spelt("row", i), "timestamp": begin + i} for i in range(300)]
    post(logs, trace, told)
    return opened(page, logs, f"/debug/{trace}")


def test_a_step_of_the_chain_shows_its_evidence(page, logs, trace):
    """
    The panel says what led to an entry, why that is believed and how surely, and what came of it, by buttons.
    """
    story(logs, trace)
    opened(page, logs, f"/debug/{trace}")
    page.locator(".steps button", has_text="checkout failed").click()
    panel = page.locator(".panel", has_text="In the error chain")
    assert "% sure" in panel.inner_text()
    panel.locator("dt", has_text="because of").locator("+ dd button").first.click()
    page.locator(".panel dt", has_text="led to").wait_for()
    page.locator(".steps button").first.click()
    page.locator(".panel dt", has_text="first cause").wait_for()


def test_numbers_are_as_they_were_logged(page, logs, trace):
    """
    Whole numbers that JavaScript cannot hold are shown exactly, in the context and in the raw JSON.
    """
    post(
        logs, trace, [{"message": "paid", "context": {"id": 9007199254740993, "at": [-12345678901234567890]}}]
    )
    opened(page, logs, f"/debug/{trace}")
    page.keyboard.press("j")
    page.locator(".tree").first.wait_for()
    for shown in (".panel > .tree", ".panel details.stack pre"):
        text = page.locator(shown).text_content()
        assert "9007199254740993" in text
        assert "-12345678901234567890" in text


def test_a_server_that_went_away_is_said_and_asked_again(long):
    """
    Without the server the panel keeps what the report knows and says what is wrong; with it all is there again.
    """
    long.context.set_offline(True)
    long.keyboard.press("j")
    long.locator(".panel .warn", has_text="does not answer").wait_for()
    assert "does not answer" in long.locator(".note").inner_text()
    assert long.locator(".panel .message").inner_text() == spelt("row", 0)
    long.context.set_offline(False)
    long.keyboard.press("j")
    long.locator(".panel dt", has_text="id").first.wait_for()
    assert long.locator(".panel .warn").count() == 0


def test_a_held_key_leaves_the_address_to_the_last_row(page, long):
    """
    Browsers ignore an address that changes too often, so a held key writes few, and the row it ends at is kept.
    """
    page.add_init_script(COUNTED)
    page.reload()
    page.locator("main[aria-busy=false]").wait_for()
    page.evaluate("for (let i = 0; i < 250; i++) dispatchEvent(new KeyboardEvent('keydown', { key: 'j' }))")
    page.wait_for_function("() => location.search.endsWith('-249')")
    assert page.evaluate("window.written") < 40


def test_the_map_stays_in_sight_and_a_click_goes_there(long):
    """
    Lanes lie over the bars of the rows, stay while these scroll, and lead to a moment without hiding others.
    """
    plot, track = long.locator(".plot").bounding_box(), long.locator(".row .track").first.bounding_box()
    assert abs(plot["x"] - track["x"]) < 2
    assert abs(plot["width"] - track["width"]) < 4
    long.mouse.click(plot["x"] + plot["width"] * 0.9, plot["y"] + 5)
    long.locator(".row", has_text=spelt("row", 270)).wait_for()
    assert long.locator(".plot").bounding_box()["y"] < 200
    assert long.locator(".rows").get_attribute("aria-rowcount") == "300"
    assert "at=" not in long.evaluate("location.href")


def test_a_filter_says_at_once_how_many_rows_it_leaves(long):
    """
    The number stands beside the box, not only below the last row.
    """
    long.keyboard.press("f")
    long.keyboard.type(spelt("row", 29))
    assert "11 of 300 rows" in long.locator(".bar-of-filters").inner_text()


def test_arrows_scroll_the_panel_that_has_the_focus(page, logs, trace):
    """
    In the panel the arrows read on; outside they go from row to row.
    """
    post(logs, trace, [{"message": "long", "stack": "at a\n" * 200}, {"message": "other"}])
    opened(page, logs, f"/debug/{trace}")
    page.keyboard.press("ArrowDown")
    page.locator(".panel", has_text="Stack").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.querySelector('.panel').scrollTop > 0")
    assert page.locator(".panel .message").inner_text() == "long"


@pytest.mark.parametrize("width", [390, 1360])
def test_nothing_jumps_while_a_trace_is_loaded(chromium, logs, trace, width):
    """
    What is read stays where it is: the cumulative layout shift is below what counts as good (0.1; web.dev/cls).
    """
    story(logs, trace)
    with chromium.new_context(viewport={"width": width, "height": 844}) as context:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        opened(page, logs, f"/debug/{trace}")
        page.get_by_text("kept for").wait_for()
        assert page.evaluate("window.shifted") < 0.1


def test_a_link_with_a_key_in_an_open_tab_signs_in(page):
    """
    A tab that shows the page already keeps its document when the start-up link is opened in it; no key stays in the
    address then either, and a wrong one is told.
    """
    with Running(keys=(Key(token="reader-0123456789", role="read"),)) as running:
        url = f"http://127.0.0.1:{running.port}/debug"
        page.goto(url)
        page.get_by_label("A read key").wait_for()
        page.goto(f"{url}#key=wrong")
        page.get_by_text("unknown or revoked").wait_for()
        assert page.evaluate("location.href") == url
        page.goto(f"{url}#key=reader-0123456789")
        page.get_by_text("Nothing logged yet").wait_for()
        assert page.evaluate("location.href") == url
        assert 'key="INGEST KEY"' in page.locator("main").inner_text()


def test_an_address_that_ends_with_a_slash_is_the_page(page, logs):
    """
    `/debug/` is what some type.
    """
    opened(page, logs, "/debug/")
    page.locator("h2").first.wait_for()
