"""
The flight recorder: the last entries of each trace that were not kept, at hand when an error asks for them.

It holds rows as bytes, as they would have been sent. What it holds has been counted as not kept; a row that
an error releases is told as `kind: "context"` and is a copy for the reader, never counted again.
"""

from collections import OrderedDict

import msgspec

from tracelog.core.bounded import Bounded

ROW_COST = 160
"""Bytes of memory that a row takes beside its text: the bytes object, its time, the pair and its place."""

TRACE_COST = 400
"""The same of a trace: id, record, list and its place in the order of use."""

MEMORY = 16
"""For how many times the traces it holds the recorder remembers how much each has released."""


class _Tape(msgspec.Struct, gc=False):
    rows: list[tuple[float, bytes]]
    bytes: int = TRACE_COST


class Recorder:
    """
    The last rows of the traces that spoke last.

    Args:
        rows: Rows kept of each trace.
        traces: Traces kept; the one that has been silent longest makes room.
        size: Bytes of memory in all, never exceeded.
        row: Bytes of one row; a larger one is not kept.
        released: Rows that one trace is given in its life, so that a trace with many errors does not
            bring in by this door what was kept out at the other.

    Attributes:
        bytes: Memory in use by this reckoning.
    """

    def __init__(self, *, rows: int, traces: int, size: int, row: int, released: int) -> None:
        self._rows = rows
        self._traces = traces
        self._size = size
        self._row = row
        self._most = released
        self._tapes: OrderedDict[str, _Tape] = OrderedDict()
        self._released: Bounded[str, int] = Bounded(traces * MEMORY)
        self.bytes = 0

    def keep(self, trace_id: str, row: bytes, timestamp_ms: float) -> bool:
        """
        Keep *row* of the trace *trace_id*, whose entry is of *timestamp_ms*; return whether it was taken.
        """
        cost = len(row) + ROW_COST
        if len(row) > self._row or cost + TRACE_COST > self._size:
            return False
        tape = self._tapes.get(trace_id)
        if tape is None:
            self._tapes[trace_id] = tape = _Tape([])
            self.bytes += TRACE_COST
        else:
            self._tapes.move_to_end(trace_id)
            if len(tape.rows) >= self._rows:
                self._forget_row(tape)
        tape.rows.append((timestamp_ms, row))
        tape.bytes += cost
        self.bytes += cost
        if self.bytes > self._size or len(self._tapes) > self._traces:
            self._make_room(tape)
        return True

    def release(self, trace_id: str) -> list[bytes]:
        """
        Return the rows of *trace_id* by their times and hold them no longer.

        The earliest go first where a trace has nearly had its share: the last before the error are what is
        looked for.
        """
        tape = self._tapes.pop(trace_id, None)
        if tape is None:
            return []
        self.bytes -= tape.bytes
        before = self._released.get(trace_id) or 0
        left = self._most - before
        if left <= 0:
            return []
        rows = sorted(tape.rows, key=_time)[-left:]
        self._released.put(trace_id, before + len(rows))
        return [row for _, row in rows]

    def __len__(self) -> int:
        return len(self._tapes)

    def _make_room(self, newest: _Tape) -> None:
        while len(self._tapes) > self._traces or (self.bytes > self._size and len(self._tapes) > 1):
            _, tape = self._tapes.popitem(last=False)
            self.bytes -= tape.bytes
        while self.bytes > self._size:
            self._forget_row(newest)

    def _forget_row(self, tape: _Tape) -> None:
        _, row = tape.rows.pop(0)
        cost = len(row) + ROW_COST
        tape.bytes -= cost
        self.bytes -= cost


def _time(row: tuple[float, bytes]) -> float:
    return row[0]
