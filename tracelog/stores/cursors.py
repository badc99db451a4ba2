"""
Where a page ended, as an opaque string; and the order of entries that pages go by. Pure.
"""

import base64
from typing import Any, Final, NamedTuple

import msgspec

from tracelog.core.entry import Entry
from tracelog.errors import QuerySyntaxError

Position = tuple[float, float, str, str]
"""Order of entries, smallest first: (-arrival, -timestamp, trace id, entry id), so newer ones come first."""

Place = tuple[float, str]
"""Order of traces, largest first: (moment of the last write or error, trace id)."""


class Before(NamedTuple):
    """
    Where a page of a search ended, and when it was made, Unix milliseconds.
    """

    at: Position
    made_ms: float


AHEAD_MS: Final = 1e18
"""An arrival later than any."""

_position: Final = msgspec.json.Decoder(Before)
_place: Final = msgspec.json.Decoder(Place)


def arrived(entry: Entry) -> float:
    """
    Return when *entry* arrived, Unix milliseconds: by the server's clock, else by its own.
    """
    return entry.timestamp if entry.received_at is None else entry.received_at


def position(entry: Entry) -> Position:
    """
    Return the place of *entry* among all entries, newest arrival first.
    """
    return (-arrived(entry), -entry.timestamp, entry.trace_id, entry.id)


def write_cursor(at: Before | Place) -> str:
    """
    Return the cursor of a page whose last item stands at *at*.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(at)).decode().rstrip("=")


def beginning(seen_ms: float) -> str:
    """
    Return the cursor of a page in front of all, which somebody saw at *seen_ms*, Unix milliseconds.
    """
    return write_cursor(Before((-AHEAD_MS, 0.0, "", ""), seen_ms))


def read_position(cursor: str | None) -> Before | None:
    """
    Return what a cursor of `search` names.

    Raises:
        QuerySyntaxError: When it is none of ours.
    """
    return None if cursor is None else _read(cursor, _position)


def read_place(cursor: str | None) -> Place | None:
    """
    Return the place that a cursor of `traces` names.

    Raises:
        QuerySyntaxError: When it is none of ours.
    """
    return None if cursor is None else _read(cursor, _place)


def _read(cursor: str, decoder: "msgspec.json.Decoder[Any]") -> Any:
    try:
        return decoder.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise QuerySyntaxError("the cursor is none that this list gave; start again without one") from error
