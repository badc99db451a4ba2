"""
Who most likely did it: failures and costs of one trace in one order, most likely first.

What surfaced stands first, for that is what somebody complains about, and a failure in the hop where most of the time
went. Where there is none, the cost that is most of the time does; then failures that were handled, then errors that
have to do with nothing else, then smaller costs.
"""

from typing import Final

import msgspec

from tracelog.correlation.report import Chain, Insight, Report

BLAMED: Final = frozenset({"n_plus_one", "slow_hop", "wait", "silence", "retries", "fan_out"})
"""Kinds of insights that name where time went; the others describe."""

IN_A_HOP: Final = frozenset({"slow_hop", "retries"})
"""Kinds whose entries all belong to the hop that is blamed; silences also name the rows around them."""

MOST_OF_IT: Final = 0.4
"""The part of the time from which on its cost is what a slow trace is about."""

NOTICED_MS: Final = 1_000.0
"""People notice a wait of a second (Nielsen, Usability Engineering, 1993, ch. 5)."""


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
    places = {row.id: row.span_id for row in report.timeline}
    costs = [insight for insight in report.insights if insight.kind in BLAMED and insight.entries]
    costs.sort(key=lambda insight: -(insight.cost_ms or 0.0))
    least = max(NOTICED_MS, MOST_OF_IT * report.duration_ms)
    large = [cost for cost in costs if (cost.cost_ms or 0.0) >= least]
    costly = {places.get(id_) for cost in large if cost.kind in IN_A_HOP for id_ in cost.entries} - {None}
    strays = [chain for chain in report.chains if _is_stray(chain, places)]
    others = [chain for chain in report.chains if chain not in strays]
    first = [c for c in others if not c.handled or not costly.isdisjoint(map(places.get, c.entries))]
    return [
        *map(_failure, first),
        *map(_cost, large),
        *(_failure(chain) for chain in others if chain not in first),
        *map(_failure, strays),
        *(_cost(cost) for cost in costs if cost not in large),
    ]


def _is_stray(chain: Chain, places: dict[str, str | None]) -> bool:
    """
    Whether the failure of *chain* is one line outside all hops of a trace that has hops.
    """
    return len(chain.entries) == 1 and places.get(chain.root) is None and any(places.values())


def _failure(chain: Chain) -> Suspect:
    return Suspect("failure", [chain.root])


def _cost(insight: Insight) -> Suspect:
    return Suspect(insight.kind, insight.entries, insight.cost_ms)
