"""
Many traces told together: how long each operation takes, how often it fails, and who calls whom.

An operation is what one service of one system does under one name, numbers in it apart. Percentiles are those
of the nearest rank: a time that was really measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import msgspec

from tracelog.correlation.patterns import template
from tracelog.correlation.report import Hop, Report


class Operation(msgspec.Struct, frozen=True):
    """
    One operation over many traces: calls, those in which something failed, and its times in milliseconds.
    """

    system: str
    service: str | None
    name: str
    calls: int
    errors: int
    error_share: float
    p50_ms: float
    p95_ms: float


class Flow(msgspec.Struct, frozen=True):
    """
    Calls from one service to another, each named as `system` or `system/service`.
    """

    caller: str
    called: str
    calls: int
    errors: int
    p50_ms: float
    p95_ms: float


class Statistics(msgspec.Struct, frozen=True):
    """
    What many traces have in common.

    Attributes:
        traces: How many there were, and *failed* in how many a failure surfaced.
        operations: The ones that took most time together first.
        flows: The system flow graph, edge by edge, the busiest first.
    """

    traces: int
    failed: int
    operations: list[Operation]
    flows: list[Flow]


class _Times(msgspec.Struct):
    """
    The durations of one operation or edge, and how many of them failed.
    """

    took: list[float]
    errors: int = 0

    def note(self, hop: Hop, *, failed: bool) -> None:
        self.took.append(hop.duration_ms)
        self.errors += failed


def statistics(reports: Iterable[Report]) -> Statistics:
    """
    Return what the traces of *reports* tell together, the same in any order.
    """
    traces = failed = 0
    operations: dict[tuple[str, str | None, str], _Times] = {}
    flows: dict[tuple[str, str], _Times] = {}
    for report in reports:
        traces += 1
        failed += any(not chain.handled for chain in report.chains)
        hops = {hop.span_id: hop for hop in report.hops if hop.known}
        wrong = _failed_hops(report)
        for hop in hops.values():
            bad = hop.span_id in wrong
            if hop.name is not None:
                key = (hop.system, hop.service, template(hop.name))
                operations.setdefault(key, _Times([])).note(hop, failed=bad)
            caller = hops.get(hop.parent_id or "")
            if caller is not None and _who(caller) != _who(hop):
                flows.setdefault((_who(caller), _who(hop)), _Times([])).note(hop, failed=bad)
    return Statistics(traces, failed, _operations(operations), _flows(flows))


def percentile(ordered: Sequence[float], share: float) -> float:
    """
    Return the value of *ordered*, which are in rising order, that at least *share* of them do not exceed.
    """
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _failed_hops(report: Report) -> set[str]:
    steps = {id_ for chain in report.chains for id_ in chain.entries}
    return {row.span_id for row in report.timeline if row.id in steps and row.span_id}


def _operations(found: Mapping[tuple[str, str | None, str], _Times]) -> list[Operation]:
    made = []
    for (system, service, name), times in found.items():
        ordered, calls = sorted(times.took), len(times.took)
        halves = percentile(ordered, 0.5), percentile(ordered, 0.95)
        share = round(times.errors / calls, 4)
        made.append((-sum(ordered), Operation(system, service, name, calls, times.errors, share, *halves)))
    made.sort(key=lambda pair: (pair[0], pair[1].system, pair[1].service or "", pair[1].name))
    return [operation for _, operation in made]


def _flows(found: Mapping[tuple[str, str], _Times]) -> list[Flow]:
    made = []
    for (caller, called), times in found.items():
        ordered = sorted(times.took)
        halves = percentile(ordered, 0.5), percentile(ordered, 0.95)
        made.append(Flow(caller, called, len(ordered), times.errors, *halves))
    return sorted(made, key=lambda flow: (-flow.calls, flow.caller, flow.called))


def _who(hop: Hop) -> str:
    return f"{hop.system}/{hop.service}" if hop.service else hop.system
