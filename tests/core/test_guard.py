"""
The guard: a flood becomes a few rows, everything beside it passes, and every entry is accounted for.
"""

import itertools
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import LARGEST_COUNT, Entry
from tracelog.core.guard import Guard, GuardSettings, own_id
from tracelog.core.guard_settings import ROWS, SYSTEMS
from tracelog.core.noise import OwnNoise
from tracelog.core.outline import MESSAGE_CHARS
from tracelog.core.sample import keep
from tracelog.core.suppressed import OTHER

IDS = itertools.count(1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lamda",
    "omikron",
    "rho",
    "sigma",
    "tau",
    "phi",
]


def entry(message="hello", level="info", trace_id=TRACE, system="browser", **fields):
    n = next(IDS)
    fields = {"id": f"p-{n}", "timestamp": 1e12 + n, "source": "p", **fields}
    return Entry(message=message, level=level, trace_id=trace_id, system=system, **fields)


def words(n):
    """
    A message of its own template: no digits, other words for every number.
    """
    return "failed " + " ".join(WORDS[n >> shift & 15] for shift in (0, 4, 8, 12))


def balance(guard):
    status = guard.status(0.0)
    return status["passed"] + status["told"] + status["waiting"] + sum(status["suppressed"].values())


# --- what becomes of one entry -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        ("debug", "normal"),
        ("info", "normal"),
        ("warn", "normal"),
        ("error", "essential"),
        ("fatal", "essential"),
    ],
)
def test_the_class_of_an_entry(level, verdict):
    """
    The first of a hop is privileged, errors are essential, the rest is normal; a flagged trace is critical.
    """
    guard = Guard()
    assert guard.decide(entry("starts"), 0.0).word == "privileged"
    assert guard.decide(entry("goes on", level), 0.0).word == verdict
    assert guard.decide(entry("and on", level), 0.0, critical=True).word == "critical"
    assert guard.decide(entry("elsewhere", system="worker"), 0.0).word == "privileged"


def test_privileges_decay_into_normal():
    """
    120 first entries of a source are privileged in a minute, then 60, 30, 15; errors likewise, and all still pass.
    """
    settings = GuardSettings(hot_above=10**6, normal=(10**6,))
    for level, word in (("info", "privileged"), ("error", "essential")):
        guard = Guard(settings)
        privileged = []
        for minute in range(5):
            verdicts = [
                guard.decide(entry(words(n), level, f"t{minute}-{n}"), minute * 60 + n / 10)
                for n in range(300)
            ]
            assert {verdict.word for verdict in verdicts} == {word, "normal"}
            privileged.append(sum(verdict.word == word for verdict in verdicts))
        assert privileged == [120, 60, 30, 15, 15]


def test_the_limiter_refuses_ordinary_entries_only():
    """
    Beyond 50 a minute ordinary entries of a source are refused for `rate`; errors and other sources are not.
    """
    guard = Guard()
    guard.decide(entry("first"), 0.0)
    verdicts = [guard.decide(entry(words(n)), n / 100) for n in range(60)]
    assert [verdict.kept for verdict in verdicts] == [True] * 50 + [False] * 10
    assert {(verdict.word, verdict.held) for verdict in verdicts[50:]} == {("rate", True)}
    assert guard.decide(entry(words(100), "error"), 0.7).word == "essential"
    assert guard.decide(entry(words(101), source="q"), 0.7).word == "normal"
    assert guard.decide(entry(words(102)), 0.7, critical=True).word == "critical"
    assert guard.status(60.0)["slowed"] == [(("browser", "p"), 25)]


def test_noise_is_counted_and_never_an_error():
    """
    Noise is refused by name, in critical traces too, and the same words at error level pass.
    """
    guard = Guard(GuardSettings(own_noise=(OwnNoise("poll", "polling"),)))
    assert guard.decide(entry("[HMR] connected"), 0.0).word == "noise"
    assert guard.decide(entry("polling"), 0.0, critical=True).word == "noise"
    assert guard.decide(entry("polling", "error"), 0.0).kept
    assert guard.suppressed == {"noise": 2}
    assert Guard(GuardSettings(noise=False)).decide(entry("[HMR] connected"), 0.0).kept


