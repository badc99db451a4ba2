"""
What the tools say, against a real server.
"""

import math
import time

import msgspec
import pytest

from tests.mcp.agent import asking, outside
from tests.mcp.conftest import PAGE, READER, SHOP, Logged
from tests.mcp.hostile import FORBIDDEN, HIDDEN, LINES, poisoned
from tests.server.running import Running
from tracelog.mcp import changes, resource, tools
from tracelog.mcp.asking import NoAnswerError, Stored
from tracelog.mcp.watching import FORGOTTEN, GRAIN_MS, MOST, Wanted, Watch
from tracelog.render.answer import RefusedError, worded
from tracelog.render.brief import brief
from tracelog.stores.sqlite import SqliteStore
from tracelog.testing import FakeClock

NONCE = "0123456789ab"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def say(n, message="said", **more):
    return {"trace_id": TRACE, "id": f"ab-{n}", "system": "backend", "message": message, **more}


def every_answer(ask):
    """
    Yield what each tool says, also about each of the entries.
    """
    watch = Watch(ask, sleep=lambda _: None)
    yield tools.status(ask)
    yield tools.traces(ask, tools.Recent(limit=50))
    yield watch.logs(Wanted())
    yield watch.logs(Wanted(level="error"), fold=False)
    yield watch.wait_for(Wanted(since="1h"), timeout=1)
    yield watch.wait_for(Wanted(query="absent"), timeout=0.001)
    yield changes.diff(ask, f"{1:032x}", f"{2:032x}")
    yield changes.mark(ask, "here")
    for n, line in enumerate(LINES):
        yield tools.brief(ask, f"{n + 1:032x}", 4_000)
        yield tools.entry(ask, f"{line[:60]} {n}")


def test_no_line_of_a_stranger_leaves_the_fence(guarded):
    """
    What a public key logged stands inside the fence of every answer, on one line each, and nowhere else.
    """
    guarded.post(*(poisoned(n, line) for n, line in enumerate(LINES)), key=PAGE, origin=SHOP)
    seen = 0
    for answer in every_answer(asking(guarded.url, READER)):
        text = worded(answer, NONCE, 8_000)
        free = outside(text).lower() + repr(answer.data).lower()
        assert not [word for word in FORBIDDEN if word in free], free
        assert text.count(f"\n--- {NONCE} ends ---") <= 1
        assert not set(text) & set(HIDDEN)
        seen += "number" in text
    assert seen >= 2 * len(LINES)


def test_what_went_between_two_pages_is_told():
    """
    Older entries of a search whose traces expired since the page before: the answer says how many went, and why.
    """
    clock = FakeClock(time.time())
    with Running(SqliteStore(":memory:", clock=clock)) as server:
        logged = Logged(f"http://127.0.0.1:{server.port}")
        watch = Watch(asking(logged.url))
        logged.post({"trace_id": "trace-old", "message": "said"})
        clock.advance(1_800)
        for begin in range(0, MOST + 1, 667):
            logged.post(
                *({"trace_id": "trace-new", "message": f"step {n}"} for n in range(begin, begin + 667))
            )
        older = watch.logs(Wanted()).data["older"]
        clock.advance(2_000)
        answer = watch.logs(Wanted(before=older))
    assert "gap: 1 trace of 1 entry went since the page before (expired)" in answer.facts


