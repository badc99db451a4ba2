"""
Which trace the running code belongs to: in tasks, in threads, across processes by headers.
"""

import asyncio
import collections
import concurrent.futures
import email.message
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracelog
from tracelog.client.context import PLACE, Wish, root, start
from tracelog.client.hop import MUTED
from tracelog.core.headers import parse_traceparent, read_headers

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def ids():
    here = tracelog.current()
    return None if here is None else here.trace_id


@pytest.fixture
def client(connect):
    return connect()[0]


def test_outside_any_trace_there_is_none(client):
    """
    Nothing is current before a trace is entered and after it is left.
    """
    assert tracelog.current() is None
    with client.trace("t") as trace:
        assert tracelog.current() is trace
    assert tracelog.current() is None


def test_a_new_trace_has_w3c_ids(client):
    """
    A trace that nobody began before gets 32 and 16 lowercase hexadecimal digits, and no parent.
    """
    with client.trace("t") as trace:
        assert parse_traceparent(f"00-{trace.trace_id}-{trace.span_id}-01") is not None
        assert trace.parent_id is None


def test_a_span_is_a_hop_of_its_trace(client):
    """
    A block within a block has the same trace, a new span and the outer one as its parent; user and area are kept.
    """
    with client.trace("t", user_id="u1", area="pay") as outer, client.span("s") as inner:
        assert (inner.trace_id, inner.parent_id) == (outer.trace_id, outer.span_id)
        assert inner.span_id != outer.span_id
        assert (inner.user_id, inner.area) == ("u1", "pay")


def test_an_inner_block_may_have_a_user_of_its_own(client):
    """
    User and area that a block names are its own and its children's, not the outer block's.
    """
    with client.trace("t", user_id="u1"):
        with client.trace("s", user_id=2, area="pay"), client.span("x") as inner:
            assert (inner.user_id, inner.area) == ("2", "pay")
        assert tracelog.current().user_id == "u1"


def listed():
    """
    Return headers as the standard library's servers have them: they list pairs, and are no mapping.
    """
    headers = email.message.Message()
    headers["Traceparent"] = PARENT
    return headers


HEADERS = [
    (listed(), TRACE, SPAN),
    ({"traceparent": PARENT}, TRACE, SPAN),
    ({"Traceparent": PARENT}, TRACE, SPAN),
    ([("TRACEPARENT", PARENT)], TRACE, SPAN),
    ({b"traceparent": PARENT.encode()}, TRACE, SPAN),
    ({"traceparent": PARENT, "x-trace-id": "other"}, TRACE, SPAN),
    ({"x-trace-id": "trace_123"}, "trace_123", None),
    ({"X-Request-Id": "req-9"}, "req-9", None),
    ({"x-request-id": "req-9", "x-trace-id": "trace_123"}, "trace_123", None),
]


@pytest.mark.parametrize(("headers", "trace_id", "parent"), HEADERS)
def test_incoming_headers_are_gone_on_with(client, headers, trace_id, parent):
    """
    `traceparent` is gone on with; other ids only when there is none.
    """
    assert tracelog.extract(headers).trace_id == trace_id
    with client.trace("t", headers=headers) as trace:
        assert (trace.trace_id, trace.parent_id) == (trace_id, parent)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "nonsense", "x-trace-id": "trace_123"},
        {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
        {"x-trace-id": "with space"},
        {"x-request-id": "0000"},
        12,
        [1, 2],
        ["ab"],
        object(),
    ],
)
def test_headers_without_a_trace_begin_a_new_one(client, headers):
    """
    Headers that carry no valid trace, or are none at all, begin a new trace and raise nothing.
    """
    assert tracelog.extract(headers) is None
    with client.trace("outer") as outer, client.trace("t", headers=headers) as trace:
        assert trace.trace_id != outer.trace_id
        assert trace.parent_id is None


