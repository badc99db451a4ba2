"""
`/admin` in trouble: a month that is used up, a webhook that fails, hostile names in every answer, two tabs at once.
"""

import json
import re

import pytest

from tests.browser.test_admin_page import HIDDEN, HOSTILE, SEEN, button, card, opened, serving
from tests.server.running import request
from tracelog.core.quota_settings import QuotaSettings

TEXT = " ".join(HOSTILE)

NAKED = """
(hidden) => [...document.body.querySelectorAll("*")].flatMap((one) => {
  const texts = [...one.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => ["text", child.data]);
  const said = [...one.attributes].filter(({ name }) => name !== "data-id").map((attribute) => [attribute.name, attribute.value]);
  return [...texts, ...said].filter(([, text]) => hidden.some((each) => text.includes(each))).map(([where]) => `${one.tagName} ${where}`);
})
"""
"""Elements that hold a character which nobody sees, with where; ids that nobody is shown may have some."""


@pytest.fixture(scope="module")
def used_up(site):
    """
    A server whose month is used up, and whose alerts meet an address that refuses them.
    """
    given = {"alerts": ("budget",), "alert_url": f"{site.url}/status/404?token=t0p-s3cret"}
    with serving(quota=QuotaSettings(limit=1_000, monthly_writes=20), **given) as running:
        for number in range(40):
            body = {"message": f"m{number}", "trace_id": f"trace-{number:03d}", "level": "error"}
            running.post(body)
        yield running


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_a_budget_that_is_used_up_is_told_first(chromium, used_up, scheme, width):
    """
    The sentence on top, the line of the budget and its card say so with the same numbers, and what it means.
    """
    with chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}) as context:
        page = opened(context.new_page(), used_up)
        line = page.locator(".glance li", has_text="the budget is used up: only critical lines are kept")
        line.wait_for()
        assert line.locator("b.bad").inner_text() == "✗ budget"
        budget = page.locator("section.card", has=page.get_by_role("heading", name="Budget of"))
        assert budget.locator("b.bad", has_text="the budget is used up").is_visible()
        assert budget.locator(".meter i.exhausted").bounding_box()["width"] > 100
        used = re.search(r"([\d,]+) of 20 writes", budget.inner_text())
        assert int(used[1]) >= 20
        page.locator("h1", has_text="not kept").wait_for()
        assert "the month's budget is spent" in page.locator("h1").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_alert_that_does_not_arrive_says_why(page, used_up):
    """
    How many notices failed stands in the line of the alerts, with when and why the last did; the address does not.
    """
    opened(page, used_up)
    line = page.locator(".glance li", has_text="did not reach the webhook")
    line.filter(has_text="it answers 404").wait_for()
    assert re.search(r"the last at \d\d:\d\d:\d\d UTC: it answers 404", line.inner_text())
    assert line.locator("b.warn").inner_text() == "! alerts"
    assert "t0p-s3cret" not in page.content()


def hostile(value):
    """
    Return *value* with the hostile text in place of each of its texts, and as a further name in each of its tables.
    """
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list):
        return [hostile(each) for each in value]
    if not isinstance(value, dict):
        return value
    whole = {name: hostile(each) for name, each in value.items()}
    return {**whole, TEXT: next(iter(whole.values()))} if whole else whole


def test_names_in_every_answer_are_text(page, used_up):
    """
    Names of archives, keys, reasons, rules, systems and nodes, and every detail of the audit, run nothing and make
    nothing: every text of every answer that the page asks for is hostile here.
    """
    for path, body in (("mutes", {"source": "x", "why": "y"}), ("capture", {"browser": False})):
        used_up.ask(request("POST", f"/api/v1/{path}", json.dumps(body).encode()))

    def answer(route):
        found = route.fetch()
        if not found.ok:
            return route.fulfill(response=found)
        return route.fulfill(response=found, body=json.dumps(hostile(found.json())))

    page.route(re.compile(r"/api/v1/(keys|audit|mutes|capture|cleanup|health)"), answer)
    found = used_up.get("/api/v1/status").json
    status = hostile(found)
    status["budget"]["level"] = found["budget"]["level"]  # a word of ours, which names a colour
    status["processing"]["archived"] = {TEXT: {"sent": 1, "failed": 2, "dead": 3}}
    status["alerts"] |= {"failed": 1, "last": {"id": TEXT, "at_ms": 1.0, "error": TEXT}}
    told = f"event: status\ndata: {json.dumps(status)}\n\n"
    kind = {"content-type": "text/event-stream"}
    page.route("**/api/v1/status/live", lambda route: route.fulfill(body=told, headers=kind))
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    page.add_init_script("window.canary = () => { window.bitten = true; }")
    page.goto(f"http://127.0.0.1:{used_up.port}/admin")
    card(page, "Processing").locator("table", has_text="onerror").wait_for()
    card(page, "Who changed what").locator("tbody", has_text="onerror").wait_for()
    for number in range(card(page, "Who changed what").locator("td").count()):
        assert card(page, "Who changed what").locator("td").nth(number).locator(":is(img, svg)").count() == 0
    assert page.evaluate("window.bitten") is None
    assert page.locator("body :is(img, script, iframe, object, textarea, svg)").count() == 0
    assert page.evaluate(NAKED, list(HIDDEN)) == []
    assert {
        url for url in asked if not url.startswith((f"http://127.0.0.1:{used_up.port}", "data:"))
    } == set()
    assert wrong == []


def test_two_tabs_of_administrators_agree(page):
    """
    What one tab changes the other shows by itself; what the other still holds open and is no more is told, not lost.
    """
    with serving() as running:
        for name in ("one", "two"):
            body = json.dumps({"source": name, "why": f"mute {name}"}).encode()
            assert running.ask(request("POST", "/api/v1/mutes", body)).status == 200
        first = opened(page, running)
        second = opened(page.context.new_page(), running)
        for tab in (first, second):
            card(tab, "Mutes").get_by_text("mute two").wait_for()
        first.bring_to_front()
        button(first, "Mutes", "End the mute of one").click()
        for tab in (first, second):
            tab.bring_to_front()
            tab.wait_for_function(
                "() => [...document.querySelectorAll('section.card[aria-label=Mutes] tbody tr')].length === 1"
            )
        ended = running.get("/api/v1/mutes").json["mutes"][0]["id"]

        def ends_first(route):
            """
            Somebody else is faster than the click that is on its way.
            """
            assert running.ask(request("DELETE", f"/api/v1/mutes/{ended}")).status == 200
            route.continue_()

        second.bring_to_front()
        second.route(f"**/api/v1/mutes/{ended}", ends_first)
        button(second, "Mutes", "End the mute of two").click()
        second.locator(".note").wait_for()
        assert "mute" in second.evaluate(SEEN)
        second.unroute_all()
        second.keyboard.press("r")
        card(second, "Mutes").get_by_text("Everybody is heard").wait_for()
        card(first, "Mutes").get_by_text("Everybody is heard").wait_for()
