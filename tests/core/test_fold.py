"""
Folding: what repeats becomes a few rows whose counts sum to exactly what came.
"""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flooding import letters
from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry
from tracelog.core.fold import COLD, HOT, LATELY, WARM, Runs, Templates
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.heat import Warmth
from tracelog.core.loops import Loops


class Told:
    """
    Collects the rows that loops tell.
    """

    def __init__(self):
        self.rows = []

    def __call__(self, row):
        self.rows.append(row)

    @property
    def counts(self):
        return [row.count for row in self.rows]


def entry(n, message="again"):
    return Entry(
        id=f"p-{n}", trace_id="t", timestamp=1e12 + n, system="browser", level="info", message=message
    )


def made(cap=4_096, loops=1_024, quiet_s=1.0):
    told = Told()
    settings = GuardSettings(longest_s=60.0, loops=loops)
    open_loops = Loops("loop", quiet_s, settings, tell=told, new_id=lambda first: f"{first.id}.n")
    return Runs(5, 1.0, cap, open_loops), open_loops, told


def folds(runs, key, each, now):
    run = runs.earlier(key, now)
    return run is not None and runs.folds(key, run, each, now)


def is_hot(templates, key, now):
    heat = templates.earlier(key, now)
    return heat is not None and templates.heat(key, heat, now, entry(0, str(key))) == HOT


def test_sixteen_thousand_in_a_minute_are_a_few_rows():
    """
    5 pass, rows are told after 1, 3, 7, 15 and 31 s and at the end, and together they stand for all.
    """
    runs, loops, told = made()
    passed = 0
    for n in range(16_000):
        now = n * 60 / 16_000
        passed += not folds(runs, "k", entry(n), now)
        loops.sweep(now)
    for late in range(1, 21):
        loops.sweep(60 + late / 10)
    assert passed == 5
    assert passed + sum(told.counts) == 16_000
    assert len(told.rows) == 6
    assert passed + len(told.rows) <= 15
    assert (loops.waiting, len(loops)) == (0, 0)
    seconds = [(row.timestamp - 1e12) * 60 / 16_000 for row in told.rows]
    assert [round(second) for second in seconds] == [0, 1, 3, 7, 15, 31]


@pytest.mark.parametrize("every_s", [0.01, 0.5, 1.0, 4.0, 7.0, 30.0])
def test_who_keeps_looking_sees_all_and_makes_few_rows(every_s):
    """
    However often somebody reads, 16,000 in a minute are at most 15 rows, and rows told and untold are all of them.
    """
    runs, loops, told = made()
    passed, looked = 0, 0.0
    for n in range(16_000):
        now = n * 60 / 16_000
        passed += not folds(runs, "k", entry(n), now)
        loops.sweep(now)
        if now >= looked + every_s:
            looked = now
            loops.tell(now)
            assert passed + sum(told.counts) + sum(row.count for row in loops.of("t")) == n + 1
            assert loops.of("another") == []
    loops.end()
    assert passed + sum(told.counts) == 16_000
    assert passed + len(told.rows) <= 15


def test_a_row_shows_its_first_and_its_last():
    """
    The row has the first folded entry and the latest time, even when times run backwards.
    """
    runs, loops, told = made()
    entries = [entry(n) for n in (0, 1, 2, 3, 4, 7, 9, 8)]
    assert [folds(runs, "k", each, 0.1) for each in entries] == [False] * 5 + [True] * 3
    loops.sweep(1.2)
    [row] = told.rows
    assert (row.id, row.timestamp) == (f"{entries[5].id}.n", entries[5].timestamp)
    assert (row.kind, row.count, row.last_timestamp, row.why) == ("summary", 3, entries[6].timestamp, "loop")


@pytest.mark.parametrize(("gap", "folded"), [(0.19, 15), (0.2, 0), (0.25, 0), (1.0, 0)])
def test_five_a_second_are_no_loop(gap, folded):
    """
    Only the sixth within one second folds.
    """
    runs, _, _ = made()
    gap += 1e-6
    assert sum(folds(runs, "k", entry(n), n * gap) for n in range(20)) == folded


