"""
The pages for everybody: rules of accessibility, checked by axe-core in the page.
"""

from pathlib import Path

import pytest

from tests.browser.test_debug import story

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"


FIND = """
axe.run({resultTypes: ["violations"]}).then(({violations}) =>
  violations.map((one) => `${one.help}: ${one.nodes.map((node) => node.html)}`));
"""


def broken(page):
    """
    Return the rules that *page* breaks, as it is now, each with the elements that break it.
    """
    return page.evaluate(f"{AXE.read_text()};{FIND}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken(chromium, logs, trace, scheme, width):
    """
    Nothing is found on the empty page and on a trace with an open panel, wide and at 390 px.
    """
    story(logs, trace)
    with chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}) as context:
        page = context.new_page()
        for path in ("/debug", f"/debug/{trace}"):
            page.goto(logs.url + path)
            page.locator("main[aria-busy=false]").wait_for()
            page.keyboard.press("e")
            assert broken(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_rule_that_is_broken_is_found(page):
    """
    A picture without a text is told, with its element: an empty answer means that nothing is broken.
    """
    page.set_content('<html lang="en"><title>a page</title><main><h1>it</h1><img src="x.png"></main></html>')
    assert broken(page) == ['Images must have alternative text: <img src="x.png">']