def test_sampling_takes_whole_traces_and_says_so():
    """
    Under pressure ordinary entries of a fifth of the traces stay and carry the rate; first entries, warnings and
    errors of all stay.
    """
    open_wide = {"normal": (10**6,), "privileged": (10**6,), "essential": (10**6,), "hot_above": 10**6}
    guard = Guard(GuardSettings(**open_wide, sample_spare=0))
    guard.sampler.pressure("browser", 0.8)
    for n in range(200):
        trace = f"trace_{n}"
        assert guard.decide(entry(words(0), trace_id=trace), 0.0).word == "privileged"
        verdicts = [guard.decide(entry(words(i), trace_id=trace), 0.0) for i in range(1, 4)]
        rate = 0.2 if keep(trace, 0.2) else 1.0
        assert {(each.word, each.sample_rate) for each in verdicts} == {
            ("normal" if keep(trace, 0.2) else "sampled", rate)
        }
        assert guard.decide(entry("careful", "warn", trace), 0.0).sample_rate == 1.0
        assert guard.decide(entry("broken", "error", trace), 0.0).word == "essential"
    assert guard.decide(entry("first", system="worker"), 0.0).kept
    assert guard.decide(entry("second", system="worker"), 0.0).sample_rate == 1.0


def test_a_quiet_source_is_not_sampled_for_a_loud_one():
    """
    Under pressure each source keeps its first ten ordinary entries of a minute; beyond them traces are sampled.
    """
    guard = Guard(GuardSettings(normal=(10**6,), privileged=(0,), hot_above=10**6))
    guard.sampler.pressure("browser", 0.9)
    left_out = next(f"trace_{n}" for n in range(100) if not keep(f"trace_{n}", 0.2))
    said = [
        entry(words(n), trace_id=left_out, source=source) for n in range(12) for source in ("loud", "quiet")
    ]
    loud = [guard.decide(each, 0.0).word for each in said if each.source == "loud"]
    quiet = [guard.decide(each, 1.0).word for each in said if each.source == "quiet"][:10]
    assert loud == ["normal"] * 10 + ["sampled"] * 2
    assert quiet == ["normal"] * 10
    assert guard.decide(said[0], 61.0).word == "normal"


def test_an_address_cannot_pass_for_many_sources():
    """
    Of the names that an untrusted address takes, some a minute count as speakers; all others are one, and a name
    that is known stays its own.
    """
    guard = Guard(GuardSettings(normal=(3,), privileged=(0,), newcomers=2, hot_above=10**6))

    def says(n: int, source: str, peer: str | None) -> bool:
        return guard.decide(entry(words(n), source=source), 0.0, peer=peer).kept

    assert [says(n, f"made_up_{n}", "203.0.113.9") for n in range(20)] == [True] * 5 + [False] * 15
    assert [says(n, "made_up_0", "203.0.113.9") for n in range(20, 24)] == [True, True, False, False]
    assert [says(n, f"made_up_{n}", None) for n in range(30, 40)] == [True] * 10
    assert [says(n, f"made_up_{n}", "203.0.113.10") for n in range(50, 55)] == [True] * 5
    assert guard.status(0.0)["slowed"] == []


def test_the_errors_of_an_address_are_errors_so_far():
    """
    Whatever systems and sources a page's address takes for its errors, so many an hour count as errors and none is
    refused; those of other addresses and of programs are not less for it.
    """
    guard = Guard(GuardSettings(newcomers=10**6, essential=(10**6,), hot_above=10**6, address_errors=5))

    def errors(first: int, now: float, peer: str | None) -> Counter:
        said = [
            entry(words(n), level="error", trace_id=f"t{n}", system=f"s{n}", source=f"tab{n}")
            for n in range(first, first + 20)
        ]
        return Counter(guard.decide(each, now, peer=peer).word for each in said)

    assert errors(0, 0.0, "203.0.113.9") == {"essential": 5, "normal": 15}
    assert errors(20, 3_000.0, "203.0.113.9") == {"normal": 20}
    assert errors(40, 3_000.0, "203.0.113.10") == {"essential": 5, "normal": 15}
    assert errors(60, 3_000.0, None) == {"essential": 20}
    assert errors(80, 3_600.0, "203.0.113.9") == {"essential": 5, "normal": 15}


def test_made_up_systems_are_one_speaker_too():
    """
    Beyond the names that an address may bring, systems that it makes up share one speaker's minute, for entries and for
    rows about others.
    """
    limits = GuardSettings(normal=(3,), privileged=(2,), newcomers=1, hot_above=10**6)
    for kind, passed in ((None, 2 + 3 + 1), ("summary", 2 + 3 + 1)):
        guard = Guard(limits)
        said = [
            entry(
                words(n), trace_id=f"t{n}", system=f"s{n}", source="tab", kind=kind, count=2 if kind else None
            )
            for n in range(30)
        ]
        assert sum(guard.decide(each, 0.0, peer="203.0.113.9").kept for each in said) == passed