def test_what_went_before_anybody_saw_it_is_told():
    """
    A trace that came after an answer and went before the next is a gap, though what was told is still there; one that
    was told whole is none, nor is it where another trace is asked for.
    """
    clock = FakeClock(time.time())
    with Running(SqliteStore(":memory:", clock=clock)) as server:
        logged = Logged(f"http://127.0.0.1:{server.port}")
        watch = Watch(asking(logged.url))
        logged.post(
            {"trace_id": "trace-seen", "message": "said"}, {"trace_id": "trace-kept", "message": "said"}
        )
        cursor = watch.logs(Wanted()).data["cursor"]
        soon = time.time() * 1000.0 + GRAIN_MS + 1.0  # cursors are no finer
        logged.post({"trace_id": "trace-unseen", "message": "never told", "timestamp": soon})
        clock.advance(1_800)
        logged.post({"trace_id": "trace-kept", "message": "more"})
        clock.advance(2_000)
        answer = watch.logs(Wanted(since=cursor))
        other = watch.logs(Wanted(since=cursor, trace="trace-kept"))
    assert answer.facts[0] == "gap: 1 trace of 1 entry went unseen (expired)"
    assert (answer.data["shown"], other.data["shown"]) == (1, 1)
    assert "gap" not in " ".join(other.facts)


def test_a_trace_as_a_file_can_be_taken_back(logged, monkeypatch):
    """
    What stands in the fence of a trace's resource is its entries as JSON; where not all fit, it says how many do not.
    """
    logged.post(say(1), say(2, "turned \u202e here"), say(3))
    text = resource.whole(asking(logged.url), TRACE, NONCE)
    rows = [msgspec.json.decode(line) for line in text.split("\n") if line.startswith("{")]
    assert text.startswith("complete: yes; 3 entries below")
    assert [row["message"] for row in rows] == ["said", "turned \u202e here", "said"]
    assert "\u202e" not in text
    monkeypatch.setattr(resource, "MOST_BYTES", 450)
    cut = resource.whole(asking(logged.url), TRACE, NONCE)
    assert "left out: the last 1 entry;" in outside(cut)
    with pytest.raises(NoAnswerError):
        resource.whole(asking(logged.url), "f" * 32, NONCE)
    with pytest.raises(RefusedError):
        resource.whole(asking(logged.url), " ", NONCE)


def test_a_trace_that_is_not_complete_is_not_called_so():
    """
    Between a refusal and its count the store knows only that entries are missing: no brief says `yes`, none says 0.
    """
    entry = b'{"id":"a-1","trace_id":"trace-1","timestamp":1,"system":"backend","level":"info","message":"x"}'
    stored = Stored("trace-1", [msgspec.Raw(entry)], complete=False)
    [first, *_] = brief(tools.told(stored), 500, NONCE).split("\n")
    assert first.startswith("complete: no, entries are missing, not counted yet; 1 entry of 1 system")


@pytest.mark.parametrize("budget", [200, 333, 1_000, 20_000])
def test_an_answer_keeps_to_its_budget_and_names_the_cause(logged, budget):
    """
    However much was logged, an answer is within its budget, counts what it leaves out, and keeps the first error.
    """
    rows = [say(n, f"step {'αβγ' * (n % 90)} of {n * 7919}", level="info") for n in range(600)]
    rows[3] = say(3, "disk is full", level="error")
    logged.post(*rows)
    ask = asking(logged.url)
    for answer in (tools.brief(ask, TRACE, budget), Watch(ask).logs(Wanted(trace=TRACE), fold=False)):
        text = worded(answer, NONCE, budget)
        assert len(text.encode()) <= 4 * budget
        assert "disk is full" in text
    assert "left out: " in text


def test_a_long_cursor_does_not_break_the_budget(logged):
    """
    Where names make a cursor long, the call for more gives way, and the budget holds.
    """
    for begin in range(0, MOST + 1, 1_000):
        logged.post(*(say(0, trace_id="t" * 128, id=f"{n:x>128}") for n in range(begin, begin + 1_000)))
    answer = Watch(asking(logged.url)).logs(Wanted())
    assert len(answer.data["older"]) > 300
    assert len(worded(answer, NONCE, 200).encode()) <= 800
    assert "older: logs" in worded(answer, NONCE, 400)


@pytest.mark.parametrize("budget", [-1, 0, 199, 20_001])
def test_a_budget_out_of_bounds_is_refused(logged, budget):
    """
    What no answer fits in, or what no agent takes, is told with what is possible.
    """
    logged.post(say(1))
    with pytest.raises(RefusedError, match="200 to 20,000"):
        tools.brief(asking(logged.url), TRACE, budget)


