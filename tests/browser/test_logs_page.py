"""
`/logs` as a person uses it: it follows, holds still, filters, says what is not there, and leads to the trace.
"""

import re
import time
from contextlib import suppress

import pytest

from tests.browser.site import Logs
from tests.browser.test_accessibility import broken
from tests.browser.test_debug import HOSTILE, post, spelt
from tests.browser.test_trace_page import HIDDEN, SEEN
from tests.cli.started import Started, free_port
from tests.server.running import Running, request
from tests.stores.servers import RealServer
from tracelog import Client
from tracelog.config import Key

ADMIN, INGEST = "admin-key-0123456789", "ingest-key-0123456789"
KEYS = (Key(token="reader-0123456789", role="read"), Key(token=ADMIN, role="admin"), Key(token=INGEST))

TIMES = "\N{MULTIPLICATION SIGN}"
TEXTS = "[...document.querySelectorAll('.line')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((line) => line.querySelector('.text').innerText)"
AT_END = "(() => { const feed = document.querySelector('.feed'); return feed.scrollHeight - feed.scrollTop - feed.clientHeight < 26; })()"


@pytest.fixture
def running(one_span):
    """
    A server of its own, which processes everything: what is live belongs to one test.
    """
    with Running(process_sample=1.0) as running:
        yield running


def opened(page, running, path="/logs"):
    page.goto(f"http://127.0.0.1:{running.port}{path}")
    page.locator(".mark.live").wait_for()
    return page


def say(running, *messages, **fields):
    """
    Store warnings, each a log call of the worker in the trace `trace-of-logs`.
    """
    entry = {"trace_id": "trace-of-logs", "system": "worker", "level": "warn", **fields}
    assert running.post([{**entry, "message": message} for message in messages]).status == 200


def words(count, word="row"):
    return [spelt(word, number) for number in range(count)]


def line(page, text):
    return page.locator(".line", has_text=text)


def shows(page, count):
    """
    Wait until the page shows so many rows.
    """
    page.locator(f".feed[aria-rowcount='{count}']").wait_for()


