"""
How good the analysis is: made incidents in, how high it puts the true root, how clean its chain is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.eval import faults_failing as failing
from tests.eval import faults_odd as odd
from tests.eval import faults_slow as slow
from tests.eval.layers import cover
from tests.eval.world import World
from tracelog.correlation.suspects import suspects
from tracelog.render.brief import NONCE, brief
from tracelog.render.reported import Report, correlate

KINDS: tuple[Callable[[World], None], ...] = (
    failing.timeout_cascade,
    failing.bad_deploy,
    failing.retry_storm,
    failing.skewed_clocks,
    failing.auth_expiry,
    failing.missing_hop,
    failing.crash,
    failing.fan_out_one_fails,
    failing.disk_full,
    odd.swallowed_exception,
    odd.race,
    odd.poison_message,
    odd.partial_outage,
    odd.duplicate_delivery,
    odd.two_failures,
    odd.no_hops,
    slow.slow_dependency,
    slow.slow_query,
    slow.n_plus_one,
    slow.noisy_neighbour,
    slow.silent_gap,
)

OWN_CLOCKS = (failing.skewed_clocks, failing.missing_hop, failing.crash)
"""Kinds whose clocks are not set wrong on top: one sets its own, and where nobody knows who called a hop no log
tells how far its clock is off."""

BUDGETS = (300, 500, 750, 1_000, 1_250, 1_500)
"""Tokens asked for, one after another, until the brief names the root."""


@dataclass(frozen=True)
class Incident:
    """
    One incident as a store holds it, and the truth about it.
    """

    kind: str
    seed: int
    entries: list[dict[str, Any]]
    roots: frozenset[str]
    chain: frozenset[str]
    second: frozenset[str]
    evident: bool


@dataclass(frozen=True)
class Score:
    """
    What the analysis made of one incident: the place of the true root (1 is first, 0 is nowhere), the part of the chain
    with that root that truly belongs to it, and the tokens of the brief that names it (None: no brief did).
    """

    kind: str
    seed: int
    rank: int
    precision: float | None
    tokens: int | None
    evident: bool


def make(kind: Callable[[World], None], seed: int, *, held_out: bool) -> Incident:
    """
    Return the incident that *seed* makes.
    """
    world = World(seed * 1_000 + [one.__name__ for one in KINDS].index(kind.__name__), held_out=held_out)
    kind(world)
    entries = cover(world, clocks=kind not in OWN_CLOCKS)

    def ids(some) -> frozenset[str]:
        return frozenset(said.id for said in some if not said.lost)

    return Incident(
        kind.__name__, seed, entries, ids(world.roots), ids(world.chain), ids(world.second), world.evident
    )


def incidents(seeds: range, *, held_out: bool) -> Iterator[Incident]:
    for kind in KINDS:
        for seed in seeds:
            yield make(kind, seed, held_out=held_out)


def score(incident: Incident) -> Score:
    report = correlate(incident.entries)
    rank = next(
        (n for n, one in enumerate(suspects(report), 1) if incident.roots.intersection(one.entries)), 0
    )
    chain = next((chain for chain in report.chains if chain.root in incident.roots), None)
    precision = None
    if chain is not None:
        precision = sum(id_ in incident.chain for id_ in chain.entries) / len(chain.entries)
    return Score(incident.kind, incident.seed, rank, precision, naming(report, incident), incident.evident)


def naming(report: Report, incident: Incident) -> int | None:
    """
    Return the tokens of the shortest brief that names the root, four bytes each as the brief itself counts.
    """
    texts = {row["message"][:30] for row in incident.entries if row["id"] in incident.roots}
    for budget in BUDGETS:
        told = brief(report, budget, NONCE)
        story = told.partition("\nrows (")[0]
        if any(text in story for text in texts):
            return -(-len(told.encode()) // 4)
    return None
