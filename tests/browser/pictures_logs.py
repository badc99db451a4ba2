"""
The pictures of the live page in the documentation: full, empty and cut off, as real Chromium shows them.

    python -m tests.browser.pictures_logs
"""

import shutil
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.browser.png import packed
from tests.browser.test_debug import spelt
from tests.cli.started import ROOT
from tests.server.running import Running

FOLDER = ROOT / "docs" / "pictures"

LARGEST = 150_000
"""Bytes of a picture: readers load the page it is on, and every clone has it."""

PORT = 8787
"""The default one: it stands in the lines to paste."""

WIDE, NARROW = (1360, 640), (390, 844)

STORY = (
    ("browser", "web", "info", "click Buy"),
    ("browser", "web", "info", "POST /checkout"),
    ("worker", "edge", "debug", "session ok, bearer abcdefghijklmnop1234567890"),
    ("worker", "edge", "info", "route /checkout"),
    ("convex", "orders", "info", "orders:place started"),
    ("backend", "billing", "info", "POST /charge"),
    ("worker", "edge", "warn", "cache miss for the product list"),
    ("backend", "billing", "info", "UPDATE orders SET state = 'paid'"),
    ("backend", "billing", "error", "canceling statement due to statement timeout"),
    ("convex", "orders", "error", "charge request failed: upstream returned 502"),
    ("browser", "web", "error", "Uncaught (in promise) Error: checkout failed"),
    ("browser", "web", "info", "toast shown: Something went wrong"),
)
"""System, service, level and message, one every quarter of a second."""


def entry(part: tuple[str, str, str, str], trace: str, at_ms: float) -> dict[str, Any]:
    system, service, level, message = part
    return {
        "trace_id": trace,
        "system": system,
        "service": service,
        "level": level,
        "message": message,
        "timestamp": at_ms,
    }


def tell(running: Running) -> None:
    """
    Store a minute of traffic: buyers, one of whom fails, a loop in a page, and more than a quota takes.
    """
    begin = time.time() * 1000 - 60_000
    noisy = [("worker", "edge", "info", spelt("cart", number)) for number in range(400)]
    running.post([entry(part, "noise-of-one-worker", begin + 500) for part in noisy])
    loop = ("browser", "web", "warn", "render loop: effect run")
    for second in range(0, 60, 4):
        calm = [(*part[:3], spelt(part[3], second // 4)) for part in STORY[:8] if part[2] == "info"]
        parts = STORY if second == 56 else calm
        trace = f"{0x4BF92F35 + second * 0x1F3D5B:032x}"[::-1]
        told = [entry(part, trace, begin + second * 1000 + 250 * n) for n, part in enumerate(parts)]
        told += [entry(loop, trace, begin + second * 1000 + n) for n in range(second if second > 48 else 0)]
        running.post(told)


def take(page: Page, name: str) -> None:
    path: Path = FOLDER / f"{name}.png"
    path.write_bytes(packed(page.screenshot()))
    size = path.stat().st_size
    assert size < LARGEST, f"{path.name} is too large for a page"
    print(f"{path.relative_to(ROOT)}  {size:,} bytes")


def opened(browser: Browser, size: tuple[int, int], scheme: str) -> Page:
    """
    Return the live page in a window of *size*, in the colours *scheme*.
    """
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{PORT}/logs")
    page.locator(".mark.live").wait_for()
    return page


def pictures(browser: Browser) -> None:
    with Running(process_sample=1.0, limits=True, port=PORT) as running:
        page = opened(browser, WIDE, "light")
        page.get_by_text("Nothing logged yet").wait_for()
        take(page, "logs-empty")
        tell(running)
        page.locator(".line", has_text="toast shown").wait_for()
        for size, shape in ((WIDE, ""), (NARROW, "-narrow")):
            for scheme in ("light", "dark"):
                page = opened(browser, size, scheme)
                page.locator(".line", has_text="toast shown").wait_for()
                page.locator(".drops summary.warn").wait_for()
                page.locator(".line", has_text="over the rate limit").wait_for()
                take(page, f"logs{shape}-{scheme}")
        page = opened(browser, WIDE, "light")
        page.locator(".line", has_text="toast shown").wait_for()
    page.locator(".mark.lost").wait_for()
    take(page, "logs-lost")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    program = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        pictures(browser)
        browser.close()


if __name__ == "__main__":
    main()