def test_an_error_first_seen_is_marked(logged):
    """
    The list of traces marks those with an error that no trace before had.
    """
    ask = asking(logged.url)
    for n, message in enumerate(("disk 1 is full", "disk 2 is full", "no such table")):
        logged.post({**say(n, message, level="error"), "trace_id": f"{n + 1:032x}"})
    answer = tools.traces(ask, tools.Recent())
    assert "(2 with an error first seen there)" in answer.facts[0]
    marked = ["(an error first seen here)" in line.text for line in answer.said]
    assert marked == [True, False, True]


def test_an_empty_answer_tells_silence_from_absence(logged):
    """
    Where nothing is found the answer says whether anybody logs at all, and how it went lately.
    """
    ask = asking(logged.url)
    assert "nobody has logged" in "\n".join(tools.traces(ask, tools.Recent()).facts)
    assert "nobody has logged" in "\n".join(tools.status(ask).facts)
    logged.post(say(1, level="error"))
    for answer in (
        tools.traces(ask, tools.Recent(text="absent")),
        tools.entry(ask, "ab-99"),
        Watch(ask).logs(Wanted(query="absent")),
    ):
        assert "1 system heard" in "\n".join(answer.facts)
        assert "1 error in the last 5 minutes" in "\n".join(answer.facts)


def test_a_cursor_gives_exactly_what_is_new(logged):
    """
    Each answer's cursor gives the entries stored since, each once, and itself while nothing came.
    """
    watch = Watch(asking(logged.url))
    logged.post(*(say(n) for n in range(3)))
    cursor = watch.logs(Wanted()).data["cursor"]
    for begin in (3, 5, 8):
        assert watch.logs(Wanted(since=cursor)).data == {"shown": 0, "cursor": cursor}
        logged.post(*(say(n) for n in range(begin, begin + 2)))
        answer = watch.logs(Wanted(since=cursor), fold=False)
        assert [line.text.rpartition("id=")[2] for line in answer.said] == [f"ab-{begin}", f"ab-{begin + 1}"]
        cursor = answer.data["cursor"]


def test_a_cursor_of_another_process_still_works(logged):
    """
    A cursor that nobody remembers goes by its moment: nothing is missed, also what was stored late, and the answer says
    first that entries may be told again.
    """
    logged.post(say(1))
    cursor = Watch(asking(logged.url)).logs(Wanted()).data["cursor"]
    logged.post(say(2))
    answer = Watch(asking(logged.url)).logs(Wanted(since=cursor))
    assert answer.facts[0] == FORGOTTEN
    assert answer.data["shown"] == 2
    ahead = f"after:{int(cursor[6:].split('-')[0]) - 1_000_000}-1"
    answer = Watch(asking(logged.url)).logs(Wanted(since=ahead))
    assert answer.facts[0].startswith("gap: ")
    assert answer.data["shown"] == 2


def test_a_cursor_of_another_search_tells_what_was_not_told(logged):
    """
    Other filters than those of the answer before: what it told is not told again, what was stored late is told, and that
    others of its entries do not fit is no gap.
    """
    watch = Watch(asking(logged.url))
    logged.post(say(1), say(2, "late"))
    cursor = watch.logs(Wanted()).data["cursor"]
    del watch._cursors[cursor].recent["ab-2"]  # as if it had been stored some moments after it arrived
    answer = watch.logs(Wanted(query="late", since=cursor))
    assert [line.text.rpartition("id=")[2] for line in answer.said] == ["ab-2"]
    assert "gap" not in " ".join(answer.facts)


def test_what_went_while_nobody_looked_is_told(logged):
    """
    When what was told is gone from the store, the next answer begins with that there is a gap.
    """
    watch = Watch(asking(logged.url))
    logged.post(say(1, "before"))
    cursor = watch.logs(Wanted(query="before")).data["cursor"]
    told = watch._cursors[cursor].recent
    told["gone-1"] = told.pop("ab-1")  # as if the entry had been another one, which is evicted now
    assert watch.logs(Wanted(query="before", since=cursor)).facts[0].startswith("gap: ")