def test_a_trace_is_handed_on(client):
    """
    The headers that a system called from here gets name this hop as its parent, with tracestate and baggage.
    """
    incoming = {"traceparent": PARENT, "tracestate": "a=1,b=2", "baggage": "tenant=t1,plan=x%20y"}
    with client.trace("t", headers=incoming), client.span("s") as here:
        headers = tracelog.inject({})
    assert headers["traceparent"] == f"00-{TRACE}-{here.span_id}-01"
    assert headers["tracestate"] == "a=1,b=2"
    assert headers["baggage"] == "tenant=t1,plan=x%20y"
    assert headers["x-trace-id"] == TRACE
    assert read_headers(headers).parent_id == here.span_id


def test_what_inject_replaces(client):
    """
    Trace headers that were there, in any spelling, are replaced: of two `traceparent` none counts.
    """
    stale = {"Traceparent": PARENT, "TraceState": "old=1", "X-Trace-Id": "old", "Accept": "*/*"}
    with client.trace("t") as here:
        headers = tracelog.inject(stale)
    assert headers is stale
    assert headers == {"Accept": "*/*", **here.headers()}
    assert "tracestate" not in {name.lower() for name in headers}


def lines_of(headers):
    """
    Return *headers*, of whatever make, as a dict in small letters.
    """
    pairs = headers.items() if hasattr(headers, "items") else headers
    text = [[part.decode() if isinstance(part, bytes) else part for part in pair] for pair in pairs]
    assert len({name.lower() for name, _ in text}) == len(text)
    return {name.lower(): value for name, value in text}


def message():
    made = email.message.Message()
    made["Accept"] = "*/*"
    made["Traceparent"] = PARENT
    return made


CHANGED = {
    "a dict": lambda: {"Accept": "*/*", "TraceParent": PARENT},
    "a list of pairs": lambda: [("Accept", "*/*"), ("TraceParent", PARENT)],
    "ASGI's list of bytes": lambda: [(b"accept", b"*/*"), (b"traceparent", PARENT.encode())],
    "a mapping of its own": lambda: collections.UserDict({"Accept": "*/*", "TraceParent": PARENT}),
    "a message": message,
}


@pytest.mark.parametrize("make", CHANGED.values(), ids=CHANGED)
def test_inject_changes_what_it_is_given(client, make):
    """
    Whatever can be changed is changed in place, keeps its other headers, and names each once.
    """
    headers = make()
    with client.trace("t") as here:
        assert tracelog.inject(headers) is headers
    assert lines_of(headers) == {"accept": "*/*", **here.headers()}
    assert tracelog.extract(lines_of(headers)).parent_id == here.span_id


COPIED = {
    "a read-only view": lambda: types.MappingProxyType({"Accept": "*/*", "TraceParent": PARENT}),
    "a tuple of pairs": lambda: (("Accept", "*/*"), ("TraceParent", PARENT)),
    "a generator": lambda: (pair for pair in [(b"Accept", "*/*"), (b"TraceParent", PARENT)]),
    "a dict that refuses": lambda: type("Frozen", (dict,), {"__setitem__": None})(Accept="*/*"),
}


@pytest.mark.parametrize("make", COPIED.values(), ids=COPIED)
def test_inject_copies_what_it_cannot_change(client, make):
    """
    Headers that cannot be changed come back as a new dict with the trace added.
    """
    headers = make()
    with client.trace("t") as here:
        made = tracelog.inject(headers)
    assert (type(made), made is headers) == (dict, False)
    assert lines_of(made) == {"accept": "*/*", **here.headers()}


@pytest.mark.parametrize(
    "headers", [12, "text", [1], [()], object(), [None], b"x"], ids=lambda given: type(given).__name__
)
def test_inject_into_no_headers_at_all(client, headers):
    """
    Of what are no headers only the trace comes back, and nothing is raised.
    """
    with client.trace("t") as here:
        assert tracelog.inject(headers) == here.headers()


def test_inject_makes_headers(client):
    """
    Without headers to add to, new ones are returned; a trace whose id is no W3C one goes by `x-trace-id`.
    """
    with client.trace("t", trace_id="order-12"):
        assert tracelog.inject() == {"x-trace-id": "order-12"}


