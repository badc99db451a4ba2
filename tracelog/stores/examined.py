"""
What a closer look at a store tells, in one form for every kind, with what to do about it.

`{"kind", "ok", "cause", "version", "size_bytes", "keys", "warnings",` as `health` has them, and
`"traces", "entries", "pins", "sources"`: counts,
`"memory": {"used_bytes", "limit_bytes", "policy", "fragmentation"}`, `"evicted", "expired"`: keys since the
server started, `"ttl": {"looked", "endless", "coverage"}`: of our keys, `"slow": [{"at_ms", "ms",
"command"}]`: the slow log without arguments, for these are log text,
`"persistence": {"log", "log_ok", "last_save_ms", "saves", "unsaved",
"save_ok"}`, `"file": {"free_bytes",
"log_bytes", "expired"}`: of the embedded store, `"nodes"`: of a cluster, `"recommendations"`.
What a store cannot tell is None.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

FULL: Final = 0.8
"""Part of the memory from which on somebody should do something: an hour's burst may be the rest."""

LOOSE: Final = 1.5
"""Fragmentation above which a restart or `activedefrag` pays, from *LOOSE_BYTES* on; small servers show more
without meaning."""

LOOSE_BYTES: Final = 100_000_000
FREE: Final = 0.5
LARGE_BYTES: Final = 64_000_000
"""A file is worth shrinking when it is large and half empty."""

_NOTHING: Final[Mapping[str, Any]] = {
    "traces": None,
    "entries": None,
    "pins": None,
    "sources": None,
    "memory": None,
    "evicted": None,
    "expired": None,
    "ttl": None,
    "slow": None,
    "persistence": None,
    "file": None,
    "nodes": None,
}

Facts = Mapping[str, Any]


def examined(facts: Facts) -> dict[str, Any]:
    """
    Return *facts* in the form above, completed and with recommendations; a warning that one of them answers
    is left out, for it would say the same again.
    """
    whole = {**_NOTHING, **facts}
    told = _told(whole)
    due = [(said.format(**told), answered) for holds, said, answered in _ADVICE if holds(told)]
    done = tuple(answered for _, answered in due if answered)
    warnings = [each for each in whole.get("warnings") or () if not each.startswith(done)]
    return {**whole, "warnings": warnings, "recommendations": [said for said, _ in due]}


def _told(whole: Facts) -> dict[str, Any]:
    """
    Return what recommendations are made of; what is not known gives rise to none.
    """
    memory, size = whole["memory"] or {}, whole.get("size_bytes") or 0
    kept, file = whole["persistence"] or {}, whole["file"] or {}
    limit = memory.get("limit_bytes")
    return {
        "unlimited": limit == 0,
        "policy": memory.get("policy") or "",
        "filled": memory["used_bytes"] / limit if limit else 0.0,
        "evicted": whole["evicted"] or 0,
        "unsaved": kept.get("log") is False and kept.get("saves") is False,
        "endless": (whole["ttl"] or {}).get("endless", 0),
        "slow_ms": max((each["ms"] for each in whole["slow"] or ()), default=0.0),
        "loose": memory.get("fragmentation", 0.0) if size > LOOSE_BYTES else 0.0,
        "expired": file.get("expired", 0),
        "free": file.get("free_bytes", 0) / size if size >= LARGE_BYTES else 0.0,
    }


_ADVICE: Final[tuple[tuple[Callable[[Facts], Any], str, str], ...]] = (
    (
        lambda told: told["unlimited"],
        "set maxmemory, so that logs cannot take all of the machine's memory",
        "Redis has no memory limit",
    ),
    (
        lambda told: "allkeys" in told["policy"],
        "set maxmemory-policy noeviction or volatile-ttl: under {policy} keys and quotas may go like any log",
        "Redis may evict traces",
    ),
    (
        lambda told: told["filled"] >= FULL,
        "memory is {filled:.0%} full: raise maxmemory, shorten ttl_s, or lower the quotas",
        "",
    ),
    (
        lambda told: told["evicted"],
        "{evicted:,} keys were evicted before their time: raise maxmemory or lower the quotas",
        "Redis has evicted",
    ),
    (
        lambda told: told["unsaved"],
        "nothing is written to disk, so a restart loses logs, quotas and access keys; set appendonly yes",
        "",
    ),
    (
        lambda told: told["endless"],
        "{endless:,} keys have no time to live: `tracelog cleanup safe --yes` gives them one",
        "",
    ),
    (
        lambda told: told["slow_ms"],
        "the slow log holds commands of up to {slow_ms:,.0f} ms: see who sends them, for all wait meanwhile",
        "",
    ),
    (
        lambda told: told["loose"] > LOOSE,
        "memory is fragmented ({loose}): set activedefrag yes, or restart when it suits",
        "",
    ),
    (
        lambda told: told["expired"],
        "{expired:,} traces are over and still in the file; `tracelog cleanup safe --yes` removes them",
        "",
    ),
    (
        lambda told: told["free"] >= FREE,
        "{free:.0%} of the file is free and will be used again; to shrink it, stop the server and run VACUUM",
        "",
    ),
)
"""When, what to do, and how the warning begins that this answers; in the order of urgency."""
