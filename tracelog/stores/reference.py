"""
What people call a trace: its id, the beginning of it, a whole `traceparent`, `latest` or `latest-error`.
"""

from typing import Final, Protocol

from tracelog.core.entry import is_trace_id
from tracelog.core.headers import parse_traceparent
from tracelog.errors import UnknownReferenceError
from tracelog.stores.kept import Tombstone, over
from tracelog.stores.values import CANDIDATES, MIN_PREFIX

LATEST: Final = {"latest": False, "latest-error": True}
"""Names that need no id, and whether they ask for a trace with an error."""

MARKS: Final = "tracelog-marks"
ADMIN: Final = "tracelog-admin"
ALERTS: Final = "tracelog-alerts"
OWN: Final = frozenset({MARKS, ADMIN, ALERTS})
"""Traces in which the server tells of itself: whoever asks for the latest one means a program's."""


class Lookup(Protocol):
    """
    The questions that a store answers about trace ids. None but the last counts a trace whose time is over.
    """

    async def exists(self, trace_id: str) -> bool: ...

    async def newest(self, *, errors: bool) -> str | None:
        """
        Return the trace that was last written, or that last failed, none of `OWN`.
        """
        ...

    async def beginning(self, prefix: str, limit: int) -> list[str]:
        """
        Return at most *limit* ids that begin with *prefix*, last written first.
        """
        ...

    async def stones(self, prefix: str, limit: int) -> list[Tombstone]:
        """
        Return the tombstone of the trace called *prefix*, else of at most *limit* that begin so.
        """
        ...


async def resolve(ref: str, lookup: Lookup) -> str:
    """
    Return the id of the trace that *ref* means.

    Raises:
        GoneTraceError: When it means one that was here and is no more.
        UnknownReferenceError: When it means none, or several; the sentence lists some of these.
    """
    if ref in LATEST:
        newest = await lookup.newest(errors=LATEST[ref])
        if newest is None:
            raise UnknownReferenceError(f"there is no trace yet that {ref} could mean")
        return newest
    parent = parse_traceparent(ref)
    trace_id = ref if parent is None else parent.trace_id
    if not is_trace_id(trace_id):
        raise UnknownReferenceError(
            f"a trace is named by its id, its first {MIN_PREFIX} or more characters, a traceparent, latest"
            " or latest-error",
            reason="bad_reference",
        )
    if await lookup.exists(trace_id):
        return trace_id
    return await _by_beginning(trace_id, lookup)


async def _by_beginning(prefix: str, lookup: Lookup) -> str:
    if len(prefix) < MIN_PREFIX:
        await _remember(prefix, lookup)
        raise UnknownReferenceError(
            f"there is no trace {prefix}; a shortened id needs at least {MIN_PREFIX} characters"
        )
    found = await lookup.beginning(prefix, CANDIDATES + 1)
    if len(found) == 1:
        return found[0]
    if not found:
        await _remember(prefix, lookup)
        raise UnknownReferenceError(f"there is no trace {prefix}; it never arrived, or went too long ago")
    more = " and more" if len(found) > CANDIDATES else ""
    raise UnknownReferenceError(
        f"{prefix} could mean {', '.join(found[:CANDIDATES])}{more}; give more characters",
        reason="ambiguous_trace",
    )


async def _remember(prefix: str, lookup: Lookup) -> None:
    """
    Raises:
        GoneTraceError: When *prefix* meant one trace that is gone.
    """
    stones = await lookup.stones(prefix, 2)
    if len(stones) == 1 and (len(prefix) >= MIN_PREFIX or stones[0].trace_id == prefix):
        raise over(stones[0])
