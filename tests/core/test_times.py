"""
Times: any unit and form becomes milliseconds, what makes no sense becomes arrival and is kept.
"""

import json
from pathlib import Path

import pytest

from tests.core.corpus import DAY, NOW, made, told
from tracelog.core.straighten import EARLIEST_MS
from tracelog.core.times import to_milliseconds

VECTORS = Path(__file__).parents[1] / "vectors"


@pytest.mark.parametrize("case", json.loads((VECTORS / "timestamps.json").read_text())["cases"], ids=str)
def test_timestamp_vectors(case):
    """
    Times in any unit and form mean the milliseconds that the shared vectors say.
    """
    assert to_milliseconds(case["value"]) == case["milliseconds"]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (NOW - 5, NOW - 5),
        (NOW + DAY, NOW + DAY),
        (NOW + 61_000, NOW + 61_000),
        (NOW + 3 * 3_600_000, NOW + 3 * 3_600_000),
        (EARLIEST_MS, EARLIEST_MS),
    ],
)
def test_milliseconds_are_kept(value, moment):
    """
    A time of the last decades up to a day ahead is what the source's clock said: skew is measured, not hidden.
    """
    assert told("timestamp", value) == (moment, False)


@pytest.mark.parametrize(
    "value",
    [
        1763812800,
        1763812800.0,
        1763812800000000,
        1763812800000000000,
        "1763812800",
        "1763812800000",
        "2025-11-22T12:00:00Z",
    ],
)
def test_other_units_and_forms_are_converted(value):
    """
    Seconds, microseconds, nanoseconds and ISO 8601 become milliseconds, and `timestamp` is named as fixed.
    """
    assert told("timestamp", value) == (NOW, True)


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 1, 1e18 * 5, 1e300, 10**25, 10**400, float("inf"), float("nan"), True, False, "", "NaN", "soon", "9" * 4000,
        "9999-01-01T00:00:00Z", "+275760-09-13T00:00:00Z", "1999-12-31", [], {}, NOW + DAY + 1, NOW + 3650 * DAY, EARLIEST_MS - 1,
    ],
)  # fmt: skip
def test_an_absurd_time_is_arrival_with_the_original_kept(value):
    """
    What can be no time of this log becomes the time of arrival, and what was sent is kept.
    """
    entry = made(message="m", timestamp=value)
    assert entry.timestamp == NOW
    assert "timestamp" in entry.fixed
    kept = entry.context["original_timestamp"]
    plain = isinstance(value, int | float) and abs(value) < 2**63
    assert kept == (value if plain or not isinstance(value, int | float) else kept)
    assert isinstance(kept, type(value) | str)


def test_an_absent_time_is_arrival():
    """
    Without a timestamp the entry has the time of arrival; nothing was fixed, nothing is kept.
    """
    assert told("timestamp", None) == (NOW, False)
    assert made(message="m").context is None
