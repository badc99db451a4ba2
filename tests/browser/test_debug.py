"""
`/debug` as a person uses it: what failed, where the time went, every row, by mouse and by keyboard.
"""

import json
import time
import urllib.request

import pytest

from tests.server.running import Running
from tracelog.config import Key

LETTERS = str.maketrans("0123456789", "abcdefghij")
"""Messages that differ in digits only would be folded."""

HOSTILE = [
    "<img src=x onerror=canary()>",
    "</script><script>canary()</script>",
    "javascript:canary()",
    "{{constructor.constructor('canary()')()}}",
    "\u202egnp.exe",
    "a\u200bb\x1b[31m\x07",
    "<svg/onload=canary()>",
]


def post(logs, trace, entries):
    body = json.dumps([{"trace_id": trace, **entry} for entry in entries]).encode()
    request = urllib.request.Request(f"{logs.url}/log", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["accepted"] == len(entries)


def spelt(word, number):
    return f"{word} {number}".translate(LETTERS)


def story(logs, trace):
    """
    Store a failure that travels from backend to browser, and 40 calm lines around it.
    """
    begin = time.time() * 1000
    hop = {"browser": "1" * 16, "backend": "2" * 16}
    calm = [
        {
            "id": f"{trace}-{i}",
            "timestamp": begin + i,
            "system": "worker",
            "message": spelt("step", i),
            "level": "debug",
        }
        for i in range(40)
    ]
    told = [
        {"system": "browser", "message": "click Buy", "timestamp": begin},
        {"system": "browser", "message": "POST /checkout", "span_id": hop["browser"], "timestamp": begin + 1}
        | {"duration_ms": 900},
        {"system": "backend", "message": "charge", "span_id": hop["backend"], "parent_id": hop["browser"]}
        | {"timestamp": begin + 60, "duration_ms": 800, "level": "error"},
        {"system": "backend", "message": "database is locked", "span_id": hop["backend"], "level": "error"}
        | {"timestamp": begin + 850, "context": {"order": {"cents": 1250}}, "service": "billing"}
        | {"stack": "Traceback:\n" + '  File "site-packages/x.py", line 1\n    a\n' * 3},
        {"system": "browser", "message": "checkout failed", "span_id": hop["browser"], "level": "error"}
        | {"timestamp": begin + 900},
    ]
    post(logs, trace, calm + told)


@pytest.fixture
def shown(page, logs, trace):
    """
    The page of the trace of `story`, drawn.
    """
    story(logs, trace)
    page.goto(f"{logs.url}/debug/{trace}")
    page.locator("main[aria-busy=false]").wait_for()
    return page


def here(page):
    """
    Return the address as the page has it: Playwright learns of a replaced one a little later.
    """
    return page.evaluate("location.href")


def rows(page):
    return page.locator(".row:not(.aside) .text").all_inner_texts()


def test_it_answers_first(shown):
    """
    The head says what failed and in which system, how it travelled, how long it took, and what adds up.
    """
    assert "database is locked, in" in shown.locator("h1").inner_text()
    steps = shown.locator(".steps li").all_inner_texts()
    assert "database is locked" in steps[0]
    assert "checkout failed" in steps[-1]
    assert "in all" in shown.locator(".shares").first.inner_text()
    assert "45 logged = 45 kept" in shown.locator(".foot").inner_text()
    assert len(rows(shown)) >= 20


def test_the_keyboard_finds_the_error_and_opens_it(shown, trace):
    """
    `e` goes to the next error and docks all that is known of it; the address keeps the row; Escape closes it.
    """
    shown.keyboard.press("e")
    shown.keyboard.press("e")
    panel = shown.locator(".panel")
    panel.get_by_text("cents", exact=True).wait_for()
    assert "billing" in panel.inner_text()
    assert "1250" in panel.inner_text()
    assert "lines of libraries" in panel.inner_text()
    assert "row=" in here(shown)
    shown.reload()
    shown.locator(".panel").get_by_text("cents", exact=True).wait_for()
    shown.keyboard.press("Escape")
    assert shown.locator(".panel").count() == 0
    assert "row=" not in here(shown)
    shown.keyboard.press("?")
    assert "next error" in shown.locator("dialog").inner_text()


def test_filters_are_chips_with_counts_and_stand_in_the_address(shown):
    """
    A chip takes its rows away and keeps its count; text narrows; `0` brings all back; the link shows the same.
    """
    shown.get_by_role("button", name="worker 40").click()
    assert len(rows(shown)) == 5
    shown.keyboard.press("f")
    shown.keyboard.type("checkout")
    assert rows(shown) == ["POST /checkout", "✗ checkout failed"]
    assert "5 of" not in shown.locator(".foot").inner_text()
    shown.reload()
    shown.locator("main[aria-busy=false]").wait_for()
    assert rows(shown) == ["POST /checkout", "✗ checkout failed"]
    shown.get_by_role("button", name="Show all").click()
    assert shown.get_by_role("button", name="worker 40").get_attribute("aria-pressed") == "true"


def test_dragging_over_the_lanes_zooms(shown):
    """
    What is dragged over is what the rows show; `0` shows the whole time again.
    """
    box = shown.locator(".plot").bounding_box()
    shown.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 5)
    shown.mouse.down()
    shown.mouse.move(box["x"] + box["width"], box["y"] + 5)
    shown.mouse.up()
    assert "at=" in here(shown)
    assert rows(shown) == ["POST /checkout", "✗ charge", "✗ database is locked", "✗ checkout failed"]
    shown.keyboard.press("0")
    assert "at=" not in here(shown)


