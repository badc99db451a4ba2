"""
The same client in strict pages, in workers and as a module; switched on and off from every side.
"""

import json

import pytest

from tests.browser.test_delivery import sent, until
from tests.server.running import Running, request


def test_a_strict_policy_is_no_hindrance(page, site, logs, trace):
    """
    Under a policy that names only the server and a nonce everything works, the widget included.
    """
    policy = f"default-src 'none'; script-src {logs.url} 'nonce-n1'; connect-src {logs.url}; report-uri /csp"
    html = f"""<!doctype html><body><script src="{logs.url}/tracelog.js" data-trace-id="{trace}"></script>
        <script nonce="n1">
        window.broken = []; addEventListener("securitypolicyviolation", (event) => broken.push(event.violatedDirective));
        console.log("strict"); tracelog.widget();
        </script>"""
    page.goto(site.page(html, content_security_policy=policy))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name=f"trace {trace[:8]}")
    button.click()
    page.get_by_role("button", name="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == trace
    page.evaluate("tracelog.flush()")
    assert logs.messages(trace) == ["strict"]
    assert page.evaluate("broken") == []


def test_a_module_starts_when_it_is_told_to(page, site, logs, trace):
    """
    `/tracelog.mjs` exports what `/tracelog.js` offers as a global; both are the same client.
    """
    html = f"""<script type="module">
        import tracelog, {{ init, log, flush }} from "{logs.url}/tracelog.mjs";
        console.log("before"); init({{ url: "{logs.url}", traceId: "{trace}", service: "mod" }});
        await import("{logs.url}/tracelog.js");
        log("warn", "said", {{ token_count: 3, password: "hunter2" }}); console.log("after");
        tracelog.error(new Error("caught"), {{ step: 2 }});
        await flush(); window.done = tracelog === globalThis.tracelog;
        </script>"""
    page.goto(site.page(html))
    page.wait_for_function("window.done")
    entries = logs.trace(trace)
    assert [(entry["level"], entry["message"], entry["service"]) for entry in entries] == [
        ("warn", "said", "mod"),
        ("log", "after", "mod"),
        ("error", "Error: caught", "mod"),
    ]
    assert entries[0]["context"]["password"] == "[REDACTED:password]"
    assert (entries[0]["context"]["token_count"], entries[2]["context"]["step"]) == (3, 2)


WORK = """
tracelog.init({ url: LOGS, traceId: TRACE });
console.warn("in worker %d", 1);
setTimeout(() => { throw new Error("worker broke"); });
fetch("/status/404").then(() => new Promise((done) => setTimeout(done))).then(() => tracelog.flush()).then(() => self.postMessage?.("done"));
"""


@pytest.mark.parametrize("kind", ["classic", "module"])
def test_a_worker_logs_as_a_page_does(page, site, logs, trace, kind):
    """
    Console, errors and calls of a web worker arrive; it has no tag, so it says where to.
    """
    load = {
        "classic": f'importScripts("{logs.url}/tracelog.js");',
        "module": f'import "{logs.url}/tracelog.js";',
    }[kind]
    script = load + WORK.replace("LOGS", f'"{logs.url}"').replace("TRACE", f'"{trace}"')
    worker = site.page(script, kind="text/javascript")
    page.goto(
        site.page(
            f'<script>new Worker("{worker}", {{type: "{kind}"}}).onmessage = () => {{ window.done = true; }};</script>'
        )
    )
    page.wait_for_function("window.done")
    said = {(entry["level"], entry["message"]) for entry in logs.trace(trace)}
    assert said == {
        ("warn", "in worker 1"),
        ("error", "Error: worker broke"),
        ("warn", "GET /status/404 404"),
    }


def test_a_service_worker_logs(page, site, logs, trace):
    """
    A service worker has no window, no XMLHttpRequest and no storage.
    """
    script = f'importScripts("{logs.url}/tracelog.js");' + WORK.replace("LOGS", f'"{logs.url}"').replace(
        "TRACE", f'"{trace}"'
    )
    worker = site.page(script, kind="text/javascript")
    page.goto(site.page(f'<script>navigator.serviceWorker.register("{worker}")</script>'))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) == 3)
    assert entries[0]["message"] == "in worker 1"


