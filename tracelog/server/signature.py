"""
Signed webhooks: who knows the secret has sent exactly these bytes, and not long ago.

Convex signs the raw body with HMAC-SHA256 and sends `x-webhook-signature: sha256=<hex>`. It signs no time, so
a body that somebody recorded stays valid: its age is told by its events, and until it is too old its entries
are duplicates, because their ids are made of its bytes.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from tracelog.core.entry import Entry
from tracelog.core.stage import Batch
from tracelog.errors import AccessError

HEADER: Final = b"x-webhook-signature"
PREFIX: Final = b"sha256="

FRESH_MS: Final = 15 * 60_000.0
"""How far the newest event of a body may be from now. Convex's own sample says five minutes for the first
event, but it repeats a batch for four, keeps eight more waiting behind it, and sends the lines of an action
that ran for half an hour; what is refused is lost. The store remembers ids for longer than this."""


def signature_of(given: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    Return the signature among the headers *given*.

    Raises:
        AccessError: When there is none, more than one, or one of another form (401).
    """
    found = [value for name, value in given if name.lower() == HEADER]
    if len(found) != 1 or not found[0].startswith(PREFIX) or len(found[0]) != len(PREFIX) + 64:
        raise AccessError(
            "a signed webhook needs one header x-webhook-signature: sha256=<64 hexadecimal digits>",
            reason="signature_missing",
            status=401,
        )
    return found[0]


def check_signature(body: bytes, signature: bytes, secret: str) -> None:
    """
    Refuse a *body* that *secret* has not signed; how long that takes tells nothing about the right signature.

    Raises:
        AccessError: When the signature is another (401).
    """
    expected = PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    if not hmac.compare_digest(expected, signature):
        raise AccessError(
            "the signature does not fit the body; set convex_secret to the secret that Convex showed",
            reason="signature",
            status=401,
        )


def check_fresh(batch: Batch, now_ms: float) -> None:
    """
    Refuse a body that was recorded long ago: none of its events is from about now.

    A test of the connection has nothing to replay and is always fresh.

    Raises:
        AccessError: When it is too old, or from a future that no clock explains (401).
    """
    if not batch.entries or all(map(_is_test, batch.entries)):
        return
    # an event that says no time stands at its arrival, to the microsecond, and proves nothing
    said = [entry for entry in batch.entries if entry.timestamp != now_ms]
    ends = [entry.timestamp + (entry.duration_ms or 0.0) for entry in said]
    if not ends or abs(max(ends) - now_ms) > FRESH_MS:
        raise AccessError(
            f"no event of the body is from the last {FRESH_MS / 60_000:.0f} minutes, so it may be a replay; "
            "if it is not, set the clock of this server",
            reason="stale",
            status=401,
        )


def _is_test(entry: Entry) -> bool:
    return (entry.context or {}).get("topic") == "verification"