def test_a_row_grows_where_it_stands(page, running):
    """
    What is said again is the same line with its count, last time and sparkline; first and last time are in its name.
    """
    say(running, "before")
    opened(page, running)
    begin = (time.time() // 1) * 1000 - 30_000
    say(running, "cart is slow", timestamp=begin, service="shop")
    line(page, "cart is slow").wait_for()
    page.evaluate("document.querySelectorAll('.line').forEach((line) => { line.kept = true; })")
    for second, count in ((10, 34), (20, 67), (29, 100)):
        say(running, *["cart is slow"] * 33, timestamp=begin + second * 1000, service="shop")
        grown = line(page, f"{TIMES}{count}")
        grown.wait_for()
    assert page.evaluate("[...document.querySelectorAll('.line')].every((line) => line.kept)")
    clock = time.strftime("%H:%M:%S", time.gmtime(begin / 1000))
    last = time.strftime("%H:%M:%S", time.gmtime(begin / 1000 + 29))
    assert grown.locator(".at").inner_text().startswith(clock)
    assert grown.locator(".until").inner_text() == f"\N{EN DASH} {last}"
    assert grown.locator("path").get_attribute("d").count("M") == 4
    label = f"{clock} UTC, worker/shop, warn, 100 times until {last}, cart is slow"
    assert grown.get_attribute("aria-label") == label
    opened(page, running)
    assert line(page, f"{TIMES}100").get_attribute("aria-label") == label


def test_it_follows_until_its_reader_scrolls(page, running):
    """
    The last row is in sight; who scrolls up keeps what is in sight and is told how many are new; one press leads back.
    """
    opened(page, running)
    say(running, *words(200))
    shows(page, 200)
    line(page, spelt("row", 199)).wait_for()
    assert page.evaluate(AT_END)
    assert page.locator(".newer").is_hidden()
    page.locator(".feed").hover()
    page.mouse.wheel(0, -1500)
    page.get_by_role("button", name="follow").wait_for()
    seen = page.evaluate(TEXTS)
    say(running, *words(7, "later"))
    page.get_by_role("button", name="7 new").wait_for()
    assert page.evaluate(TEXTS) == seen
    page.get_by_role("button", name="7 new").click()
    line(page, spelt("later", 6)).wait_for()
    assert page.evaluate(AT_END)
    assert page.locator(".newer").is_hidden()
    page.mouse.wheel(0, -1500)
    page.get_by_role("button", name="follow").wait_for()
    page.mouse.wheel(0, 9000)
    page.locator(".newer").wait_for(state="hidden")


def test_a_pause_holds_the_picture(page, running):
    """
    Nothing moves while it is paused, what waits is counted, and going on shows it; the state is always told.
    """
    opened(page, running)
    say(running, "before the pause")
    line(page, "before the pause").wait_for()
    page.keyboard.press("p")
    say(running, "during the pause", "before the pause", "before the pause")
    page.get_by_text("paused, 1 new wait").wait_for()
    assert page.evaluate(TEXTS) == ["before the pause"]
    page.get_by_role("button", name="Go on").click()
    line(page, "during the pause").wait_for()
    assert page.evaluate(TEXTS) == [f"{TIMES}3 before the pause", "during the pause"]
    assert "paused" not in page.locator(".state").inner_text()


def test_the_search_stands_in_the_address(page, running):
    """
    What is searched is shown from now and before, survives a reload and ends with *back*; a wrong one is explained.
    """
    say(running, "tea is cold")
    say(running, "milk is sour", level="error", system="backend")
    opened(page, running)
    line(page, "tea is cold").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("system:backend sour")
    page.keyboard.press("Enter")
    line(page, "tea is cold").wait_for(state="detached")
    line(page, "milk is sour").wait_for()
    say(running, "tea is gone")
    say(running, "cream is sour", system="backend")
    line(page, "cream is sour").wait_for()
    assert line(page, "tea").count() == 0
    assert page.url.endswith("?q=system%3Abackend+sour")
    page.reload()
    line(page, "cream is sour").wait_for()
    assert page.locator("#box").input_value() == "system:backend sour"
    page.go_back()
    line(page, "tea is gone").wait_for()
    page.locator("#box").fill("level:nope")
    page.keyboard.press("Enter")
    assert "level" in page.get_by_role("alert").inner_text()
    assert page.locator(".mark.stopped").is_visible()
    page.locator("#box").fill("nobody says this")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing yet that this search finds").wait_for()
    say(running, "nobody says this but me")
    line(page, "but me").wait_for()


def test_chips_count_all_and_hide_some(page, running):
    """
    A chip takes its rows away and keeps counting; the address keeps that; what hides everything is undone in one press.
    """
    say(running, *words(3), system="browser")
    say(running, *["again"] * 40)
    say(running, "broken", level="error")
    opened(page, running, "/logs?hide=browser")
    page.get_by_role("button", name="worker 41").wait_for()
    shows(page, 2)
    say(running, *words(2, "more"), system="browser")
    page.get_by_role("button", name="browser 5").wait_for()
    assert len(page.evaluate(TEXTS)) == 2
    page.get_by_role("button", name="error 1").click(modifiers=["Shift"])
    assert page.evaluate(TEXTS) == ["✗ broken"]
    assert "hush=warn" in page.url
    page.get_by_role("button", name="worker 41").click()
    page.get_by_text("The chips above hide all").wait_for()
    page.get_by_role("button", name="Show all").click()
    assert len(page.evaluate(TEXTS)) == 7
    assert "?" not in page.url


def test_sixty_systems_have_eight_chips_in_sight(page, running):
    """
    However many systems somebody makes up, the rest of their chips is behind a word, and their number is bounded.
    """
    for first in range(0, 300, 100):
        running.post(
            [
                {"trace_id": "many-systems", "message": "hi", "level": "warn", "system": f"s{number}"}
                for number in range(first, first + 100)
            ]
        )
    opened(page, running)
    page.get_by_text("192 more", exact=True).wait_for()
    assert page.locator(".filters .chip:visible").count() == 8 + 1 + 1
    page.get_by_text("192 more", exact=True).click()
    page.locator(".filters").get_by_role("button", name="s42 1", exact=True).click(modifiers=["Shift"])
    shows(page, 1)


def test_a_lost_server_is_told_and_what_came_meanwhile_is_shown(page, tmp_path):
    """
    While the server is away the page says so and tries again; then it goes on where it stopped, with nothing twice.
    """
    where = {"store_url": f"sqlite:///{tmp_path}/logs.db", "process_sample": 1.0, "port": free_port()}
    with Running(**where) as first:
        say(first, "before it went")
        opened(page, first)
        line(page, "before it went").wait_for()
    page.locator(".mark.lost").wait_for()
    assert "trying again in" in page.locator(".mark").inner_text()
    assert "trying again" in page.evaluate(SEEN)
    with Running(**where) as second:
        say(second, "while it was away")
        page.locator(".mark.live").wait_for()
        line(page, "while it was away").wait_for()
        assert page.evaluate(TEXTS) == ["before it went", "while it was away"]


def test_a_store_that_is_away_is_told(page, tmp_path):
    """
    While the store is away nothing is called live and no drops are denied; what comes after its return is shown.
    """
    with (
        RealServer(tmp_path) as store,
        Running(store_url=store.url, process_sample=1.0, process_interval=0.05) as running,
    ):
        say(running, "before it went")
        opened(page, running)
        line(page, "before it went").wait_for()
        store.kill()
        page.reload()
        page.locator(".mark", has_text="trying again in").wait_for()
        page.get_by_text("drops are not known").wait_for()
        store.start()
        page.locator(".drops", has_text="nothing dropped").wait_for()
        page.locator(".mark.live").wait_for()
        say(running, "after its return")
        line(page, "after its return").wait_for()
        store.kill()
        page.evaluate(
            "dispatchEvent(new Event('visibilitychange'))"
        )  # who comes back to the tab sees what is
        page.locator(".mark.lost", has_text="the store is away, nothing comes").wait_for()
        assert "the store is away" in page.evaluate(SEEN)
        assert "nothing dropped" not in page.locator(".state").inner_text()


def test_a_place_in_the_page_is_no_new_search(page, running):
    """
    The link that skips to the content moves the focus, and what came stays as it is; marks stand before any script.
    """
    say(running, "shalom \u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd")
    opened(page, running)
    twice = line(page, f"{TIMES}2")
    twice.wait_for()
    places = [twice.locator(name).bounding_box()["x"] for name in (".pill", "bdi")]
    assert places == sorted(places)
    page.evaluate("document.querySelectorAll('.line').forEach((line) => { line.kept = true; })")
    page.locator(".skip").press("Enter")
    page.locator("main:focus").wait_for()
    say(running, "after the jump")
    line(page, "after the jump").wait_for()
    assert page.evaluate("[...document.querySelectorAll('.line')].filter((line) => line.kept).length") == 2
    page.go_back()
    line(page, "after the jump").wait_for()


def test_what_is_not_here_is_always_told(page):
    """
    Entries over quotas, sampled and refused are counted in the line of state, and by reason where it is opened.
    """
    with Running(limits=True, process_sample=0.0) as running:
        many = [{"trace_id": f"t-{number}-of-many", "message": spelt("so", number)} for number in range(500)]
        running.post(many)
        say(running, "all is told")
        opened(page, running)
        line(page, "all is told").wait_for()  # so what came before it was counted
        page.reload()
        drops = page.locator(".drops summary.warn", has_text="left out by the sample")
        drops.wait_for()
        counted = re.search(r"([\d,]+) not kept", drops.inner_text())
        sampled = re.search(r"([\d,]+) left out", drops.inner_text())
        assert int(counted[1]) + int(sampled[1]) == 500
        drops.press("Enter")
        assert f"{counted[1]}\nover the rate limit" in page.locator(".drops dl").inner_text()
        assert "A temporary view" in page.locator(".state").inner_text()


def test_a_reader_that_is_too_slow_is_told_what_it_missed(page, running):
    """
    When the server had to pass events over because the page did not read, the page says how many. To stall a real
    one takes more than the buffers of kernel and browser hold, so one answer is made here.
    """
    page.route(
        "**/api/v1/live*",
        lambda route: route.fulfill(
            body='event: gap\ndata: {"missed":1700}\n\n', content_type="text/event-stream"
        ),
        times=1,
    )
    opened(page, running)
    drops = page.locator(".drops summary.warn", has_text="1,700 missed by this page")
    drops.wait_for()
    say(running, "and on it goes")
    line(page, "and on it goes").wait_for()
    assert drops.is_visible()
    drops.press("Enter")
    assert "1,700\nmissed by this page, which was too slow" in page.locator(".drops dl").inner_text()
    assert page.evaluate(TEXTS) == ["and on it goes"]


def test_without_a_processor_it_says_what_to_do(page, tmp_path):
    """
    `serve --no-process` alone shows nothing, and says why; the command that it names brings the rows.
    """
    store = f"sqlite:///{tmp_path}/logs.db"
    with Running(store_url=store, process=False) as running:
        opened(page, running)
        page.get_by_text("Nothing is processed").wait_for()
        command = page.locator(".empty pre").inner_text().replace("URL", store).split()
        process = Started(*command[1:])
        try:
            process.line("(proces)")
            until_shown = time.monotonic() + 10
            while time.monotonic() < until_shown and not line(page, "at last").count():
                say(running, "at last")
                with suppress(Exception):
                    line(page, "at last").wait_for(timeout=300)
            assert line(page, "at last").count() == 1
        finally:
            process.clear()


def test_a_line_leads_to_its_trace(page, running):
    """
    A click on a line, or Enter on the chosen one, opens the trace at the entry; who points at a line can copy it.
    """
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(running, "first of two")
    say(running, "second of two", level="error", context={"cents": 1250})
    opened(page, running)
    line(page, "second of two").hover()
    line(page, "second of two").get_by_role("button", name="Copy", exact=True).click()
    page.locator(".note").wait_for()
    assert "second of two" in page.evaluate("navigator.clipboard.readText()")
    line(page, "second of two").click(position={"x": 400, "y": 10})
    page.locator(".panel", has_text="1250").wait_for()
    assert "/debug/trace-of-logs?row=" in page.url
    page.get_by_role("link", name="logs", exact=True).click()
    line(page, "first of two").wait_for()
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.locator(".panel", has_text="1250").wait_for()


def test_everything_is_done_by_keys(page, running):
    """
    Lines are chosen, copied and left by keys; the chosen one is the active row; filters and help are reached, too.
    """
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(running, *words(3), level="error", trace_id="trace-of-keys")
    say(running, "calm")
    opened(page, running)
    line(page, "calm").wait_for()

    def active():
        name = page.locator(".feed").get_attribute("aria-activedescendant")
        return page.locator(f"#{name} .text").inner_text()

    steps = {
        "j": "calm",
        "k": spelt("row", 2),
        "E": spelt("row", 1),
        "ArrowUp": spelt("row", 0),
        "e": spelt("row", 1),
    }
    for key, text in steps.items():
        page.keyboard.press(key)
        assert active().removeprefix("✗ ") == text
    for key, copied in (("t", "trace-of-keys"), ("c", f"error, {spelt('row', 1)}")):
        page.keyboard.press(key)
        page.locator(".note").wait_for()
        assert copied in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Escape")
    assert page.locator(".line.on").count() == 0
    page.keyboard.press("f")
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="worker 4").get_attribute("aria-pressed") == "false"
    page.keyboard.press("0")
    assert page.get_by_role("button", name="worker 4").get_attribute("aria-pressed") == "true"
    page.keyboard.press("x")
    page.get_by_text("What comes from now on").wait_for()
    say(running, "after all")
    line(page, "after all").wait_for()
    page.keyboard.press("?")
    assert "go to the end and follow" in page.locator("dialog").inner_text()