@pytest.mark.parametrize(
    ("tag", "where", "stored", "expected"),
    [
        ("", "", "", ["said"]),
        ('data-capture="off"', "", "", []),
        ('data-capture="off"', "?tracelog=on", "", ["said"]),
        ("", "?tracelog=off", "", []),
        ("", "", "off", []),
        ("", "?tracelog=on", "off", ["said"]),
    ],
)
def test_who_may_switch_capturing(page, visit, site, logs, trace, tag, where, stored, expected):
    """
    The address comes before the storage, the storage before the tag; code may change it at any time.
    """
    page.goto(site.page("first"))
    page.evaluate("(value) => value && localStorage.setItem('tracelog', value)", stored)
    visit("console.log('said');", tag=tag, where=where)
    page.evaluate(
        "() => { tracelog.on(); console.log('on'); tracelog.off(); console.log('off'); return tracelog.flush(); }"
    )
    assert logs.messages(trace) == [*expected, "on"]


def test_the_server_may_switch_it_off(page, site):
    """
    A server that was told so tells pages; whoever reads its status sees nothing else in that answer.
    """
    with Running(page_capture=False) as running:
        html = f'<script src="http://127.0.0.1:{running.port}/tracelog.js"></script>'
        page.goto(site.page(html))
        page.wait_for_function("!tracelog.isOn()")
        assert running.get("/api/v1/status?page=1").json == {"capture": False}


def test_open_pages_hear_the_switch(page, site):
    """
    A page that is open stops capturing when an operator switches it off, and goes on when it is switched on
    again; one that was off by its own tag stays so. It asks by itself and as soon as it is seen again.
    """
    seen = "() => document.dispatchEvent(new Event('visibilitychange'))"
    page.clock.install()
    with Running() as running:

        def switch(*, said: bool | None) -> None:
            body = json.dumps({"capture": said}).encode()
            assert running.ask(request("POST", "/api/v1/switches", body)).status == 200

        html = f'<script src="http://127.0.0.1:{running.port}/tracelog.js"></script>'
        page.goto(site.page(html))
        page.evaluate("console.log('before')")
        switch(said=False)
        page.clock.fast_forward(16_000)
        page.wait_for_function("!tracelog.isOn()")
        page.evaluate("console.log('while off')")
        switch(said=True)
        page.evaluate(seen)
        page.wait_for_function("tracelog.isOn()")
        page.evaluate("() => { console.log('after'); return tracelog.flush(); }")
        rows = running.get("/api/v1/search?q=system:browser").json["entries"]
        assert [row["message"] for row in rows] == ["after", "before"]
        page.goto(site.page(html.replace("<script", '<script data-capture="off"')))
        switch(said=False)
        page.evaluate(seen)
        switch(said=None)
        with page.expect_response("**/api/v1/status?page=1"):
            page.clock.fast_forward(16_000)
        assert page.evaluate("tracelog.isOn()") is False


def test_closing_gives_everything_back(page, visit):
    """
    After `close()` console and calls are the browser's own again.
    """
    visit()
    page.evaluate("tracelog.close()")
    native = page.evaluate(
        "[console.log, fetch, XMLHttpRequest.prototype.send, WebSocket, navigator.sendBeacon].map(String)"
    )
    assert all("[native code]" in text and "bound" not in text for text in native)
    assert page.evaluate("console.log.name") == "log"


def test_the_core_alone_captures_and_ships(page, site, logs, trace):
    """
    `/tracelog-core.js` does without protection and calls; the server redacts.
    """
    html = f'<script src="{logs.url}/tracelog-core.js" data-trace-id="{trace}"></script><script>console.log("password=hunter2"); fetch("/status/200"); setTimeout(() => {{ throw new Error("x"); }});</script>'
    page.goto(site.page(html))
    page.wait_for_function("tracelog.stats().emitted === 2")
    page.evaluate("tracelog.flush()")
    assert [entry["message"].partition(":")[0] for entry in logs.trace(trace)] == [
        "password=[REDACTED",
        "Error",
    ]


def test_a_closed_client_leaves_no_timer(visit):
    """
    What it set to run again and again ends with it.
    """
    count = (
        "<script>window.running = new Set(); const { setInterval: set, clearInterval: clear } = window;"
        "window.setInterval = (...given) => { const timer = set(...given); running.add(timer); return timer; };"
        "window.clearInterval = (timer) => { running.delete(timer); clear(timer); };</script>"
    )
    page = visit("console.log('x')", head=count)
    assert page.evaluate("running.size") == 2
    page.evaluate("tracelog.close()")
    assert page.evaluate("running.size") == 0
