"""
`/admin` as a person uses it: how the server is, as it changes, and what an administrator does about it.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from tests.browser.test_accessibility import broken
from tests.browser.test_debug import HOSTILE, spelt
from tests.browser.test_trace_page import HIDDEN, SEEN
from tests.cli.started import free_port
from tests.server.running import Running, request
from tests.stores.servers import RealServer
from tracelog.config import Key

ADMIN, READ, INGEST = "admin-key-0123456789", "reader-0123456789", "ingest-key-0123456789"
KEYS = (Key(token=ADMIN, role="admin"), Key(token=READ, role="read"), Key(token=INGEST))

FIRST_PAINT_MS = 300

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@contextmanager
def serving(**given) -> Iterator[Running]:
    """
    A server that tells its status ten times as often as it would.
    """
    with Running(**{"limits": True, "process_sample": 1.0, **given}) as running:
        running.app.pulse._every_s = 0.1
        yield running


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    """
    A server with a key of each role, for tests that leave nothing behind.
    """
    with serving(keys=KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def free() -> Iterator[Running]:
    """
    A server that asks for no key, for tests that need no clean one.
    """
    with serving() as running:
        yield running


@pytest.fixture
def running() -> Iterator[Running]:
    """
    A server of its own that asks for no key.
    """
    with serving() as running:
        yield running


def opened(page, running, key=""):
    page.goto(f"http://127.0.0.1:{running.port}/admin{f'#key={key}' if key else ''}")
    page.locator(".mark.live").wait_for()
    page.get_by_text("pages with the browser client").wait_for()
    return page


def card(page, title):
    return page.locator(f"section.card[aria-label='{title}']")


def button(page, title, name):
    return card(page, title).get_by_role("button", name=name)


def say(running, *messages, **fields):
    entry = {"trace_id": "trace-of-admin", "system": "worker", **fields}
    answer = running.post([{**entry, "message": message} for message in messages])
    assert answer.status in (200, 429), answer.body


def told(running, path, key=None):
    headers = [("Authorization", f"Bearer {key}")] if key else []
    return running.get(f"/api/v1/{path}", *headers).json


def test_it_tells_how_the_server_is_and_what_became_of_everything(page, running):
    """
    One sentence, its parts, and cards with the numbers of the status, which follow what happens without a reload.
    """
    opened(page, running)
    assert "No system has logged yet" in page.locator("h1").inner_text()
    page.evaluate("document.querySelectorAll('.card').forEach((one) => { one.kept = true; })")
    ahead = (time.time() + 90) * 1000
    say(running, *[spelt("cart", n) for n in range(300)], service="edge", source="noisy-one")
    say(
        running, "token bearer abcdefghijklmnop1234567890", system="browser", timestamp=ahead, source="laptop"
    )
    running.post({"trace_id": "trace-of-admin"})
    page.get_by_text("2 systems are logging").wait_for()
    card(page, "Sources").get_by_text("ahead by 1 min").wait_for()
    assert page.evaluate("[...document.querySelectorAll('.card')].every((one) => one.kept)")
    card(page, "What became of entries").get_by_text("missing message").wait_for()
    status = told(running, "status")
    table = card(page, "What became of entries").inner_text().replace(",", "")
    numbers = [int(n) for n in re.findall(r"(\d+)$", table, re.MULTILINE)]
    assert sum(numbers[:-1]) == numbers[-1] == status["ledger"]["emitted"] == 302
    assert "over the rate limit" in table
    bars = card(page, "Quotas of the hour")
    worker = status["quotas"]["systems"]["worker"]
    bars.get_by_text(f"{worker['current']} of {worker['limit']}", exact=True).wait_for()
    assert bars.get_by_role("img", name=re.compile("^worker: ")).count() == 1
    budget = card(page, f"Budget of {status['budget']['month']}").inner_text()
    assert status["budget"]["projection"]["sentence"] in budget
    assert f"{status['budget']['used']} of 125,000 writes" in budget
    assert "100,000, 118,750 and 125,000" in budget
    assert "ends with this process" in card(page, "Store").inner_text()
    assert "bearer\t1" in card(page, "Secrets replaced").inner_text()
    assert "inside this server" in card(page, "Processing").inner_text()
    words = card(page, "Sources").get_by_role("link", name="token bearer")
    assert "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}bearer:" in words.inner_text()
    words.click()
    page.locator(".panel").wait_for()
    assert "/debug/trace-of-admin?row=" in page.url


def test_borrowed_and_lent_rows_are_parts_of_the_bars(page, running):
    """
    A system that needs more than its share borrows, others lend, and both say how much.
    """
    body = [
        {"trace_id": f"trace-{n}", "system": "worker", "source": f"w{n % 40}", "message": spelt("so", n)}
        for n in range(900)
    ]
    for source in range(40):
        running.post([one for one in body if one["source"] == f"w{source}"])
    opened(page, running)
    bars = card(page, "Quotas of the hour")
    bars.locator(".meter.worker .borrowed").wait_for()
    systems = told(running, "status")["quotas"]["systems"]
    assert f"{systems['worker']['borrowed']} borrowed" in bars.inner_text()
    lent = sum(one["lent"] for one in systems.values())
    assert lent == systems["worker"]["borrowed"] > 0
    assert f"{systems['browser']['lent']} lent" in bars.inner_text()


def test_pages_are_switched_and_systems_muted(page, running):
    """
    The switch and the mutes do what they say, tell who said it, and can be taken back; what is muted is counted.
    """
    opened(page, running)
    button(page, "Capturing in pages", "Switch off").click()
    page.get_by_text("capture nothing. An operator said so.").wait_for()
    assert running.get("/api/v1/status?page=1").json == {"capture": False}
    button(page, "Capturing in pages", "As the settings say").click()
    page.get_by_text("The settings say so.").wait_for()
    assert running.get("/api/v1/status?page=1").json == {"capture": True}
    mutes = card(page, "Mutes")
    mutes.get_by_label("Its name").fill("worker")
    mutes.get_by_label("Why").fill("floods")
    mutes.get_by_label("Why").press("Enter")
    mutes.get_by_text("floods by local").wait_for()
    say(running, "not heard")
    card(page, "What became of entries").get_by_text("muted").wait_for()
    mutes.get_by_role("button", name="End the mute of worker").press("Enter")
    mutes.get_by_text("Everybody is heard").wait_for()
    assert told(running, "mutes")["mutes"] == []
    assert page.evaluate("document.activeElement.ariaLabel") == "Mutes"
    said = card(page, "Who changed what")
    said.get_by_text("mutes.end").wait_for()
    assert said.locator("tbody tr").count() == 4


def test_logs_are_deleted_only_when_that_is_typed(page, running):
    """
    A clean-up shows what would go before it goes; to delete everything takes the words, and leaves the record.
    """
    say(running, "one", "two")
    opened(page, running)
    button(page, "Clean-up", "What is left over?").click()
    page.get_by_text("Nothing is left over.").wait_for()
    button(page, "Clean-up", "Delete all logs").click()
    sheet = page.locator("dialog")
    assert "deletes 1 trace, 2 entries" in sheet.inner_text()
    go = sheet.get_by_role("button", name="Delete all logs")
    sheet.get_by_label("To mean it").fill("delete all")
    assert go.is_disabled()
    sheet.get_by_role("button", name="Keep it").click()
    sheet.wait_for(state="detached")
    assert {"one", "two"} <= set(running.messages())
    button(page, "Clean-up", "Delete all logs").click()
    sheet.get_by_label("To mean it").fill("delete all logs")
    sheet.get_by_label("To mean it").press("Enter")
    page.get_by_text("Deleted: 1 trace").wait_for()
    assert not {"one", "two"} & set(running.messages())
    card(page, "Who changed what").get_by_text("cleanup.emergency.begun").wait_for()


def test_what_is_left_over_goes_when_it_is_confirmed(page, tmp_path):
    """
    The safe clean-up counts, waits for the word, and says what it did.
    """
    with RealServer(tmp_path) as store, serving(store_url=store.url) as running:
        say(running, "meant to live for an hour")
        with Redis.from_url(store.url) as redis:
            persisted = [redis.persist(key) for key in redis.scan_iter("*trace-of-admin*")]
        assert sum(persisted) > 0
        opened(page, running)
        button(page, "Clean-up", "What is left over?").click()
        page.get_by_text(re.compile("Safe to tidy up: .* that would never end")).wait_for()
        button(page, "Clean-up", "Do it").click()
        page.get_by_text(re.compile("Tidied up: .* that would never end")).wait_for()
        card(page, "Who changed what").get_by_text("cleanup.safe").wait_for()
        button(page, "Clean-up", "What is left over?").click()
        page.get_by_text("Nothing is left over.").wait_for()


def test_keys_are_made_shown_once_and_revoked(page, running):
    """
    The first key locks the server and signs this browser in; tokens are shown once; a revoked key opens nothing;
    the last admin key goes only when that is said twice.
    """
    opened(page, running)
    keys, tokens = card(page, "Keys"), {}
    for role, name in (("admin", "ada"), ("read", "bob"), ("ingest", "shop page")):
        keys.get_by_label("Name of the key").fill(name)
        keys.get_by_label("Role").select_option(role)
        if role == "ingest":
            keys.get_by_label("Origins of pages").fill("https://shop.example.com https://b.example.com")
        keys.get_by_label("Name of the key").press("Enter")
        tokens[role] = page.locator("dialog .token").inner_text()
        page.get_by_role("button", name="Done").click()
        page.locator("dialog").wait_for(state="detached")
        keys.locator("tbody").get_by_text(name).wait_for()
        assert tokens[role].startswith(f"tlk_{role}_")
        assert tokens[role] not in page.content()
    assert "https://b.example.com" in keys.inner_text()
    assert running.get("/api/v1/status").status == 401
    assert told(running, "keys", tokens["admin"])["open"] is False
    for name in ("shop page", "bob"):
        keys.get_by_role("button", name=f"Revoke {name}").click()
        page.get_by_role("button", name="Revoke", exact=True).click()
        keys.locator("tbody").get_by_text(name).wait_for(state="detached")
    assert running.get("/api/v1/status", ("Authorization", f"Bearer {tokens['read']}")).status == 401
    keys.get_by_role("button", name="Revoke ada").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke the last key").click()
    keys.get_by_text("Nobody on this machine needs a key").wait_for()
    assert running.get("/api/v1/status").status == 200


SLOW_ENTRY = """
const ask = fetch, later = (ms) => new Promise((done) => setTimeout(done, ms));
let late = 0, isLocked = false;
const count = (by) => { document.documentElement.dataset.late = late += by; };
window.fetch = async (url, options) => {
  if (`${url}`.includes("/api/v1/session")) await later(1500); // the stream that was ended begins again after 1 s
  const wasOpen = !isLocked && `${url}`.includes("/health/store");
  if (options?.method === "POST") isLocked = true;
  const answer = await ask(url, options);
  if (wasOpen) { count(1); await later(3000); count(-1); }
  return answer;
};
"""
"""Signing in takes long, and what was asked before there was a key is answered after it."""


def test_a_first_key_locks_nobody_out_who_makes_it(page, running):
    """
    While the first key is made the page is refused what it follows, and older answers come last: it shows the
    key all the same, and stays open.
    """
    page.add_init_script(SLOW_ENTRY)
    opened(page, running)
    keys = card(page, "Keys")
    none_late = page.locator("html[data-late='0']")
    none_late.wait_for()
    page.keyboard.press("r")
    none_late.wait_for(state="detached")
    keys.get_by_label("Name of the key").fill("ada")
    keys.get_by_label("Name of the key").press("Enter")
    page.locator("dialog .token").wait_for()
    page.get_by_role("button", name="Done").click()
    none_late.wait_for()
    keys.locator("tbody").get_by_text("ada").wait_for()
    assert page.get_by_role("heading", name="Sign in").count() == 0
    assert keys.locator("fieldset:disabled").count() == 0


def test_a_first_key_is_shown_even_where_signing_in_fails(page, running):
    """
    It is shown once only, so nothing that fails after it was made may hide it.
    """
    opened(page, running)
    page.route("**/api/v1/session", lambda route: route.abort())
    keys = card(page, "Keys")
    keys.get_by_label("Name of the key").fill("ada")
    keys.get_by_label("Name of the key").press("Enter")
    page.get_by_text("sign in by hand").wait_for()
    token = page.locator("dialog .token").inner_text()
    assert told(running, "keys", token)["open"] is False


def test_a_read_key_sees_everything_and_changes_nothing(page, locked):
    """
    With a read key the numbers are there, the acts are seen and disabled, and the reason stands beside them.
    """
    running = locked
    opened(page, running, READ)
    page.get_by_text("This is a read key").wait_for()
    shut = page.locator("fieldset")
    assert shut.count() == page.locator("fieldset:disabled").count() == 5
    described = shut.evaluate_all("(all) => all.map((one) => one.getAttribute('aria-describedby'))")
    assert set(described) == {"barred"}
    assert card(page, "Keys").get_by_text("Only an admin key shows this").count() == 1
    assert ADMIN not in page.content()
    page.get_by_role("button", name="Sign in with one").click()
    page.get_by_label("A read key or an admin key").fill(ADMIN)
    page.keyboard.press("Enter")
    card(page, "Keys").get_by_text("settings-1").wait_for()
    assert page.locator("fieldset:disabled").count() == 0


def test_signing_in_is_asked_for_and_ends_with_the_key(page):
    """
    Without a key the page asks for one; when the key that opened it is revoked, it asks again.
    """
    with serving(keys=KEYS[:1]) as running:
        made = request(
            "POST", "/api/v1/keys", b'{"role":"read"}', headers=[("Authorization", f"Bearer {ADMIN}")]
        )
        key = running.ask(made).json
        page.goto(f"http://127.0.0.1:{running.port}/admin")
        page.get_by_label("A read key or an admin key").fill("wrong-key-0123456789")
        page.keyboard.press("Enter")
        page.get_by_text("unknown or revoked").wait_for()
        page.get_by_label("A read key or an admin key").fill(key["token"])
        page.keyboard.press("Enter")
        page.locator(".mark.live").wait_for()
        away = request("DELETE", f"/api/v1/keys/{key['id']}", headers=[("Authorization", f"Bearer {ADMIN}")])
        assert running.ask(away).status == 200
        page.get_by_label("A read key or an admin key").wait_for()


def test_a_store_that_is_away_and_a_server_that_is_gone_are_told(page, tmp_path):
    """
    Both are said in words, on the screen and to screen readers; what was known stays with its time; both come back.
    """
    port = free_port()
    with RealServer(tmp_path) as store:
        with serving(store_url=store.url, port=port) as running:
            say(running, "before")
            opened(page, running)
            card(page, "Store").get_by_text("nothing is written to disk").first.wait_for()
            store.kill()
            page.locator("h1.bad", has_text="The store is away").wait_for()
            page.wait_for_function(f"{SEEN}.includes('The store is away')")
            assert "away" in card(page, "Quotas of the hour").inner_text()
            store.start()
            page.locator("h1:not(.bad)").wait_for()
        page.locator(".mark.lost").wait_for()
        page.get_by_text("What stands here is as of").wait_for()
        assert "trying again" in page.evaluate(SEEN)
        with serving(store_url=store.url, port=port):
            page.locator(".mark.live").wait_for()
            page.get_by_text("What stands here is as of").wait_for(state="hidden")


def test_everything_is_reached_by_keys(page, free):
    """
    Cards are gone through by keys, the acts are one key away, and a sheet tells all of them; focus is not lost when
    numbers change.
    """
    opened(page, free)
    focused = "document.activeElement.ariaLabel"
    for key, where in (("j", "Quotas of the hour"), ("j", "Budget of"), ("k", "Quotas of the hour")):
        page.keyboard.press(key)
        assert page.evaluate(focused).startswith(where)
    for key, where in (("c", "Clean-up"), ("m", "Mutes"), ("n", "Keys")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == where
    page.keyboard.press("c")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing is left over.").wait_for()
    say(free, "hello", system="of-the-keys")
    card(page, "Sources").get_by_text("of-the-keys").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "What is left over?"
    page.keyboard.press("?")
    assert "to the clean-up" in page.locator("dialog").inner_text()


def hostile(running):
    """
    Put texts that attack into every field that this page shows.
    """
    texts = (*HOSTILE, "a\u2028b", "</textarea>${7*7}", "![x](http://evil.example)", "\x1b]52;c;aGk=\x07")
    names = ("system", "service", "source", "user_id", "trace_id")
    body = [{**dict.fromkeys(names, text), "message": text, "level": "error"} for text in texts]
    report = {
        "emitted": 40,
        "dropped": dict.fromkeys(texts, 1),
        "suppressed": dict.fromkeys(texts, 1),
    }
    running.post({"source": "parcel-of-x", "report": report, "entries": body})
    running.post(body)
    for text in texts:
        for path, said in (
            ("keys", {"role": "admin", "name": text}),
            ("mutes", {"source": text, "why": text}),
        ):
            data = json.dumps(said).encode()
            key = ("Authorization", f"Bearer {ADMIN}")
            assert running.ask(request("POST", f"/api/v1/{path}", data, headers=[key])).status == 200


def test_texts_of_others_are_text_in_every_field(page):
    """
    Whatever stands in any field, no script runs, no element appears, nothing outside is asked, and what hides is seen.
    """
    with serving(keys=(KEYS[0],), process_interval=0.05) as running:
        asked, url = [], f"http://127.0.0.1:{running.port}"
        key = {"Authorization": f"Bearer {ADMIN}"}
        made = request("POST", "/api/v1/keys", b'{"role":"ingest"}', headers=list(key.items()))
        token = running.ask(made).json["token"]
        post = running.post
        running.post = lambda body: post(body, ("Authorization", f"Bearer {token}"))
        hostile(running)
        page.on("request", lambda request: asked.append(request.url))
        page.add_init_script("window.canary = () => { window.bitten = true; }")
        opened(page, running, ADMIN)
        card(page, "Keys").get_by_text("onerror").first.wait_for()
        card(page, "Mutes").get_by_text("onerror").first.wait_for()
        card(page, "Sources").get_by_text("onerror").first.wait_for()
        when = card(page, "Who changed what").locator("td[data-of=when] span")
        assert when.count() > 9
        assert set(when.evaluate_all("(all) => all.map((one) => one.getClientRects().length)")) == {1}
        button(page, "Keys", "Revoke <img").first.click()
        assert "<img src=x onerror=canary()>" in page.locator("dialog b").inner_text()
        assert page.evaluate("window.bitten") is None
        assert page.locator("body :is(img, script, iframe, object, textarea)").count() == 0
        for text in (page.inner_text("body"), page.inner_html("body")):
            assert not [character for character in HIDDEN if character in text]
        assert {one for one in asked if not one.startswith((url, "data:"))} == set()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_no_rule_of_accessibility_is_broken(chromium, locked, scheme, width):
    """
    Nothing is found with an admin key and with a read key, with a sheet open, wide and narrow; nothing is too wide.
    """
    running, key = locked, ("Authorization", f"Bearer {INGEST}")
    for system in ("browser", "backend", "other-one"):
        entry = {"trace_id": "trace-of-axe", "system": system, "service": "a" * 60, "message": "x" * 200}
        running.post([{**entry, "level": "error"}], key)

    def check(page):
        assert broken(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    for who in (ADMIN, READ):
        with chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 844}, reduced_motion="reduce"
        ) as context:
            page = opened(context.new_page(), running, who)
            page.get_by_text("3 systems are logging").wait_for()
            check(page)
            if who == ADMIN:
                button(page, "Clean-up", "Delete all logs").click()
                page.locator("dialog").wait_for()
                check(page)


def test_a_page_is_small_quick_and_forbids_itself_everything(page, free):
    """
    Page and all it loads stay below 60 kB and paint within 300 ms; its policy allows this server's files only; a
    foreign host or origin gets nothing and changes nothing; the pages lead to each other.
    """
    sizes = []
    page.on(
        "response",
        lambda answer: "/api/" in answer.url or sizes.append(answer.request.sizes()["responseBodySize"]),
    )
    opened(page, free)
    assert 5_000 < sum(sizes) < 60_000
    paints = []
    for _ in range(3):
        page.reload()
        page.locator(".mark.live").wait_for()
        paints.append(page.evaluate(PAINT))
    assert min(paints) < FIRST_PAINT_MS
    policy = free.get("/admin").header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for target in ("/admin", "/web/admin.js", "/api/v1/status/live", "/api/v1/keys"):
        assert free.get(target, ("Host", "evil.example.com")).status == 421
    foreign = request(
        "POST", "/api/v1/cleanup", b'{"mode":"safe"}', headers=[("Origin", "http://evil.example.com")]
    )
    assert free.ask(foreign).status == 403
    assert free.get("/api/v1/status/live", ("Origin", "http://evil.example.com")).status == 403
    links = page.locator("nav a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    assert links == ["/debug", "/logs", "/admin"]
    for here in links:
        assert f'href="{here}" aria-current="page"'.encode() in free.get(here).body
