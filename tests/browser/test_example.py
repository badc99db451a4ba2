"""
The example of a page and its backend, in a real browser against a real server.
"""

import os
import subprocess
import sys

import pytest

from tests.browser.test_delivery import sent, until
from tests.cli.started import ROOT, free_port, plain_environment


@pytest.fixture
def shop(logs):
    """
    The address of the running example.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples/page_fastapi/app.py")],
        env={**plain_environment(), "PORT": str(port), "TRACELOG_URL": logs.url},
        cwd=os.sep,
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def test_a_page_and_its_backend_are_one_trace(shop, page, logs):
    """
    A press of the button that fails is told by page and backend under one trace, the request a hop of the call.
    """

    def loaded():
        try:
            return page.goto(shop).ok
        except Exception:
            return False

    until(loaded, bool)
    trace = page.evaluate("tracelog.trace().trace_id")
    page.get_by_role("button", name="Buy tea").click()
    page.get_by_text("ordered, 999 left").wait_for()
    page.get_by_role("button", name="Buy a cup").click()
    page.wait_for_function("tracelog.stats().emitted >= 5")
    page.evaluate("tracelog.flush()")
    wanted = {"buying tea", "buying cup", "ordering", "not in stock", "POST /orders/cup 409"}
    entries = until(
        lambda: sent(logs, trace),
        lambda found: (
            {one["message"] for one in found} >= wanted
            and {one["system"] for one in found} == {"browser", "backend"}
            and sum(one["system"] == "backend" and "duration_ms" in one for one in found) == 2
        ),
    )
    calls = {one["span_id"] for one in entries if one["system"] == "browser" and "duration_ms" in one}
    hops = [one for one in entries if one["system"] == "backend" and "duration_ms" in one]
    assert {one["parent_id"] for one in hops} == calls
    thrown = next(one for one in entries if "could not be ordered" in one["message"])
    assert "cup could not be ordered: 409" in thrown["error"]["message"]
