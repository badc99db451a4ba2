"""
`tracelog tail`: each entry once, none missed, in the order of time.
"""

import signal
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.cli.tail import OVERLAP_S, PAGE, SWEEP_EVERY_S, SWEEP_S, Follow
from tracelog.core.entry import Entry


class Shelf:
    """
    What a server holds, asked as the search is: latest first, in pages, counted back from its own clock.
    """

    def __init__(self, page):
        self.page = page
        self.now = 0.0
        self.entries = []
        self.before_second_page = []

    def add(self, name, at):
        self.entries.append(Entry(id=name, timestamp=at * 1000.0, message=name))

    def fetch(self, cursor, window, limit):
        found = sorted(self.entries, key=lambda entry: (entry.timestamp, entry.id), reverse=True)
        if cursor is not None:
            found = [entry for entry in found if (entry.timestamp, entry.id) < cursor]
        if window is not None:
            found = [entry for entry in found if entry.timestamp >= (self.now - window) * 1000.0]
        limit = min(limit, self.page)
        more = len(found) > limit
        last = found[limit - 1] if more else None
        return found[:limit], (last.timestamp, last.id) if more else None


def ids(entries):
    return [entry.id for entry in entries]


def test_it_begins_with_the_latest_in_order():
    """
    The first entries shown are the latest, as many as asked for, earliest first; older ones never come.
    """
    shelf = Shelf(page=3)
    for n in range(10):
        shelf.add(f"e{n}", at=-n)
    follow = Follow(shelf.fetch)
    assert ids(follow.start(3, 0.0)) == ["e2", "e1", "e0"]
    assert follow.more(1.0) == []


def test_what_comes_while_it_begins_is_shown():
    """
    An entry that arrives between the two questions of the beginning is shown with the first look after it.
    """
    shelf = Shelf(page=10)
    shelf.add("old", at=-1)
    follow = Follow(shelf.fetch)
    fetch = shelf.fetch

    def late(cursor, window, limit):
        answer = fetch(cursor, window, limit)
        if window is not None and len(shelf.entries) == 1:
            shelf.add("late", at=-50)
        return answer

    follow._fetch = late
    assert ids(follow.start(1, 0.0)) == ["old"]
    shelf.now = SWEEP_EVERY_S
    assert ids(follow.more(SWEEP_EVERY_S)) == ["late"]


arrivals = st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(0.0, OVERLAP_S * 0.9)), max_size=40)


@given(arrivals, st.integers(1, 7), st.lists(st.floats(0.1, 9.0), min_size=4, max_size=30))
def test_each_entry_is_shown_once(arrivals, page, pauses):
    """
    However entries arrive, late by less than the overlap, and however the looks fall: each is shown exactly
    once, and each look in the order of time.
    """
    shelf = Shelf(page)
    follow = Follow(shelf.fetch)
    follow.start(0, 0.0)
    waiting = sorted((arrives, arrives - late, f"e{n}") for n, (arrives, late) in enumerate(arrivals))
    shown = []
    for pause in [*pauses, 40.0]:
        shelf.now += pause
        while waiting and waiting[0][0] <= shelf.now:
            _, at, name = waiting.pop(0)
            shelf.add(name, at)
        looked = follow.more(shelf.now)
        assert [entry.timestamp for entry in looked] == sorted(entry.timestamp for entry in looked)
        shown += ids(looked)
    assert Counter(shown) == Counter(f"e{n}" for n in range(len(arrivals)))


def test_what_was_sent_again_after_a_while_is_shown():
    """
    An entry that is two minutes late, as after a client's longest pause, comes with the next far look.
    """
    shelf = Shelf(page=10)
    follow = Follow(shelf.fetch)
    follow.start(0, 0.0)
    shelf.now = 5.0
    shelf.add("late", at=5.0 - SWEEP_S + 10.0)
    assert follow.more(5.0) == []
    shelf.now = SWEEP_EVERY_S
    assert ids(follow.more(SWEEP_EVERY_S)) == ["late"]


def test_a_silent_server_is_caught_up_with():
    """
    When a look comes an hour after the last, everything of that hour is shown.
    """
    shelf = Shelf(page=2)
    follow = Follow(shelf.fetch)
    follow.start(0, 0.0)
    for n in range(9):
        shelf.add(f"e{n}", at=n * 400.0)
    shelf.now = 3600.0
    assert len(follow.more(3600.0)) == 9


@given(st.integers(1, 20), st.integers(1, 60))
def test_memory_is_bounded_and_nothing_comes_twice(remembered, count):
    """
    Beyond its bound the memory forgets the earliest, and what it forgot is not shown again.
    """
    shelf = Shelf(page=7)
    follow = Follow(shelf.fetch, remembered=remembered)
    follow.start(0, 0.0)
    shown = []
    for n in range(count):
        shelf.now = n / 100.0
        shelf.add(f"e{n}", at=shelf.now)
        shown += ids(follow.more(shelf.now))
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
    served.post(*({"trace_id": trace, "message": f"m{n}", "level": "error"} for n in range(PAGE // 2)))
    served.post(*({"trace_id": trace, "message": f"n{n}", "level": "error"} for n in range(PAGE // 2 + 5)))
    served.post(
        {"trace_id": trace, "message": "aside"}, {"trace_id": trace, "message": "last", "level": "error"}
    )
    seen = Counter()
    while not seen["last"]:
        seen[tail.line(pattern.format("[mn][0-9]+|last"), "stdout")] += 1
    assert seen == Counter(
        [*(f"m{n}" for n in range(PAGE // 2)), *(f"n{n}" for n in range(PAGE // 2 + 5)), "last"]
    )
    assert tail.end(signal.SIGINT) == (0, "", "")


def test_a_search_that_cannot_be_read_ends_it(served):
    """
    A wrong query is told at once, as the usage error it is.
    """
    result = served.run("tail", "level:loud")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "level:loud" in result.stderr
