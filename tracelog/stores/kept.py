"""
What outlives a trace's hour: pins, which keep it, and tombstones, which tell of it. Pure.
"""

from typing import Final

import msgspec

from tracelog.core.pin_settings import PinSettings
from tracelog.core.times import iso
from tracelog.errors import GoneTraceError, PinRefusedError

GONE_S: Final = 24 * 3600
"""A tombstone stays so long after its trace is gone: who looks the next morning still sees what was lost."""

MOST_GONE: Final = 100_000
"""Tombstones kept, the newest; as many as traces are listed."""

TOLD_GONE: Final = 100
"""Tombstones that one page of a search shows."""

CLOCKS_MS: Final = 60_000.0
"""Servers of one store may differ by so much; what went within it before its time may as well be over."""

EXPIRED: Final = "expired"
EVICTED: Final = "evicted"
"""Why a trace is gone: its time was over, or the store needed the room."""


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """
    That a trace is kept until a moment, and about how large it is. Moments are Unix milliseconds.
    """

    trace_id: str
    pinned_ms: float
    until_ms: float
    bytes: int


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is known of a trace that is gone.

    Attributes:
        first_ms: When it was first written; *last_ms* when last, Unix milliseconds.
        entries: How many it held, *errors* of them error or worse.
        systems: In order of appearance.
        why: `expired` or `evicted`.
        gone_ms: When its time was over, or when it was seen to be missing.
    """

    trace_id: str
    first_ms: float
    last_ms: float
    entries: int
    errors: int
    systems: list[str]
    why: str
    gone_ms: float


def over(stone: Tombstone) -> GoneTraceError:
    """
    Return the error that answers who asks for the trace of *stone*.
    """
    errors = f", {stone.errors} of them errors" if stone.errors else ""
    return GoneTraceError(
        f"trace {stone.trace_id} {stone.why} at {iso(stone.gone_ms)}; it held {stone.entries} entries"
        f"{errors}, of {', '.join(stone.systems)}, said from {iso(stone.first_ms)} to {iso(stone.last_ms)}",
        reason=stone.why,
        gone=msgspec.to_builtins(stone),
    )


def refused(bound: str, limits: PinSettings) -> PinRefusedError:
    """
    Return the error that says which *bound* of pins is in the way: `most` or `bytes`.
    """
    sizes = {
        "most": f"{limits.most} traces are pinned, which is the most",
        "bytes": f"the pinned traces would hold more than {limits.max_bytes:,} bytes",
    }
    return PinRefusedError(f"{sizes[bound]}; unpin one, or raise the bound in the setting pins")
