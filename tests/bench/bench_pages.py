"""
What the page of a trace costs its reader, in real Chromium before the real server.

Claims: the first picture within 300 ms; a trace of 10,000 entries is interactive within a second; scrolling through it
holds 50 pictures a second; the page and its files are at most 60 KB, gzipped.

    python tests/bench/bench_pages.py
"""

import json
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.browser.test_debug import spelt
from tests.server.running import Running

ENTRIES = 10_000
RUNS = 5
SYSTEMS = ("browser", "worker", "convex", "backend")

BARS = {
    "first paint, ms": 300.0,
    "interactive with 10,000 entries, ms": 1_000.0,
    "longest task while scrolling, ms": 50.0,
    "transfer, gzipped KB": 60.0,
}
FRAMES = 50.0

WATCH = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration)))
  .observe({ type: "longtask", buffered: true });
new MutationObserver((_, watch) => {
  if (!document.querySelector("main[aria-busy=false]")) return;
  window.ready = performance.now();
  watch.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""

SCROLL = """() => new Promise((done) => {
  window.tasks.length = 0;
  const begin = performance.now();
  const times = [];
  const step = (now) => {
    times.push(now);
    if (now - begin > 2000) return done({ frames: (times.length - 1) * 1000 / (times.at(-1) - times[0]), longest: Math.max(0, ...window.tasks), rows: scrollY / 28 });
    scrollBy(0, 280);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def entries(trace: str, count: int) -> list[dict[str, object]]:
    begin = time.time() * 1000
    return [
        {"trace_id": trace, "message": spelt("row", i), "timestamp": begin + i, "system": SYSTEMS[i % 4]}
        | {
            "level": "error" if i % 997 == 996 else "info",
            "context": {"number": i},
            "span_id": f"{i // 20:016x}",
        }
        for i in range(count)
    ]


def opened(browser: Browser, url: str) -> tuple[Page, dict[str, float]]:
    """
    Return the page of *url* as a first visit sees it, and what that took.
    """
    page = browser.new_context(viewport={"width": 1360, "height": 860}).new_page()
    page.add_init_script(WATCH)
    sizes: list[float] = []
    page.on("requestfinished", lambda asked: "/api/" in asked.url or sizes.append(sum(_bytes(asked))))
    page.goto(url)
    page.locator("main[aria-busy=false]").wait_for()
    page.keyboard.press("j")
    page.locator(".row.on").wait_for()
    ready = page.evaluate("window.ready")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return page, {"paint": paint, "ready": ready, "kb": sum(sizes) / 1024}


def _bytes(asked: object) -> tuple[int, int]:
    sizes = asked.sizes()
    return sizes["responseBodySize"], sizes["responseHeadersSize"]


def main() -> None:
    program = next(filter(None, map(shutil.which, NAMES)))
    small, large = [], []
    with Running() as running, sync_playwright() as playwright:
        for trace, count in (("small-trace", 60), ("large-trace", ENTRIES)):
            told = entries(trace, count)
            for first in range(0, count, 1_000):
                assert running.post(told[first : first + 1_000]).status == 200
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        url = f"http://127.0.0.1:{running.port}/debug"
        for _ in range(RUNS):
            for name, found in (("small-trace", small), ("large-trace", large)):
                page, took = opened(browser, f"{url}/{name}")
                if name == "large-trace":
                    page.keyboard.press("Escape")
                    took |= page.evaluate(SCROLL)
                found.append(took)
                page.context.close()
        browser.close()

    def median(found: list[dict[str, float]], name: str) -> float:
        return statistics.median(one[name] for one in found)

    measured = {
        "first paint, ms": median(small + large, "paint"),
        "interactive with 10,000 entries, ms": median(large, "ready"),
        "longest task while scrolling, ms": median(large, "longest"),
        "transfer, gzipped KB": median(small, "kb"),
    }
    frames = median(large, "frames")
    for name, value in measured.items():
        print(
            f"{name:<38} {value:>8,.1f}   bar {BARS[name]:,.0f}   {'ok' if value <= BARS[name] else 'MISSED'}"
        )
    print(f"{'interactive with 60 entries, ms':<38} {median(small, 'ready'):>8,.1f}")
    print(
        f"{'frames a second while scrolling':<38} {frames:>8,.1f}   bar {FRAMES:,.0f}   {'ok' if frames >= FRAMES else 'MISSED'}"
    )
    print(json.dumps({**measured, "frames": frames}))


if __name__ == "__main__":
    main()