def test_a_quiet_loop_ends_and_the_next_burst_passes_again():
    """
    After a second of silence the rest is told and five pass again, whether anyone swept or not.
    """
    for sweeps in (True, False):
        runs, loops, told = made()
        first = [folds(runs, "k", entry(n), 0.0) for n in range(8)]
        if sweeps:
            loops.sweep(1.0)
        again = [folds(runs, "k", entry(n), 1.0) for n in range(8)]
        assert first == again == [False] * 5 + [True] * 3
        assert told.counts == [3]
        loops.end()
        assert told.counts == [3, 3]


def test_slow_repetition_in_an_open_loop_stays_folded():
    """
    While a loop is open all that is equal folds, and rows come less and less often, at last once a minute.
    """
    runs, loops, told = made()
    times = []
    for n in range(6_000):
        now = n * 0.1
        folds(runs, "k", entry(n), now)
        before = len(told.rows)
        loops.sweep(now)
        times += [now] * (len(told.rows) - before)
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(times)]
    assert gaps == [2, 4, 8, 16, 32] + [60] * (len(gaps) - 5)
    assert len(gaps) > 10


def test_the_oldest_loop_ends_when_too_many_are_open():
    """
    The number of open loops is bounded, and the one that has to end tells what it holds.
    """
    runs, loops, told = made(loops=2)
    for key in "abc":
        for n in range(7):
            folds(runs, key, entry(n, key), 0.0)
    assert [(row.message, row.count) for row in told.rows] == [("a", 2)]
    assert (len(loops), loops.waiting) == (2, 4)


KEYS = st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1.5)), max_size=300)


