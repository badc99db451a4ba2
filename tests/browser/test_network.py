"""
Calls that leave the page: their outcome arrives with its duration, and the trace goes with them where it may.
"""

import re

import pytest

OUTCOME = re.compile(r"(http://127\.0\.0\.1:\d+|ws://127\.0\.0\.1:\d+)")


def told(entries):
    return [(entry["level"], OUTCOME.sub("…", entry["message"])) for entry in entries]


def test_outcomes_of_fetch(shipped, trace):
    """
    Answers, refusals, aborts: one entry each, a span of its own under the page's, as long as the call took.
    """
    entries = shipped(
        """
        (async () => {
          await fetch("/status/200?token=abcdef123456");
          await fetch("/status/404", { method: "put" });
          await fetch(new Request("/status/500"));
          await fetch("http://127.0.0.1:1/").catch(() => {});
          const stop = new AbortController(); stop.abort();
          await fetch("/status/200", { signal: stop.signal }).catch(() => {});
          await fetch("data:text/plain,x");
          window.done = true;
        })();
        """,
        until="window.done",
    )
    assert told(entries) == [
        ("info", "GET /status/200?token=[REDACTED:token] 200"),
        ("warn", "PUT /status/404 404"),
        ("error", "GET /status/500 500"),
        ("error", "GET …/ failed"),
        ("info", "GET /status/200 aborted"),
    ]
    assert all(entry["duration_ms"] >= 0 and entry["trace_id"] == trace for entry in entries)
    assert len({entry["span_id"] for entry in entries}) == 5
    assert {entry["parent_id"] for entry in entries} == {entries[0]["parent_id"]}
    assert entries[3]["error"]["type"] == "TypeError"


def test_outcomes_of_older_calls(shipped):
    """
    XMLHttpRequest, WebSocket and beacons are told the same way, each when the page has heard of it.
    """
    entries = shipped(
        """
        const ask = (method, url, then) => { const x = new XMLHttpRequest(); x.open(method, url); x.onloadend = then; x.send(); return x; };
        ask("GET", "/status/200", () => ask("POST", "/status/503", () => ask("GET", "http://127.0.0.1:1/", () => {
          ask("GET", "/status/200", () => {}).abort();
          navigator.sendBeacon("/status/204", "x");
          const socket = new WebSocket("ws://" + location.host + "/socket");
          window.isSocket = socket instanceof WebSocket && WebSocket.OPEN === 1;
          socket.onclose = () => setTimeout(() => { window.done = true; });
        })));
        """,
        until="window.done && window.isSocket",
    )
    assert sorted(told(entries)) == sorted(
        [
            ("info", "GET /status/200 200"),
            ("error", "POST /status/503 503"),
            ("error", "GET …/ failed"),
            ("info", "GET /status/200 aborted"),
            ("info", "beacon /status/204 queued"),
            ("info", "WebSocket …/socket open"),
            ("info", "WebSocket …/socket closed 1000"),
        ]
    )


def test_the_trace_goes_to_the_own_origin_only(visit, site, other, trace):
    """
    Calls of the own origin carry the trace; calls elsewhere do not, and cost no preflight that was not there.
    """
    before = len(other.seen)
    page = visit(
        f"""
        const x = new XMLHttpRequest();
        Promise.all([fetch("/status/201"), fetch("{other.url}/status/202"), fetch("{other.url}/status/203", {{method: "PUT"}})])
          .then(() => {{ x.open("GET", "/status/206"); x.onloadend = () => {{ window.done = true; }}; x.send(); }});
        """
    )
    page.wait_for_function("window.done")
    span = page.evaluate("tracelog.trace().span_id")
    for path in ("/status/201", "/status/206"):
        _, carried, parent, _ = site.asked(path)[0].headers["traceparent"].split("-")
        assert (carried, parent != span) == (trace, True)
    seen = other.seen[before:]
    assert sorted((asked.method, asked.path) for asked in seen) == [
        ("GET", "/status/202"),
        ("OPTIONS", "/status/203"),
        ("PUT", "/status/203"),
    ]
    assert not any("traceparent" in asked.headers for asked in seen)


@pytest.mark.parametrize(("mark", "asked"), [("", ["GET"]), ("!", ["OPTIONS", "GET"])])
def test_a_listed_target_gets_the_trace(visit, other, trace, mark, asked):
    """
    A listed target gets it where there is a preflight anyway; with `!` behind it also where that costs one.
    """
    before = len(other.seen)
    page = visit(
        f"""
        (async () => {{
          await fetch("{other.url}/status/207");
          await fetch("{other.url}/status/208", {{ method: "PUT", headers: {{ "content-type": "application/json" }} }});
          window.done = true;
        }})();
        """,
        tag=f'data-propagate="{other.url}{mark}"',
    )
    page.wait_for_function("window.done")
    seen = other.seen[before:]
    simple = [call for call in seen if call.path == "/status/207"]
    assert [call.method for call in simple] == asked
    assert ("traceparent" in simple[-1].headers) == (mark == "!")
    assert seen[-1].method == "PUT"
    assert trace in seen[-1].headers["traceparent"]


