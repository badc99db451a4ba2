"""
`tracelog tail`: each entry once, none missed, in the order of time.
"""

import json
import math
import signal
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.started import Served
from tests.server.running import Running
from tracelog.cli import since
from tracelog.cli.reading import MOST
from tracelog.cli.tail import OVERLAP_S, SWEEP_EVERY_S, SWEEP_S, Follow
from tracelog.core.entry import Entry
from tracelog.stores.sqlite import SqliteStore
from tracelog.testing import FakeClock


class Shelf:
    """
    What a server holds, asked as the search is: latest arrival first, in pages.
    """

    def __init__(self, page=10):
        self.page = page
        self.entries = []
        self.asked = 0

    def add(self, name, arrived, *, said=None, direct=False):
        """
        Put an entry there that arrived at a moment and says another; *direct* ones no server has seen.
        """
        timestamp = (arrived if said is None else said) * 1000.0
        received = None if direct else arrived * 1000.0
        self.entries.append(Entry(id=name, timestamp=timestamp, message=name, received_at=received))

    def fetch(self, cursor):
        self.asked += 1
        placed = sorted((-(entry.received_at or entry.timestamp), entry.id, entry) for entry in self.entries)
        rest = [place for place in placed if cursor is None or place[:2] > cursor]
        more = len(rest) > self.page
        return [entry for *_, entry in rest[: self.page]], rest[self.page - 1][:2] if more else None


def ids(entries):
    return [entry.id for entry in entries]


def nothing():
    return []


def test_what_was_there_is_not_shown():
    """
    Entries from before the beginning never come, however far a look goes back.
    """
    shelf = Shelf(page=3)
    for n in range(400):
        shelf.add(f"e{n}", 1000.0 - n)
    follow = Follow(shelf.fetch)
    assert follow.begin(nothing, 0.0) == []
    assert [follow.more(now) for now in (1.0, SWEEP_EVERY_S, 30.0)] == [[], [], []]


def test_it_begins_with_what_is_asked_for():
    """
    What the beginning asks for is handed on, and not shown again.
    """
    shelf = Shelf()
    shelf.add("old", 999.0)
    follow = Follow(shelf.fetch)

    def latest():
        shelf.add("between", 1000.0)
        return shelf.entries[:]

    assert ids(follow.begin(latest, 0.0)) == ["old", "between"]
    assert follow.more(1.0) == []


def test_what_comes_while_it_begins_is_shown():
    """
    An entry that arrives during the beginning and is not among the latest is shown with the first look.
    """
    shelf = Shelf()
    follow = Follow(shelf.fetch)

    def latest():
        shelf.add("between", 1000.0)
        return []

    follow.begin(latest, 0.0)
    assert ids(follow.more(1.0)) == ["between"]


arrivals = st.lists(
    st.tuples(st.floats(0.0, 60.0), st.floats(0.0, OVERLAP_S * 0.9), st.floats(-9e3, 9e3)), max_size=40
)


@given(arrivals, st.integers(1, 7), st.lists(st.floats(0.1, 9.0), min_size=4, max_size=30))
def test_each_entry_is_shown_once(arrivals, page, pauses):
    """
    However entries arrive, stored late by less than the overlap, whatever their own clocks say, and however
    the looks
    fall: each is shown exactly once, and each look in the order of time.
    """
    shelf = Shelf(page)
    shelf.add("before", 1000.0)
    follow = Follow(shelf.fetch)
    follow.begin(nothing, 0.0)
    waiting = sorted(
        (stored + late, stored, skew, f"e{n}") for n, (stored, late, skew) in enumerate(arrivals)
    )
    shown = []
    now = 0.0
    for pause in [*pauses, 70.0]:
        now += pause
        while waiting and waiting[0][0] <= now:
            _, arrived, skew, name = waiting.pop(0)
            shelf.add(name, 1000.0 + arrived, said=1000.0 + arrived + skew)
        looked = follow.more(now)
        assert [entry.timestamp for entry in looked] == sorted(entry.timestamp for entry in looked)
        shown += ids(looked)
    assert Counter(shown) == Counter(f"e{n}" for n in range(len(arrivals)))


def test_what_a_program_stored_itself_late_is_shown():
    """
    An entry that no server received, and that comes a minute late, is shown with the next far look.
    """
    shelf = Shelf(page=2)
    shelf.add("before", 1000.0)
    follow = Follow(shelf.fetch)
    follow.begin(nothing, 0.0)
    for n in range(40):
        shelf.add(f"e{n}", 1000.0 + n)
    assert len(follow.more(1.0)) == 40
    shelf.add("late", 1040.0 - SWEEP_S / 2, direct=True)
    shelf.entries[0] = Entry(id="before", timestamp=1e5, received_at=1e5)
    assert follow.more(2.0) == []
    assert ids(follow.more(SWEEP_EVERY_S)) == ["late"]


