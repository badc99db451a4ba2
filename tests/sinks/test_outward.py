"""
The sinks for other systems, Logflare and OTLP: the contract of a sink, and what each answer means.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.archives.conftest import Logflare
from tests.server.archives.logflare_server import KEY
from tests.server.running import Running
from tests.sinks.parcels import parcel, row
from tests.sinks.scripted import reply, scripted
from tracelog import Client
from tracelog.core.encoding import Compressor
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks import LogflareSink, OtlpSink, open_sink
from tracelog.sinks.base import ParcelTooLargeError
from tracelog.testing import check_sink

pytestmark = pytest.mark.xdist_group("outward")


@pytest.fixture(scope="module")
def logflare() -> Iterator[Logflare]:
    server = Logflare()
    yield server
    server.process.kill()
    server.process.wait()
    server.process.stdout.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Running]:
    with Running() as running:
        yield running


def test_both_keep_the_contract(logflare: Logflare, receiver: Running) -> None:
    """
    The sinks meet every obligation of a sink, OTLP in both of its forms.
    """
    check_sink(lambda: LogflareSink("5d2a", key=KEY, url=f"http://127.0.0.1:{logflare.port}"))
    for protobuf in (False, True):
        check_sink(lambda form=protobuf: OtlpSink(f"http://127.0.0.1:{receiver.port}", protobuf=form))


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_program_logs_to_a_receiver_of_otlp(receiver: Running, encoding: str) -> None:
    """
    With the URL as its sink a program's entries arrive as they were: ids, span, error, context and all.
    """
    client = Client(
        service=f"shop-{encoding}",
        sinks=[f"otlp+http://127.0.0.1:{receiver.port}/v1/logs?encoding={encoding}"],
    )
    with client.trace("order") as trace:
        try:
            int("no such card")
        except ValueError:
            client.get_logger("pay").exception("failed", order={"id": 7, "parts": [1.5, True, None]})
    client.shutdown(5)
    stats = client.stats()
    found = receiver.get(f"/api/v1/traces/{trace.trace_id}").json["entries"]
    failed = next(entry for entry in found if entry["level"] == "error")
    assert stats["stored"] == stats["emitted"] == len(found)
    assert failed["service"] == f"shop-{encoding}"
    assert failed["error"]["type"] == "ValueError"
    assert failed["context"]["order"]["id"] == 7
    assert "no such card" in failed["stack"]
    assert failed["id"].startswith(failed["source"])


def test_a_program_logs_to_logflare(logflare: Logflare) -> None:
    """
    With the URL as its sink a program's entries are events of Logflare.
    """
    client = Client(
        service="shop", sinks=[f"logflare+http://{KEY}@127.0.0.1:{logflare.port}?source_name=shop"]
    )
    client.get_logger("pay").warning("card declined", order=7)
    client.shutdown(5)
    event = logflare.events(service="shop")[-1]
    assert (event["message"], event["metadata"]["level"]) == ("card declined", "warn")
    assert json.loads(event["metadata"]["context"]) == {"order": 7}


def sinks_at(url: str) -> tuple[Any, Any]:
    host = url.removeprefix("http://")
    return (
        open_sink(f"logflare+http://5up3rs3cr3t@{host}?source=a"),
        open_sink(f"otlp+http://{host}?header.x-api-key=5up3rs3cr3t"),
    )


ANSWERS = [
    (reply(429, '{"error":"over 5up3rs3cr3t"}', retry_after="3"), SinkUnavailableError, "answered 429"),
    (reply(503, ""), SinkUnavailableError, "answered 503"),
    (reply(200, "<html>"), SinkUnavailableError, "the answer is 200, but not one of"),
    (reply(413, ""), ParcelTooLargeError, "smaller batches"),
    (reply(401, '{"error":"Unauthorized 5up3rs3cr3t"}'), SinkRefusedError, "refused with 401"),
    (reply(302, "", location="http://127.0.0.1"), SinkRefusedError, "redirects are not followed"),
]


@pytest.mark.parametrize(("step", "kind", "said"), ANSWERS)
def test_answers_mean_the_same_to_both(step: Any, kind: type[Exception], said: str) -> None:
    """
    What may pass later is tried again, what is too large is halved, what never will is given up; no sentence
    shows a key.
    """
    with scripted(step) as server:
        for sink in sinks_at(server.url):
            with pytest.raises(kind, match=said) as caught:
                sink(parcel("a"))
            assert "5up3rs3cr3t" not in str(caught.value)
            assert getattr(caught.value, "retry_after", None) in {None, 3.0}
            sink.close()
        assert "5up3rs3cr3t" in str([request.headers for request in server.requests])


def test_what_is_taken_in_part_is_a_receipt() -> None:
    """
    Events that Logflare names as refused, and records that a receiver of OTLP counts as such, are rejected.
    """
    with scripted(reply(406, '{"message":["a","b"]}'), reply(406, '{"message":"source"}')) as server:
        sink = sinks_at(server.url)[0]
        assert sink(parcel("a", "b", "c")).rejected == {"logflare_refused": 2}
        assert sink(parcel("a", "b", "c")).rejected == {"logflare_refused": 1}
        sink.close()
    with scripted(reply(200, '{"partialSuccess":{"rejectedLogRecords":"2"}}'), reply(202, "")) as server:
        sink = sinks_at(server.url)[1]
        assert sink(parcel("a", "b", "c")).rejected == {"otlp_rejected": 2}
        assert sink(parcel("a")).rejected == {}
        sink.close()
    with scripted(reply(200, b"\x0a\x04\x08\x02\x12\x00"), reply(200, b"\xff")) as server:
        sink = OtlpSink(server.url, protobuf=True)
        assert sink(parcel("a", "b", "c")).rejected == {"otlp_rejected": 2}
        with pytest.raises(SinkUnavailableError, match="not one of OTLP"):
            sink(parcel("a"))
        sink.close()


def test_logflare_is_never_sent_more_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A body beyond its bound is halved without asking; large ones travel as gzip, the only packing it knows.
    """
    with scripted(reply(200, '{"message":"Logged!"}')) as server:
        sink = sinks_at(server.url)[0]
        sink(parcel(row("x" * 2_000)))
        assert json.loads(gzip.decompress(server.requests[0].body))["batch"][0]["message"] == "x" * 2_000
        monkeypatch.setattr("tracelog.sinks.logflare.BODY_BYTES", 3_000)
        with pytest.raises(ParcelTooLargeError, match="at once"):
            sink(parcel(*["x" * 2_000] * 2))
        assert len(server.requests) == 1
        sink.close()
    assert Compressor(zstd=False)(b"x" * 1_000)[0] == "gzip"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LogflareSink("", key="k"), "needs a source"),
        (lambda: LogflareSink("a", key="k", columns=["c"] * 51), "at most 50 columns"),
        (lambda: LogflareSink("a", key="k e"), "visible ASCII"),
        (lambda: OtlpSink("ftp://h"), "url must be an address"),
        (lambda: OtlpSink("http://h", headers={"x-a": "b\r\nc"}), "'x-a' of OTLP cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_told_at_once(make: Any, said: str) -> None:
    """
    A setting that no request could be made with is one sentence.
    """
    with pytest.raises(ConfigError, match=said):
        make()