def test_an_error_finds_what_was_not_kept_before_it():
    """
    Entries whose verdict says so go into the recorder, and an error gets the last five of them back.
    """
    guard = Guard(GuardSettings(normal=(1,)))
    for n in range(30):
        each = entry(words(n), timestamp=1e12 + n)
        if guard.decide(each, n / 10).held:
            guard.recorder.keep(each.trace_id, each.message.encode(), each.timestamp)
    assert guard.decide(entry("broken", "error"), 3.0).kept
    assert guard.recorder.release(TRACE)[-5:] == [words(n).encode() for n in range(25, 30)]


# --- rows ----------------------------------------------------------------------------------------------------


def test_a_summary_looks_like_the_entry_it_stands_for():
    """
    Only id, kind, count, last time and reason differ from the first folded entry, and it has no context, which
    is that of one call only; the id is made from its id.
    """
    guard = Guard(new_id=lambda first: f"{first.id}/row")
    entries = [entry("again", user_id="u1", context={"n": n}) for n in range(9)]
    assert [guard.decide(each, 0.0).word for each in entries][5:] == ["loop"] * 4
    (row,) = guard.due(1.0)
    assert row == msgspec.structs.replace(
        entries[5],
        id=f"{entries[5].id}/row",
        kind="summary",
        count=4,
        last_timestamp=entries[8].timestamp,
        why="loop",
        context=None,
    )
    assert guard.due(1.0) == guard.close() == []


def test_rows_that_come_in_are_not_folded_again():
    """
    Rows of a client are privileged while its allowance lasts, weigh what they stand for, and are limited then.
    """
    guard = Guard(GuardSettings(privileged=(20,), normal=(10,)))
    rows = [entry("again", kind="summary", count=100, why="loop") for _ in range(40)]
    assert Counter(guard.decide(row, 0.0).word for row in rows) == {
        "privileged": 20,
        "normal": 10,
        "rate": 10,
    }
    assert (guard.offered, guard.passed, guard.suppressed) == (4_000, 3_000, {"rate": 1_000})
    assert guard.decide(entry("again", "error", kind="summary", count=7, why="loop"), 0.0).word == "normal"
    assert guard.decide(entry("again", kind="context"), 0.0, critical=True).word == "critical"
    assert balance(guard) == guard.offered


@pytest.mark.parametrize(("count", "weight"), [(None, 1), (0, 1), (-5, 1), (2**60, LARGEST_COUNT)])
def test_a_row_with_an_absurd_count_does_no_harm(count, weight):
    """
    Absurd counts are read as the nearest sane one, rows that are told stay within it, and nothing is lost.
    """
    guard = Guard(GuardSettings(privileged=(0,), normal=(0,)))
    for _ in range(3):
        assert guard.decide(entry("again", kind="summary", count=count), 0.0).word == "rate"
    rows = guard.close()
    assert sum(row.count for row in rows) == 3 * weight
    assert max(row.count for row in rows) <= LARGEST_COUNT
    assert len({row.id for row in rows}) == len(rows)


def test_an_ordinary_entry_stands_for_itself():
    """
    A count on an entry that is no row changes no account.
    """
    guard = Guard(GuardSettings(privileged=(0,), normal=(0,)))
    guard.decide(entry("once", count=1_000), 0.0)
    assert (guard.offered, guard.suppressed) == (1, {"rate": 1})


def test_what_was_not_kept_is_told_in_its_trace():
    """
    A trace that is known gets rows with message, count and reason of its own, after 2 s and ever more rarely.
    """
    guard = Guard(GuardSettings(normal=(0,), hot_above=10**6))
    guard.decide(entry("starts"), 0.0)
    told = []
    for n in range(1_000):
        now = n / 10
        guard.decide(entry(f"step {n}", timestamp=1e12 + n, context={"n": n}, user_id="u"), now)
        told += [(now, row) for row in guard.suppressed_rows(now)]
    times = [now for now, _ in told]
    assert times == pytest.approx([2.0, 6.0, 14.0, 30.0, 62.0], abs=0.2)
    first = told[0][1]
    assert (first.trace_id, first.kind, first.why, first.level) == (TRACE, "suppressed", "rate", "info")
    assert (first.message, first.timestamp, first.context) == ("step 0", 1e12, None)
    assert first.last_timestamp == 1e12 + first.count - 1
    rest = guard.close()
    assert (
        sum(row.count for _, row in told) + sum(row.count for row in rest if row.why == "rate")
        == guard.suppressed["rate"]
    )


