"""
What the guard can be told: every number of folding, limits, sampling and the flight recorder.
"""

from typing import Annotated, Final, Literal

import msgspec

Amount = Annotated[int, msgspec.Meta(ge=1)]
Steps = Annotated[tuple[Annotated[int, msgspec.Meta(ge=0)], ...], msgspec.Meta(min_length=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


ROWS: Final = 1_024
"""Rows that wait for `due` at most; beyond it their counts are told as suppressed."""

SYSTEMS: Final = 1_000
"""Systems told apart within a trace. Those that come later in the life of a process share one mark; the first
few cost a trace nothing, and only made-up ones are as many."""


class OwnNoise(msgspec.Struct, frozen=True):
    """
    Noise of one's own.

    Attributes:
        name: 1 to 32 of `a-z 0-9 _`.
        pattern: A regular expression in the common subset of RE2 and `re`, bounded: `{1,200}` instead of `+`.
            It is searched for in the first 1,000 characters; `^` binds it to the start of a line.
    """

    name: str
    pattern: str


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Every number of the guard. Seconds are of a monotonic clock.

    Attributes:
        run_burst: Equal entries of a trace that pass in *run_window_s*.
        run_quiet_s: Seconds of silence that end a run.
        runs: Texts remembered, at most twice as many; likewise *templates*, *sources* (speakers) and *traces*
            (that have something stored).
        loops: Open loops of each kind.
        hot_above: Entries of one form and system in *hot_window_s* that are not too many.
        hot_quiet_s: Seconds of silence after which the last row of a hot form is told.
        longest_s: Seconds between two rows about the same thing at most.
        normal: Ordinary entries a minute and (system, source), step by step.
        privileged: First entries of a hop, and rows; *essential* errors: beyond it they count as ordinary.
        newcomers: Sources a minute that one address may bring with keys that are no secret, as pages have;
            what further ones say counts as said by one.
        address_errors: Errors an hour of such an address that count as errors; further ones are ordinary
            entries to the quotas, so that no page uses up what is kept for the errors of all.
        sample_mode: `pressure` samples a system above *sample_above* of its share, `always`, or `off`.
        sample_rate: Share of traces whose ordinary entries are kept then.
        sample_spare: Ordinary entries of a source's minute that no pressure takes: it is made by others.
        recorder_rows: Not-kept entries held of each trace; *recorder_traces*, *recorder_bytes* and
            *recorder_row_bytes* bound them, *recorder_released* what one trace is given in its life.
        suppressed_rows: Rows of one trace about what was not kept, beside the row for all others.
        suppressed_traces: Traces that have such rows at a time.
        suppressed_first_s: Seconds until they are told first.
        noise: Whether the built-in noise rules are used; *own_noise* are more.
    """

    run_burst: Amount = 5
    run_window_s: Seconds = 1.0
    run_quiet_s: Seconds = 1.0
    runs: Amount = 4_096
    hot_above: Amount = 30
    hot_window_s: Seconds = 10.0
    hot_quiet_s: Seconds = 10.0
    templates: Amount = 4_096
    loops: Amount = 1_024
    longest_s: Seconds = 60.0
    normal: Steps = (50, 25, 12, 6)
    privileged: Steps = (120, 60, 30, 15)
    essential: Steps = (120, 60, 30, 15)
    sources: Amount = 4_096
    newcomers: Amount = 30
    address_errors: Amount = 60
    traces: Amount = 16_384
    sample_mode: Literal["pressure", "always", "off"] = "pressure"
    sample_rate: Share = 0.2
    sample_above: Share = 0.5
    sample_spare: Annotated[int, msgspec.Meta(ge=0)] = 10
    recorder_rows: Amount = 20
    recorder_traces: Amount = 2_000
    recorder_bytes: Amount = 32 * 1024 * 1024
    recorder_row_bytes: Amount = 4_096
    recorder_released: Amount = 60
    suppressed_rows: Amount = 8
    suppressed_traces: Amount = 1_000
    suppressed_first_s: Seconds = 2.0
    noise: bool = True
    own_noise: tuple[OwnNoise, ...] = ()
