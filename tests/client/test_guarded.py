"""
What a client holds back while the other end refuses most, and how it tells of it: on the test's own clock, against
the rules of a server.
"""

import gc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.ends import Desk, Judge, words
from tests.client.programs import run
from tests.sinks.parcels import TRACE, row
from tracelog.client.client import Client
from tracelog.client.guarded import TOLD_ROWS, GuardedOutbox
from tracelog.client.outbox import Outbox
from tracelog.client.pressure import CALM_ROWS, LONGEST_S, MINUTE_S
from tracelog.core.compact import HOLE
from tracelog.errors import SinkRefusedError
from tracelog.sinks.base import ParcelTooLargeError, Receipt, Told

ERRORS = {"error", "fatal"}


def check_sums(desk):
    """
    Everything logged has ended once, by the account of this side and by what the other end knows.
    """
    outbox, judge = desk.outbox, desk.judge
    held = Counter(desk.unsent)
    assert outbox.ledger.ended() == desk.logged
    assert outbox.ledger.stored == len(judge.entries)
    assert outbox.ledger.suppressed == dict(held + judge.refused)
    assert desk.judge.counted == held.total()
    assert (outbox.in_flight, outbox.bytes, outbox.idle, outbox.untold) == (0, 0, True, False)
    ids = [each.id for each in (*judge.entries, *judge.rows)]
    assert len(ids) == len(set(ids))


def test_sixteen_thousand_equal_rows_travel_as_a_few():
    """
    A loop is seen in the first parcel; what follows is folded here into rows that count it, to the entry.
    """
    desk = Desk()
    desk.put(*["effect run"] * 16_000)
    desk.tell()
    assert sum(desk.judge.parcels) <= CALM_ROWS + 10
    assert {each.message for each in (*desk.judge.entries, *desk.judge.rows)} == {"effect run"}
    assert desk.judge.kinds() == {"summary": 1}
    assert desk.judge.counted == desk.unsent["loop"] > 15_800
    check_sums(desk)


def test_distinct_lines_are_held_to_the_rate_of_a_server():
    """
    A flood that folds into nothing is cut to what the server's limiter allows, and its counts are told.
    """
    desk = Desk()
    desk.put(*[words(n) for n in range(16_000)])
    desk.tell()
    assert sum(desk.judge.parcels) <= 4 * CALM_ROWS
    assert set(desk.unsent) == {"rate"}
    check_sums(desk)


def test_a_calm_client_does_nothing_to_its_rows():
    """
    What the other end keeps travels whole and in order, as the very bytes that were put in.
    """
    desk = Desk(None)
    rows = [row(f"line {n % 7}") for n in range(20_000)]
    seen = []
    desk.outbox.sink = lambda parcel: (seen.extend(parcel.rows), desk.judge(parcel))[1]
    desk.put(rows=list(rows))
    desk.send()
    assert seen == rows
    assert max(desk.judge.parcels) == 5_000
    assert desk.unsent == {}
    check_sums(desk)


def test_an_end_without_a_word_is_spared_exact_repeats_only():
    """
    Towards an end that says nothing of what it keeps, equal lines fold beyond a hundred a second, and all others
    pass, however alike and however many.
    """
    desk = Desk(silent=True)
    desk.put(*["again"] * 8_000, *[f"order {n}" for n in range(8_000)])
    desk.tell()
    assert [each.message for each in desk.judge.entries if each.message != "again"] == [
        f"order {n}" for n in range(8_000)
    ]
    assert desk.unsent == {"loop": 8_000 - CALM_ROWS - 5}
    check_sums(desk)


def test_an_end_without_a_word_gets_all_of_what_is_said_slowly():
    """
    Below a hundred lines a second even equal ones travel to an end that says nothing.
    """
    desk = Desk(silent=True)
    for _ in range(20):
        desk.say(*["again"] * 50)
        desk.now += 1.0
    assert len(desk.judge.entries) == 1_000


@pytest.mark.parametrize("answer", [None, "thanks", Receipt(silent=True)])
def test_an_answer_that_is_none_is_no_word(answer):
    """
    A sink that returns no receipt is one that says nothing of what it keeps.
    """
    desk = Desk()
    desk.outbox.sink = lambda _parcel: answer
    desk.say(*["again"] * 1_000)
    assert desk.unsent == {"loop": 1_000 - CALM_ROWS - 5}


def test_errors_are_never_held_back_for_a_rate():
    """
    Under pressure every error that is not the same again goes out, at once.
    """
    desk = Desk()
    desk.say(*[words(n) for n in range(1_000)])
    desk.say(*[f"{words(n)} broke" for n in range(500)], level="error")
    assert sum(each.is_error for each in desk.judge.entries) == 500
    assert all(each.level == "info" for each in desk.judge.rows)


