"""
A moment as any program writes it, read as Unix milliseconds.

The unit of a number is told by its size: no two units overlap between the years 1973 and 5138. Whether the
moment makes sense is for `straighten.py` to say, which knows the time of arrival.
"""

from datetime import UTC, datetime
from typing import Any, Final

EARLIEST_MS: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1000
"""No log is older; smaller numbers are counters, durations or a clock that was never set."""

LATEST_AHEAD_MS: Final = 24 * 3600 * 1000.0
"""A clock more than a day ahead of arrival is absurd, not skewed: up to there the offset can be measured."""

UNITS: Final = ((1e11, 1e3, 1.0), (1e14, 1.0, 1.0), (1e17, 1.0, 1e3), (1e20, 1.0, 1e6))
"""Seconds, milliseconds, microseconds, nanoseconds: below which size, times what, divided by what."""

_TEXT_CHARS: Final = 64
"""Longer than any form of ISO 8601; a text beyond it is no time, and reading its digits would cost."""


def to_milliseconds(value: Any) -> float | None:
    """
    Return *value* as Unix milliseconds, or None when it is no time. What is converted keeps microseconds.

    Args:
        value: A number of seconds, milliseconds, microseconds or nanoseconds, the same as text, or a date and
            time after ISO 8601; one without an offset is read as UTC.
    """
    if isinstance(value, str):
        return _text_to_milliseconds(value.strip()) if len(value) <= _TEXT_CHARS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for below, times, divided in UNITS:
        if abs(value) < below:
            return float(value) if times == divided else round(value * times / divided, 3)
    return None


def iso(milliseconds: float) -> str:
    """
    Return the moment of Unix *milliseconds* as ISO 8601 in UTC, to the second; as a number where no calendar
    reaches.
    """
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds:g}"


def _text_to_milliseconds(text: str) -> float | None:
    try:
        return to_milliseconds(float(text))
    except ValueError:
        pass  # not a number, so perhaps a date
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