def test_thousands_of_rows_are_a_few_elements(page, running):
    """
    Only lines in sight are in the document, while it follows a flood and wherever its reader goes.
    """
    opened(page, running)
    for first in range(0, 3_000, 1_000):
        say(running, *[spelt("flood", number) for number in range(first, first + 1_000)])
    shows(page, 3_000)
    line(page, spelt("flood", 2_999)).wait_for()
    assert page.locator(".line").count() < 80
    page.keyboard.press("Home")
    line(page, spelt("flood", 3)).first.wait_for()
    page.keyboard.press("PageDown")
    line(page, spelt("flood", 40)).first.wait_for()
    page.evaluate("document.querySelector('.feed').scrollTo(0, 1000 * 26)")
    line(page, spelt("flood", 1_003)).wait_for()
    assert page.locator(".line").count() < 80
    page.locator("#box").fill("nobody says this")
    page.keyboard.press("Enter")
    page.locator(".empty", has_text="this search finds").wait_for()
    assert page.locator(".mark").inner_text().endswith("live \u00b7 0/s")
    page.locator("#box").fill(f'"{spelt("flood", 1_003)}"')  # far behind the rows that a page begins with
    page.keyboard.press("Enter")
    line(page, spelt("flood", 1_003)).wait_for()


def test_a_real_program_is_seen_at_once(page, logs, trace):
    """
    What a Python client says through a server of its own is live, with repeats folded, beside all other traffic.
    """
    page.goto(f"{logs.url}/logs?q=logger:{trace}")
    page.locator(".mark.live").wait_for()
    client = Client(url=logs.url, service="shop", system="backend")
    log = client.get_logger(trace)
    for _ in range(300):
        log.warning("stock is low")
    log.error("out of stock")
    client.flush(5.0)
    client.shutdown(5.0)
    line(page, "out of stock").wait_for()
    line(page, TIMES).wait_for()
    assert line(page, "stock is low").locator(".who").inner_text() == "backend/shop"


