"""
What senders are told of their entries, and what the letters of their fates mean.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from tracelog.core.quota_settings import TraceQuota
from tracelog.core.reasons import MEANINGS
from tracelog.core.stage import Batch, Drop
from tracelog.server.gate import OVER_BUDGET, OVER_CRITICAL, OVER_SHARE
from tracelog.stores import DUPLICATE, ECHO, OVER_QUOTA, OVER_SIZE, REFUSED, STORED, Fates

RETRY_S: Final = 60
"""Windows are counted by the minute: what is full is not asked for again before."""

REFUSALS: Final = {
    OVER_SHARE: ("limited", "system_quota"),
    OVER_BUDGET: ("limited", "budget"),
    OVER_CRITICAL: ("limited", "critical_quota"),
    OVER_QUOTA: ("limited", "trace_quota"),
    OVER_SIZE: ("limited", "trace_size"),
    ECHO: ("suppressed", "echo"),
    REFUSED: ("rejected", "store_refused"),
}
"""What the gate and the store refuse for good: outcome and reason."""


OF_A_TRACE: Final = frozenset({"trace_quota", "trace_size"})
"""Limits that end with the trace's window. Only the store knows when that began: at most one window ago."""

LIMITS: Final = frozenset(reason for outcome, reason in REFUSALS.values() if outcome == "limited")
"""Reasons that are limits; what folds, and what the guard refuses, is suppressed."""


class Answer(msgspec.Struct, frozen=True):
    """
    What the sender is told.

    Attributes:
        status: HTTP status.
        body: JSON.
        headers: Beyond the usual ones.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Room(NamedTuple):
    """
    What is left for the sender's system.

    Attributes:
        left: Normal rows it could have stored at the last call of the gate; None without quotas.
        retry_after: Seconds until there may be more, 0 when there is some.
        trace_s: Seconds after which a full trace has room again at the latest: the length of its window.
    """

    left: int | None = None
    retry_after: float = 0.0
    trace_s: float = float(TraceQuota().window_s)


def refusals(batch: Batch, fates: Fates) -> dict[int, Drop]:
    """
    Return the drops of what was refused for good, by position in *batch*.
    """
    refused = {}
    for at, fate in enumerate(fates):
        if fate in REFUSALS:
            outcome, reason = REFUSALS[fate]
            error = MEANINGS[outcome][reason]
            refused[at] = Drop(batch.places[at], outcome, reason, error, batch.entries[at])
    return refused


def answer(batch: Batch, fates: Fates, now_ms: float, room: Room) -> Answer:
    """
    Return the answer to *batch*, from which everything that was not stored has been dropped.

    Args:
        batch: What is left of it, and its drops.
        fates: Of all its rows.
        now_ms: When it came.
        room: Of its sender's system.
    """
    if batch.single:
        return _single(batch, now_ms, room)
    by_reason = {
        outcome: Counter(drop.reason for drop in batch.drops if drop.outcome == outcome)
        for outcome in ("limited", "suppressed")
    }
    rejected = [drop for drop in batch.drops if drop.outcome == "rejected"]
    said: dict[str, Any] = {
        "success": True,
        "accepted": fates.count(STORED),
        "duplicate": fates.count(DUPLICATE),
        "suppressed": by_reason["suppressed"].total(),
        "suppressed_by": by_reason["suppressed"],
        "limited": by_reason["limited"],
        "rejected": [
            {"index": drop.index, "reason": drop.reason, "error": drop.error}
            for drop in sorted(rejected, key=lambda drop: drop.index)
        ],
        "remaining_quota": room.left,
        "received_at": now_ms,
    }
    if room.left == 0:
        said["retry_after"] = _seconds(room)
    outcomes = {drop.outcome for drop in batch.drops}
    if batch.entries or len(outcomes) != 1 or "suppressed" in outcomes:
        return Answer(200, msgspec.json.encode(said))
    said |= {"success": False, "reason": batch.drops[0].reason}
    if "limited" in outcomes:
        wait_s = _seconds(room, by_reason["limited"])
        said |= {"error": batch.drops[0].error, "retry_after": wait_s}
        return Answer(429, msgspec.json.encode(said), _retry(wait_s))
    return Answer(400, msgspec.json.encode(said | {"error": "no entry of the batch could be taken"}))


def refuse(
    status: int,
    error: str,
    reason: str,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    *,
    gone: Mapping[str, Any] | None = None,
) -> Answer:
    """
    Return the answer that says why nothing was taken or given; *gone* is what is known of a trace that was
    here.
    """
    said = {"success": False, "error": error, "reason": reason, **({"gone": gone} if gone else {})}
    return Answer(status, msgspec.json.encode(said), headers)


def _single(batch: Batch, now_ms: float, room: Room) -> Answer:
    drop = batch.drops[0] if batch.drops else None
    if drop is not None and drop.outcome == "rejected":
        return refuse(400, drop.error, drop.reason)
    entry = batch.entries[0] if drop is None else drop.entry
    said: dict[str, Any] = {
        "success": True,
        "trace_id": None if entry is None else entry.trace_id,
        "id": None if entry is None else entry.id,
        "remaining_quota": room.left,
        "received_at": now_ms,
    }
    if drop is None:
        return Answer(200, msgspec.json.encode(said))
    if drop.outcome == "suppressed":
        return Answer(200, msgspec.json.encode(said | {"suppressed": drop.reason}))
    wait_s = _seconds(room, {drop.reason})
    said |= {"success": False, "error": drop.error, "reason": drop.reason, "retry_after": wait_s}
    return Answer(429, msgspec.json.encode(said), _retry(wait_s))


def _seconds(room: Room, reasons: Collection[str] = ()) -> float:
    """
    Return after how many seconds something of what *reasons* refused may pass.
    """
    if reasons and OF_A_TRACE.issuperset(reasons):
        return room.trace_s
    return round(room.retry_after, 1) if room.retry_after > 0 else float(RETRY_S)


def _retry(wait_s: float) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"retry-after", b"%d" % max(1, -int(-wait_s // 1))),)
