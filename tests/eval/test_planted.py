"""
The planted faults are found: on incidents whose seeds and sentences the analysis was not tuned on.
"""

from collections import Counter
from statistics import mean

import pytest

from tests.eval.score import KINDS, incidents, make, score
from tests.eval.table import HELD_OUT, table
from tracelog.correlation import correlate

pytestmark = pytest.mark.xdist_group("planted")  # its tests share one run


@pytest.fixture(scope="session")
def made():
    """
    Every incident of the held-out seeds.
    """
    return list(incidents(HELD_OUT, held_out=True))


@pytest.fixture(scope="session")
def scores(made):
    return [score(incident) for incident in made]


def test_there_is_enough_to_judge_by(made):
    """
    At least 40 incidents of at least 12 kinds, each of several systems, most with noise that is an error itself.
    """
    assert len(made) >= 40
    assert len(KINDS) >= 12
    assert all(len({entry["system"] for entry in one.entries}) >= 2 for one in made)
    noisy = [one for one in made if any(_is_noise(entry, one) for entry in one.entries)]
    assert len(noisy) > len(made) / 2


def _is_noise(entry, incident) -> bool:
    return entry["level"] == "error" and entry["id"] not in incident.chain | incident.second


def test_the_true_root_stands_first(scores):
    """
    The true first cause is ranked first in 95 of 100 incidents, and within three in 98, whatever was lost on the way.
    """
    told = table(scores)
    assert mean(one.rank == 1 for one in scores) >= 0.95, told
    assert mean(0 < one.rank <= 3 for one in scores) >= 0.98, told


def test_most_kinds_leave_no_doubt(scores):
    """
    Where no step of the failure was lost the true root is first in all incidents of nearly every kind, and in none of
    them behind more than one other in more than one incident.
    """
    missed = Counter(one.kind for one in scores if one.evident and one.rank != 1)
    assert len(missed) <= 2, missed
    assert max(missed.values(), default=0) <= 1, missed


def test_chains_hold_what_belongs_to_them(scores):
    """
    Of the steps told of a failure nearly all belong to it.
    """
    assert mean(one.precision for one in scores if one.precision is not None) >= 0.97


def test_the_brief_names_the_root_within_its_budget(scores):
    """
    A brief of 1,500 tokens names the root of 98 in 100 incidents, of most in a third of that.
    """
    named = [one.tokens for one in scores if one.tokens is not None]
    assert len(named) >= 0.98 * len(scores)
    assert max(named) <= 1_500
    assert sorted(named)[len(named) // 2] <= 500


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_incidents_are_made_from_seeds(kind):
    """
    A seed makes one incident, the same each time, and another seed another; the order of its entries tells nothing.
    """
    one, again, other = (make(kind, seed, held_out=False) for seed in (1, 1, 2))
    assert one == again
    assert one.entries != other.entries
    assert correlate(one.entries[::-1]) == correlate(one.entries)
    assert one.roots <= {entry["id"] for entry in one.entries}
