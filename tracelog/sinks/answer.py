"""
What an ingestion server's answer means for the batch it answers: stored, not kept, later or never. Pure.

A healthy-looking 200 hides losses, so answers are held against what was sent, and one that no tracelog server
gives is no receipt. Texts of the other end are shown as data: short, on one line, and never with our key.
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from tracelog.core.text import one_line
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import ParcelTooLargeError, Receipt

RETRY_AFTER_CAP_S: Final = 300.0
"""As long as a batch is tried at all: a longer wait would only be a slower way to lose it."""

HOLD_CAP_S: Final = 60.0
"""Quotas are counted by the minute: after that there may be room again."""

RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

REASONS_KEPT: Final = 32
"""Reasons of one answer that are counted by name, the rest as `other`: ten times what a server has."""

REASON_CHARS: Final = 64
SAID_CHARS: Final = 200


def read_answer(status: int, headers: Mapping[str, str], answer: bytes, *, sent: int, now: float) -> Receipt:
    """
    Return what the server says became of a batch.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        answer: The body, JSON of `POST /log` when it comes from a tracelog server.
        sent: Entries in the batch; those that the answer says nothing of count as rejected, `unanswered`.
        now: Unix seconds.

    Raises:
        SinkUnavailableError: When the same batch may pass later.
        ParcelTooLargeError: When a smaller one may pass.
        SinkRefusedError: When it never will.
    """
    reply = _json(answer)
    if "accepted" in reply and status in {200, 400, 429}:
        return _receipt(reply, sent)
    if status == 200 and reply.get("success") is True:
        return Receipt(silent=True)
    said = one_line(str(reply.get("error", "no reason given"))[:SAID_CHARS])
    if status == 200:
        raise SinkUnavailableError("the answer is 200, but not one of a tracelog server; check the url")
    raise refusal(status, headers, said, now)


def refusal(
    status: int, headers: Mapping[str, str], said: str, now: float
) -> SinkUnavailableError | SinkRefusedError:
    """
    Return what an answer other than 200 means for the batch, as the exception to raise.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        said: What the other end said of it, fit to be shown.
        now: Unix seconds.
    """
    if status == 413:
        return ParcelTooLargeError(f"the server takes smaller batches only: {said}")
    if status in RETRYABLE:
        after = retry_after(headers.get("retry-after"), now)
        return SinkUnavailableError(f"the server answered {status}: {said}", retry_after=after)
    if 300 <= status < 400:
        said = "redirects are not followed, set url to the final address"
    return SinkRefusedError(f"the server refused with {status}: {said}", reason=f"http_{status}")


def retry_after(value: str | None, now: float) -> float | None:
    """
    Return the seconds to wait that a `Retry-After` header asks for (RFC 9110 §10.2.3), at most 300.

    Args:
        value: The header: seconds, or an HTTP date; anything else is ignored.
        now: Unix seconds.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), RETRY_AFTER_CAP_S)
    try:
        moment = parsedate_to_datetime(text)
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), RETRY_AFTER_CAP_S)


def _receipt(reply: Mapping[str, Any], sent: int) -> Receipt:
    duplicate = _count(reply.get("duplicate"))
    suppressed = _reasons("suppressed", reply.get("suppressed_by") or reply.get("suppressed"))
    limited = _reasons("limited", reply.get("limited"))
    rejected = _rejected(reply.get("rejected"))
    told = _count(reply.get("accepted")) + duplicate
    missing = sent - told - sum(sum(reasons.values()) for reasons in (suppressed, limited, rejected))
    if missing > 0:
        rejected["unanswered"] = missing
    remaining = reply.get("remaining_quota")
    return Receipt(
        duplicate=duplicate,
        suppressed=suppressed,
        limited=limited,
        rejected=rejected,
        hold_s=_hold(reply),
        remaining=max(0, remaining) if type(remaining) is int else None,
    )


def _hold(reply: Mapping[str, Any]) -> float:
    """
    Return for how long the quota is used up: a server says both, or nothing.
    """
    seconds = reply.get("retry_after")
    if reply.get("remaining_quota") != 0 or not isinstance(seconds, int | float) or not seconds > 0:
        return 0.0
    return min(float(seconds), HOLD_CAP_S)


def _json(answer: bytes) -> dict[str, Any]:
    try:
        reply = msgspec.json.decode(answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return reply if isinstance(reply, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _reasons(outcome: str, value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {outcome: _count(value)} if _count(value) else {}
    counted: dict[str, int] = {}
    for reason, n in value.items():
        _add(counted, str(reason), _count(n))
    return counted


def _rejected(value: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for item in value if isinstance(value, list) else ():
        _add(counted, str(item.get("reason", "invalid")) if isinstance(item, dict) else "invalid", 1)
    return counted


def _add(counted: dict[str, int], reason: str, n: int) -> None:
    name = one_line(reason[:REASON_CHARS])
    if name not in counted and len(counted) >= REASONS_KEPT:
        name = "other"
    if n:
        counted[name] = counted.get(name, 0) + n