def test_a_critical_trace_is_never_held_back_for_a_rate():
    """
    What says that it is critical is left to the server, which knows whether to believe it.
    """
    desk = Desk()
    desk.say(*[words(n) for n in range(1_000)])
    before = sum(desk.judge.parcels)
    desk.say(*[words(n) for n in range(2_000, 2_100)], critical=True)
    assert sum(desk.judge.parcels) == before + 100


def test_an_error_brings_out_what_was_held_of_its_trace():
    """
    The last lines before an error follow it as context, in their order, with their numbers; they stay counted as
    suppressed, and lines of other traces stay where they are.
    """
    desk = Desk()
    desk.say(*[words(n) for n in range(1_000)])
    desk.say(*[words(n) for n in range(1_000, 1_030)])
    desk.say("elsewhere", "elsewhere too", trace="another")
    held = desk.unsent["rate"]
    desk.say("it broke", level="error")
    assert desk.judge.context == [words(n) for n in range(1_010, 1_030)]
    assert [each.seq for each in desk.judge.rows if each.kind == "context"] == list(range(1_010, 1_030))
    assert {each.trace_id for each in desk.judge.rows if each.kind == "context"} == {TRACE}
    assert desk.unsent["rate"] == held
    desk.tell()
    check_sums(desk)


def test_rows_are_told_when_they_are_due():
    """
    A loop that goes on is told after 1, 2, 4 … seconds, without anybody asking, and once more when it is quiet.
    """
    desk = Desk()
    told = []
    for step in range(300):
        before = len(desk.judge.rows)
        desk.say(*["again"] * 100)
        told += [step / 10] * (len(desk.judge.rows) - before)
        desk.now += 0.1
    assert [round(at, 1) for at in told] == [1.1, 3.1, 7.1, 15.1]
    desk.now += 1.0
    desk.send()
    assert len(desk.judge.rows) == 5
    desk.tell()
    check_sums(desk)


def test_a_calm_minute_switches_it_off():
    """
    After a minute without need everything has been told, and equal lines travel again until the answer.
    """
    desk = Desk()
    desk.say(*["again"] * 1_000)
    desk.now += 2 * MINUTE_S
    desk.send()
    check_sums(desk)
    assert desk.outbox._sieve is None
    before = sum(desk.judge.parcels)
    desk.say(*["again"] * 50)
    assert sum(desk.judge.parcels) == before + 50


def test_a_flood_without_end_is_asked_about_again():
    """
    A server whose limits were raised is found out within five minutes, though the flood goes on.
    """
    desk = Desk()
    desk.say(*[words(n) for n in range(1_000)])
    desk.judge.guard = None
    n = 1_000
    for _ in range(int(LONGEST_S) + 60):
        desk.say(*[words(n + m) for m in range(30)])
        n += 30
        desk.now += 1.0
    desk.tell()
    assert desk.judge.entries[-1].message == words(n - 1)
    assert desk.outbox._sieve is None
    check_sums(desk)


def test_stricter_refusals_are_followed():
    """
    What folds at first and is refused by rate later is held to the rate then; nothing of the change is lost.
    """
    desk = Desk()
    desk.say(*["again"] * 1_000)
    assert set(desk.unsent) == {"loop"}
    desk.say(*[words(n) for n in range(3_000)])
    assert sum(desk.judge.parcels) < 3_000 + CALM_ROWS
    desk.say(*[words(n) for n in range(3_000, 6_000)])
    assert desk.unsent["rate"] > 2_900
    desk.tell()
    check_sums(desk)


def test_a_flush_is_over_when_all_is_told():
    """
    What was asked to be told holds up who waits, until it is delivered.
    """
    desk = Desk()
    desk.put(*["again"] * 1_000)
    desk.outbox.tell()
    assert desk.outbox.oldest == 0
    desk.send()
    assert desk.outbox.oldest is None
    desk.say(*["again"] * 10)
    assert desk.outbox.untold
    desk.judge.away = 1
    desk.tell()
    assert (desk.outbox.oldest, desk.outbox.idle) == (0, False)
    desk.now += 60.0
    desk.send()
    assert desk.outbox.oldest is None
    check_sums(desk)


def test_many_rows_are_told_in_several_parcels():
    """
    What many errors bring out at once travels in parcels of a bounded size.
    """
    desk = Desk()
    desk.say(*[words(n) for n in range(1_000)])
    for trace in range(40):
        desk.say(*[words(2_000 + 100 * trace + n) for n in range(40)], trace=f"trace_{trace}")
    before = len(desk.judge.parcels)
    desk.put(rows=[row("broke", trace=f"trace_{trace}", level="error") for trace in range(40)])
    desk.send()
    assert len(desk.judge.context) > 2 * TOLD_ROWS
    assert max(desk.judge.parcels[before:]) == TOLD_ROWS
    desk.tell()
    check_sums(desk)