def test_a_trace_id_of_ones_own_goes_by_its_own_header(page, site, logs):
    """
    An id that W3C does not know cannot be a traceparent.
    """
    html = f'<script src="{logs.url}/tracelog.js" data-trace-id="trace_77"></script><script>fetch("/status/226").then(() => {{ window.done = true; }})</script>'
    page.goto(site.page(html))
    page.wait_for_function("window.done")
    assert site.asked("/status/226")[0].headers["x-trace-id"] == "trace_77"


def test_calls_end_as_they_did(visit):
    """
    A refusal that nobody handles is still the page's own unhandled rejection, and headers given are kept.
    """
    page = visit(
        """
        window.heard = [];
        addEventListener("unhandledrejection", (event) => heard.push(event.reason.name));
        fetch("http://127.0.0.1:1/");
        fetch("/status/200", { headers: { traceparent: "mine", "x-own": "1" } }).then((r) => heard.push(r.status));
        """
    )
    page.wait_for_function("heard.length === 2")
    assert sorted(map(str, page.evaluate("heard"))) == ["200", "TypeError"]


def test_headers_of_the_page_are_kept(visit, site):
    """
    What the page says itself is never replaced.
    """
    page = visit(
        """
        fetch(new Request("/status/205", { method: "POST", body: "b", headers: { "x-own": "1", traceparent: "mine" } }))
          .then(() => fetch(new Request("/status/205", { method: "POST", body: "c", headers: { "x-own": "2" } })))
          .then(() => { window.done = true; });
        """
    )
    page.wait_for_function("window.done")
    first, second = site.asked("/status/205")[-2:]
    assert (first.headers["traceparent"], first.headers["x-own"], first.body) == ("mine", "1", b"b")
    assert (second.headers["traceparent"][:3], second.headers["x-own"], second.body) == ("00-", "2", b"c")


def test_what_the_browser_drops_costs_no_preflight(visit, other):
    """
    Headers that a page may not set, and those that Chromium takes for simple, are no reason to add another one.
    """
    before = len(other.seen)
    page = visit(
        f"""
        (async () => {{
          for (const name of ["accept-encoding", "content-length", "cookie", "dnt", "sec-x", "device-memory", "rtt", "intervention"]) {{
            await fetch("{other.url}/status/209", {{ headers: {{ [name]: "1" }} }});
          }}
          const x = new XMLHttpRequest(); x.open("GET", "{other.url}/status/209"); x.setRequestHeader("accept-encoding", "gzip");
          x.onloadend = () => {{ window.done = true; }}; x.send();
        }})();
        """,
        tag=f'data-propagate="{other.url}"',
    )
    page.wait_for_function("window.done")
    assert {asked.method for asked in other.seen[before:]} == {"GET"}


def test_the_own_origin_is_that_of_the_document(visit, site, other):
    """
    A base address takes calls elsewhere, a sandboxed frame has no origin of its own, a frame without an address has that
    of its page.
    """
    before = len(other.seen)
    page = visit(
        "fetch('status/210').then(() => { window.done = true; });", head=f'<base href="{other.url}/">'
    )
    page.wait_for_function("window.done")
    assert [(seen.method, seen.headers.get("traceparent")) for seen in other.seen[before:]] == [("GET", None)]
    inside = f"<script>{{}}</script><script>onmessage; fetch('{site.url}/status/211').then(() => parent.postMessage(1, '*'))</script>"
    load = "document.querySelector('script[src]').outerHTML"
    for sandbox, carried in (("allow-scripts", False), ("allow-scripts allow-same-origin", True)):
        site.seen.clear()
        page = visit(
            f"addEventListener('message', () => {{ window.done = true; }}); const f = document.createElement('iframe');"
            f"f.sandbox = '{sandbox}'; f.srcdoc = {load} + {inside!r}; document.body.append(f);".replace(
                "</", "<\\/"
            )
        )
        page.wait_for_function("window.done")
        asked = site.asked("/status/211")
        assert [(seen.method, "traceparent" in seen.headers) for seen in asked] == [("GET", carried)]


def test_a_call_is_what_the_page_made_it(visit, site, other):
    """
    Headers from an iterator, a `Request` as options, options that are frozen: each arrives as without us.
    """
    page = visit(
        f"""
        (async () => {{
          const headers = () => new Headers({{ "content-type": "application/json" }}).entries();
          await fetch("{other.url}/status/212", {{ method: "PUT", headers: headers() }});
          await fetch("/status/213", new Request("/elsewhere", {{ method: "PUT", headers: {{ "x-own": "1" }} }}));
          await fetch("/status/214", Object.freeze({{ method: "POST", headers: Object.freeze({{ "x-own": "2" }}) }}));
          window.done = true;
        }})();
        """
    )
    page.wait_for_function("window.done")
    assert other.asked("/status/212")[-1].headers["content-type"] == "application/json"
    (request,), (frozen,) = site.asked("/status/213"), site.asked("/status/214")
    assert (request.method, request.headers["x-own"]) == ("PUT", "1")
    assert (frozen.method, frozen.headers["x-own"]) == ("POST", "2")
    assert "traceparent" in request.headers
    assert "traceparent" in frozen.headers
