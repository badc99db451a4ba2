"""
Who most likely did it: failures and costs of one trace in one order, most likely first.

What surfaced stands first, for that is what somebody complains about, and a failure in the hop where most
of the time went. Where there is none, the cost that is most of the time does; then failures that were
handled, then errors that have to do with nothing else, then smaller costs.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from tracelog.correlation.report import Chain, Insight, Report, Row

BLAMED: Final = frozenset({"n_plus_one", "slow_hop", "wait", "silence", "retries", "fan_out"})
"""Kinds of insights that name where time went; the others describe."""

IN_A_HOP: Final = frozenset({"slow_hop", "retries"})
"""Kinds whose entries all belong to the hop that is blamed; silences also name the rows around them."""

MOST_OF_IT: Final = 0.4
"""The part of the time from which on its cost is what a slow trace is about."""

NEARLY: Final = 0.75
"""The part of a slow hop's own time from which on a hop inside it, whose caller is not known, is that
time."""

OVERLAPS: Final = 0.5
"""The part of a hop without a known caller that lies in the slow hop where no call ties their clocks: these
may be off by the rest."""

NOTICED_MS: Final = 1_000.0
"""People notice a wait of a second (Nielsen, Usability Engineering, 1993, ch. 5)."""


HABITS: Final = frozenset({"n_plus_one", "retries"})
HABIT_MS: Final = 200.0
"""What is made too often is a fault in itself, and grows with the data: it counts sooner than a hop that is
slow once."""


class Suspect(msgspec.Struct, frozen=True):
    """
    One possible first cause.

    Attributes:
        kind: `failure` for the root of a chain, else the kind of the insight.
        entries: The entries that name it, the most telling first.
        cost_ms: The time it took where that is what speaks against it.
    """

    kind: str
    entries: list[str]
    cost_ms: float | None = None


def suspects(report: Report) -> list[Suspect]:
    """
    Return the possible first causes of what went wrong in *report*, the most likely first.
    """
    rows = {row.id: row for row in report.timeline}
    waited = sum(step.self_ms for step in report.critical_path) or report.duration_ms
    adrift = _adrift(report)
    costs = _inner_first(
        [insight for insight in report.insights if insight.kind in BLAMED and insight.entries], rows, adrift
    )
    large = [cost for cost in costs if _is_large(cost, waited)]
    costly = _hops(rows, [id_ for cost in large if cost.kind in IN_A_HOP for id_ in cost.entries])
    doubtful = adrift if large else set()  # beside a large cost alone it matters who went on
    places = {chain.root: _place(chain, rows, costly, doubtful) for chain in report.chains}
    chains = sorted(report.chains, key=lambda chain: places[chain.root])
    first = [chain for chain in chains if places[chain.root] == FIRST]
    return [
        *map(_failure, first),
        *map(_cost, large),
        *(_failure(chain) for chain in chains if chain not in first),
        *(_cost(cost) for cost in costs if cost not in large),
    ]


FIRST, ALONE, HANDLED, STRAY = range(4)
"""Places of failures: surfaced or costly ones; one that nothing followed; handled ones; those outside all
hops."""


def _place(
    chain: Chain, rows: Mapping[str, Row], costly: AbstractSet[str], doubtful: AbstractSet[str]
) -> int:
    hops = _hops(rows, chain.entries)
    if not hops and len(_systems(rows, chain)) == 1 and any(row.span_id for row in rows.values()):
        return STRAY
    if not hops.isdisjoint(costly):
        return FIRST
    if chain.handled:
        return HANDLED
    if len(hops) == 1 and hops <= doubtful and chain.confidence < 1.0:
        return ALONE  # whoever called it may well have gone on
    return FIRST if len(chain.entries) > 1 or chain.confidence == 1.0 else ALONE


def _is_large(cost: Insight, waited: float) -> bool:
    least = HABIT_MS if cost.kind in HABITS else NOTICED_MS
    return (cost.cost_ms or 0.0) >= max(least, MOST_OF_IT * waited)


def _inner_first(costs: list[Insight], rows: Mapping[str, Row], adrift: AbstractSet[str]) -> list[Insight]:
    """
    Return *costs*, the largest first, but before a slow hop one inside it that took nearly as long: it
    explains it.
    """
    costs.sort(key=lambda cost: -(cost.cost_ms or 0.0))
    ordered: list[Insight] = []
    for cost in costs:
        places = (i for i, outer in enumerate(ordered) if _explains(cost, outer, rows, adrift))
        ordered.insert(next(places, len(ordered)), cost)
    return ordered


def _explains(inner: Insight, outer: Insight, rows: Mapping[str, Row], adrift: AbstractSet[str]) -> bool:
    ours, theirs = rows.get(inner.entries[0]), rows.get(outer.entries[0])
    if (
        outer.kind != "slow_hop"
        or ours is None
        or theirs is None
        or not ours.duration_ms
        or not theirs.duration_ms
    ):
        return False
    return (inner.cost_ms or 0.0) >= NEARLY * (outer.cost_ms or 0.0) and (
        (theirs.at_ms <= ours.at_ms and ours.ends_ms <= theirs.ends_ms)
        or (ours.span_id in adrift and _overlap(ours, theirs))
    )


def _overlap(inner: Row, outer: Row) -> bool:
    """
    Whether *inner* lasted no longer than *outer*, and most of it meanwhile.
    """
    lasted = inner.ends_ms - inner.at_ms
    shared = min(inner.ends_ms, outer.ends_ms) - max(inner.at_ms, outer.at_ms)
    return lasted <= outer.ends_ms - outer.at_ms and shared >= OVERLAPS * lasted


def _adrift(report: Report) -> set[str]:
    """
    Return the hops of which nobody knows who called the outermost above them: it was never closed here.
    """
    adrift: set[str] = set()
    for hop in report.hops:  # causes before effects
        unclosed = hop.parent_id is None and (hop.name is None or not hop.known)
        if unclosed or hop.parent_id in adrift:
            adrift.add(hop.span_id)
    return adrift


def _hops(rows: Mapping[str, Row], ids: Iterable[str]) -> set[str]:
    return {row.span_id for id_ in ids if (row := rows.get(id_)) is not None and row.span_id}


def _systems(rows: Mapping[str, Row], chain: Chain) -> set[str]:
    return {row.system for id_ in chain.entries if (row := rows.get(id_)) is not None}


def _failure(chain: Chain) -> Suspect:
    return Suspect("failure", [chain.root])


def _cost(insight: Insight) -> Suspect:
    return Suspect(insight.kind, insight.entries, insight.cost_ms)