class Narrow(Judge):
    """
    Takes *most* rows about entries held back at a time, and refuses those whose message it does not like.
    """

    most, disliked = 1_000, ""

    def __call__(self, parcel):
        told = parcel.entries if isinstance(parcel, Told) else []
        if len(told) > self.most:
            raise ParcelTooLargeError("fewer")
        if any(entry.message == self.disliked for entry in told):
            raise SinkRefusedError("no")
        return super().__call__(parcel)


def test_rows_that_are_refused_go_again_in_fewer_or_are_counted():
    """
    Rows about entries held back that are too many for one parcel arrive in several; those that nobody takes are
    counted where everybody can see it, and the account of the entries adds up either way.
    """
    desk = Desk()
    judge = desk.judge = desk.outbox.sink = Narrow(clock=lambda: desk.now)
    lines = ["ant", "bee", "cat", "dog"]
    desk.say(*lines * 300)
    judge.most = 1
    desk.tell()
    assert len(judge.rows) == len(lines)
    assert desk.outbox.view()["rows_lost"] == 0
    check_sums(desk)
    desk.say(*lines * 300)
    judge.disliked = "bee"
    desk.tell()
    assert (len(judge.rows), desk.outbox.view()["rows_lost"]) == (7, 1)
    judge.most = 0
    desk.say(*lines * 300)
    desk.tell()
    assert (len(judge.rows), desk.outbox.view()["rows_lost"]) == (7, 5)
    desk.say(*lines * 300)
    judge.away = 9
    desk.tell()
    desk.outbox.give_up("shutdown")
    view = desk.outbox.view()
    assert (view["rows_lost"], view["balanced"], view["emitted"]) == (9, True, desk.logged)


def test_rows_that_cannot_be_read_are_left_to_the_other_end():
    """
    Holes stay holes, rows of other makes pass, and a row with a kind of its own is not judged again.
    """
    desk = Desk()
    desk.say(*["again"] * 1_000)
    odd = [HOLE, b"\xc1", b"\x90", row("again", kind="summary", count=3, why="loop")]
    seen = []
    desk.outbox.sink = lambda parcel: seen.extend(parcel.rows)
    desk.put(rows=[*odd, row("again")])
    desk.send()
    assert [each for each in seen if each != HOLE] == odd[1:]


@pytest.mark.parametrize(("limits", "kind"), [(True, GuardedOutbox), (False, Outbox)])
def test_limits_switch_it_off(limits, kind):
    """
    `limits=False` leaves no trace of it, and neither does a sink whose other end has no limits.
    """
    client = Client(sinks=[Judge(), "memory:"], redact=False, limits=limits)
    first, second = client._shipper._deliveries._outboxes
    assert (type(first), type(second)) == (kind, Outbox)
    client.shutdown(0.0)


KEY = "\n".join(
    ["-----BEGIN PRIVATE KEY-----", *[f"MIIE{n:060}" for n in range(8)], "-----END PRIVATE KEY-----"]
)
"""Longer than what a row keeps of a message that begins with the text before it."""


@pytest.mark.parametrize("level", ["info", "error"])
@pytest.mark.parametrize(("redact", "leaks"), [(True, False), (False, True)])
def test_rows_made_here_hold_no_secret(redact, leaks, level):
    """
    What is folded, recorded and cut short was redacted before: no part of a key leaves, not even one that the cut
    of a row has parted from its end.
    """
    judge = Judge()
    client = Client(sinks=[judge], redact=redact, flush_interval=0.01)
    log = client.get_logger("till")
    with client.trace("job"):
        for n in range(1_000):
            getattr(log, level)("%s %s %s", "loading the key of the till " * 10, words(n % 3 * 7), KEY)
        for n in range(500):
            log.info("%s %s", words(n), KEY)
        log.error("it broke")
    client.shutdown(10.0)
    said = [each.message for each in judge.rows]
    assert {"summary", "context"} <= set(judge.kinds())
    assert any(len(text) < 520 and "[cut" not in text for text in said)
    assert any("MIIE" in text for text in said) == leaks
    assert not redact or not any("MIIE" in text for text in [each.message for each in judge.entries])


def flooded(judge):
    """
    Return a client that has said the same 5,000 times, and waits for nothing.
    """
    client = Client(sinks=[judge], redact=False, flush_interval=0.01)
    log = client.get_logger("till")
    with client.trace("job"):
        for _ in range(5_000):
            log.info("effect run")
    return client