def test_texts_of_programs_are_text_in_every_field(page, running):
    """
    Whatever stands in any field or in the address, no script runs, no element appears, and what hides is seen.
    """
    logs = Logs(f"http://127.0.0.1:{running.port}")
    texts = (*HOSTILE, "a\u2028b", "</textarea>${7*7}", "![x](http://evil.example)", "\x1b]52;c;aGk=\x07")
    post(
        logs,
        "trace-of-hostile",
        [
            dict.fromkeys(("service", "logger", "user_id", "area", "environment", "release"), text)
            | {"message": f"{number} {text}", "system": text, "level": level, "kind": kind, "why": text}
            | {"error": {"type": text, "message": text}, "context": {text: [text]}, "count": 2}
            for number, text in enumerate(texts)
            for level, kind in (("error", None), ("warn", "suppressed"), ("warn", "context"))
        ],
    )
    running.post([{"trace_id": "<b>-is-no-id", "message": "x"}])
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.canary = () => { window.bitten = true; }")
    for path in (
        "/logs",
        "/logs?q=%3Cimg%20src=x%20onerror=canary()%3E",
        "/logs?q=%22",
        "/logs?hide=%3Cimg%20src=x%3E",
    ):
        opened(page, running, path) if "%22" not in path else page.goto(logs.url + path)
        page.locator(".line, .empty:not([hidden])").first.wait_for()
        for key in ("e", "e", "k", "?"):
            page.keyboard.press(key)
        assert page.evaluate("window.bitten") is None
        assert page.locator("body :is(img, script, iframe, object, textarea)").count() == 0
        assert not [character for character in HIDDEN if character in page.inner_text("body")]
        assert not [character for character in HIDDEN if character in page.inner_html("main")]
    assert {url for url in asked if not url.startswith((logs.url, "data:"))} == set()