def test_more_than_an_answer_holds_is_told(logged):
    """
    When more came than is read at once, the answer says so.
    """
    watch = Watch(asking(logged.url))
    logged.post(say(0))
    cursor = watch.logs(Wanted()).data["cursor"]
    for begin in range(1, MOST + 1_000, 1_000):
        logged.post(*(say(n) for n in range(begin, begin + 1_000)))
    assert any("more came than" in fact for fact in watch.logs(Wanted(since=cursor)).facts)


def test_older_pages_follow_one_another(logged):
    """
    `older` gives what came before an answer, and no entry twice.
    """
    watch = Watch(asking(logged.url))
    for begin in range(0, MOST + 500, 500):
        logged.post(*(say(n) for n in range(begin, begin + 500)))
    first = watch.logs(Wanted(), fold=False)
    second = watch.logs(Wanted(before=first.data["older"]), fold=False)
    ids = {line.text.rpartition("id=")[2] for line in [*first.said, *second.said]}
    assert len(ids) == MOST + 500


def test_repeats_are_one_line_and_errors_are_not(logged):
    """
    Repeats of a speaker fold with their number; errors that differ stay apart; without fold nothing does.
    """
    logged.post(
        *(say(n, f"poll {n}") for n in range(5)), *(say(n, f"failed {n}", level="error") for n in (5, 6))
    )
    watch = Watch(asking(logged.url))
    texts = [line.text for line in watch.logs(Wanted()).said]
    assert len(texts) == 3
    assert "\N{MULTIPLICATION SIGN}5 poll 0" in texts[0]
    assert len(watch.logs(Wanted(), fold=False).said) == 7


def test_filters_combine(logged):
    """
    Trace, level, system and query hold together.
    """
    logged.post(
        say(1, "wanted", level="error"),
        say(2, "wanted"),
        say(3, "wanted", level="error", system="worker"),
        say(4, "other", level="error"),
        {**say(5, "wanted", level="error"), "trace_id": "f" * 32},
    )
    wanted = Wanted(trace=TRACE[:8], query="wanted", level="warn", system="backend")
    [line] = Watch(asking(logged.url)).logs(wanted).said
    assert line.text.endswith("id=ab-1")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted(level="loud"), "level is one of"),
        (Wanted(system="a b"), "system is a name"),
        (Wanted(since="after:1-1", before="x"), "not both"),
    ],
)
def test_a_filter_that_means_nothing_is_told(logged, wanted, told):
    """
    A wrong filter is answered with what it may be.
    """
    with pytest.raises(RefusedError, match=told):
        Watch(asking(logged.url)).logs(wanted)


@pytest.mark.parametrize(("ref", "told"), [("", "trace is empty"), ("slowest", "no trace is here")])
def test_a_reference_to_nothing_is_told(logged, ref, told):
    """
    What means no trace is answered with what would.
    """
    with pytest.raises(RefusedError, match=told):
        tools.brief(asking(logged.url), ref, 500)


def test_what_the_server_refuses_is_told_in_its_words(logged):
    """
    An unknown trace, a wrong search and an empty id are answered, not raised as faults.
    """
    ask = asking(logged.url)
    with pytest.raises(NoAnswerError) as unknown:
        tools.brief(ask, "0" * 31 + "1", 500)
    assert not unknown.value.down
    with pytest.raises(NoAnswerError, match="quotes"):
        Watch(ask).logs(Wanted(query='"open'))
    with pytest.raises(RefusedError, match="id is empty"):
        tools.entry(ask, " ")


