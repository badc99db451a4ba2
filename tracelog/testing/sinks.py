"""
The obligations of a sink, asked of any: `check_sink`, for who writes one.

Each check is one sentence of the contract in `sinks/base.py`; its failure says which, and what was seen.
"""

import sys
from collections.abc import Callable
from typing import Final

from tracelog.client.background import to_row
from tracelog.client.default import default
from tracelog.core.compact import HOLE, VERSION, Header
from tracelog.core.entry import Entry
from tracelog.errors import SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, Receipt, Sink
from tracelog.testing.clock import NOON

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The trace id that W3C Trace Context takes for its examples."""

ROWS: Final = 3


def check_sink(make: Callable[[], Sink]) -> None:
    """
    Hold a sink to its contract.

    Args:
        make: Returns a sink that can deliver: start what stands at its other end before. It is called for
            each check.

    Raises:
        AssertionError: With the obligation that it does not meet.
    """
    for check in CHECKS:
        sink = make()
        try:
            check(sink)
        finally:
            sink.close()


def a_parcel(*, rows: int = ROWS, hole: bool = False) -> Parcel:
    """
    Return a parcel of *rows* entries of one trace, the second of them given up if *hole*.
    """
    header = Header(v=VERSION, source="check", system="backend", service="check", sent_at=NOON * 1000)
    entries = [
        Entry(
            id=f"check-{seq}",
            trace_id=TRACE,
            timestamp=NOON * 1000 + seq,
            system="backend",
            level="error" if seq else "info",
            message=f"message {seq}",
            context={"seq": seq},
        )
        for seq in range(rows)
    ]
    packed = [to_row(entry) for entry in entries]
    if hole:
        packed[1] = HOLE
    return Parcel(header, packed)


def _ends(sink: Sink) -> None:
    _taken(sink, a_parcel(), "a parcel that it can deliver")


def _again(sink: Sink) -> None:
    _taken(sink, a_parcel(), "a parcel that it can deliver")
    _taken(sink, a_parcel(), "entries it has already taken, which come again when an answer was lost")


def _empty(sink: Sink) -> None:
    _taken(sink, a_parcel(rows=0), "an empty parcel, whose header carries a report and nothing else")


def _holes(sink: Sink) -> None:
    _taken(sink, a_parcel(hole=True), "a parcel with a hole where an entry was given up")


def _reopens(sink: Sink) -> None:
    _taken(sink, a_parcel(), "a parcel that it can deliver")
    sink.close()
    _taken(sink, a_parcel(), "a parcel after `close`, as a forked child sends one")
    sink.close()
    sink.close()


def _leaves_alone(sink: Sink) -> None:
    parcel, fresh = a_parcel(), a_parcel()
    before = sys.getrefcount(parcel)
    _taken(sink, parcel, "a parcel that it can deliver")
    _holds(
        (parcel.header, parcel.rows) == (fresh.header, fresh.rows),
        "a sink leaves a parcel as it is, for other sinks get the same; this one changed it",
    )
    _holds(
        sys.getrefcount(parcel) == before,
        "a sink keeps no reference to a parcel once it has returned; this one does",
    )


def _silent(sink: Sink) -> None:
    client = default()
    before = client.stats()["emitted"]
    _taken(sink, a_parcel(), "a parcel that it can deliver")
    _holds(
        client.stats()["emitted"] == before,
        "a sink never logs through tracelog, which would hand it its own entries; this one did",
    )


def _taken(sink: Sink, parcel: Parcel, what: str) -> None:
    try:
        receipt = sink(parcel)
    except (SinkUnavailableError, SinkRefusedError) as error:
        raise AssertionError(f"a sink takes {what}; this one said: {error}") from error
    except Exception as error:
        raise AssertionError(
            "a sink raises SinkUnavailableError when trying again may help and SinkRefusedError when not; "
            f"given {what} this one raised {type(error).__name__}: {error}"
        ) from error
    kind = type(receipt).__name__
    _holds(isinstance(receipt, Receipt), f"a sink returns a Receipt; given {what} this one returned {kind}")
    told = receipt.duplicate + sum(
        sum(reasons.values()) for reasons in (receipt.suppressed, receipt.limited, receipt.rejected)
    )
    _holds(
        told <= parcel.kept,
        f"a receipt speaks of each entry once; given {what}, {parcel.kept} entries, it speaks of {told}",
    )


def _holds(truth: bool, sentence: str) -> None:
    if not truth:
        raise AssertionError(sentence)


CHECKS: Final = (_ends, _again, _empty, _holes, _reopens, _leaves_alone, _silent)
"""Each is given a sink of its own."""
