"""
The report: what is known about one trace, as plain values that every face shows and none recomputes.

The shapes are the promised JSON (`Report.to_json`, `GET /api/v1/traces/{ref}/report`). Times are corrected to
one clock: `at_ms` counts from the start of the trace, `started`, `first` and `last` are Unix milliseconds.
"""

from typing import Any, Final

import msgspec


class Clock(msgspec.Struct, frozen=True):
    """
    How the clock of a source was corrected.

    Attributes:
        offset_ms: Added to its timestamps.
        uncertainty_ms: How far from it the truth can be; None when nothing bounds it.
        how: `measured` (by calls and their answers), `cause` (moved so that no hop begins before the hop that
            caused it), `arrival` (its entries arrived before their own time) or `none`.
    """

    offset_ms: float = 0.0
    uncertainty_ms: float | None = None
    how: str = "none"


class Missing(msgspec.Struct, frozen=True, order=True):
    """
    How many entries of *system* were logged and are not in the timeline, for one *reason*.
    """

    system: str
    reason: str
    count: int


class System(msgspec.Struct, frozen=True):
    """
    One system in the trace: what it said, how much of it was errors, from when to when.
    """

    system: str
    service: str | None
    entries: int
    errors: int
    first: float
    last: float
    clock: Clock


class Row(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """
    One row of the timeline: an entry, or a run of entries that say the same.

    Attributes:
        id: The entry, or the first of the run.
        at_ms: Corrected, from the start of the trace.
        raw_timestamp: What the clock of the source said.
        message: The text of the entry, or of the first of the run; the others may differ in counters.
        duration_ms: Of a closed span, which began at *at_ms*.
        count: How many log calls the row stands for.
        kind: None for a plain entry, else `summary`, `suppressed` or `context`.
        gap_before_ms: The silence before the row, when it is worth showing.
        last_timestamp: Of the last entry of a run, by the clock of the source; absent on single entries.
        why: Why the entries of a `suppressed` row were not kept; absent on others.
        service: Who spoke, where several services of its system did; absent where the system says it all.
        error: Type and text of the exception, as far as the message does not tell them; absent when it does.
        origin: `public` when it came with a public key, so that anybody may have written it; else absent.
    """

    id: str
    at_ms: float
    raw_timestamp: float
    system: str
    level: str
    message: str
    span_id: str | None
    parent_id: str | None
    duration_ms: float | None
    count: int
    kind: str | None
    gap_before_ms: float | None
    last_timestamp: float | None = None
    why: str | None = None
    service: str | None = None
    error: str | None = None
    origin: str | None = None

    @property
    def ends_ms(self) -> float:
        """
        When the row was over: the end of its span, or its last entry, or its only moment.
        """
        if self.duration_ms is not None:
            return self.at_ms + self.duration_ms
        if self.last_timestamp is not None:
            return self.at_ms + max(0.0, self.last_timestamp - self.raw_timestamp)
        return self.at_ms


class Link(msgspec.Struct, frozen=True, rename={"cause": "from", "effect": "to"}):
    """
    One step of a chain: the error *cause* led to the error *effect*.

    Attributes:
        kind: `exception`, `parent_hop`, `same_hop`, `http_status`, `outlasted`, `shared_value`, `unknown_hop`
            or `time_order`.
        evidence: The entries that support the step.
        confidence: 0 to 1.
    """

    cause: str
    effect: str
    kind: str
    evidence: list[str]
    confidence: float


class Chain(msgspec.Struct, frozen=True):
    """
    One failure and how it travelled.

    Attributes:
        root: The entry of the first cause; an error, or a line that proves a failure without calling it one.
        surfaced: The error in the outermost hop; None when the failure did not get there.
        handled: Whether the caller of the outermost hop went on after it.
        confidence: Of the weakest link; of a lone error, that it is a cause at all.
        entries: The steps in causal order, *root* first: errors, and hints between them that prove a step.
        links: The steps between them.
    """

    root: str
    surfaced: str | None
    handled: bool
    confidence: float
    entries: list[str]
    links: list[Link]


class Insight(msgspec.Struct, frozen=True):
    """
    A fact worth a sentence. *kind* names the rule, *cost_ms* the time it took where that can be said.
    """

    kind: str
    summary: str
    entries: list[str]
    cost_ms: float | None


class Step(msgspec.Struct, frozen=True):
    """
    A hop on the critical path and the part of that path which it spent itself.
    """

    span_id: str
    system: str
    self_ms: float


class Hop(msgspec.Struct, frozen=True):
    """
    One hop of the request.

    Attributes:
        parent_id: The hop that caused it, also when that one is unknown.
        name: The message of the entry that closed it; None when none did; `unknown parent` when it is not
            *known*.
        self_ms: Its duration without that of the hops it caused.
        depth: 0 for an outermost hop.
        known: False for a hop that others name as their cause and that said nothing here.
    """

    span_id: str
    parent_id: str | None
    system: str
    service: str | None
    name: str | None
    at_ms: float
    duration_ms: float
    self_ms: float
    depth: int
    entries: int
    known: bool


PROMISED: Final = (
    "trace_id",
    "complete",
    "missing",
    "started",
    "duration_ms",
    "systems",
    "timeline",
    "chains",
    "insights",
    "critical_path",
    "ledger",
)
"""The keys of the promised JSON, in its order."""


class Report(msgspec.Struct, kw_only=True):
    """
    Everything known about one trace.

    Attributes:
        complete: Whether every entry that was logged is in the timeline, by itself or in a counted run.
        started: Unix milliseconds of the first sign of life; None for an empty trace.
        clocks: By source, or by system where entries name no source.
        hops: Causes before effects. Attributes beyond the promised JSON, like *clocks*.
        ledger: `entries` handed in; `logged` = `shown` + `folded` + every `suppressed` + every `lost`;
            `duplicate` deliveries apart.
    """

    trace_id: str
    complete: bool
    missing: list[Missing]
    started: float | None
    duration_ms: float
    systems: list[System]
    timeline: list[Row]
    chains: list[Chain]
    insights: list[Insight]
    critical_path: list[Step]
    ledger: dict[str, Any]
    clocks: dict[str, Clock] = {}
    hops: list[Hop] = []

    def to_json(self) -> dict[str, Any]:
        """
        Return the report as JSON values, in the promised shape.
        """
        return {name: msgspec.to_builtins(getattr(self, name)) for name in PROMISED}
