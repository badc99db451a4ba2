"""
Entries arrive although tabs close, networks refuse and servers go away; what does not arrive is counted.
"""

import json
import time
import urllib.request

import pytest

from tests.server.running import Running
from tests.server.test_protection import CALM, words
from tracelog.core.quota_settings import QuotaSettings, TraceQuota

PATIENCE_S = 30


def until(read, wanted):
    """
    Return what *read* returns as soon as *wanted* holds of it.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(found := read()) and time.monotonic() < deadline:
        time.sleep(0.02)  # what is waited for needs the processor, too
    assert wanted(found), found
    return found


def sent(logs, trace):
    try:
        return logs.trace(trace)
    except OSError:
        return []


@pytest.mark.parametrize("how", ["close", "leave"])
def test_a_tab_that_goes_mid_burst_loses_nothing(visit, site, logs, trace, how):
    """
    What fits into the 60,000 bytes that a browser takes from a page that goes is sent; the ledger agrees.
    """
    page = visit("for (let i = 0; i < 100; i += 1) console.log('burst ' + i);", tag='data-limits="off"')
    if how == "close":
        page.close(run_before_unload=True)
    else:
        page.goto(site.page("elsewhere"))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) >= 100)
    assert [entry["message"] for entry in entries] == [f"burst {number}" for number in range(100)]
    ledger = logs.read(f"ledger?source={entries[0]['source']}")
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (100, 100, True)


def test_what_is_too_much_for_a_page_that_goes_is_sent_by_the_next_one(visit, site, logs, trace):
    """
    Until then the ledger says how many entries are still on their way.
    """
    page = visit(
        "for (let i = 0; i < 300; i += 1) console.log(`burst ${i} ` + 'x'.repeat(500));",
        tag='data-limits="off"',
    )
    page.goto(site.page("elsewhere"))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) > 50)
    assert len(entries) < 300
    ledger = logs.read(f"ledger?source={entries[0]['source']}")
    assert (ledger["emitted"], ledger["in_flight"]) == (300, 300 - len(entries))
    left = json.loads(page.evaluate("localStorage.getItem('tracelog.left')"))
    stored = [entry["seq"] for entry in entries]
    assert sorted({*stored, *(json.loads(each)["seq"] for each in left)}) == list(range(300))
    page.goto(site.page(f'<script src="{logs.url}/tracelog.js"></script>'))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) == 300)
    assert [entry["message"].split()[1] for entry in entries] == [str(number) for number in range(300)]
    assert logs.read(f"ledger?source={entries[0]['source']}")["balanced"]
    page.wait_for_function("localStorage.getItem('tracelog.left') === null")


def test_a_page_that_no_server_answers_behaves_as_before(page, site, logs):
    """
    Its console prints, its calls work, nothing is thrown, and what waits is bounded.
    """
    html = f"""
        <script src="{logs.url}/tracelog.js" data-url="http://127.0.0.1:1" data-limits="off"></script>
        <script>
        window.errors = 0; addEventListener("error", () => {{ errors += 1; }}); addEventListener("unhandledrejection", () => {{ errors += 1; }});
        for (let i = 0; i < 3000; i += 1) console[i % 3 ? "log" : "error"]("line " + i);
        tracelog.flush().then(() => fetch("/status/200")).then((answer) => {{ window.status = answer.status; }});
        </script>"""
    page.goto(site.page(html))
    page.wait_for_function("window.status === '200'")
    stats = page.evaluate("tracelog.stats()")
    assert page.evaluate("errors") == 0
    assert stats["dropped"]["queue_overflow"] + stats["in_flight"] == stats["emitted"]
    assert stats["in_flight"] <= 2000


def test_entries_wait_for_a_server_that_comes_back(page, site, logs, trace):
    """
    They are tried again, arrive in order, and each once.
    """
    site.forward_to = None
    html = f"""
        <script src="{logs.url}/tracelog.js" data-url="http://127.0.0.1:1" data-fallback="{site.url}/proxy" data-trace-id="{trace}"></script>
        <script>console.log("one"); console.log("two"); tracelog.flush();</script>"""
    page.goto(site.page(html))
    page.wait_for_function("tracelog.stats().in_flight === 2 && tracelog.stats().emitted === 2")
    site.forward_to = f"{logs.url}/log"
    entries = until(
        lambda: (page.evaluate("tracelog.flush()"), sent(logs, trace))[1], lambda found: len(found) == 2
    )
    assert [entry["message"] for entry in entries] == ["one", "two"]
    assert page.evaluate("tracelog.stats().stored") == 2


def test_a_page_that_cors_refuses_sends_through_its_own_origin(page, site, logs, trace):
    """
    A foreign origin may not send to the server; its own proxy may.
    """
    site.forward_to = f"{logs.url}/log"
    html = f"""
        <script src="{logs.url}/tracelog.js" data-fallback="/proxy" data-trace-id="{trace}"></script>
        <script>console.log("through");</script>"""
    page.goto(site.page(html).replace("127.0.0.1", "shop.example"))
    page.evaluate("tracelog.flush()")
    assert logs.messages(trace) == ["through"]


def test_a_refusal_is_told_once_and_counted(page, site, trace):
    """
    A wrong key: one line on the console, the entries counted as rejected, no second try.
    """
    keys = ({"token": "right-key-0123456789", "role": "ingest", "origins": (site.url,)},)
    with Running(keys=keys) as running:
        url = f"http://127.0.0.1:{running.port}"
        warned = []
        page.on("console", lambda message: warned.append(message.text))
        page.goto(
            site.page(
                f'<script src="{url}/tracelog.js" data-key="wrong"></script><script>console.log("a")</script>'
            )
        )
        page.evaluate("tracelog.flush()")
        assert page.evaluate("tracelog.stats().in_flight") == 1  # without a valid key no origin may read why
        page.goto(
            site.page(
                f'<script src="{url}/tracelog.js" data-key="right-key-0123456789"></script><script>console.log("b")</script>'
            )
        )
        page.evaluate("tracelog.flush()")
        assert page.evaluate("tracelog.stats().stored") == 1


@pytest.mark.parametrize(
    ("limits", "then"),
    [
        ({"quota": QuotaSettings(limit=10)}, "console.error('broke')"),
        (
            {"trace_quota": TraceQuota(normal=5, extra=2)},
            "tracelog.newTrace(); console.log('broke')",
        ),
    ],
    ids=["the hour", "a trace"],
)
def test_what_there_is_room_for_does_not_wait_for_what_there_is_none_for(page, site, limits, then):
    """
    A page that is refused by a quota sends its errors all the same, and one whose trace is full its other traces; what
    was refused is counted and not sent again.
    """
    with Running(limits=True, guard=CALM, **limits) as running:
        tag = f'<script src="http://127.0.0.1:{running.port}/tracelog.js" data-limits="off"></script>'
        page.goto(site.page(tag))
        said = "; ".join(f"console.log('{words(n)}')" for n in range(40))
        page.evaluate(f"{said}; tracelog.flush()")
        until(lambda: page.evaluate("tracelog.stats().in_flight"), lambda left: left == 0)
        page.evaluate("console.log('later')")
        page.evaluate("tracelog.flush()")
        page.evaluate(f"() => {{ {then}; }}")
        until(running.messages, lambda found: "broke" in found)
        until(
            lambda: page.evaluate("tracelog.stats()"),
            lambda told: told["emitted"] == 42 and not told["in_flight"],
        )
        told = page.evaluate("tracelog.stats()")
        ledger = running.get("/api/v1/ledger").json
    assert (told["stored"], told["limited"]) == (ledger["stored"], ledger["limited"])
    assert ledger["balanced"]


def test_the_clock_is_measured_against_the_server(visit):
    """
    The offset is within what the trip took: both run on this machine.
    """
    page = visit("console.log('x')")
    page.evaluate("tracelog.flush()")
    clock = page.evaluate("tracelog.stats().clock")
    assert abs(clock["offset_ms"]) <= clock["uncertainty_ms"] + 1


def test_what_it_sends_is_never_captured(visit, logs, trace):
    """
    Its own calls, and calls of the page to the same address, are no entries; an entry that comes back dies out.
    """
    page = visit(
        f"fetch('{logs.url}/log', {{method: 'POST', body: '{{}}'}}).catch(() => {{}}).then(() => {{ window.done = true; }})"
    )
    page.wait_for_function("window.done")
    page.evaluate("""async () => {
        console.log("first"); await tracelog.flush();
        console.log({ source: tracelog.stats().source, trace_id: "t", timestamp: 1, message: "mine" });
        for (let hops = 6; hops < 12; hops += 1) console.log({ source: "x", trace_id: "t", timestamp: 1, message: "ring", hops });
        await tracelog.flush();
    }""")
    entries = logs.trace(trace)
    assert [entry.get("hops") for entry in entries] == [None, 7, 8]


def test_a_server_below_a_path_is_found_by_the_tag(page, site, logs, trace):
    """
    Behind a proxy that puts it below a path, scripts, status and entries all go there.
    """
    script = urllib.request.urlopen(f"{logs.url}/tracelog.js").read().decode()
    site.pages["/logs/tracelog.js"] = (script, {"content-type": "text/javascript"})
    site.pages["/logs/api/v1/status"] = ('{"capture": true}', {"content-type": "application/json"})
    site.pages["/logs/log"] = ('{"accepted": 1}', {"content-type": "application/json"})
    page.goto(site.page('<script src="/logs/tracelog.js?v=2"></script><script>console.log("x")</script>'))
    page.evaluate("tracelog.flush()")
    assert page.evaluate("tracelog.stats().stored") == 1
    assert [len(site.asked(path)) for path in ("/logs/log", "/logs/api/v1/status", "/log")] == [1, 1, 0]


def test_what_pages_left_is_kept_together_and_never_in_the_way(visit, page, site, logs, trace):
    """
    A page that is closed adds to what another one left; what somebody else wrote there stops nothing.
    """
    other = json.dumps({"trace_id": trace, "message": "from before", "source": f"s-{trace[:8]}", "seq": 0})
    page.goto(site.page("x"))
    page.evaluate("left => localStorage.setItem('tracelog.left', left)", "{not json")
    visit("fetch('/status/215')")
    asked = until(lambda: site.asked("/status/215"), bool)
    assert "traceparent" in asked[-1].headers  # the parts after it have started
    page.evaluate("left => localStorage.setItem('tracelog.left', left)", json.dumps([other]))
    page.evaluate("console.log('late'); dispatchEvent(new Event('pagehide'))")
    left = json.loads(page.evaluate("localStorage.getItem('tracelog.left')"))
    assert [json.loads(each)["message"] for each in left][:1] == ["from before"]
    assert "late" in [json.loads(each)["message"] for each in left]
    page.goto(site.page(f'<script src="{logs.url}/tracelog.js"></script>'))
    page.wait_for_function("localStorage.getItem('tracelog.left') === null")
    assert {"from before", "late"} <= set(logs.messages(trace))