def test_a_trace_has_few_rows_about_what_is_missing():
    """
    There is a row for each reason; beyond as many as are allowed one stands for all others, the sum is exact.
    """
    guard = Guard(GuardSettings(normal=(0,), suppressed_rows=1))
    guard.decide(entry("starts"), 0.0)
    for n in range(100):
        guard.decide(entry(words(n)), 0.0)
    guard.decide(entry("[HMR] connected"), 0.0)
    rows = guard.suppressed_rows(2.0)
    assert [(row.why, row.count) for row in rows] == [("rate", 100), (OTHER, 1)]
    assert guard.status(0.0)["untold"] == 0
    assert guard.suppressed_rows(6.1) == []
    assert guard.status(0.0)["accounts"] == 0


def test_traces_with_nothing_stored_are_told_together():
    """
    New traces that are refused at once share the rows of their system, however many they are.
    """
    guard = Guard(GuardSettings(normal=(0,), privileged=(0,), hot_above=10**6))
    for n in range(5_000):
        assert guard.decide(entry("effect ran", trace_id=f"t{n}"), n / 1_000).word == "rate"
    rows = guard.close()
    assert [(row.trace_id, row.count) for row in rows] == [("t0", 5_000)]


def test_accounts_are_bounded():
    """
    Beyond so many traces with something missing the others share one account, and the sum is exact.
    """
    guard = Guard(GuardSettings(normal=(0,), suppressed_traces=3, hot_above=10**6))
    for n in range(20):
        trace = f"t{n}"
        assert guard.decide(entry("starts", trace_id=trace), 0.0).kept
        assert guard.decide(entry("goes on", trace_id=trace), 0.0).word == "rate"
        assert guard.status(0.0)["accounts"] <= 4
    rows = guard.suppressed_rows(2.0)
    assert [(row.trace_id, row.count) for row in rows] == [("t0", 1), ("t1", 1), ("t2", 1), ("t3", 17)]


def test_long_messages_and_texts_do_not_fill_memory():
    """
    A row about what was refused keeps the beginning of a long message and says so; long texts still fold exactly.
    """
    guard = Guard(GuardSettings(normal=(0,), privileged=(0,)))
    long = "word " * 10_000
    guard.decide(entry(long), 0.0)
    (row,) = guard.close()
    assert (row.message, row.fixed) == (long[: MESSAGE_CHARS - 3], ["message"])  # whole words only
    guard = Guard()
    verdicts = [guard.decide(entry("x" * 60_000 + end), 0.0).word for end in "a" * 6 + "b"]
    assert verdicts == ["privileged", *["normal"] * 4, "loop", "normal"]


def test_an_id_of_a_row_is_an_id():
    """
    The usual id of a row is the same for the same first entry, another for another, and never too long.
    """
    first, second = entry(id="p-1"), entry(id="p-2")
    assert own_id(first) == own_id(first) != own_id(second)
    assert len(own_id(entry(id="x" * 128))) <= 128


def test_rows_nobody_fetches_are_bounded():
    """
    When nobody asks for rows, no more than so many wait, and the others are counted as suppressed.
    """
    guard = Guard(GuardSettings(loops=1, run_burst=1, hot_above=10**6, normal=(10**6,)))
    for n in range(ROWS + 50):
        for _ in range(3):
            guard.decide(entry(words(n)), 0.0)
    assert len(guard._rows) == ROWS
    assert guard.suppressed["loop"] == 2 * (50 - 1)
    assert balance(guard) == guard.offered
    rows = guard.close()
    assert sum(row.count for row in rows) == 2 * (ROWS + 50)


# --- explosions ----------------------------------------------------------------------------------------------


def normal_traffic():
    """
    60 traces of three systems in 60 s, every tenth with an error: (time, entry).
    """
    tabs = {"browser": 6, "worker": 3, "backend": 2}
    traffic = []
    for n in range(60):
        for place, (system, step) in enumerate(itertools.product(tabs, ("starts", "is done"))):
            message = f"{system} request {n} {step}"
            source = f"{system}-{n % tabs[system]}"
            fields = {"trace_id": f"normal-{n}", "system": system, "source": source}
            traffic.append((n + place / 10, entry(message, **fields)))
        if n % 10 == 0:
            failed = entry("payment failed", "error", f"normal-{n}", "backend", source="backend-0")
            traffic.append((n + 0.7, failed))
    return traffic


