"""
What a person does with a trace as a whole on `/debug`: keep it, compare it, take it along, look nearer, find it again.
"""

import json
import re
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.browser.site import Logs
from tests.browser.test_debug import HOSTILE, here, post, rows, spelt, story
from tests.cli.started import plain_environment
from tests.server.running import Running
from tests.stores.rows import Clock
from tracelog.config import Key
from tracelog.stores.sqlite import SqliteStore

FIRST = time.time() * 1000

SEEN = "document.querySelector('#told').textContent"

HIDDEN = ("\u202e", "\u200b", "\x1b", "\x07", "\u2028")


def opened(page, logs, path):
    page.goto(logs.url + path)
    page.locator("main[aria-busy=false]").wait_for()
    return page


@pytest.fixture
def shown(page, logs, trace):
    """
    The page of the trace of `story`, drawn.
    """
    story(logs, trace)
    return opened(page, logs, f"/debug/{trace}")


def pins(logs):
    with urllib.request.urlopen(f"{logs.url}/api/v1/pins") as answer:
        return {pin["trace_id"] for pin in json.load(answer)["pins"]}


def test_a_trace_is_pinned_and_let_go(shown, logs, trace):
    """
    One button keeps the trace past its hour and says for how long, and the same lets it go.
    """
    shown.get_by_role("button", name="Pin", exact=True).click()
    shown.get_by_text("pinned for").wait_for()
    assert trace in pins(logs)
    shown.reload()
    shown.get_by_role("button", name="Unpin").click()
    shown.get_by_text("kept for").wait_for()
    assert trace not in pins(logs)


def test_two_traces_are_compared(shown, logs, trace):
    """
    What is new, gone and slower since the other trace is listed by kind, and leads to the entry that says it.
    """
    before = f"{trace}-before"
    now = time.time() * 1000
    post(
        logs,
        before,
        [
            {"system": "browser", "message": "POST /checkout", "span_id": "1" * 16, "timestamp": now}
            | {"duration_ms": 90},
            {"system": "browser", "message": "thank you", "timestamp": now + 90},
        ],
    )
    shown.get_by_role("button", name="Compare").click()
    shown.get_by_label("The other trace").fill(before)
    shown.keyboard.press("Enter")
    shown.get_by_role("heading", name="Slower").wait_for()
    text = shown.locator("main").inner_text()
    assert "90 ms → 900 ms" in text
    assert "thank you" in text
    assert "database is locked" in text
    shown.locator(".changes a", has_text="✗ database is locked").click()
    shown.locator(".panel", has_text="database is locked").wait_for()
    assert f"/debug/{trace}?row=" in shown.url


@pytest.mark.parametrize(
    ("name", "suffix", "beginning"),
    [
        ("JSON", ".json", rb'\{"tracelog":1'),
        ("NDJSON", ".ndjson", rb'\{"'),
        ("Markdown", ".md", rb"[\d.,]+ m?s .*complete\n\n--- [0-9a-f]{12} begins: .*\n\n# "),
        ("HTML", ".html", b"<!doctype html>"),
        ("OpenTelemetry", ".otlp.json", rb'\{"resourceLogs"'),
    ],
)
def test_a_trace_is_taken_along(shown, name, suffix, beginning):
    """
    Each form of an export is saved under the name of the trace, from the menu, by keys alone.
    """
    shown.locator("summary", has_text="Export").focus()
    shown.keyboard.press("Enter")
    link = shown.locator(".menu a", has_text=name).first
    link.focus()
    with shown.expect_download() as saved:
        shown.keyboard.press("Enter")
    assert saved.value.suggested_filename.endswith(suffix)
    assert re.match(beginning, saved.value.path().read_bytes(), re.IGNORECASE)


def test_the_menu_tells_the_way_back_and_closes(shown):
    """
    The menu names the command that reads an export; Escape closes it and leaves the focus on it.
    """
    shown.locator("summary", has_text="Export").click()
    assert "tracelog import" in shown.locator(".menu").inner_text()
    shown.keyboard.press("Escape")
    assert shown.locator(".menu[open]").count() == 0
    assert shown.evaluate("document.activeElement.textContent") == "Export"


def test_time_is_looked_at_by_keys(shown):
    """
    `+` looks nearer, the arrows go along, `-` and `0` go back; the address has it and a screen reader is told.
    """
    shown.keyboard.press("+")
    shown.keyboard.press("+")
    first = here(shown)
    assert "at=" in first
    shown.keyboard.press("ArrowRight")
    assert here(shown) != first
    assert "of 45 rows shown" in shown.evaluate(SEEN)
    shown.keyboard.press("ArrowLeft")
    assert here(shown) == first
    shown.reload()
    shown.locator("main[aria-busy=false]").wait_for()
    assert shown.locator(".chosen").is_visible()
    shown.keyboard.press("-")
    shown.keyboard.press("-")
    assert "at=" not in here(shown)
    assert "45 of 45 rows shown" in shown.evaluate(SEEN)


