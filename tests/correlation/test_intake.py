"""
What `tracelog.correlate` takes: entries and JSON objects of any make, with any time or none.
"""

import itertools
import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracelog
from tests.correlation.build import START, TRACE, log, traces
from tests.correlation.incident import incident
from tracelog.core.entry import Entry
from tracelog.errors import InvalidEntryError

STRANGE = [math.nan, math.inf, -math.inf, 1e300, -1e300, 1e18]


def told(entries):
    report = tracelog.correlate(entries)
    json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert report.to_terminal()
    return [(row.message, row.at_ms) for row in report.timeline]


@pytest.mark.parametrize("time", STRANGE)
def test_a_time_that_is_none_is_unknown(time):
    """
    Entries with no usable time stand at their arrival, else at the beginning; nothing is raised.
    """
    entries = [
        log("a", 0, "first"),
        Entry(id="b", trace_id=TRACE, timestamp=time, message="when?"),
        log("c", 40, "last"),
    ]
    assert told(entries) == [("first", 0.0), ("when?", 0.0), ("last", 40.0)]
    entries[1].received_at = START + 20
    assert told(entries) == [("first", 0.0), ("when?", 20.0), ("last", 40.0)]
    assert told([entries[1]]) == [("when?", 0.0)]
    entries[1].received_at = time
    assert told(entries)[1] == ("when?", 0.0)


@pytest.mark.parametrize("time", STRANGE)
def test_the_running_number_places_what_has_no_time(time):
    """
    Within a source an entry of unknown time stands between its neighbours by number.
    """
    entries = [log(f"e{n}", n * 10, f"{'abcd'[n]}", source="s", seq=n) for n in range(4)]
    entries[2].timestamp = time
    assert [text for text, _ in told(entries)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("time", STRANGE)
def test_other_numbers_that_are_none(time):
    """
    The end of a run and a duration that are no numbers are as if they were absent.
    """
    run = log("a", 0, "tick", kind="summary", count=9, last_timestamp=time)
    assert told([run, log("b", 5, "x", duration_ms=time)]) == [("tick", 0.0), ("x", 5.0)]


@given(traces(), st.data())
def test_the_order_of_strange_times_does_not_matter(entries, data):
    """
    With times of any kind the report is the same for any order, and no entry is changed.
    """
    for entry in entries:
        entry.timestamp = data.draw(st.sampled_from([entry.timestamp, *STRANGE]))
    times = [repr(entry.timestamp) for entry in entries]
    assert tracelog.correlate(entries[::-1]).to_json() == tracelog.correlate(entries).to_json()
    assert [repr(entry.timestamp) for entry in entries] == times


MOMENTS = [
    START,
    START / 1000.0,
    int(START * 1000),
    "2026-03-04T14:40:01.840Z",
    "2026-03-04T15:40:01.840+01:00",
    str(START),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_json_objects_are_read_as_on_the_wire(moment):
    """
    Times in any unit or form, other names of fields and other names of levels are understood.
    """
    raw = {"traceId": TRACE, "time": moment, "msg": "said", "severity_text": "WARNING", "sku": "A-1"}
    (row,) = tracelog.correlate([raw]).timeline
    assert (row.message, row.level, row.raw_timestamp) == ("said", "warn", START)


@pytest.mark.parametrize("moment", [None, math.nan, math.inf, "yesterday", True, {}, 12])
def test_json_objects_without_a_time(moment):
    """
    Without a time that is one, an object stands at its arrival as the server noted it, else at the beginning.
    """
    raw = {"message": "when?", "timestamp": moment, "trace_id": TRACE}
    entries = [log("a", 0, "first"), log("b", 40, "last")]
    assert told([*entries, raw]) == [("first", 0.0), ("when?", 0.0), ("last", 40.0)]
    assert told([*entries, {**raw, "received_at": START + 7}])[1] == ("when?", 7.0)


def test_an_export_tells_what_its_entries_tell():
    """
    The JSON objects of a whole trace give the report that the entries give, in any mixture.
    """
    entries = incident()
    objects = [msgspec.json.decode(msgspec.json.encode(entry)) for entry in entries]
    mixed = [pair[n % 2] for n, pair in enumerate(zip(entries, objects, strict=True))]
    expected = tracelog.correlate(entries).to_json()
    for same in (objects, mixed, itertools.chain(objects, [])):
        assert tracelog.correlate(same).to_json() == expected


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"trace_id": TRACE}, "message is missing"),
        ({"message": "m", "trace_id": "no id at all"}, "trace_id must be"),
        ("text", "an entry is an Entry or a JSON object, not str"),
        (None, "not NoneType"),
    ],
)
def test_what_cannot_be_an_entry(wrong, sentence):
    """
    What is no entry and cannot be made one is refused in one sentence that says why.
    """
    with pytest.raises(InvalidEntryError, match=sentence):
        tracelog.correlate([wrong])
