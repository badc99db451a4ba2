"""
What a page says and what goes wrong in it arrives once, in order, under its trace; the page notices nothing.
"""

import re
import time

import pytest

EVERYTHING = """
console.debug("d"); console.log("l %s", "x", {a: 1}); console.info("i"); console.warn("w"); console.error("e");
console.assert(true, "never"); console.assert(false, "as %d", 3); console.assert(0);
console.trace("tr"); console.dir({b: 2}); console.table([{c: 3}]); console.group("g"); console.groupEnd();
console.count(); console.count(); console.count("k"); console.countReset(); console.count(); console.countReset("none");
console.time("t"); console.timeLog("t", "on"); console.timeEnd("t"); console.timeEnd("t"); console.clear();
"""


def test_every_console_method_arrives_once_and_in_order(shipped):
    """
    Levels and texts are those of the WHATWG console; a timer becomes a span.
    """
    entries = shipped(EVERYTHING)
    said = [(entry["level"], re.sub(r": [0-9.]+ ms.*", "", entry["message"])) for entry in entries]
    assert said == [
        ("debug", "d"),
        ("log", 'l x {"a":1}'),
        ("info", "i"),
        ("warn", "w"),
        ("error", "e"),
        ("error", "Assertion failed: as 3"),
        ("error", "Assertion failed"),
        ("log", "tr"),
        ("log", '{"b":2}'),
        ("log", '[{"c":3}]'),
        ("log", "g"),
        ("info", "default: 1"),
        ("info", "default: 2"),
        ("info", "k: 1"),
        ("info", "default: 1"),
        ("warn", "Count for 'none' does not exist"),
        ("log", "t"),
        ("info", "t"),
    ]
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))
    assert {entry["system"] for entry in entries} == {"browser"}
    assert entries[-1]["duration_ms"] >= 0
    assert "page" in entries[7]["stack"].splitlines()[0]


def test_the_console_prints_what_it_printed(page, visit):
    """
    Arguments are the same objects, the line is the page's own, nothing is returned, names may be detached.
    """
    session = page.context.new_cdp_session(page)
    session.send("Runtime.enable")
    printed = []
    session.on("Runtime.consoleAPICalled", lambda call: printed.append(call))  # noqa: PLW0108 - playwright marks the functions it is given
    visit(
        "const o = {deep: {er: 1}};\nfunction shop() { return console.log('a', o, 7); }\n"
        "window.returned = shop();\nconst { warn } = console; warn('detached');\nconsole.assert(1 > 2, 'no');"
    )
    assert page.evaluate("window.returned") is None
    assert [(call["type"], call["args"][0].get("value")) for call in printed] == [
        ("log", "a"),
        ("warning", "detached"),
        ("assert", "no"),
    ]
    assert [arg.get("value") for arg in printed[0]["args"]] == ["a", None, 7]
    assert printed[0]["args"][1]["preview"]["properties"][0]["name"] == "deep"
    frames = [call["stackTrace"]["callFrames"][0] for call in printed]
    assert [(frame["url"] == page.url, frame["lineNumber"]) for frame in frames] == [
        (True, 2),
        (True, 4),
        (True, 5),
    ]


def test_what_goes_wrong_arrives_with_its_causes(shipped):
    """
    Errors, rejections and elements that do not load; causes and aggregates are told with their stacks.
    """
    entries = shipped(
        """
        setTimeout(() => { throw new TypeError("late", {cause: new RangeError("root")}); });
        setTimeout(() => { throw "a text"; });
        setTimeout(() => Promise.reject(new AggregateError([new Error("one"), new Error("two")], "both")));
        setTimeout(() => Promise.reject(undefined));
        const image = document.body.appendChild(new Image()); image.src = "/status/404"; image.onerror = () => { window.done = true; };
        """,
        until="window.done && tracelog.stats().emitted > 4",
    )
    by_message = {entry["message"]: entry for entry in entries}
    late = by_message["TypeError: late"]
    assert late["error"] == {
        "type": "TypeError",
        "message": "late",
        "cause": {"type": "RangeError", "message": "root"},
    }
    assert late["stack"].startswith("TypeError: late\n    at ")
    assert "\nCaused by: RangeError: root\n    at " in late["stack"]
    both = by_message["Unhandled rejection: AggregateError: both"]
    assert both["error"]["cause"]["message"] == "one"
    assert "Caused by: Error: two" in both["stack"]
    assert by_message["string: a text"]["level"] == "error"
    assert "Unhandled rejection: undefined: undefined" in by_message
    assert any(
        message.startswith("img http") and message.endswith("failed to load") for message in by_message
    )
    assert len(entries) == 5