def test_copy_for_agent_is_the_brief(shown, logs, trace):
    """
    `c` copies the Markdown that the export gives within 2,000 tokens.
    """
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.keyboard.press("c")
    shown.locator(".note").wait_for()
    copied = shown.evaluate("navigator.clipboard.readText()")
    with urllib.request.urlopen(f"{logs.url}/api/v1/traces/{trace}/export?format=md&budget=2000") as answer:
        assert copied.splitlines()[0] == answer.read().decode().splitlines()[0]


def test_texts_of_programs_are_text(page, logs, trace):
    """
    Whatever stands in any field, no script runs, nothing is asked of elsewhere, and what hides shows as a dot.
    """
    post(
        logs,
        trace,
        [
            {
                "message": text,
                "system": "browser",
                "service": text,
                "logger": text,
                "user_id": text,
                "level": "error",
                "stack": text,
                "error": {"type": text, "message": text},
                "context": {text: {text: [text]}},
            }
            for text in HOSTILE
        ],
    )
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.canary = () => { window.bitten = true; }")
    for path in (f"/debug/{trace}", "/debug", "/debug?q=level:error"):
        page.goto(logs.url + path)
        page.locator("main[aria-busy=false]").wait_for()
        for _ in HOSTILE:
            page.keyboard.press("e")
        assert page.evaluate("window.bitten") is None
        assert page.locator("main img, main script, main iframe").count() == 0
        assert "\u202e" not in page.inner_text("main")
    assert {url for url in asked if not url.startswith((logs.url, "data:"))} == set()


def test_ten_thousand_rows_are_a_few_elements(page, logs, trace):
    """
    Only what is in sight is in the document, wherever the reader is.
    """
    begin = time.time() * 1000
    for first in range(0, 10_000, 1_000):
        post(
            logs,
            trace,
            [
                {
                    "id": f"{trace}-{i}",
                    "message": spelt("row", i),
                    "timestamp": begin + i,
                    "level": "error" if i == 9_000 else "info",
                }
                for i in range(first, first + 1_000)
            ],
        )
    page.goto(f"{logs.url}/debug/{trace}")
    page.locator("main[aria-busy=false]").wait_for()
    assert page.locator(".rows").get_attribute("aria-rowcount") == "10000"
    assert page.locator(".row").count() < 100
    page.keyboard.press("e")
    page.locator(".row.on", has_text=spelt("row", 9_000)).wait_for()
    assert page.locator(".row").count() < 100


def test_before_a_trace_is_chosen(page, logs, trace):
    """
    The empty page lists failing traces; its box takes ids and searches; what is gone is said to have expired.
    """
    story(logs, trace)
    page.goto(f"{logs.url}/debug")
    page.locator("main[aria-busy=false]").wait_for()
    page.locator(f"a[href='/debug/{trace}']").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type(f"trace:{trace} level:error")
    page.keyboard.press("Enter")
    page.get_by_text("1 trace with").wait_for()
    page.locator("#box").fill(trace[:12])
    page.keyboard.press("Enter")
    page.locator("h1", has_text="database is locked").wait_for()
    assert page.url.partition("?")[0] == f"{logs.url}/debug/{trace}"
    page.goto(f"{logs.url}/debug/00000000000000000000000000000abc")
    assert "may have expired" in page.get_by_role("alert").inner_text()


def test_a_page_is_small_and_forbids_itself_everything(page, logs, trace):
    """
    A page and all it loads stay below 60 kB, and its policy allows nothing but this server's files.
    """
    story(logs, trace)
    sizes = []
    page.on(
        "response",
        lambda answer: "/api/" not in answer.url and sizes.append(answer.request.sizes()["responseBodySize"]),
    )
    answer = page.goto(f"{logs.url}/debug/{trace}")
    page.locator("main[aria-busy=false]").wait_for()
    assert 5_000 < sum(sizes) < 60_000
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_foreign_host_sees_no_page():
    """
    DNS rebinding gets neither a page nor a file of one.
    """
    with Running() as running:
        for target in ("/debug", "/debug/latest", "/web/debug.js"):
            assert running.get(target).status == 200
            assert running.get(target, ("Host", "evil.example.com")).status == 421


def test_signing_in_by_hand_and_by_link(chromium):
    """
    Where keys are asked for, a form takes one, a start-up link brings one, and neither address nor script keeps it.
    """
    with Running(keys=(Key(token="reader-0123456789", role="read"),)) as running:
        url = f"http://127.0.0.1:{running.port}/debug"
        for way in ("", "#key=reader-0123456789"):
            with chromium.new_context() as context:
                page = context.new_page()
                page.goto(url + way)
                if not way:
                    page.get_by_label("A read key").fill("wrong")
                    page.keyboard.press("Enter")
                    page.get_by_text("unknown or revoked").wait_for()
                    page.get_by_label("A read key").fill("reader-0123456789")
                    page.keyboard.press("Enter")
                page.get_by_text("Nothing logged yet").wait_for()
                assert page.url == url
                assert page.evaluate("document.cookie") == ""
                assert [cookie["httpOnly"] for cookie in context.cookies()] == [True]