def test_signing_in_by_hand_and_by_link(chromium):
    """
    Where keys are asked for, the page asks for one, a start-up link brings one, and signing out ends it.
    """
    with Running(keys=KEYS) as running:
        url = f"http://127.0.0.1:{running.port}/logs"
        for way in ("", "#key=reader-0123456789"):
            with chromium.new_context() as context:
                page = context.new_page()
                page.goto(url + way)
                if not way:
                    page.get_by_label("A read key").fill("reader-0123456789")
                    page.keyboard.press("Enter")
                page.locator(".mark.live").wait_for()
                assert page.url == url
                assert [cookie["httpOnly"] for cookie in context.cookies()] == [True]
                page.get_by_role("button", name="Sign out").click()
                page.get_by_label("A read key").wait_for()


def test_who_is_not_let_in_is_told_why(page):
    """
    A link with a key that opens nothing says so, one that is opened where the page already is works and leaves no
    key in the address, and whose key is revoked is told that it ended, with nothing left to press that is over.
    """
    with Running(keys=KEYS) as running:
        url, admin = f"http://127.0.0.1:{running.port}/logs", ("Authorization", f"Bearer {ADMIN}")
        for key, why in (("wrong-key-0123456789", "unknown or revoked"), (INGEST, "role ingest")):
            for here in ("/debug", "/logs", "/admin"):
                page.goto("about:blank")
                page.goto(f"{url.removesuffix('/logs')}{here}#key={key}")
                page.locator("#said", has_text=why).wait_for()
        made = running.ask(request("POST", "/api/v1/keys", b'{"role":"read"}', headers=[admin])).json
        page.goto(url)
        page.locator("#key").wait_for()
        page.goto(f"{url}#key={made['token']}")
        page.locator(".mark.live").wait_for()
        assert page.url == url
        assert running.ask(request("DELETE", f"/api/v1/keys/{made['id']}", headers=[admin])).status == 200
        page.locator("#said", has_text="was revoked").wait_for()
        assert page.locator("#tools button").all_inner_texts() == ["?"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken(chromium, running, scheme, width):
    """
    Nothing is found on the empty page, and on a full one with a chosen line and the list of what is not here.
    """

    def check(page):
        assert broken(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    with chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}) as context:
        page = opened(context.new_page(), running)
        page.get_by_text("Nothing logged yet").wait_for()
        check(page)
        for system, level in (("browser", "error"), ("backend", "debug"), ("other-one", "warn")):
            say(running, *words(4, level), "again", "again", system=system, level=level)
        line(page, spelt("warn", 3)).wait_for()
        page.keyboard.press("k")
        page.locator(".drops summary").click()
        check(page)


def test_a_page_is_small_and_forbids_itself_everything(page, running):
    """
    The page and all it loads stay below 60 kB; its policy allows this server's files only; a foreign host sees none;
    its navigation leads to all pages that there are.
    """
    sizes = []
    page.on(
        "response",
        lambda answer: "/api/" in answer.url or sizes.append(answer.request.sizes()["responseBodySize"]),
    )
    opened(page, running)
    assert 5_000 < sum(sizes) < 60_000
    answer = running.get("/logs")
    policy = answer.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for target in ("/logs", "/web/logs.js", "/api/v1/live"):
        assert running.get(target, ("Host", "evil.example.com")).status == 421
    assert running.get("/api/v1/live", ("Origin", "http://evil.example.com")).status == 403
    assert page.locator("nav a[aria-current=page]").inner_text() == "logs"
    links = page.locator("nav a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    assert links == ["/debug", "/logs", "/admin"]
    assert [running.get(link).status for link in links] == [200, 200, 200]
    assert b'href="/debug" aria-current="page"' in running.get("/debug").body