def test_any_value_can_be_logged(shipped):
    """
    Values that throw, go round in circles or are endless are named, and cost nobody anything.
    """
    entries = shipped(
        """
        const circle = {}; circle.self = circle;
        const evil = new Proxy({}, { ownKeys() { throw 1; }, get() { throw 2; } });
        console.log(circle, evil, { get bad() { throw 3; } }, 12n, Symbol("s"), () => 1, document.body, new Map([[1, {a: 2}]]));
        console.log("x".repeat(5_000_000));
        console.log("half \\ud800 of a letter");
        console.error(new Error("shown", {cause: circle}));
        """
    )
    assert entries[0]["message"] == (
        '{"self":"[circular]"} [unreadable] {"bad":"[getter]"} 12 Symbol(s) [function ] <body> [[1,{"a":2}]]'
    )
    assert len(entries[1]["message"]) == 20_000
    assert entries[2]["message"] == "half \ufffd of a letter"
    assert entries[3]["error"]["message"] == "shown"


def test_entries_say_where_they_are_from(shipped):
    """
    Options of the tag become fields; the page, its tab and its navigation stand in the context.
    """
    entries = shipped(
        "console.log('one'); history.pushState({}, '', '/next?token=abcdef123456'); console.log('two');",
        tag='data-service="shop" data-user-id="u1" data-area="checkout" data-release="1.2" data-environment="test"',
    )
    first, second = entries
    told = {name: first[name] for name in ("service", "user_id", "area", "release", "environment")}
    assert told == {
        "service": "shop",
        "user_id": "u1",
        "area": "checkout",
        "release": "1.2",
        "environment": "test",
    }
    assert (first["context"]["navigation"], second["context"]["navigation"]) == (1, 2)
    assert second["context"]["url"].endswith("/next?token=[REDACTED:token]")
    assert first["context"]["tab"] == second["context"]["tab"]
    assert first["span_id"] == second["span_id"]


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        (f'<meta name="traceparent" content="{PARENT}">', {}),
        ("", {"server_timing": f'app;dur=3, traceparent;desc="{PARENT}"'}),
        ("", {"server_timing": f'trace;desc="{PARENT}"'}),
    ],
)
def test_a_page_goes_on_with_the_trace_of_its_server(page, site, logs, head, headers):
    """
    A meta tag or `Server-Timing` says to which trace and which span the page belongs.
    """
    html = f'<!doctype html>{head}<script src="{logs.url}/tracelog.js"></script>'
    page.goto(site.page(html, **headers))
    trace = page.evaluate("tracelog.trace()")
    assert [trace["trace_id"], trace["parent_id"]] == PARENT.split("-")[1:3]


def test_what_is_secret_does_not_leave_the_page(page, site, logs):
    """
    Secrets are gone from the body that is sent, not only from what is stored.
    """
    html = f'<script src="{logs.url}/tracelog.js" data-url="{site.url}/status/503"></script>'
    page.goto(site.page(html + "<script>console.log('password=hunter2', {apiKey: 'k-99887766'})</script>"))
    with page.expect_request("**/log") as sent:
        page.evaluate("void tracelog.flush()")
    body = sent.value.post_data
    assert "hunter2" not in body
    assert "k-99887766" not in body
    assert body.count("[REDACTED:") == 2


def test_floods_fold_and_are_counted(shipped, logs, trace):
    """
    Of a loop five go through and a row tells of the rest; noise is counted; ledger and page agree to the entry.
    """
    entries = shipped(
        """
        for (let i = 0; i < 100; i += 1) console.log("again");
        console.log("[HMR] connected"); console.error("[HMR] connected");
        """,
        until="tracelog.stats().emitted > 102",
    )
    rows = [entry for entry in entries if entry["message"] == "again"]
    assert [row.get("count") for row in rows] == [None] * 5 + [95]
    assert (rows[-1]["kind"], rows[-1]["why"]) == ("summary", "loop")
    assert len(entries) == 7
    for _ in range(200):  # what the page counted comes with its next report
        ledger = logs.read(f"ledger?source={entries[0]['source']}")
        if ledger["suppressed"]:
            break
        time.sleep(0.05)
    assert ledger["suppressed"] == {"loop": 95, "noise": 1}
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (103, 7, True)
