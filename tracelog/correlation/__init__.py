"""
Correlation: the entries of one trace in, one `Report` out. Pure, and the same for any order of the same
    entries.

    entries → lanes → hops → clocks → timeline → repeats → chains → insights → ledger → Report
    Report → suspects: who most likely did it        many Reports → statistics
    two sides → diff: what changed        many entries → groups: what is said, and since when
"""

from tracelog.correlation.assemble import correlate, timeline_of, timeline_of_json
from tracelog.correlation.diff import Change, Difference, diff
from tracelog.correlation.groups import Group, groups
from tracelog.correlation.report import (
    Chain,
    Clock,
    Hop,
    Insight,
    Link,
    Missing,
    Report,
    Row,
    Step,
    System,
)
from tracelog.correlation.statistics import Flow, Operation, Statistics, statistics
from tracelog.correlation.suspects import Suspect, suspects

__all__ = [
    "Chain",
    "Change",
    "Clock",
    "Difference",
    "Flow",
    "Group",
    "Hop",
    "Insight",
    "Link",
    "Missing",
    "Operation",
    "Report",
    "Row",
    "Statistics",
    "Step",
    "Suspect",
    "System",
    "correlate",
    "diff",
    "groups",
    "statistics",
    "suspects",
    "timeline_of",
    "timeline_of_json",
]
