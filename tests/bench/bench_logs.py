"""
What the live page costs its reader at 1,000 events a second, in real Chromium before the real server.

Claims: the first picture within 300 ms; no task of 50 ms, while it follows and while its reader scrolls in it; at most
60 KB gzipped for the page and its files.

    python tests/bench/bench_logs.py [seconds]
"""

import shutil
import statistics
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.bench.bench_pages import WATCH
from tests.browser.conftest import FLAGS, NAMES
from tests.browser.test_debug import spelt
from tests.server.running import Running

RATE = 1_000
BATCH = 50
RUNS = 5
SYSTEMS = ("browser", "worker", "convex", "backend")

BARS = {
    "first paint, ms": 300.0,
    "transfer, gzipped KB": 60.0,
    "longest task while following, ms": 50.0,
    "longest task while scrolling, ms": 50.0,
}

SCROLL = """(ms) => new Promise((done) => {
  const feed = document.querySelector(".feed");
  const begin = performance.now();
  let frames = 0;
  const step = (now) => {
    frames++;
    if (now - begin > ms) return done(frames * 1000 / (now - begin));
    feed.scrollBy(0, frames % 200 < 100 ? -130 : 130);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def entry(number: int) -> dict[str, Any]:
    """
    Return the entry *number*: every second one is a row of its own, the others repeat one of 50.
    """
    message = spelt("steady", number) if number % 2 else spelt("again", number % 100)
    return {
        "trace_id": f"load-{number % 100:04}",
        "message": message,
        "system": SYSTEMS[number % 4],
        "level": "error" if number % 50 == 1 else "warn",
        "context": {"number": number},
    }


def send(running: Running, ended: threading.Event, sent: list[int]) -> None:
    """
    Send `RATE` entries a second until *ended*.
    """
    began = time.perf_counter()
    for number in count():
        if ended.is_set():
            return
        running.post([entry(n) for n in range(number * BATCH, (number + 1) * BATCH)])
        sent.append(BATCH)
        time.sleep(max(0.0, (number + 1) * BATCH / RATE - (time.perf_counter() - began)))


def longest(page: Page) -> float:
    """
    Return the longest task since the last call, 0 when none took 50 ms.
    """
    found: float = page.evaluate("Math.max(0, ...window.tasks.splice(0))")
    return found


def busy(metrics: CDPSession) -> float:
    """
    Return the seconds of processor time that tasks of the page have taken.
    """
    told = metrics.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in told if one["name"] == "TaskDuration")


def first_visits(browser: Browser, url: str) -> dict[str, float]:
    """
    Return the medians of what a first visit takes.
    """
    paints, sizes = [], []
    for _ in range(RUNS):
        with browser.new_context() as context:
            page = context.new_page()
            answers: list[int] = []
            page.on(
                "requestfinished",
                lambda asked, answers=answers: "/api/" in asked.url or answers.append(_size(asked.sizes())),
            )
            page.goto(url)
            page.locator(".mark.live").wait_for()
            paints.append(
                page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
            sizes.append(sum(answers) / 1024)
    return {
        "first paint, ms": statistics.median(paints),
        "transfer, gzipped KB": statistics.median(sizes),
    }


def _size(sizes: dict[str, int]) -> int:
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


def measure(browser: Browser, running: Running, seconds: float) -> dict[str, float]:
    url = f"http://127.0.0.1:{running.port}/logs"
    found = first_visits(browser, url)
    page = browser.new_context(viewport={"width": 1360, "height": 860}).new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    page.locator(".mark.live").wait_for()
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    ended, sent = threading.Event(), list[int]()
    sender = threading.Thread(target=send, args=(running, ended, sent))
    sender.start()
    began = time.perf_counter()
    longest(page)
    before, at = busy(metrics), time.perf_counter()
    page.wait_for_timeout(seconds * 1000)
    found["main thread busy while following, %"] = 100 * (busy(metrics) - before) / (time.perf_counter() - at)
    found["longest task while following, ms"] = longest(page)
    found["frames a second while scrolling"] = page.evaluate(SCROLL, seconds * 1000)
    found["longest task while scrolling, ms"] = longest(page)
    found["entries a second"] = sum(sent) / (time.perf_counter() - began)
    ended.set()
    sender.join()
    found["rows at the end"] = float(page.locator(".feed").get_attribute("aria-rowcount") or 0)
    found["lines in the document"] = float(page.locator(".line").count())
    return found


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
    program = next(filter(None, map(shutil.which, NAMES)))
    with Running(process_sample=1.0) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        found = measure(browser, running, seconds)
        browser.close()
    for name, value in found.items():
        bar = BARS.get(name)
        verdict = "" if bar is None else f"   bar {bar:,.0f}   {'ok' if value <= bar else 'MISSED'}"
        print(f"{name:<38} {value:>8,.1f}{verdict}")


if __name__ == "__main__":
    main()