def test_a_store_without_a_server_is_followed():
    """
    Where every entry was stored by its own program, what is new on the first page is shown, and a look is
    one page.
    """
    shelf = Shelf(page=3)
    for n in range(100):
        shelf.add(f"e{n}", 1000.0 - n, direct=True)
    follow = Follow(shelf.fetch)
    follow.begin(nothing, 0.0)
    shelf.add("new", 1001.0, direct=True)
    assert ids(follow.more(1.0)) == ["new"]
    before = shelf.asked
    assert follow.more(2.0) == []
    assert shelf.asked == before + 1


def test_a_look_stops_soon():
    """
    A look at a full store reads no further than the overlap behind what it reached.
    """
    shelf = Shelf(page=10)
    for n in range(1000):
        shelf.add(f"e{n}", 1000.0 - n)
    follow = Follow(shelf.fetch)
    follow.begin(nothing, 0.0)
    before = shelf.asked
    assert follow.more(1.0) == []
    assert shelf.asked <= before + math.ceil(OVERLAP_S / 10) + 1


@given(st.integers(1, 20), st.integers(1, 60))
def test_memory_is_bounded_and_nothing_comes_twice(remembered, count):
    """
    Beyond its bound the memory forgets the earliest, and what it forgot is not shown again.
    """
    shelf = Shelf(page=7)
    follow = Follow(shelf.fetch, remembered=remembered)
    follow.begin(nothing, 0.0)
    shown = []
    for n in range(count):
        shelf.add(f"e{n}", 1000.0 + n / 100.0)
        shown += ids(follow.more(n / 100.0))
        assert len(follow._seen) <= remembered + 1
    assert shown == [f"e{n}" for n in range(count)]