EXPLOSIONS = {
    "identical error": (11, lambda n: entry("Cannot read x", "error", source="browser-0")),
    "counter in the text": (56, lambda n: entry(f"effect run {n}", source="browser-0")),
    "new trace each time": (200, lambda n: entry("effect ran", trace_id=f"loop-{n}", source="browser-0")),
    "new trace, error": (200, lambda n: entry("effect ran", "error", f"loop-{n}", source="browser-0")),
    "unique words, error": (150, lambda n: entry(words(n), "error", source="browser-0")),
    "unique words": (150, lambda n: entry(words(n), source="another tab")),
}
"""Name: rows of the loop at most, and the entry that comes 16,000 times in a minute."""


def through_trace_quota(rows):
    """
    Of *rows* (class and entry, in order) those that the next step stores: 100 a trace, and 50 essential more.
    """
    stored, plain, extra = [], Counter(), Counter()
    for word, each in rows:
        if plain[each.trace_id] < 100:
            plain[each.trace_id] += 1
        elif word == "essential" and extra[each.trace_id] < 50:
            extra[each.trace_id] += 1
        else:
            continue
        stored.append(each)
    return stored


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_an_explosion_beside_normal_traffic(name):
    """
    Every normal entry, hop and error passes; the loop leaves few rows, and their counts are exact. Errors of ever
    other words are for the quota of their trace to end: the guard refuses no error.
    """
    most, loop = EXPLOSIONS[name]
    guard = Guard()
    traffic = normal_traffic()
    flood = [(n * 60 / 16_000, loop(n)) for n in range(16_000)]
    ours = {each.id for _, each in traffic}
    passed, told, next_sweep = [], [], 0.0
    for now, each in sorted(traffic + flood, key=lambda timed: timed[0]):
        if now >= next_sweep:
            told += guard.due(now) + guard.suppressed_rows(now)
            assert balance(guard) == guard.offered
            next_sweep = now + 0.1
        verdict = guard.decide(each, now)
        if verdict.kept:
            passed.append((verdict.word, each))
        assert verdict.kept or each.id not in ours
    told += guard.close()
    loop_rows = [(word, each) for word, each in passed if each.id not in ours]
    assert len(passed) - len(loop_rows) == len(traffic)
    assert len(loop_rows) + sum(row.count for row in told) == 16_000
    stored = through_trace_quota(loop_rows) if name == "unique words, error" else loop_rows
    assert len(stored) + len(told) <= most
    privileged = [word for word, each in passed if each.id in ours and each.level == "info"]
    assert privileged.count("privileged") == 180
    assert [word for word, each in passed if each.id in ours and each.level == "error"] == ["essential"] * 6


def test_an_outage_leaves_an_error_in_traces():
    """
    An error that is hot passes as the first of its trace while the form's allowance lasts, and folds otherwise.
    """
    guard = Guard()
    kept = Counter()
    for n in range(200):
        trace = f"t{n}"
        guard.decide(entry(words(n), trace_id=trace, source=f"s{n}"), n / 50)
        for _ in range(2):
            kept[n] += guard.decide(entry("db gone", "error", trace, source=f"s{n}"), n / 50).kept
    assert all(kept[n] >= 1 for n in range(60))
    assert sum(kept.values()) < 120
    assert balance(guard) == guard.offered


# --- properties ----------------------------------------------------------------------------------------------

SCHEDULE = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["browser", "worker"]),
        st.sampled_from(["info", "warn", "error"]),
        st.sampled_from(["a b", "run 1", "run 2", "[HMR] connected", "c", "rows=1", "rows=22"]),
        st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0, 70.0]),
        st.integers(0, 12),
    ),
    max_size=60,
)
"""(trace, system, level, message, seconds before, repetitions)"""

SMALL = st.builds(
    GuardSettings,
    run_burst=st.integers(1, 3),
    runs=st.integers(1, 4),
    templates=st.integers(1, 4),
    loops=st.integers(1, 3),
    hot_above=st.integers(1, 8),
    normal=st.sampled_from([(50, 25, 12, 6), (2, 1), (0,)]),
    privileged=st.sampled_from([(120, 60), (3, 1), (0,)]),
    sources=st.integers(1, 3),
    traces=st.integers(1, 4),
    sample_mode=st.sampled_from(["always", "off"]),
    suppressed_rows=st.integers(1, 8),
    suppressed_traces=st.integers(1, 3),
)


