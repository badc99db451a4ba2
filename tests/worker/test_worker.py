"""
The worker client in a real Workers runtime, before real servers.
"""

import tomllib

import pytest

from tests.browser.test_delivery import sent, until
from tests.cli.started import ROOT
from tests.worker.conftest import ask


def told(world, trace, count):
    """
    Return the entries of *trace* as soon as there are *count*, each source in its order.
    """
    return until(lambda: sent(world.logs, trace), lambda entries: len(entries) >= count)


def parent(trace):
    return {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}


def one(entries, message):
    found = [entry for entry in entries if entry["message"] == message]
    assert len(found) == 1, [entry["message"] for entry in entries]
    return found[0]


def test_an_answer_names_its_trace(world, trace):
    """
    The trace comes from the caller's headers, an id that is none of W3C's as well, and stands in the answer's.
    """
    assert world.get("edge", "/span", **parent(trace)).headers["x-trace-id"] == trace
    assert world.get("edge", "/span", x_trace_id=f"order_{trace}").headers["x-trace-id"] == f"order_{trace}"
    entries = told(world, f"order_{trace}", 4)
    assert {entry["span_id"] for entry in entries if entry["message"] in {"inner", "within"}} == {
        one(entries, "inner")["span_id"]
    }
    assert one(entries, "inner")["parent_id"] == one(entries, "GET /span")["span_id"]
    failed = one(entries, "GET http://127.0.0.1:1/nobody failed")
    assert (failed["level"], failed["parent_id"]) == ("error", one(entries, "GET /span")["span_id"])
    assert one(entries, "within")["level"] == "info"


def test_an_uncaught_error_is_told_and_thrown(world, trace):
    """
    The runtime sees what the handler threw; the hop's entry has it with its cause and stack.
    """
    assert world.get("edge", "/boom", **parent(trace)).status == 500
    entries = told(world, trace, 2)
    failed = one(entries, "GET /boom")
    assert (failed["level"], failed["error"]["type"], failed["error"]["message"]) == (
        "error",
        "Error",
        "no such order",
    )
    assert failed["error"]["cause"] == {"type": "TypeError", "message": "id is undefined"}
    assert "edge.js" in failed["stack"]


def test_order_needs_no_clock(world, trace):
    """
    Lines of one millisecond stand in the order in which they were logged, in the trace and in its report.
    """
    assert world.get("edge", "/burst", **parent(trace)).status == 200
    entries = told(world, trace, 21)
    assert "".join(entry["message"] for entry in entries[:20]) == "abcdefghijklmnopqrst"
    assert len({entry["timestamp"] for entry in entries[:20]}) == 1
    assert [entry["seq"] - entries[0]["seq"] for entry in entries] == list(range(21))
    timeline = [row["message"] for row in world.logs.read(f"traces/{trace}/report")["timeline"]]
    assert "".join(message for message in timeline if len(message) == 1) == "abcdefghijklmnopqrst"


def test_a_loop_is_folded_in_the_worker(world, trace):
    """
    100 equal lines are five and a row that stands for the others; nothing is lost without a count.
    """
    world.get("edge", "/loop", **parent(trace))
    entries = told(world, trace, 7)
    assert [entry.get("count") for entry in entries if entry["message"] == "again"] == [None] * 5 + [95]
    ledger = world.logs.read(f"ledger?source={entries[0]['source']}")
    assert ledger["suppressed"]["loop"] >= 95


def test_work_after_the_response_is_told(world, trace):
    """
    What `waitUntil` keeps running logs under the same trace, and the response does not wait for it.
    """
    assert world.get("edge", "/after", **parent(trace)).body == b"early"
    assert one(told(world, trace, 2), "after the response")["span_id"]


def test_odd_values_harm_nobody(world, trace):
    """
    Whatever is logged, the handler goes on and the line arrives.
    """
    assert world.get("edge", "/odd", **parent(trace)).status == 200
    assert len(told(world, trace, 7)) == 7


def test_durable_objects_are_hops(world, trace):
    """
    A Durable Object goes on with the trace by headers, an RPC method by an argument; its alarm has a trace of its own.
    """
    assert world.get("edge", "/count", **parent(trace)).json == 42
    entries = told(world, trace, 6)
    call, added, doubled = (
        one(entries, "GET http://counter/add 200"),
        one(entries, "GET /add"),
        one(entries, "twice"),
    )
    assert added["parent_id"] == call["span_id"]
    assert doubled["parent_id"] == one(entries, "GET /count")["span_id"]
    assert one(entries, "doubling")["span_id"] == doubled["span_id"]
    assert (added["service"], call["service"]) == ("counter", "edge")
    rung = until(lambda: world.logs.read("search?q=ringing")["entries"], bool)
    assert rung[0]["trace_id"] != trace


def test_messages_of_a_queue_go_on_with_their_traces(world, trace):
    """
    What a message was sent for is its trace, in a consumer that knows nothing else of it.
    """
    assert world.get("edge", "/enqueue", **parent(trace)).body == b"queued"
    entries = told(world, trace, 4)
    message, sender = one(entries, "message"), one(entries, "GET /enqueue")
    assert (message["parent_id"], one(entries, "message 1")["span_id"]) == (
        sender["span_id"],
        message["span_id"],
    )
    assert one(entries, "queue orders")["parent_id"] == sender["span_id"]