def test_chips_keep_the_focus_and_one_can_stand_alone(shown):
    """
    A chip that is pressed by keys stays focused, so that it can be pressed again; with Shift it stands alone.
    """
    chip = shown.get_by_role("button", name="worker 40")
    chip.focus()
    shown.keyboard.press("Space")
    assert chip.get_attribute("aria-pressed") == "false"
    assert shown.evaluate("document.activeElement.textContent") == "worker 40"
    shown.keyboard.press("Space")
    assert chip.get_attribute("aria-pressed") == "true"
    shown.get_by_role("button", name="backend 2").click(modifiers=["Shift"])
    assert rows(shown) == ["✗ charge", "✗ database is locked"]
    shown.get_by_role("button", name="backend 2").click(modifiers=["Shift"])
    assert len(rows(shown)) > 2


def test_a_hop_stands_alone(shown):
    """
    From the panel of a row its hop is shown alone, with what it called; the address keeps that, a chip ends it.
    """
    shown.keyboard.press("e")
    shown.get_by_role("button", name="Only this hop").click()
    assert rows(shown) == ["✗ charge", "✗ database is locked"]
    shown.reload()
    shown.locator("main[aria-busy=false]").wait_for()
    assert rows(shown) == ["✗ charge", "✗ database is locked"]
    shown.get_by_role("button", name="one hop").click()
    assert len(rows(shown)) > 2


def test_a_row_says_itself_to_a_screen_reader(shown):
    """
    The chosen row is the active one of the grid, and its name is a sentence with time, system, level and text.
    """
    for _ in range(2):
        shown.keyboard.press("e")
    active = shown.locator(".rows").get_attribute("aria-activedescendant")
    row = shown.locator(f"#{active}")
    assert row.get_attribute("aria-selected") == "true"
    assert row.get_attribute("aria-label") == "+850 ms, backend, error, database is locked"
    for _ in range(2):
        shown.keyboard.press("e")
    assert shown.evaluate(SEEN) == "no further error"
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.className").startswith("card panel")


def test_what_is_copied(shown, trace):
    """
    The panel copies the entry, its message and a link that opens it; the menu copies the trace id.
    """
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.keyboard.press("e")
    shown.locator(".panel", has_text="charge").wait_for()

    def copied(name):
        shown.get_by_role("button", name=name).click()
        shown.locator(".note").wait_for()
        return shown.evaluate("navigator.clipboard.readText()")

    assert json.loads(copied("Copy JSON"))["message"] == "charge"
    assert copied("Copy message") == "charge"
    link = copied("Copy link")
    shown.locator("summary", has_text="Export").click()
    assert copied("Trace id") == trace
    shown.goto(link)
    shown.locator(".panel", has_text="charge").wait_for()


def test_rows_say_what_they_stand_for(page, logs, trace):
    """
    Folded, not kept and held back rows are marked in place, the sum is below, and a lost clock has a badge.
    """
    told = [
        {"system": "browser", "message": "POST /pay", "span_id": "1" * 16, "duration_ms": 900},
        {"system": "backend", "message": "pay", "span_id": "2" * 16, "parent_id": "1" * 16}
        | {"timestamp": FIRST - 100_000, "duration_ms": 700},
        {"system": "browser", "message": "render", "kind": "summary", "count": 1090},
        {"system": "browser", "message": "so many", "kind": "suppressed", "count": 37, "why": "system_quota"},
        {"system": "browser", "message": "cart opened", "kind": "context", "level": "debug"},
    ]
    post(logs, trace, [{"timestamp": FIRST + i, **entry} for i, entry in enumerate(told)])
    opened(page, logs, f"/debug/{trace}")
    text = page.locator(".rows").inner_text()
    assert "\N{MULTIPLICATION SIGN}1,090" in text
    assert "37 not kept" in text
    assert "before the error" in text
    assert "+ 37 over the browser quota" in page.locator(".foot").inner_text()
    page.locator(".row", has_text="pay").nth(1).click()
    assert "clock +1 min" in page.locator(".panel").inner_text()
    assert " UTC" in page.locator(".panel").inner_text()


def test_sixty_systems_fit(page, logs, trace):
    """
    Of many systems the failing and the talkative have lanes and chips; the rest is one lane and behind a word.
    """
    post(
        logs,
        trace,
        [
            {"system": f"s{i}", "message": spelt("hello", i), "timestamp": FIRST + i}
            | {"level": "error" if i == 57 else "info"}
            for i in range(60)
        ],
    )
    opened(page, logs, f"/debug/{trace}")
    names = page.locator(".lanes .name").all_inner_texts()
    assert len(names) == 9
    assert {"s57", "52 others"} <= set(names)
    assert page.locator(".rows").bounding_box()["y"] < 720
    page.get_by_text("52 more systems").click()
    page.get_by_role("button", name="s59 1").click()
    assert "59 of 60 rows shown" in page.evaluate(SEEN)