def test_outside_any_trace_the_process_is_handed_on():
    """
    What is called outside any trace can be found by the trace of the process, which its entries carry, too.
    """
    assert tracelog.inject({})["x-trace-id"] == root().trace_id
    assert tracelog.current() is None


@pytest.mark.parametrize(
    ("baggage", "expected"),
    [
        ({"plan": "gold"}, {"tenant": "t1", "plan": "gold"}),
        ({"tenant": "t2"}, {"tenant": "t2"}),
        ({"n": 7, "none": None}, {"tenant": "t1", "n": "7", "none": "None"}),
        ("nonsense", {"tenant": "t1"}),
        ({"half": "\ud800"}, {"tenant": "t1", "half": "%EF%BF%BD"}),
    ],
)
def test_baggage_is_added(client, baggage, expected):
    """
    Baggage of a block is added to what came in, and handed on.
    """
    with (
        client.trace("t", headers={"traceparent": PARENT, "baggage": "tenant=t1"}),
        client.trace("s", baggage=baggage),
    ):
        given = tracelog.inject({})["baggage"]
    assert dict(member.split("=") for member in given.split(",")) == expected


@pytest.mark.parametrize(
    ("trace_id", "kept"),
    [
        ("order-12", True),
        (TRACE, True),
        ("a" * 128, True),
        ("with space", False),
        ("", False),
        ("0" * 32, False),
        ("a" * 129, False),
        (12, True),
    ],
)
def test_a_trace_id_of_ones_own(connect, trace_id, kept):
    """
    An id of the allowed characters is taken; any other is kept in the closing entry of a new trace.
    """
    client, wire = connect()
    with client.trace("t", trace_id=trace_id) as trace:
        assert (trace.trace_id == str(trace_id)) is kept
    client.flush(5.0)
    (entry,) = wire.entries.values()
    assert entry.trace_id == trace.trace_id
    assert entry.context == (None if kept else {"original_trace_id": str(trace_id)})


def test_the_same_id_again_is_a_child(client):
    """
    A block that asks for the trace it stands in is a hop of it, not another beginning.
    """
    with client.trace("t", trace_id="order-12") as outer, client.trace("s", trace_id="order-12") as inner:
        assert inner.parent_id == outer.span_id


class TestInherited:
    """
    A process that was started with `TRACEPARENT`.
    """

    @pytest.fixture(autouse=True)
    def inherited(self, monkeypatch):
        monkeypatch.setenv("TRACEPARENT", PARENT)

    def test_is_in_that_trace_from_the_start(self):
        """
        Without any configuration the inherited trace is current and handed on.
        """
        assert tracelog.current().trace_id == TRACE
        assert tracelog.inject({})["x-trace-id"] == TRACE
        assert tracelog.current().parent_id == SPAN

    def test_inject_first(self):
        """
        The same holds when `inject` is the first thing called.
        """
        assert parse_traceparent(tracelog.inject({})["traceparent"]).trace_id == TRACE

    def test_blocks_and_entries_belong_to_it(self, connect):
        """
        A block is a hop of the inherited trace, and so is what is logged outside any block.
        """
        client, wire = connect()
        client.get_logger("x").info("outside")
        with client.trace("t") as trace:
            assert (trace.trace_id, trace.parent_id) == (TRACE, root().span_id)
        client.flush(5.0)
        assert {entry.trace_id for entry in wire.entries.values()} == {TRACE}

    def test_headers_of_a_call_win(self, client):
        """
        An incoming call belongs to the trace of its caller, and a call without one to a new trace.
        """
        with client.trace("t", headers={"x-trace-id": "other"}) as trace:
            assert trace.trace_id == "other"
        with client.trace("t", headers={}) as trace:
            assert trace.trace_id != TRACE

    @pytest.fixture
    def client(self, connect):
        return connect()[0]


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{'0' * 32}-{SPAN}-01"])
def test_an_invalid_traceparent_is_ignored(monkeypatch, given):
    """
    An inherited `traceparent` that is invalid restarts the trace, as W3C asks.
    """
    monkeypatch.setenv("TRACEPARENT", given)
    assert tracelog.current() is None
    assert root().trace_id != TRACE


