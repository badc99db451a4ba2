"""
What an export holds comes back as it was, into another store, by every form that holds entries.
"""

import gzip
import itertools
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.running import Running, request
from tracelog.config import Key
from tracelog.core.exported import BLOCK_ID
from tracelog.server.imports import FILE_BYTES

START = 1_795_000_000_000.0
NUMBERS = itertools.count()
ADMIN, READ, INGEST = "admin-key-0123456789", "read-key-0123456789", "ingest-key-0123456789"

texts = st.text(max_size=20) | st.sampled_from(
    ["</script><script>alert(1)</script>", "<!-- & -->", "\u2028\u202e", "{}", "]]>", '{"a":1}', "\\u003c"]
)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.lists(texts, max_size=2)
lines = st.fixed_dictionaries(
    {
        "message": texts.filter(str.strip),
        "level": st.sampled_from(["debug", "log", "info", "warn", "error", "fatal"]),
        "system": st.sampled_from(["browser", "worker", "backend"]),
        "timestamp": st.integers(0, 9_000_000).map(lambda at: START + at / 4096),
    },
    optional={
        "service": st.sampled_from(["shop", "bank"]),
        "logger": st.sampled_from(["app.db", "app.web"]),
        "user_id": texts.filter(str.strip),
        "span_id": st.sampled_from(["a" * 16, "b" * 16]),
        "parent_id": st.just("c" * 16),
        "duration_ms": st.floats(0, 1e6),
        "stack": texts,
        "error": st.just({"type": "A", "message": "b", "cause": {"type": "C", "message": "<d>"}}),
        "context": st.dictionaries(st.sampled_from(["a", "b.c", "</script>"]), values, max_size=3),
    },
)
traces = st.lists(lines, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def here() -> Iterator[Running]:
    """
    The server that exports.
    """
    with Running() as running:
        yield running


@pytest.fixture(scope="module")
def there() -> Iterator[Running]:
    """
    The server that imports; its small quotas would refuse nearly everything.
    """
    with Running(limits=True, trace_quota={"normal": 1, "extra": 0, "critical": 1}) as running:
        yield running


@pytest.fixture(scope="module")
def collector() -> Iterator[Running]:
    """
    A server that is sent OTLP.
    """
    with Running() as running:
        yield running


def send(running: Running, body: bytes, *headers: tuple[str, str]) -> Any:
    return running.ask(request("POST", "/api/v1/import", body, headers=headers))


def stored(running: Running, entries: list[dict[str, Any]]) -> str:
    """
    Store *entries* as a new trace and return its id.
    """
    trace = f"exported-{next(NUMBERS):06}"
    numbered = [{**each, "trace_id": trace, "source": "s", "seq": at} for at, each in enumerate(entries)]
    assert running.post(numbered).json["accepted"] == len(entries)
    return trace


def entries_of(running: Running, trace: str) -> list[dict[str, Any]]:
    """
    Return what a server holds of *trace*, but for the door by which it came.
    """
    found = running.get(f"/api/v1/traces/{trace}").json["entries"]
    return [{name: value for name, value in entry.items() if name != "origin"} for entry in found]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=traces, form=st.sampled_from(["json", "ndjson", "html"]))
def test_an_export_comes_back_as_it_was(
    here: Running, there: Running, entries: list[dict[str, Any]], form: str
) -> None:
    """
    Whatever a trace holds, its export imported into an empty store gives the same entries and the same report,
    past every quota; imported once more it changes nothing.
    """
    trace = stored(here, entries)
    file = here.get(f"/api/v1/traces/{trace}/export?format={form}").body
    told = send(there, file).json
    assert (told["traces"], told["accepted"], told["rejected"]) == ([trace], len(entries), [])
    assert entries_of(there, trace) == entries_of(here, trace)
    ways = [running.get(f"/api/v1/traces/{trace}/report").json for running in (here, there)]
    assert ways[0] == ways[1]
    again = send(there, gzip.compress(file), ("content-encoding", "gzip")).json
    assert (again["accepted"], again["duplicate"]) == (0, len(entries))


def test_imports_are_marked_and_uncounted(here: Running, there: Running) -> None:
    """
    Imported entries are found by their origin, whatever the file said of it, live from now on, and charge
    neither quota nor ledger.
    """
    trace = stored(here, [{"message": "one", "timestamp": START}, {"message": "two", "timestamp": START}])
    before = there.get("/api/v1/ledger").json
    left = there.post({"trace_id": "live-entry", "message": "x", "system": "worker"}).json["remaining_quota"]
    file = here.get(f"/api/v1/traces/{trace}/export").body.replace(b'"origin":"local"', b'"origin":"server"')
    assert b'"origin":"server"' in file
    send(there, file)
    found = there.get(f"/api/v1/search?q=origin:imported%20trace:{trace}").json["entries"]
    assert {entry["message"] for entry in found} == {"one", "two"}
    whole = there.get(f"/api/v1/traces/{trace}").json
    assert whole["expires_at"] - START > 3_500_000
    after = there.get("/api/v1/ledger").json
    assert (after["stored"], after["emitted"]) == (before["stored"] + 1, before["emitted"] + 1)
    again = there.post({"trace_id": "live-other", "message": "x", "system": "worker"}).json
    assert again["remaining_quota"] == left - 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=traces)
