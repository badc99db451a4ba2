"""
A closer look at the store, as lines for a person.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tracelog.core.text import one_line

Shown = Mapping[str, Any]


def store_lines(shown: Shown) -> list[str]:
    """
    Return the lines of what `GET /api/v1/health/store` answers: what is there, then what to do.
    """
    return [f"{name:<10}{one_line(text)}" for name, text in _rows(shown)]


def _rows(shown: Shown) -> Iterator[tuple[str, str]]:
    well = "well" if shown["ok"] else f"not well: {shown['cause']}"
    yield "store", f"{shown['kind']} {shown.get('version') or ''}, {well}"
    counts = {name: shown[name] for name in ("traces", "entries", "pins", "sources", "keys")}
    yield "holds", ", ".join(f"{n:,} {name}" for name, n in counts.items() if n is not None) or "not known"
    yield from _room(shown)
    ttl, slow, kept = shown["ttl"], shown["slow"], shown["persistence"]
    if ttl:
        yield "lives", f"{ttl['coverage']:.1%} of {ttl['looked']:,} keys have a time to live"
    if shown["evicted"] is not None:
        yield "evicted", f"{shown['evicted']:,} before their time, {shown['expired']:,} at it"
    if kept:
        log = "append-only file" if kept["log"] else "no append-only file"
        saves = {True: "snapshots", False: "no snapshots", None: "snapshots not known"}[kept["saves"]]
        failed = "" if kept["log_ok"] and kept["save_ok"] else "; the last write to disk failed"
        yield "disk", f"{log}, {saves}{failed}"
    if slow is not None:
        worst = sorted(slow, key=lambda each: -each["ms"])[:3]
        yield "slow", ", ".join(f"{each['command']} {each['ms']:,.1f} ms" for each in worst) or "nothing"
    for warning in shown["warnings"]:
        yield "warning", warning
    for advice in shown["recommendations"]:
        yield "do", advice


def _room(shown: Shown) -> Iterator[tuple[str, str]]:
    memory, file = shown["memory"], shown["file"]
    if memory:
        limit = f"of {_size(memory['limit_bytes'])}" if memory["limit_bytes"] else "without a limit"
        yield "memory", f"{_size(memory['used_bytes'])} {limit}, {memory['policy']}"
    elif shown.get("size_bytes") is not None:
        yield "size", _size(shown["size_bytes"])
    if file:
        yield "file", f"{_size(file['free_bytes'])} free in it, {_size(file['log_bytes'])} write-ahead log"


def _size(n: int) -> str:
    return f"{n / 1e6:,.1f} MB"
