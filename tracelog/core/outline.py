"""
What rows about many entries keep of the first of them: who spoke, when and what, in bounded memory.
"""

from typing import Final

from tracelog.core.clean import shorten
from tracelog.core.entry import ID_CHARS, LARGEST_COUNT, Entry

ERROR_CHARS: Final = 4_096
"""Larger errors are left out; what failed stands in the entries that were kept."""

CUT: Final = "…"
"""Stands for a long message that is one word."""

MESSAGE_CHARS: Final = 512
"""Of the message that a row keeps: enough to know it by, and what bounds the memory of all rows."""


def own_id(entry: Entry) -> str:
    """
    Return the id of a row that stands for *entry* first: the same when a batch is sent and folded again.
    """
    return shorten(f"{entry.id}.n", ID_CHARS)


def weigh(entry: Entry) -> int:
    """
    Return how many log calls *entry* stands for: an ordinary one for itself, whatever it says.
    """
    return 1 if entry.kind is None else min(max(entry.count or 1, 1), LARGEST_COUNT)


def outline(entry: Entry) -> Entry:
    """
    Return what a row needs of *entry*: who spoke, when and what, without what only that one call carried.
    """
    message = entry.message
    is_long = len(message) > MESSAGE_CHARS
    return Entry(
        id=entry.id,
        trace_id=entry.trace_id,
        timestamp=entry.timestamp,
        system=entry.system,
        level=entry.level,
        message=_cut(message) if is_long else message,
        service=entry.service,
        logger=entry.logger,
        user_id=entry.user_id,
        area=entry.area,
        span_id=entry.span_id,
        parent_id=entry.parent_id,
        error=entry.error if entry.error is not None and len(repr(entry.error)) < ERROR_CHARS else None,
        environment=entry.environment,
        release=entry.release,
        source=entry.source,
        seq=entry.seq,
        origin=entry.origin,
        received_at=entry.received_at,
        fixed=["message"] if is_long else None,
    )


def _cut(message: str) -> str:
    """
    Return the beginning of a long *message*, whole words only: half of a secret would not be known as one.
    """
    words = message[:MESSAGE_CHARS].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else CUT
