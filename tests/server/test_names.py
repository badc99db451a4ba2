"""
What an entry is called when its sender names too little, or a name that means something else.
"""

import hashlib
import itertools
from typing import Any

import msgspec
import pytest

from tests.server.running import Running
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.identity import REFERENCES, readable
from tracelog.core.rows import Header, Ids, Meta, Row
from tracelog.stores.reference import LATEST

_numbers = itertools.count()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def fresh() -> str:
    """
    Return a name that no other test has used.
    """
    return f"names-{next(_numbers)}"


def batch(source: str, *traces: Any) -> bytes:
    rows = [
        msgspec.msgpack.encode(Row(1_795_000_000.0, Meta(2), Ids(trace), f"m{n}", None))
        for n, trace in enumerate(traces)
    ]
    return encode_batch(Header(v=1, source=source, system="backend"), rows)


@pytest.mark.parametrize("crooked", [{}, {"unknown": 1}], ids=["straight", "crooked"])
@pytest.mark.parametrize("form", ["one", "array"])
@pytest.mark.parametrize("named", ["id", "source"])
def test_an_entry_without_a_trace_sent_twice_is_stored_once(
    named: str, form: str, crooked: dict[str, Any], way: Running
) -> None:
    """
    Whoever names an entry but no trace may send again: the trace follows from the id, and the second is a duplicate.
    """
    name = fresh()
    entry = {"message": name, **({"id": name} if named == "id" else {"source": name, "seq": 0}), **crooked}
    for _ in range(2):
        assert way.post(entry if form == "one" else [entry]).status == 200
    own = name if named == "id" else f"{name}-0"
    trace = way.get(f"/api/v1/traces/{hashlib.blake2b(own.encode(), digest_size=16).hexdigest()}").json
    assert [(one["id"], one["message"]) for one in trace["entries"]] == [(own, name)]
    assert way.messages().count(name) == 1
    assert way.post([entry]).json["duplicate"] == 1


def test_a_compact_row_without_a_trace_sent_twice_is_stored_once(way: Running) -> None:
    """
    Rows are named by their batch, so they too come to the same traces again, two rows to two of them.
    """
    body = batch(fresh(), None, None)
    counts = [way.post(body, ("Content-Type", CONTENT_TYPE)).json for _ in range(2)]
    assert [(one["accepted"], one["duplicate"]) for one in counts] == [(2, 0), (0, 2)]


@pytest.mark.parametrize("header", [("x-trace-id", "{}"), ("traceparent", "00-{}-b7ad6b7169203331-01")])
def test_the_trace_of_the_request_wins_over_the_id(header: tuple[str, str], way: Running) -> None:
    """
    Entries that name no trace belong to that of the request's headers, whether they have an id or not.
    """
    name = fresh()
    given = hashlib.md5(name.encode()).hexdigest()
    body = [{"id": name, "message": name}, {"message": name}, {"id": f"{name}-b", "message": name, "odd": 1}]
    assert way.post(body, (header[0], header[1].format(given))).json["accepted"] == 3
    assert [one["message"] for one in way.get(f"/api/v1/traces/{given}").json["entries"]] == [name] * 3


def test_an_entry_without_any_name_is_new_every_time(way: Running) -> None:
    """
    Who names nothing sends two entries when sending twice: nobody can know that they are one.
    """
    name = fresh()
    traces = {way.post({"message": name}).json["trace_id"] for _ in range(2)}
    assert len(traces) == way.messages().count(name) == 2


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("latest", "trace-latest"), ("latest-error", "trace-latest-error"), (PARENT, TRACE)],
)
@pytest.mark.parametrize("form", ["straight", "crooked", "compact", "header"])
def test_a_trace_id_that_is_a_reference_is_renamed(form: str, sent: str, stored: str, way: Running) -> None:
    """
    An entry whose trace id means another trace is kept under a name that can be read, and says so.
    """
    name = fresh()
    entry = {"id": name, "message": name, "trace_id": sent}
    bodies: dict[str, tuple[Any, ...]] = {
        "straight": ([entry, {"message": "beside it"}],),
        "crooked": ([{**entry, "unknown": 1}],),
        "compact": (batch(name, sent), ("Content-Type", CONTENT_TYPE)),
        "header": ({"id": name, "message": name}, ("x-trace-id", sent)),
    }
    assert way.post(*bodies[form]).status == 200
    found = way.get(f"/api/v1/traces/{stored}").json["entries"]
    (entry,) = [one for one in found if one["id"].startswith(name)]
    assert (entry["trace_id"], entry.get("fixed")) == (stored, ["trace_id"])


@pytest.mark.parametrize("name", ["Latest", "latest-", "latest.error", "trace-latest", "0-1-2-3"])
def test_names_beside_the_references_stay_as_they_are(name: str, way: Running) -> None:
    """
    Only the words that ask for something are renamed.
    """
    assert way.post({"trace_id": name, "message": "m"}).json["trace_id"] == name
    assert way.get(f"/api/v1/traces/{name}").json["trace_id"] == name


def test_the_references_are_those_of_the_stores() -> None:
    """
    Every word that a store answers for is one that no trace can be called by, and what it becomes is none.
    """
    assert set(LATEST) == REFERENCES
    assert not REFERENCES & {readable(word) for word in REFERENCES}
