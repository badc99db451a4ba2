"""
What a processor makes of a batch: sampled by trace, what is said alike told once with its count.

Pure, and the same entries always give the same rows: a batch that is processed again changes nothing.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.core.sample import SAMPLED, keep
from tracelog.core.wire import DECODE_ERRORS

WHY: Final = "batch"
"""Why the entries of a folded row are one row."""

TOLD_TRACES: Final = 16
"""Further traces that a folded row names, so that a person finds some of them."""

SUPPRESSED: Final = "suppressed"

_decode = msgspec.json.Decoder(list[Entry]).decode
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.json.Decoder(Entry).decode


class Processed(msgspec.Struct):
    """
    The rows of a batch, and the account: entries = rows + folded + sampled.

    Attributes:
        rows: What is kept, in the order of arrival. A folded row is a `summary` with its `count`.
        entries: Of the batch; *folded* are told by the row of another, *sampled* were left out.
        unreadable: What was no entry, or writes that were no list of any.
    """

    rows: list[Entry]
    entries: int = 0
    folded: int = 0
    sampled: int = 0
    unreadable: int = 0

    def counts(self) -> dict[str, int]:
        """
        Return the account by name.
        """
        told = ("entries", "folded", "sampled", "unreadable")
        return {"rows": len(self.rows), **{name: getattr(self, name) for name in told}}


def process(bodies: Iterable[bytes], rate: float) -> Processed:
    """
    Return what is kept of a batch.

    Args:
        bodies: JSON arrays of entries.
        rate: Share of traces (0 to 1) of which debug and info entries are kept. All else is kept; and an
            entry that says it was sampled before says the smaller rate afterwards.
    """
    done = Processed([])
    groups: dict[Any, int] = {}
    for body in bodies:
        for entry in _read(body, done):
            done.entries += 1
            if _is_sampled(entry) and not _kept(entry, rate):
                done.sampled += 1
            else:
                _add(entry, done, groups)
    return done


def _read(body: bytes, done: Processed) -> Iterable[Entry]:
    """
    Return the entries of *body*; what is none, as a server of another version may write, costs no other.
    """
    try:
        return _decode(body)
    except DECODE_ERRORS:
        pass  # one by one, then
    try:
        raws = _decode_raws(body)
    except DECODE_ERRORS:
        done.unreadable += 1
        return ()
    entries: list[Entry] = []
    for raw in raws:
        try:
            entries.append(_decode_one(raw))
        except DECODE_ERRORS:
            done.unreadable += 1
    return entries


def _is_sampled(entry: Entry) -> bool:
    return entry.level in SAMPLED and entry.kind != SUPPRESSED


def _kept(entry: Entry, rate: float) -> bool:
    """
    Whether *entry* is in the sample; it then says how large that is.
    """
    if not keep(entry.trace_id, rate):
        return False
    if rate < 1.0:
        entry.sample_rate = rate if entry.sample_rate is None else min(rate, entry.sample_rate)
    return True


def _add(entry: Entry, done: Processed, groups: dict[Any, int]) -> None:
    same = None if entry.duration_ms is not None else _said(entry)
    at = groups.get(same) if same is not None else None
    if at is None:
        if same is not None:
            groups[same] = len(done.rows)
        done.rows.append(entry)
        return
    done.folded += 1
    done.rows[at] = _joined(done.rows[at], entry)


def _said(entry: Entry) -> tuple[Any, ...]:
    """
    Return what entries share that say the same. Spans are told apart: each took its own time.
    """
    error = entry.error or {}
    kind = (entry.kind, entry.why) if entry.kind == SUPPRESSED else None
    where = (entry.system, entry.service, entry.environment, entry.logger, entry.area, entry.origin)
    return (entry.level, entry.message, kind, where, entry.sample_rate, str(error.get("type")))


def _joined(row: Entry, entry: Entry) -> Entry:
    """
    Return *row* with *entry* told by it, too.
    """
    if row.kind not in ("summary", SUPPRESSED) or row.count is None:
        why = row.why if row.kind == SUPPRESSED else WHY
        row = msgspec.structs.replace(row, kind=row.kind if row.kind == SUPPRESSED else "summary", why=why)
    row.count = row.weight + entry.weight
    last = row.timestamp if row.last_timestamp is None else row.last_timestamp
    ends = entry.timestamp if entry.last_timestamp is None else entry.last_timestamp
    row.last_timestamp = max(last, ends)
    row.timestamp = min(row.timestamp, entry.timestamp)
    _name_trace(row, entry.trace_id)
    return row


def _name_trace(row: Entry, trace_id: str) -> None:
    if trace_id == row.trace_id:
        return
    context = row.context = row.context or {}
    named = context.setdefault("also_traces", [])
    if isinstance(named, list) and len(named) < TOLD_TRACES and trace_id not in named:
        named.append(trace_id)