def test_a_timer_begins_a_trace(world):
    """
    A scheduled run is a hop of a new trace.
    """
    assert world.runtime.tell({"worker": "edge", "scheduled": {"cron": "0 4 * * *"}}) == {"outcome": "ok"}
    found = until(lambda: world.logs.read("search?q=scheduled")["entries"], bool)
    assert [row["message"] for row in world.logs.trace(found[0]["trace_id"])] == [
        "cleaning",
        "scheduled 0 4 * * *",
    ]


def test_nobody_waits_for_a_server_that_is_gone(world):
    """
    Without a server the worker answers as ever, and keeps count of what it could not send.
    """
    counts = [world.get("alone", f"/say?level=info&text=line{n}").json for n in range(3)]
    assert counts[2]["emitted"] >= 5
    assert counts[2]["in_flight"] == counts[2]["emitted"]


def test_what_could_not_be_sent_goes_with_the_next_call(world):
    """
    One call a request; what a server in trouble did not take is sent again in the next call that it allows, in order,
    once, with the ledger.
    """
    moody = world.moody
    moody.bodies.clear()  # of the tests before
    moody.heard.clear()
    moody.answers += [(503, {"retry-after": "3"}, b"{}")]
    world.get("moody", "/say?level=warn&text=first")
    assert moody.heard.wait(10)
    for n in range(3):
        world.get("moody", f"/wait?ms={100 * (n == 0)}")  # by then the first answer is read
    assert len(moody.bodies) == 1  # it was asked for three seconds' peace
    world.get("moody", "/wait?ms=3100")
    until(lambda: moody.bodies[1:], bool)
    first, second = moody.bodies[:2]
    assert [entry["message"] for entry in first["entries"]] == ["first", "GET /say"]
    numbers = [entry["seq"] for entry in second["entries"]]
    assert numbers == list(range(6))
    assert (second["report"]["emitted"], second["report"]["in_flight"]) == (6, 0)


def test_a_server_without_room_is_left_in_peace(world):
    """
    Once the quota is used up, low lines are counted and not sent, and no call is made until the server said so.
    """
    until(
        lambda: world.get("limited", "/say?level=info&text=much").json["suppressed"].get("quota", 0),
        lambda refused: refused > 0,
    )
    world.get("limited", "/wait?ms=100")  # by then every answer is read
    before = world.limited.read("ledger")["sources"]
    for n in range(10):
        world.get("limited", f"/say?level=info&text=more{n}")
    assert world.limited.read("ledger")["sources"] == before
    counted = world.get("limited", "/say?level=error&text=broken").json
    assert counted["in_flight"] >= 1  # what matters waits for room
    assert counted["suppressed"]["quota"] >= 20


def test_sampling_keeps_what_explains_an_error(world, trace):
    """
    With a sample of none, ordinary lines of a trace are counted; with an error all of them are sent, in order.
    """
    counted = world.get("sampling", "/burst", **parent(trace))
    assert counted.status == 200
    failed = trace[::-1]
    assert world.get("sampling", "/boom", **parent(failed)).status == 500
    entries = told(world, failed, 2)
    assert [entry["message"] for entry in entries] == ["before", "GET /boom"]
    assert sent(world.logs, trace) == []
    ledger = world.logs.read(f"ledger?source={entries[0]['source']}")
    assert ledger["suppressed"] == {"sampled": 21}


def test_the_example_worker_tells_what_it_saw(world, trace):
    """
    The example stands before the same backend: it refuses, forwards with the trace, and says what failed.
    """
    assert world.get("example", "/orders/tea", **parent(trace)).status == 401
    url = f"{world.runtime.urls['example']}/orders/tea"
    assert ask(url, method="POST", body=b"", cookie="session=1", **parent(trace)).status == 502
    entries = told(world, trace, 7)
    messages = [entry["message"] for entry in entries if entry["service"] == "shop-edge"]
    assert messages[:2] == ["no session", "GET /orders/tea"]
    assert messages[-2:] == ["the backend failed", "POST /orders/tea"]
    served = next(
        entry for entry in entries if entry["service"] == "shop" and entry["message"] == "POST /orders/tea"
    )
    assert served["parent_id"] == next(
        entry["span_id"] for entry in entries if entry["message"].endswith("tea 503")
    )
    assert world.runtime.tell({"worker": "example", "scheduled": {"cron": "0 * * * *"}}) == {"outcome": "ok"}


@pytest.mark.parametrize("folder", ["cloudflare-worker", "cloudflare-proxy"])
def test_what_wrangler_reads_is_well(folder):
    """
    The examples can be deployed as they are: the file that wrangler reads names a module that is there.
    """
    place = ROOT / "examples" / folder
    told = tomllib.loads((place / "wrangler.toml").read_text())
    assert (place / told["main"]).is_file()
    assert told["compatibility_date"] == "2026-04-01"
    assert told["vars"]["TRACELOG_URL"].startswith("https://")
