"""
What a sink's answer means for the entries it was given. Pure, and it believes nothing that cannot be.
"""

from typing import Any, Final

from tracelog.client.odd import shown
from tracelog.sinks.base import Receipt

REASON_CHARS: Final = 64
_ENDS: Final = ("suppressed", "limited", "rejected")


def outcomes(receipt: Any, entries: int) -> list[tuple[str, str, int]]:
    """
    Return how *entries* entries ended by what a sink returned: outcome, reason and number of each.

    What is not said to have ended otherwise is stored, all of it when there is no receipt. An answer that
    counts more than was sent, or backwards, is not believed.
    """
    if not isinstance(receipt, Receipt):
        return [("stored", "", entries)]
    try:
        said = [(o, shown(r), n) for o in _ENDS for r, n in getattr(receipt, o).items() if type(n) is int]
    except Exception:  # a receipt of the wrong make
        return [("stored", "", entries)]
    left, ended = entries, []
    for outcome, reason, n in said:
        counted = max(0, min(n, left))
        ended.append((outcome, reason[:REASON_CHARS], counted))
        left -= counted
    duplicate = receipt.duplicate if type(receipt.duplicate) is int else 0
    return [*ended, ("stored", "", left), ("duplicate", "", min(duplicate, left))]
