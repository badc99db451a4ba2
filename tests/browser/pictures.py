"""
The pictures of the documentation: the pages with the demo's story, as real Chromium shows them.

    python -m tests.browser.pictures
"""

import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.browser.png import packed
from tests.cli.started import ROOT, Started

FOLDER = ROOT / "docs" / "pictures"

LARGEST = 150_000
"""Bytes of a picture: readers load the page it is on, and every clone has it."""


class Picture(NamedTuple):
    """
    One picture: which page, in which colours, how wide and high, and what is done before it is taken.
    """

    path: str
    scheme: str
    width: int = 1360
    height: int = 860
    act: Callable[[Page], None] | None = None


def calm_entry(page: Page) -> None:
    """
    Open an entry with context and without a stack, which would show where this machine has its files.
    """
    page.locator(".row", has_text="charging card").click()
    page.locator(".panel", has_text="Context").wait_for()
    page.evaluate("scrollTo(0, 0)")


def lanes(page: Page) -> None:
    """
    Scroll to the timeline.
    """
    page.locator("section.card[aria-label=Timeline]").evaluate("it => it.scrollIntoView()")
    page.locator(".row").first.wait_for()


PICTURES = {
    "debug-light": Picture("/debug/latest-error", "light", act=calm_entry),
    "debug-dark": Picture("/debug/latest-error", "dark", act=calm_entry),
    "debug-narrow": Picture("/debug/latest-error", "light", 390, 844),
    "debug-narrow-dark": Picture("/debug/latest-error", "dark", 390, 844),
    "debug-narrow-lanes": Picture("/debug/latest-error", "light", 390, 844, act=lanes),
    "debug-start-dark": Picture("/debug", "dark", 390, 844),
    "debug-start": Picture("/debug", "light", 1360, 380),
}


def take(browser: Browser, url: str, name: str, wanted: Picture) -> Path:
    """
    Take one picture of the server at *url*.
    """
    size = {"width": wanted.width, "height": wanted.height}
    with browser.new_context(color_scheme=wanted.scheme, viewport=size) as context:
        page = context.new_page()
        page.goto(url + wanted.path)
        page.locator("main[aria-busy=false]").wait_for()
        if "/debug/" in wanted.path:
            page.get_by_text("kept for").wait_for()
        if wanted.act is not None:
            wanted.act(page)
        path = FOLDER / f"{name}.png"
        path.write_bytes(packed(page.screenshot()))
    assert path.stat().st_size < LARGEST, f"{path.name} is too large for a page"
    return path


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    program = next(filter(None, map(shutil.which, NAMES)))
    started = Started("demo", "--port", "0")
    drain = threading.Thread(target=started.process.stderr.read, daemon=True)
    drain.start()
    try:
        url = started.line(r"(http://\S+)/debug/latest-error", "stdout")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            for name, wanted in PICTURES.items():
                path = take(browser, url, name, wanted)
                print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
            browser.close()
    finally:
        started.process.send_signal(signal.SIGTERM)
        drain.join()
        started.clear()


if __name__ == "__main__":
    main()