def test_a_flush_tells_what_was_held_back():
    """
    After a flush the rows that were made count everything that was held back, and the account is the same in the
    client and in its reports.
    """
    judge = Judge()
    client = flooded(judge)
    assert client.flush(10.0) == 0
    stats = client.stats()
    assert (stats["emitted"], stats["stored"], stats["balanced"]) == (5_001, len(judge.entries), True)
    assert judge.counted == stats["suppressed"]["loop"] - judge.refused["loop"] > 4_800
    assert judge.reports[-1]["unsent"] == {"loop": judge.counted}
    assert client.flush(10.0) == 0
    client.shutdown(10.0)


def test_a_flush_of_a_long_backlog_tells_all_of_it():
    """
    What takes longer to judge than one look is told in full, however a flush finds it.
    """
    judge = Judge()
    client = Client(sinks=[judge], redact=False, flush_interval=0.01)
    log = client.get_logger("till")
    with client.trace("job"):
        for n in range(60_000):
            log.info("%s", words(n))
    assert client.flush(20.0) == 0
    assert len(judge.entries) + judge.refused.total() + judge.counted == 60_001
    client.shutdown(10.0)


def test_new_settings_keep_the_account():
    """
    What was held back before a change of settings is reported after it.
    """
    judge = Judge()
    client = flooded(judge)
    client.flush(10.0)
    later = Judge()
    client.reconfigure(sinks=[later], redact=False, flush_interval=0.01)
    client.get_logger("till").info("goes on")
    client.shutdown(10.0)
    assert later.reports[-1]["unsent"] == {"loop": judge.counted}
    stats = client.stats()
    assert stats["balanced"]
    assert stats["suppressed"]["loop"] == judge.counted + judge.refused["loop"]


def test_a_client_nobody_holds_tells_before_it_ends():
    """
    A client that its program lets go of delivers, tells what it held back, and ends its thread.
    """
    judge = Judge()
    client = flooded(judge)
    looper = client._shipper._looper
    del client
    gc.collect()
    assert looper._running.acquire(timeout=10.0)
    assert len(judge.entries) + judge.refused.total() + judge.counted == 5_001


FORKING = """
from tracelog.sinks import Receipt

class Refuses(File):
    guarded = True
    def __call__(self, parcel):
        super().__call__(parcel)
        return Receipt(suppressed={"loop": parcel.kept})

sink = Refuses()
client = tracelog.Client(sinks=[sink], redact=False, flush_interval=60.0)
log = client.get_logger("till")
for _ in range(1_000):
    log.info("again")
client.flush(10.0)
for _ in range(50):
    log.info("again")
while not client._shipper._deliveries.untold():  # the client's thread may have its turn just now
    client._shipper.look(time.monotonic())
child = os.fork()
if child == 0:
    log.info("in the child")
    client.shutdown(10.0)
    os._exit(0 if client.stats()["balanced"] else 1)
assert os.waitpid(child, 0)[1] == 0
client.shutdown(10.0)
assert client.stats()["balanced"]
"""


def test_a_forked_child_tells_nothing_of_its_parent(tmp_path):
    """
    What the parent holds back is told by the parent, once; the child begins with nothing.
    """
    ran = run(FORKING, tmp_path)
    assert ran.code == 0, ran.err
    assert ran.messages.count("in the child") == 1
    assert len([name for name, _ in ran.entries if name.endswith(".n")]) == 2
    assert len(ran.entries) == len(set(ran.entries))


messages = st.sampled_from(
    ["again", "[HMR] connected", "GET /healthz 200", *[f"order {n}" for n in range(3)]]
)
said = st.tuples(
    st.integers(1, 150),
    messages | st.integers(0, 99_999).map(words),
    st.sampled_from(["info", "info", "warn", "error"]),
    st.sampled_from([TRACE, "one", "two"]),
)
events = st.one_of(said, st.floats(0.0, 90.0), st.sampled_from(["tell", "away", "room"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(events, max_size=40), st.sampled_from(["server", "any", "silent"]))
def test_nothing_is_lost_or_counted_twice(schedule, end):
    """
    Whatever is said and answered, and however often nobody answers: each entry is kept by the other end, refused by
    it, or held back and told in rows, once; and an error is never held back but for folding.
    """
    desk = Desk(None) if end == "any" else Desk(silent=end == "silent")
    for event in schedule:
        match event:
            case "tell":
                desk.outbox.tell()
            case "away":
                desk.judge.away = 2
            case "room":
                desk.judge.remaining = 50
            case float():
                desk.now += event
            case (times, message, level, trace):
                desk.put(*[message] * times, level=level, trace=trace)
        desk.send()
    desk.now += 100.0
    desk.judge.away = 0
    desk.send()
    desk.tell()
    check_sums(desk)
    assert set(desk.unsent) <= {"loop", "loop_template", "noise", "rate"}
    assert not any(each.is_error for each in desk.judge.rows if each.why == "rate")