@pytest.mark.parametrize(("form", "pattern"), [("human", r"({})$"), ("ndjson", r'"message":"({})"')])
def test_it_follows_a_server_until_ctrl_c(served, trace, form, pattern, start):
    """
    `tail` shows what was there, then what comes and matches, more than a page of it, and Ctrl-C ends it well.
    """
    served.post({"trace_id": trace, "message": "before"})
    tail = start("tail", f"trace:{trace} level:warn", "-n", "5", "--format", form, "--url", served.url)
    served.post({"trace_id": trace, "message": "first", "level": "warn"})
    assert tail.line(pattern.format("first"), "stdout") == "first"
    served.post(*({"trace_id": trace, "message": f"m{n}", "level": "error"} for n in range(MOST // 2)))
    served.post(*({"trace_id": trace, "message": f"n{n}", "level": "error"} for n in range(MOST // 2 + 5)))
    served.post(
        {"trace_id": trace, "message": "aside"}, {"trace_id": trace, "message": "last", "level": "error"}
    )
    seen = Counter()
    while not seen["last"]:
        seen[tail.line(pattern.format("[mn][0-9]+|last"), "stdout")] += 1
    assert seen == Counter(
        [*(f"m{n}" for n in range(MOST // 2)), *(f"n{n}" for n in range(MOST // 2 + 5)), "last"]
    )
    assert tail.end(signal.SIGINT) == (0, "", "")


def test_it_waits_for_a_server_that_went_away(tmp_path, trace, start):
    """
    When the server goes, `tail` says so once and goes on when it is back, with what came meanwhile.
    """
    options = ("serve", "--store", f"sqlite:///{tmp_path}/logs.db", "--port")
    server = start(*options, "0")
    url = server.line(r"listening on (\S+)")
    tail = start("tail", f"trace:{trace}", "--url", url)
    Served(url, tmp_path).post({"trace_id": trace, "message": "before"})
    assert tail.line("(before)$", "stdout") == "before"
    server.end(signal.SIGTERM)
    assert tail.line(r"(does not answer; waiting for it)")
    start(*options, url.rpartition(":")[2]).line("(listening)")
    Served(url, tmp_path).post({"trace_id": trace, "message": "after"})
    assert tail.line("(after)$", "stdout") == "after"
    assert tail.end(signal.SIGINT) == (0, "", "")


def test_a_search_that_cannot_be_read_ends_it(served):
    """
    A wrong query is told at once, as the usage error it is.
    """
    result = served.run("tail", "level:loud")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "level:loud" in result.stderr


def unseen(served: Served, *more: str) -> tuple[list[str], str]:
    """
    Return the messages that `tail --since-last` shows of this test's server, and what it says.
    """
    result = served.run("tail", *more, "--since-last", "--format", "ndjson")
    assert result.exit_code == 0
    return [json.loads(line)["message"] for line in result.stdout.splitlines()], result.stderr


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """
    A state folder of this test's own.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "tracelog" / "since"


def test_each_time_what_came_since_the_last(kept):
    """
    One process after another shows exactly what came since the one before, also what comes late, for each query apart.
    """
    with Running(store_url="sqlite::memory:") as server:
        served = Served(f"http://127.0.0.1:{server.port}", kept)
        assert unseen(served) == ([], "tracelog: nothing new\n")
        for begin in range(0, 60, 20):
            served.post(
                *(
                    {"trace_id": "t1", "message": f"m{n}", "timestamp": 1.8e12 - n}
                    for n in range(begin, begin + 20)
                )
            )
            told, said = unseen(served)
            assert (sorted(told), said) == (sorted(f"m{n}" for n in range(begin, begin + 20)), "")
        assert unseen(served) == ([], "tracelog: nothing new\n")
        first, _ = unseen(served, "m5", "-n", "3")
        assert len(first) == 3
        served.post({"trace_id": "t1", "message": "m5 again"}, {"trace_id": "t1", "message": "m6 again"})
        assert unseen(served, "m5")[0] == ["m5 again"]
        assert unseen(served)[0] == ["m5 again", "m6 again"]


def test_what_went_meanwhile_is_a_gap(kept):
    """
    When what was shown is gone, the next time says so; a file that is none of ours begins anew.
    """
    with Running(store_url="sqlite::memory:") as server:
        served = Served(f"http://127.0.0.1:{server.port}", kept)
        served.post({"trace_id": "t1", "message": "first"})
        assert unseen(served)[0] == ["first"]
        [file] = kept.iterdir()
        told = json.loads(file.read_bytes())
        file.write_text(json.dumps({**told, "ids": ["another"], "floor": told["reached"] - 1}))
        served.post({"trace_id": "t1", "message": "second"})
        shown, said = unseen(served)
        assert shown == ["first", "second"]
        assert "gap: what was shown last is gone" in said
        file.write_text("torn")
        assert unseen(served)[0] == ["first", "second"]


def test_what_went_unseen_is_a_gap(kept):
    """
    A trace that came and went between two times is told, though what was shown before is still there.
    """
    clock = FakeClock(time.time())
    with Running(SqliteStore(":memory:", clock=clock)) as server:
        served = Served(f"http://127.0.0.1:{server.port}", kept)
        assert unseen(served) == ([], "tracelog: nothing new\n")
        served.post({"trace_id": "t-seen", "message": "first"}, {"trace_id": "t-kept", "message": "second"})
        assert sorted(unseen(served)[0]) == ["first", "second"]
        served.post({"trace_id": "t-unseen", "message": "third"})
        clock.advance(1_800)
        served.post({"trace_id": "t-kept", "message": "fourth"})
        clock.advance(2_000)
        assert unseen(served) == (["fourth"], "tracelog: gap: 1 trace of 1 entry went unseen (expired)\n")
        assert unseen(served) == ([], "tracelog: nothing new\n")


def test_without_a_place_to_remember_it_says_so(kept, monkeypatch):
    """
    Where nothing can be kept the command ends with a sentence.
    """
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    result = Served("http://127.0.0.1:9", kept).run("tail", "--since-last")
    assert result.exit_code == 1
    assert "set HOME or XDG_STATE_HOME" in result.stderr


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(-4.9, 0)), max_size=40), st.integers(1, 7), st.data())
def test_nothing_is_shown_twice_and_nothing_missed(arrivals, page, data):
    """
    Whenever somebody looks, and however late an entry is stored after its arrival, each is shown once.
    """
    shelf, last, seen = Shelf(page=page), None, []
    clock = 1_000.0
    for n, (pause, late) in enumerate(arrivals):
        clock += pause
        shelf.add(f"e{n}", clock + late)
        if data.draw(st.booleans()):
            found = since.begin(shelf.fetch) if last is None else since.new_since(last, shelf.fetch)[0]
            last = since.reached(found, last)
            seen += ids(found)
    assert len(seen) == len(set(seen))
    if last is not None:
        seen += ids(since.new_since(last, shelf.fetch)[0])
        assert len(seen) == len(set(seen))
        newest = max(entry.received_at for entry in shelf.entries)
        missed = set(ids(shelf.entries)) - set(seen)
        first = min((entry.received_at for entry in shelf.entries if entry.id in seen), default=newest)
        assert not [e for e in shelf.entries if e.id in missed and e.received_at > first + 5_000.0]


def test_what_is_kept_is_bounded(kept, monkeypatch):
    """
    So many ids and so many files; a flood since the last time is told.
    """
    monkeypatch.setattr(since, "MOST", 30)
    monkeypatch.setattr(since, "IDS", 7)
    monkeypatch.setattr(since, "FILES", 3)
    shelf = Shelf(page=10)
    for n in range(100):
        shelf.add(f"e{n}", 1_000.0 + n / 100)
    found, said = since.new_since(since.Last(0.0, 0.0, frozenset()), shelf.fetch)
    assert (len(found), said) == (30, since.FLOOD)
    last = since.reached(shelf.fetch(None)[0], None)
    assert len(last.ids) == 7
    assert since.new_since(last, shelf.fetch) == ([], "")
    for n in range(5):
        since.remember(since.place(f"http://h{n}", ""), last)
    assert len(list(kept.iterdir())) == 3
    assert since.recall(since.place("http://h4", "")) == last