def test_whatever_names_a_trace_leads_to_it(page, logs, trace):
    """
    The box takes a traceparent with its header's name, the address of a page, and an id that somebody chose.
    """
    story(logs, trace)
    post(logs, f"order_{trace}", [{"message": "shipped"}])
    ways = {
        f"traceparent: 00-{trace}-{'1' * 16}-01": trace,
        f" {logs.url}/debug/{trace}?row=1 ": trace,
        trace[:12].upper(): trace,
        f"00-{trace.upper()}-{'A' * 16}-01": trace,
        f"order_{trace}"[:14]: f"order_{trace}",
    }
    opened(page, logs, "/debug")
    for text, found in ways.items():
        page.locator("#box").fill(text)
        page.evaluate("window.left = true")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => window.left === undefined"
        )  # the next document may have the same address
        page.wait_for_url(f"**/debug/{found}*")
        page.locator("main[aria-busy=false]").wait_for()
        assert page.locator("#box").input_value() == found
        assert ("shipped" in page.locator(".rows").inner_text()) is found.startswith("order_")


def test_a_search_finds_traces_and_entries(page, logs, trace):
    """
    A search lists traces and the entries themselves, which lead to their rows; a wrong one is told how it is meant.
    """
    story(logs, trace)
    opened(page, logs, f"/debug?q=trace:{trace}%20locked")
    assert "1 TRACE WITH" in page.locator("h2").first.inner_text().upper()
    page.locator(".list a", has_text="database is locked").last.click()
    page.locator(".panel", has_text="database is locked").wait_for()
    opened(page, logs, "/debug?q=level:nope")
    assert "The search language" in page.get_by_role("alert").inner_text()


def test_a_trace_that_went_has_a_stone(page):
    """
    What is known of an expired trace is told: why and when it went, and what it held.
    """
    clock = Clock()
    clock.now = time.time()
    with Running(SqliteStore(":memory:", clock=clock)) as running:
        logs = Logs(f"http://127.0.0.1:{running.port}")
        post(logs, "trace-gone-1", [{"message": "no", "level": "error", "system": "worker"}])
        clock.now += 3 * 3600
        opened(page, logs, "/debug/trace-gone-1")
        told = page.get_by_role("alert").inner_text()
    assert "This trace is gone: expired" in told
    assert "1 entry, 1 error" in told
    assert "worker" in told


def test_the_first_trace_shows_itself(page):
    """
    The two lines that the page says to paste make a trace as they are, which it shows as soon as it arrives.
    """
    with Running() as running:
        logs = Logs(f"http://127.0.0.1:{running.port}")
        opened(page, logs, "/debug")
        lines = page.get_by_label("Python").inner_text()
        assert len(lines.splitlines()) == 2
        subprocess.run([sys.executable, "-c", lines], env=plain_environment(), check=True)
        page.locator(".list a", has_text="hello").wait_for()


def test_pinning_needs_the_right_and_signing_out_ends_all(page):
    """
    With a read key the page says that pinning needs another one; who signs out is asked for a key again.
    """
    with Running(keys=(Key(token="reader-0123456789", role="read"), Key(token="writer"))) as running:
        running.post([{"trace_id": "trace-of-mine", "message": "hi"}], ("Authorization", "Bearer writer"))
        page.goto(f"http://127.0.0.1:{running.port}/debug/trace-of-mine#key=reader-0123456789")
        page.get_by_role("button", name="Pin", exact=True).click()
        page.locator(".note").wait_for()
        assert "admin" in page.locator(".note").inner_text()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("A read key").wait_for()
        assert page.context.cookies() == []


def test_texts_of_programs_are_text_in_every_field(page, logs, trace):
    """
    Whatever stands in any field of whatever page shows it, no script runs, no element appears, and what hides is seen.
    """
    for place, other in (("after", "x"), ("before", "y")):
        post(
            logs,
            f"{trace}-{place}",
            [
                dict.fromkeys(("service", "logger", "user_id", "area", "environment", "release"), text)
                | {"message": f"{other} {text}", "system": text, "level": level, "kind": kind, "why": text}
                | {"error": {"type": text, "message": text}, "stack": text, "context": {text: [text]}}
                | {"span_id": text, "parent_id": text, "source": text, "duration_ms": 5, "count": 2}
                for text in (*HOSTILE, "a\u2028b", "</textarea>${7*7}", "![x](http://evil.example)")
                for level, kind in (("error", None), ("warn", "suppressed"))
            ],
        )
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.canary = () => { window.bitten = true; }")
    after = f"/debug/{trace}-after"
    for path in (
        after,
        f"{after}?with={trace}-before",
        f"/debug?q=trace:{trace}",
        "/debug?q=%3Cimg%20src=x%3E",
    ):
        opened(page, logs, path)
        for key in ("e", "e", "j", "+", "?"):
            page.keyboard.press(key)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.bitten") is None
        assert page.locator("body :is(img, script, iframe, object, textarea)").count() == 0
        assert page.locator("body svg").count() <= 1
        assert not [character for character in HIDDEN if character in page.inner_text("body")]
    assert {url for url in asked if not url.startswith((logs.url, "data:"))} == set()
