"""
Every Redis key name, in one place.

A trace's companions carry its plain key as hash tag, so that all keys of one trace share a cluster slot and
`logs:<trace_id>` itself stays the name that any client may read. Text of senders never stands in a name:
trace ids are validated, everything else is a field or a member.
"""

from typing import Final

from tracelog.core.entry import is_trace_id

LOGS: Final = "logs:"
"""A trace's list of entry JSON is called this and its id."""

IDS: Final = "ids"
"""Companion set: the entry ids a trace has stored."""

QUOTA: Final = "quota"
"""Companion hash: a trace's use of its quota: rows `n`, `x`, own rows `o`, bytes `b`, critical `c`, window
since `t`; what it said lately: voices `v`, forms `f`; whether entries of it were refused `z`; what own rows
count that found no place: notes `w`, and which these were `h`."""

COMPANIONS: Final = (IDS, QUOTA)

SHARED: Final = "tracelog:{shared}:"
"""What traces share lies in one cluster slot, so that one script may change all of it."""

RECENT: Final = f"{SHARED}recent"
"""Sorted set of trace ids by their last write, Unix milliseconds."""

ERRORS: Final = f"{SHARED}errors"
"""Sorted set of trace ids by the write of their last error."""

TALLY: Final = f"{SHARED}tally"
"""Hash: `system source` → entries received, received again, largest running number, last heard, and which
running numbers have ended (`core/ended.py`)."""

LINES: Final = f"{SHARED}lines"
"""Hash: trace id → its first and last write, entries, errors, systems: what is told of it when it is gone.
Under `@`, when the lists were last looked through; under `@queue`, while a processor wants a queue, the bytes
that wait there; under `@0` to `@63`, last calls of servers that tell of traces of other nodes."""

PINS: Final = f"{SHARED}pins"
"""Hash: id of a pinned trace → until when, its bytes, and when it was pinned."""

OUTCOMES: Final = f"{SHARED}outcomes"
"""Hash: `outcome reason system source` → entries that ended so, unstored."""

QUEUE: Final = f"{SHARED}queue"
"""Stream: what was stored and is to be processed, `e` a JSON array of entries for each call, `n` how many."""

BACKLOG: Final = f"{SHARED}backlog"
"""Hash: entries `cut` because the queue was full, what processors counted, and under `#` batches that are
shown already."""

LIVE: Final = f"{SHARED}live"
"""Hash: id of a live row → version of its first write, its count, first and last moment, a line feed, its
JSON. Under `@`, the last version."""

LIVE_ORDER: Final = f"{SHARED}live:order"
"""Sorted set of ids of live rows by the version of their last change."""

WATCHED: Final = f"{SHARED}watched"
"""There while somebody reads the live view."""

COMMITTED: Final = (RECENT, ERRORS, TALLY, OUTCOMES, LINES, PINS, QUEUE, BACKLOG)
"""What every write of traces is told, in the order of `commit.lua` and `share.lua`."""

REPORTS: Final = f"{SHARED}reports"
"""Hash: source → when it last reported, the largest counts it ever reported, and that report."""

OTHERS: Final = f"{SHARED}others"
"""Hash: `outcome reason system` → what the sources had counted that made room for others."""

CALLS: Final = f"{SHARED}call:"
"""A server's last call that counts is kept under this and the server's own random name."""

GATE: Final = "tracelog:{gate}"
"""Hash: all that the quotas remember, in one key and so in one slot: `state`, minutes, earlier days and
months."""

EVEN_HEAT: Final = "tracelog:{heat}:even"
ODD_HEAT: Final = "tracelog:{heat}:odd"
"""Hashes: form of message → how often servers met it in an even or odd window, and in which systems."""

BOARD: Final = "tracelog:{board}:facts"
"""Hash: what operators have said to all servers: access keys (their digests), mutes, switches. It has no time
to live, so that no `volatile-…` policy evicts it."""

AUDIT: Final = "tracelog:{board}:audit"
"""List: what operators have changed, the latest first, as JSON."""

CLAIM: Final = "tracelog:{board}:claim:"
"""Under this and an alert's id: which server sends it, or that it was sent."""

LASTING: Final = (GATE, "tracelog:{board}:")
"""What these begin is not emptied with the logs: what was spent, who has access, and who emptied them."""

ENDLESS: Final = frozenset({BOARD, AUDIT})
"""Keys that have no time to live on purpose."""
EVEN_ALIASES: Final = "tracelog:{aliases}:even"
ODD_ALIASES: Final = "tracelog:{aliases}:odd"
"""Hashes: name of a request or a body → what it was taken for, heard in an even or odd window."""

PROBE: Final = "tracelog:probe"
"""Written for a few seconds to see whether writing works."""

PATTERNS: Final = (f"{LOGS}*", *(f"{kind}:{{{LOGS}*" for kind in COMPANIONS), "tracelog:*")
"""What `SCAN MATCH` must be given to find every key of ours and none of others."""


def logs(trace_id: str) -> str:
    """
    Return the name of the list that holds the entries of a trace.

    Raises:
        ValueError: When *trace_id* is none; a glob, a brace or a slash never becomes part of a name.
    """
    if not is_trace_id(trace_id):
        raise ValueError(f"{trace_id[:64]!r} is no trace id and cannot name a key")
    return f"{LOGS}{trace_id}"


def companion(kind: str, trace_id: str) -> str:
    """
    Return the name of a trace's companion of *kind*, in the slot of the trace.

    Raises:
        ValueError: When *trace_id* is none.
    """
    return f"{kind}:{{{logs(trace_id)}}}"
