"""
Hops whose caller is not known: which of two slow ones explains the other, which silence is one, who named whom.
"""

import pytest

from tests.correlation.build import START, closing, hop, log, not_kept
from tracelog.correlation import correlate, suspects

BUG = {"type": "ZeroDivisionError", "message": "division by zero"}
DISK = {"type": "OSError", "message": "no space left on /data"}
FLAGS = {"type": "FlagsTimeout", "message": "no answer of flags"}
GAVE_UP = {"type": "DeadlineExceeded", "message": "context deadline exceeded"}


def came(entry, ms):
    entry.received_at = START + ms
    return entry


def said(id_, ms, message, number, level="error", **more):
    return log(id_, ms, message, level=level, span_id=hop(number), **more)


def first_of(entries):
    return suspects(correlate(entries))[0].entries[0]


@pytest.mark.parametrize(
    ("begins", "caller", "first"),
    [(400, 9, "query"), (3_000, 9, "page"), (400, 1, "query")],
    ids=["unknown caller, clock off", "hardly at the same time", "called"],
)
def test_a_slow_hop_is_explained_by_one_that_nobody_is_known_to_have_called(begins, caller, first):
    """
    A hop that took nearly as long, most of it meanwhile, explains a slow one though its clock is off by some of it.
    """
    took = 3_700 if caller == 9 else 3_500
    entries = [
        closing("page", 1, 0, 4_000, source="tab", seq=0),
        closing("query", 2, begins, took, parent=caller, system="backend", source="db", seq=0),
    ]
    assert first_of(entries) == first


@pytest.mark.parametrize(("arrives", "silent"), [(200, False), (-19_800, True)])
def test_a_silence_that_arrivals_know_nothing_of_is_one_of_clocks(arrives, silent):
    """
    Two sources that no call ties: what lies between them is a silence only if the earlier also arrived earlier.
    """
    entries = [
        came(closing("a", 1, -20_000, 50, source="a", seq=0), arrives),
        came(closing("b", 2, 0, 40, source="b", seq=0), 300),
    ]
    found = [one for one in correlate(entries).insights if one.kind == "silence"]
    assert bool(found) == silent


def test_what_happened_in_a_stretch_of_repeats_is_no_silence_to_blame():
    """
    Where repeats went on nobody was silent: the stretch is told, and what was repeated stands before it.
    """
    many = [closing(f"q{n}", 10 + n, 30 + 50 * n, 45, parent=1, message=f"SELECT {n}") for n in range(40)]
    entries = [closing("list", 1, 0, 2_100), *many, said("done", 2_050, "sorted", 1, "info")]
    assert suspects(correlate(entries))[0].kind == "n_plus_one"


@pytest.mark.parametrize(("failed_in", "first"), [(5, "query"), (1, "no")])
def test_a_failure_of_which_nobody_outside_tells_stands_behind_what_took_the_time(failed_in, first):
    """
    Whoever called a hop that fails alone may have gone on; in a hop whose caller is known that would be seen.
    """
    entries = [
        closing("page", 1, 0, 4_000, source="tab", seq=9, context={"status": 200}),
        closing("query", 2, 10, 3_900, parent=1, source="tab", seq=8),
        said("no", 3_990, "no flags", failed_in, "error", error=FLAGS, source="tab", seq=5),
    ]
    if failed_in == 5:
        entries.append(
            closing(
                "side", 5, 3_980, 12, parent=7, level="error", context={"status": 500}, source="tab", seq=7
            )
        )
    assert first_of(entries) == first


def wrapped(clock, **thrown):
    """
    Return a caller that wraps an exception, and who threw it, below no known hop, *clock* ms ahead.
    """
    return [
        closing("page", 1, 0, 100, source="api", seq=2, context={"status": 500}),
        closing("put", 2, 20, 40, parent=1, source="api", seq=0, context={"status": 507}, level="error"),
        said("cannot", 62, "cannot keep it", 1, error={**BUG, "cause": DISK}, source="api", seq=1),
        said("full", 50 + clock, "disk", 3, source="store", seq=0, error=DISK | thrown),
    ]