def entries_of(schedule):
    now = 0.0
    numbers = itertools.count()
    for trace, system, level, message, gap, times in schedule:
        now += gap
        for _ in range(times):
            n = next(numbers)
            yield (
                now,
                Entry(
                    id=f"e-{n}",
                    trace_id=f"t{trace}",
                    timestamp=1e12 + n,
                    system=system,
                    level=level,
                    message=message,
                    source=f"s{trace % 2}",
                ),
            )


@given(SCHEDULE, SMALL, st.booleans())
def test_every_entry_is_accounted_for(schedule, settings, asks):
    """
    Offered is passed, told, waiting and suppressed, at every moment, for any bound; rows told about what was
    refused and what is untold are all that was refused; and memory is bounded.
    """
    guard = Guard(settings)
    verdicts, summaries, refusals = Counter(), 0, 0
    for n, (now, each) in enumerate(entries_of(schedule), 1):
        verdicts[guard.decide(each, now).word] += 1
        if asks:
            summaries += sum(row.count for row in guard.due(now))
            refusals += sum(row.count for row in guard.suppressed_rows(now))
        status = guard.status(0.0)
        passed = sum(verdicts[word] for word in ("essential", "privileged", "normal"))
        assert status["offered"] == n == balance(guard)
        assert (status["passed"], status["told"]) == (passed, summaries)
        assert refusals + status["untold"] == sum(status["suppressed"].values())
        assert status["runs"] <= 2 * settings.runs
        assert status["templates"] <= 2 * settings.templates
        assert status["loops"] <= 2 * settings.loops
        assert status["accounts"] <= settings.suppressed_traces + 1
        assert status["largest_account"] <= settings.suppressed_rows + 1
    rest = guard.close()
    assert sum(row.count for row in rest) + summaries + refusals + passed_of(verdicts) == guard.offered
    assert balance(guard) == guard.offered
    assert all(row.count > 0 and row.kind in {"summary", "suppressed"} for row in rest)


def passed_of(verdicts):
    return sum(verdicts[word] for word in ("essential", "privileged", "normal"))


@given(SCHEDULE)
def test_the_first_of_every_hop_and_every_error_is_kept(schedule):
    """
    While nothing is hot and the allowances last, the first entry of each (trace, system) that is no noise passes,
    and an error is never refused: it passes or folds.
    """
    guard = Guard(GuardSettings(hot_above=10**6, privileged=(10**6,), normal=(1,)))
    seen = set()
    for now, each in entries_of(schedule):
        verdict = guard.decide(each, now)
        hop = (each.trace_id, each.system)
        if verdict.word == "noise":
            assert each.level != "error"
            continue
        if each.level == "error":
            assert verdict.kept or verdict.word == "loop"
        elif hop not in seen:
            assert verdict.word == "privileged"
        seen.add(hop)


@given(SCHEDULE, SMALL)
def test_an_error_is_never_refused(schedule, settings):
    """
    Whatever the settings, an error passes or is told in a summary.
    """
    guard = Guard(settings)
    for now, each in entries_of(schedule):
        if each.level == "error":
            verdict = guard.decide(each, now)
            assert verdict.kept or verdict.word in {"loop", "loop_template"}


@given(SCHEDULE, SMALL)
def test_the_guard_is_a_pure_function(schedule, settings):
    """
    The same entries at the same times give the same verdicts and the same rows.
    """
    runs = []
    for _ in range(2):
        guard = Guard(settings)
        told = [(guard.decide(each, now), guard.due(now)) for now, each in entries_of(schedule)]
        runs.append((told, guard.close()))
    assert runs[0] == runs[1]


def test_invented_systems_do_not_cost_memory():
    """
    Beyond so many systems they share one mark, and entries are decided all the same.
    """
    guard = Guard()
    for n in range(SYSTEMS + 20):
        assert guard.decide(entry(words(n), system=f"s{n}", trace_id=f"t{n}"), 0.0).word == "privileged"
    assert len(guard._marks) == SYSTEMS


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(GuardSettings)])
def test_settings_are_checked_when_they_are_read(field):
    """
    A value that would make no sense is refused where settings are read.
    """
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({field: -1}, GuardSettings)