def test_traceparent_as_a_setting(client_of):
    """
    A trace handed over as a setting is that of the process from then on.
    """
    before = root().trace_id
    client_of(traceparent=PARENT)
    assert (tracelog.current().trace_id, root().trace_id) == (TRACE, TRACE)
    assert before != TRACE


def test_threads_without_carry_start_outside(client):
    """
    A thread has no part in the trace of who started it, unless its function is carried.
    """
    seen = {}

    def look(name):
        seen[name] = ids()

    with client.trace("t") as trace:
        threads = [
            threading.Thread(target=look, args=("plain",)),
            threading.Thread(target=tracelog.carry(look), args=("carried",)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {"plain": None, "carried": trace.trace_id}


def test_a_carried_function_runs_many_times_at_once(client):
    """
    One carried function may run in several threads at the same time, each with spans of its own.
    """
    barrier = threading.Barrier(4)

    def work(n):
        with client.span(f"s{n}") as span:
            barrier.wait(10)
            return span.parent_id, span.span_id

    with client.trace("t") as trace:
        carried = tracelog.carry(work)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(carried, range(4)))
    assert {parent for parent, _ in found} == {trace.span_id}
    assert len({span for _, span in found}) == 4


def test_tasks_keep_their_traces_apart(client):
    """
    gather, create_task and TaskGroup: each task is in the trace it was started in, whatever runs between its
    steps.
    """
    found = []

    async def step(name):
        async with client.trace(name, trace_id=name):
            for _ in range(3):
                await asyncio.sleep(0)
                found.append(ids() == name)
                with client.span("inner"):
                    await asyncio.sleep(0)
                    found.append(ids() == name)
        found.append(ids() == "main")

    async def child(parent):
        await asyncio.sleep(0)
        found.append(ids() == parent)

    async def main():
        async with client.trace("main", trace_id="main"):
            await asyncio.gather(*(step(f"g{n}") for n in range(5)))
            async with asyncio.TaskGroup() as group:
                for n in range(5):
                    group.create_task(step(f"t{n}"))
                group.create_task(child("main"))
            with client.trace("other", trace_id="other"):
                task = asyncio.create_task(child("other"))
            await task
            await asyncio.to_thread(lambda: found.append(ids() == "main"))
        found.append(tracelog.current() is None)

    asyncio.run(main())
    asyncio.run(main())  # another loop in the same process
    assert found == [True] * len(found)
    assert len(found) == 2 * (10 * 7 + 4)


@given(st.lists(st.booleans(), max_size=30))
def test_blocks_nest_like_the_code(steps):
    """
    However blocks are entered and left, each has the enclosing one as its parent, and leaving restores it.
    """
    open_blocks = []
    for enter in steps:
        if enter:
            hop = start("n", Wish(trace_id=None if open_blocks else "t"))
            assert (hop.trace_id, hop.parent_id) == ("t", open_blocks[-1][0].span_id if open_blocks else None)
            open_blocks.append((hop, PLACE.set(hop)))
        elif open_blocks:
            PLACE.reset(open_blocks.pop()[1])
        assert PLACE.get() is (open_blocks[-1][0] if open_blocks else None)
    while open_blocks:
        PLACE.reset(open_blocks.pop()[1])


def test_a_muted_place_hands_nothing_on(client):
    """
    What a sink calls is no part of the program's traces, and blocks within it make no entries.
    """
    token = PLACE.set(MUTED)
    try:
        assert tracelog.current() is None
        assert tracelog.inject({"a": "b"}) == {"a": "b"}
        with client.trace("t", headers={"traceparent": PARENT}) as trace:
            assert trace is MUTED
    finally:
        PLACE.reset(token)
    assert client.stats()["emitted"] == 0


def test_a_trace_shows_itself(client):
    """
    The text of a trace names its ids, for who looks at it in a debugger.
    """
    with client.trace("place order", trace_id="order-12") as trace:
        assert repr(trace) == f"Trace('order-12', span_id='{trace.span_id}', name='place order')"