@pytest.mark.parametrize("clock", [40, 5_000])
def test_who_threw_what_a_wrapper_names_is_the_cause_wherever_clocks_put_it(clock):
    """
    Nobody names an exception before it was thrown: the one who threw it is the root, of one chain.
    """
    [chain] = correlate(wrapped(clock)).chains
    assert (chain.root, set(chain.entries)) == ("full", {"full", "put", "cannot"})


def test_another_exception_is_not_what_a_wrapper_names():
    """
    The same type with another text is another failure.
    """
    roots = {chain.root for chain in correlate(wrapped(5_000, message="no inodes left")).chains}
    assert roots == {"put", "full"}


@pytest.mark.parametrize(("named", "root"), [("http://store-db/x", "late"), ("http://mailer/x", "gave up")])
def test_who_gave_up_on_a_service_waited_for_its_open_hop(named, root):
    """
    Of a service that a caller names when it stops waiting, the hop that was open then explains it.
    """
    entries = [
        closing("page", 1, 0, 1_020, source="api", seq=2, context={"status": 504}),
        said("gave up", 1_000, f"Post {named}: deadline exceeded", 1, error=GAVE_UP, source="api", seq=1),
        closing(
            "update", 2, 60, 2_940, parent=9, service="store-db", source="db", seq=2, context={"status": 500}
        ),
        said("late", 2_998, "statement timed out", 2, error=DISK, service="store-db", source="db", seq=1),
    ]
    assert correlate(entries).chains[0].root == root


@pytest.mark.parametrize(("hushed", "root"), [(True, "bug"), (False, "no")])
def test_what_was_not_kept_may_have_been_that_all_is_well(hushed, root):
    """
    An error with an exception of its own is not blamed on a call before it when its source said something
    in between that was not kept.
    """
    entries = [
        closing("page", 1, 0, 90, source="api", seq=3, context={"status": 500}),
        closing(
            "optional", 2, 20, 10, parent=1, source="side", seq=1, level="error", context={"status": 500}
        ),
        said("bug", 60, "division by zero", 1, error=BUG, source="api", seq=2),
        said("no", 28, "no flags", 2, "error", error=FLAGS, source="side", seq=0),
    ]
    entries += [not_kept("hush", 40, 41, source="api", seq=1, count=1)] if hushed else []
    report = correlate(entries)
    [chain] = [chain for chain in report.chains if "bug" in chain.entries]
    assert chain.root == root


@pytest.mark.parametrize(
    ("words", "root"),
    [("got 401 from keys", "token"), ("keys said 401 to us", "token"), ("rates are odd", "bug")],
)
def test_a_status_in_plain_words_tells_of_who_answered_with_it(words, root):
    """
    A line that names a service and the status it answered with points to it, in whatever words, though the hop went on.
    """
    entries = [
        closing("page", 1, 0, 200, source="api", seq=4, context={"status": 500}),
        closing("check", 2, 10, 10, parent=1, service="keys", source="keys", seq=1, context={"status": 401}),
        said("token", 15, "session over", 2, "warn", error=FLAGS, service="keys", source="keys", seq=0),
        closing("rates", 3, 30, 5, parent=1, service="users", source="users", seq=1, context={"status": 200}),
        said("well", 100, "defaults in use", 1, "info", source="api", seq=1),
        said("bug", 150, words, 1, error=BUG, source="api", seq=2),
    ]
    assert correlate(entries).chains[0].root == root


def test_the_end_of_a_call_is_no_cause_of_what_it_called():
    """
    Both tell of 504, and the clocks put the caller first: who names the other is the caller.
    """
    entries = [
        closing(
            "put", 1, 0, 100, message="PUT vault", source="api", seq=0, context={"status": 504}, level="error"
        ),
        closing(
            "get", 2, 5, 100, parent=9, service="vault", source="v", context={"status": 504}, level="error"
        ),
    ]
    assert not [link for chain in correlate(entries).chains for link in chain.links if link.cause == "put"]
