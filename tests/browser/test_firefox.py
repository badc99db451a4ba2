"""
The same promises in a real Firefox: what it does otherwise than Chromium is its stacks, its limits and its events.
"""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.browser.firefox import Firefox, open_firefox
from tests.browser.test_capture import EVERYTHING
from tests.browser.test_delivery import sent, until


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with open_firefox() as firefox:
        yield firefox


@pytest.fixture
def shows(firefox: Firefox, site, logs, trace) -> Callable[..., None]:
    """
    Open a page that has the script tag and runs *script* after it.
    """

    def shows(script: str, tag: str = "") -> None:
        html = f'<script src="{logs.url}/tracelog.js" data-trace-id="{trace}" {tag}></script>'
        firefox.goto(site.page(f"<!doctype html>{html}<body><script>\n{script}\n</script>"))

    return shows


def wait(firefox, condition="window.done"):
    firefox.run(
        f"while (!({condition})) await new Promise((next) => setTimeout(next, 10)); await tracelog.flush();"
    )


def test_its_console_is_heard_and_names_the_line_that_logged(firefox, shows, site, logs, trace):
    """
    Texts and order are those that Chromium gives; its developer tools show the page's own lines.
    """
    shows(
        f"{EVERYTHING}\nfunction shop() {{ console.log('a', {{}}); }}\nshop();\nconsole.exception('x %d', 3);"
    )
    wait(firefox, "true")
    entries = logs.trace(trace)
    said = [re.sub(r": [0-9.]+ ms.*", "", entry["message"]) for entry in entries]
    assert said == [
        *("d", 'l x {"a":1}', "i", "w", "e", "Assertion failed: as 3", "Assertion failed", "tr"),
        *('{"b":2}', '[{"c":3}]', "g", "default: 1", "default: 2", "k: 1", "default: 1"),
        *("Count for 'none' does not exist", "t", "t", "a {}", "x 3"),
    ]
    assert entries[7]["stack"].startswith(f"    at {site.url}/")
    printed = [
        (each["level"], each["lineNumber"])
        for each in firefox.printed()
        if each["filename"].startswith(site.url)
    ]
    assert printed[-2:] == [("log", 9), ("exception", 11)]


def test_what_goes_wrong_in_it_arrives_as_from_chromium(firefox, shows, logs, trace):
    """
    Errors, rejections, causes, parts of aggregates, images; stacks are written as Chromium writes them.
    """
    shows(
        """
        setTimeout(() => { throw new TypeError("late", {cause: new RangeError("root")}); });
        setTimeout(function named() { Promise.reject(new AggregateError([new Error("one"), new Error("two")], "both")); });
        const image = document.body.appendChild(new Image()); image.src = "/status/404"; image.onerror = () => { window.done = true; };
        """
    )
    wait(firefox, "window.done && tracelog.stats().emitted > 2")
    by_message = {entry["message"]: entry for entry in logs.trace(trace)}
    late = by_message["TypeError: late"]
    assert late["error"]["cause"] == {"type": "RangeError", "message": "root"}
    assert late["stack"].startswith("TypeError: late\n    at http")
    assert "\nCaused by: RangeError: root\n    at http" in late["stack"]
    both = by_message["Unhandled rejection: AggregateError: both"]
    assert "\n    at named (http" in both["stack"]
    assert "Caused by: Error: two" in both["stack"]
    assert any(message.startswith("img http") for message in by_message)


def test_its_calls_arrive_and_cost_no_preflight(firefox, shows, site, other, logs, trace):
    """
    Outcomes of all kinds of calls, the trace to the own origin, nothing added to others.
    """
    site.seen.clear()
    before = len(other.seen)
    shows(
        f"""
        (async () => {{
          await fetch("/status/404", {{ method: "put" }});
          await fetch("{other.url}/status/202", {{ headers: {{ "accept-encoding": "gzip" }} }});
          const x = new XMLHttpRequest(); x.open("GET", "/status/503"); x.onloadend = () => {{
            navigator.sendBeacon("/status/204", "x");
            const socket = new WebSocket("ws://" + location.host + "/socket");
            socket.onclose = () => setTimeout(() => {{ window.done = true; }});
          }}; x.send();
        }})();
        """,
        f'data-propagate="{other.url}"',
    )
    wait(firefox)
    told = [
        (entry["level"], re.sub(r"(http|ws)://[0-9.:]+", "…", entry["message"]))
        for entry in logs.trace(trace)
    ]
    assert sorted(told) == [
        ("error", "GET /status/503 503"),
        ("info", "GET …/status/202 202"),
        ("info", "WebSocket …/socket closed 1000"),
        ("info", "WebSocket …/socket open"),
        ("info", "beacon /status/204 queued"),
        ("warn", "PUT /status/404 404"),
    ]
    assert [
        trace in site.asked(path)[0].headers["traceparent"] for path in ("/status/404", "/status/503")
    ] == [True] * 2
    assert [asked.method for asked in other.seen[before:]] == ["GET"]


def test_a_page_of_it_that_is_left_mid_burst_loses_nothing(firefox, shows, site, logs, trace):
    """
    What a page says in its last second goes with it; what does not get through is sent by the next page.
    """
    shows("for (let i = 0; i < 100; i += 1) console.log('burst ' + i);", 'data-limits="off"')
    firefox.goto(site.page("elsewhere"))
    firefox.goto(site.page(f'<script src="{logs.url}/tracelog.js"></script>'))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) >= 100)
    assert [entry["message"] for entry in entries] == [f"burst {number}" for number in range(100)]