def test_the_slowest_and_the_latest_error_are_found(logged):
    """
    References by what an agent means: the slowest trace, the last that failed.
    """
    logged.post(
        {**say(1), "trace_id": "1" * 32, "timestamp": 1_795_350_664_000},
        {**say(2), "trace_id": "1" * 32, "timestamp": 1_795_350_669_000},
        {**say(3, level="error"), "trace_id": "2" * 32},
        {**say(4), "trace_id": "3" * 32},
    )
    ask = asking(logged.url)
    assert tools.brief(ask, "slowest", 500).data["trace"] == "1" * 32
    assert tools.brief(ask, "latest_error", 500).data["trace"] == "2" * 32


class Clock:
    """
    A clock that sleeping moves on, and *work* that is done at each sleep.
    """

    def __init__(self, *work):
        self.now = 0.0
        self.work = list(work)

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.work:
            self.work.pop(0)()


def test_waiting_ends_with_what_it_waited_for(logged):
    """
    An entry that comes while waiting ends it; what does not match does not.
    """
    clock = Clock(lambda: logged.post(say(1, "other")), lambda: logged.post(say(2, "deployed")))
    answer = Watch(asking(logged.url), now=clock, sleep=clock.sleep).wait_for(
        Wanted(query="deployed"), timeout=30
    )
    assert (answer.data["seen"], answer.data["trace"], clock.now) == (True, TRACE, 1.0)


def test_waiting_in_vain_says_what_came_meanwhile(logged):
    """
    When the time is over the answer shows the errors that came instead.
    """
    clock = Clock(lambda: logged.post(say(1, "it broke", level="error")))
    answer = Watch(asking(logged.url), now=clock, sleep=clock.sleep).wait_for(
        Wanted(query="deployed"), timeout=2
    )
    assert (answer.data, clock.now) == ({"seen": False, "errors": 1}, 2.0)
    assert "it broke" in answer.said[0].text


def test_waiting_ends_when_it_is_quiet(logged):
    """
    With `quiet`, a while without any new entry ends the waiting.
    """
    clock = Clock(*(lambda n=n: logged.post(say(n)) for n in range(4)))
    watch = Watch(asking(logged.url), now=clock, sleep=clock.sleep)
    answer = watch.wait_for(Wanted(query="never"), timeout=60, quiet_s=3)
    assert answer.facts[0].startswith("quiet: nothing came for 3.00 s")
    assert 4.5 <= clock.now <= 5.5


@pytest.mark.parametrize("timeout", [0, -1, 61, float("nan")])
def test_waiting_has_a_bound(logged, timeout):
    """
    A time that is none, or longer than an agent's call, is refused.
    """
    with pytest.raises(RefusedError, match="timeout"):
        Watch(asking(logged.url)).wait_for(Wanted(), timeout=timeout)


def test_what_changed_around_an_edit_is_told(logged):
    """
    Mark, edit, run: the answer names the new error and the call that shows it; before the run it says so.
    """
    ask = asking(logged.url)
    logged.post(say(1, "fine 1"))
    assert 'diff(a="mark:edit", b="now")' in changes.mark(ask, "edit").after[0]
    assert "has the program run" in changes.diff(ask, "mark:edit", "now").facts[-1]
    logged.post(say(2, "fine 2"), say(3, "it broke", level="error"))
    answer = changes.diff(ask, "mark:edit", "now")
    assert (answer.data["new_errors"], answer.data["roots"]) == (1, ["ab-3"])
    assert "it broke" in answer.said[0].text
    assert answer.after == ['next: entry(id="ab-3")']
    with pytest.raises(NoAnswerError, match="there is no mark"):
        changes.diff(ask, "mark:other", "now")


@pytest.mark.parametrize("quiet", [-1.0, math.inf, math.nan])
def test_a_silence_of_no_length_is_refused(logged, quiet):
    """
    What is no number of seconds is refused, not taken for a silence that is over already.
    """
    with pytest.raises(RefusedError, match="quiet is a number of seconds"):
        Watch(asking(logged.url)).wait_for(Wanted(query="absent"), timeout=1.0, quiet_s=quiet)
