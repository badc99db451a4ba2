"""
The pages for everybody: rules of accessibility, checked by axe-core in the page.
"""

from pathlib import Path

import pytest

from tests.browser.test_debug import story

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(chromium, logs, trace, scheme):
    """
    Nothing is found on the empty page and on a trace with an open panel, wide and at 390 px.
    """
    story(logs, trace)
    for width in (1360, 390):
        with chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}) as context:
            page = context.new_page()
            for path in ("/debug", f"/debug/{trace}"):
                page.goto(logs.url + path)
                page.locator("main[aria-busy=false]").wait_for()
                page.keyboard.press("e")
                broken = page.evaluate(
                    AXE.read_text()
                    + "; axe.run().then((told) => told.violations.map((one) => `${one.help}: ${one.nodes.map((node) => node.html)}`))"
                )
                assert broken == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