@given(KEYS, st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_no_count_is_lost_for_any_bound(steps, cap, open_loops, sweeps):
    """
    Passed, told and waiting are what came, at every moment, however small the memory is.
    """
    runs, loops, told = made(cap=cap, loops=open_loops)
    now = 0.0
    passed = 0
    for n, (key, gap) in enumerate(steps, 1):
        now += gap / 10
        passed += not folds(runs, key, entry(n), now)
        if sweeps:
            loops.sweep(now)
        assert passed + sum(told.counts) + loops.waiting == n
        assert len(runs) <= 2 * cap
        assert len(loops) <= open_loops
    loops.end()
    assert passed + sum(told.counts) == len(steps)
    assert all(count > 0 for count in told.counts)


def test_a_template_is_hot_from_the_entry_that_is_too_many():
    """
    The 31st within 10 s is hot, and so is all that follows until a whole window was calm.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    assert [is_hot(templates, "k", n * 0.3) for n in range(34)] == [False] * 30 + [True] * 4
    assert is_hot(templates, "k", 10.0)
    assert is_hot(templates, "k", 19.9)
    assert not is_hot(templates, "k", 20.0)


def test_a_template_that_was_silent_is_not_hot():
    """
    After a window without any entry nothing of the heat is left.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    assert [is_hot(templates, "k", 0.0) for _ in range(31)][-1]
    assert not is_hot(templates, "k", 20.0)


def test_three_a_second_are_not_hot():
    """
    Thirty in ten seconds may go on for ever.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    assert not any(is_hot(templates, "k", n * 0.334) for n in range(1_000))


def test_a_template_folds_into_one_loop():
    """
    The first entry opens its loop, the others join it.
    """
    _, loops, told = made(quiet_s=10.0)
    templates = Templates(0, 10.0, 1, loops)
    for n in range(5):
        templates.fold("k", entry(n), 0.5 * n)
    assert (len(loops), loops.waiting) == (1, 5)
    loops.sweep(2.0)
    assert told.counts == [5]
    loops.sweep(13.0)
    assert (told.counts, len(loops)) == ([5], 0)


def warmths(templates, times, now, **of):
    """
    Return how hot a template was found at each of so many entries at one moment.
    """
    each = msgspec.structs.replace(entry(0, "cart changed"), **of)
    key = (each.system, each.message)
    found = []
    for _ in range(times):
        heat = templates.earlier(key, now)
        found.append(COLD if heat is None else templates.heat(key, heat, now, each))
    return found


def test_a_template_is_warm_when_all_servers_have_met_too_many():
    """
    What others have met makes it warm for a window and not longer; what it met itself makes it hot.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    assert warmths(templates, 20, 0.0) == [COLD] * 20
    [(form, posted)] = templates.hottest(64).items()
    assert posted == Warmth(20, ("browser",))
    templates.warm({form: Warmth(30)}, 1.0)
    assert warmths(templates, 1, 1.0) == [COLD]
    templates.warm({form: Warmth(31)}, 1.0)
    assert warmths(templates, 2, 2.0) == [WARM] * 2
    assert warmths(templates, 9, 2.0)[-2:] == [HOT] * 2
    assert warmths(templates, 1, 10.9) == [HOT]
    assert warmths(templates, 1, 25.0) == [COLD]


def test_systems_are_told_of_together():
    """
    Forms of several systems are one to other servers; levels that read alike are one, others are not.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    for system, level in (("browser", "info"), ("worker", "log"), ("backend", "error")):
        warmths(
            templates, 4, 0.0, system=system, level=level, message=f"took {len(system)} ms {level == 'error'}"
        )
    assert sorted(templates.hottest(64).values(), key=lambda warmth: warmth.n) == [
        Warmth(4, ("backend",)),
        Warmth(8, ("browser", "worker")),
    ]
    assert templates.hottest(64) == {}


def test_what_is_worth_telling():
    """
    Only what comes near to too many is told, once, the most frequent first; what found no room is not told later.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    for times, message in ((1, "a"), (3, "b"), (4, "c"), (5, "d"), (6, "e")):
        warmths(templates, times, 0.0, message=message)
    assert [warmth.n for warmth in templates.hottest(2).values()] == [6, 5]
    warmths(templates, 1, 1.0, message="c")
    assert [warmth.n for warmth in templates.hottest(2).values()] == [1]
    assert templates.hottest(2) == {}


def test_few_templates_wait_to_be_told():
    """
    However many repeat, so many are remembered for other servers, and the next look finds all of them anew.
    """
    templates = Templates(30, 10.0, 10_000, made()[1])
    for _ in range(2):
        for n in range(LATELY + 100):
            warmths(templates, 4, 0.0, message=letters(n))
        posted = templates.hottest(10_000)
        assert len(posted) == LATELY
        assert {warmth.n for warmth in posted.values()} == {4}


def test_what_was_not_told_of_a_window_is_not_told_in_the_next():
    """
    A form that came three times in every window is told to nobody, and one that comes more often with this window's.
    """
    templates = Templates(30, 10.0, 100, made()[1])
    for window in range(5):
        warmths(templates, 3, 10.0 * window)
        assert templates.hottest(64) == {}
    warmths(templates, 4, 50.0)
    assert [warmth.n for warmth in templates.hottest(64).values()] == [4]


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 6))
def test_a_bounded_map_forgets_only_what_is_old(keys, cap):
    """
    At most twice the cap is remembered, always with its last value, and the last keys asked for are among them.
    """
    known = Bounded(cap)
    model = {}
    for place, key in enumerate(keys):
        met = known.meet(key, place)
        assert met in {None, model.get(key)}
        if met is None:
            model[key] = place
        recent = dict.fromkeys(reversed(keys[: place + 1]))
        assert all(known.get(each) == model[each] for each in reversed(list(recent)[:1]))
        assert len(known) <= 2 * cap
        assert key in known


def test_a_bounded_map_renews_what_is_asked_for():
    """
    A key that is asked for outlives any number of others.
    """
    known = Bounded(2)
    known.put("kept", 1)
    for n in range(100):
        known.put(n, n)
        assert known.get("kept") == 1
    assert known.get(0) is None
    assert "kept" in known