def test_otlp_comes_back_by_either_door(
    here: Running, there: Running, collector: Running, entries: list[dict[str, Any]]
) -> None:
    """
    An export as OTLP is what our own receiver understands: the same entries but for what the record of a
    collector has no place for, nulls included, whether it is imported or sent as live logs.
    """
    given_ = [
        {**each, "context": {"n": 1, "none": None, "deep": {"a": [1, None], "b": None}}} for each in entries
    ]
    trace = stored(here, given_)
    file = here.get(f"/api/v1/traces/{trace}/export?format=otlp").body
    wanted = {entry["id"]: _told(entry) for entry in entries_of(here, trace)}
    assert send(there, file).json["accepted"] == len(entries)
    assert collector.post(file, ("content-type", "application/json"), target="/v1/logs").status == 200
    assert {entry["id"]: _told(entry) for entry in entries_of(collector, trace)} == wanted
    assert {entry["id"]: {**entry, "origin": ""} for entry in entries_of(there, trace)} == {
        entry["id"]: {**entry, "origin": ""} for entry in entries_of(here, trace)
    }
    reports = [at.get(f"/api/v1/traces/{trace}/report").body for at in (here, there)]
    assert reports[0] == reports[1]


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    """
    Return what any sender may say of *entry*.
    """
    return {name: value for name, value in entry.items() if name not in {"received_at", "fixed"}}


class Page(HTMLParser):
    """
    What a browser makes of a page: its elements, and the text inside blocks of data.
    """

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=traces)
def test_the_page_is_text_only(here: Running, entries: list[dict[str, Any]]) -> None:
    """
    Whatever was logged, the exported page forbids itself scripts and requests, asks for nothing from outside,
    and holds one block of data and no other script.
    """
    trace = stored(here, entries)
    page = Page()
    page.feed(here.get(f"/api/v1/traces/{trace}/export?format=html").body.decode())
    scripts = [told for tag, told in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": BLOCK_ID}]
    policy = next(told["content"] for _, told in page.elements if "http-equiv" in told)
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert {tag for tag, _ in page.elements}.isdisjoint(
        {"img", "link", "iframe", "a", "form", "object", "base"}
    )
    assert not any(name in told for _, told in page.elements for name in ("src", "href", "onclick", "onload"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_export"),
        (b"hello", "not_export"),
        (b"<html></html>", "not_export"),
        (b'{"tracelog":2,"entries":[]}', "version"),
        (b'{"tracelog":1,"entries":[]}', "no_entries"),
        (b"[1,2]", "no_entries"),
        (b'{"resourceLogs":3}', "not_otlp"),
        (b"[" + b"{}," * 100_001 + b"{}]", "too_many"),
    ],
    ids=range(8),
)
def test_what_is_no_export_is_a_sentence(there: Running, body: bytes, reason: str) -> None:
    """
    A file that holds no entries of ours is refused with its reason, and nothing is stored.
    """
    answer = send(there, body)
    assert (answer.status // 100, answer.json["reason"]) == (4, reason)
    assert answer.json["error"]


def test_one_bad_entry_spoils_no_file(there: Running) -> None:
    """
    Entries that cannot be read are told by their place; the others are taken.
    """
    rows = [
        {"trace_id": "half-good", "message": "good", "received_at": "soon", "fixed": [1]},
        {"trace_id": 3},
    ]
    told = send(there, b"\n".join(json.dumps(row).encode() for row in rows) + b"\n{]").json
    assert (told["accepted"], told["rejected_count"]) == (1, 2)
    assert [each["index"] for each in told["rejected"]] == [1, 2]


def test_only_admins_import() -> None:
    """
    With keys, a file is taken from an admin alone, and never from another site's page.
    """
    keys = tuple(
        Key(token=token, role=role) for token, role in ((ADMIN, "admin"), (READ, "read"), (INGEST, "ingest"))
    )
    with Running(keys=keys) as guarded:
        body = b'{"trace_id":"by-admin","message":"x"}'
        for token, status in ((ADMIN, 200), (READ, 403), (INGEST, 403)):
            answer = send(guarded, body, ("authorization", f"Bearer {token}"))
            assert answer.status == status
        foreign = (("authorization", f"Bearer {ADMIN}"), ("origin", "https://evil.example"))
        assert send(guarded, body, *foreign).status == 403
        assert send(guarded, b"", ("content-length", str(FILE_BYTES + 1))).status in {401, 413}
