"""
Archives at the other end of HTTP, against receivers that are processes of their own.
"""

import asyncio
import gzip
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.archives.conftest import Logflare
from tests.server.archives.logflare_server import KEY
from tests.sinks.scripted import Request, Scripted, Step, reply, scripted
from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.server.archives import SentArchive, open_archive
from tracelog.server.archives.dead import DeadLetters

pytestmark = pytest.mark.xdist_group("archives")

HELD: tuple[Step, ...] = (reply(200, "{}"),)


def rows(batch: str, n: int = 3, **fields: Any) -> list[dict[str, Any]]:
    """
    Return *n* processed rows as the processor hands them over.
    """
    given = {"trace_id": f"archive-{batch}", "system": "backend", "timestamp": 1_795_350_664_123.0, **fields}
    return [
        {"id": f"{batch}-{at}", "level": "info", "message": f"said {at}", "sample_rate": 0.2, **given}
        for at in range(n)
    ]


def run(archive: SentArchive, *calls: tuple[str, list[dict[str, Any]]]) -> None:
    async def main() -> None:
        try:
            for batch_id, said in calls:
                await archive.store(batch_id, said)
        finally:
            await archive.close()

    asyncio.run(main())


def dead(folder: Path) -> list[dict[str, Any]]:
    file = folder / "dead.ndjson"
    return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], SentArchive]:
    """
    A function that opens an archive whose refused rows come to the test's folder, and that waits little.
    """

    def opening(url: str) -> SentArchive:
        mark = "&" if "?" in url else "?"
        archive = open_archive(f"{url}{mark}dead_letter={tmp_path}/dead.ndjson")
        assert isinstance(archive, SentArchive)
        archive._pause = 0.001
        return archive

    return opening


def logflare_url(server: Logflare, key: str = KEY) -> str:
    return f"logflare+http://{key}@127.0.0.1:{server.port}?source=5d2a&columns=order"


def entries_of(url: str, trace: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v1/traces/{trace}", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["entries"]
    return found


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_batch_reaches_a_receiver_of_otlp_once(
    receiver: str, opened: Any, tmp_path: Path, encoding: str
) -> None:
    """
    What is archived arrives with its fields, one forwarder further; a batch that comes again, of this process
    or of another one after a kill, is there once.
    """
    said = rows(encoding, 700, context={"order": 2**63, "deep": [1, {"a": None}]}, user_id="u1")
    url = f"otlp+{receiver}?encoding={encoding}"
    first = opened(url)
    run(first, (encoding, said), (encoding, said))
    run(opened(url), (encoding, said))
    found = entries_of(receiver, f"archive-{encoding}")
    assert sorted(entry["id"] for entry in found) == sorted(row["id"] for row in said)
    assert {(e["sample_rate"], e["hops"], e["user_id"], e["message"][:4]) for e in found} == {
        (0.2, 1, "u1", "said")
    }
    assert int(found[0]["context"]["order"]) == 2**63
    assert first.counted == {
        "rows": 700,
        "batches": 1,
        "repeated": 1,
        "retries": 0,
        "failed": 0,
        "refused": 0,
    }
    assert dead(tmp_path) == []


def test_a_batch_reaches_logflare(logflare: Logflare, opened: Any) -> None:
    """
    Events arrive under ids that say which are repeats, with named columns, whatever types contexts have.
    """
    said = [*rows("types", 1, context={"order": 12}), *rows("types2", 1, context={"order": {"id": 3}})]
    run(opened(logflare_url(logflare)), ("types", said))
    run(opened(logflare_url(logflare)), ("types", said))
    events = [*logflare.events(trace_id="archive-types"), *logflare.events(trace_id="archive-types2")]
    assert len(events) == 4
    assert len({event["id"] for event in events}) == 2
    assert sorted({event["metadata"]["context_order"] for event in events}) == ["12", '{"id":3}']
    assert logflare.shown()["rewritten"] == []


def test_logflares_429_is_waited_for(logflare: Logflare, opened: Any) -> None:
    """
    While Logflare says that its rate is used up nothing is lost, and what goes on for long is told as such.
    """
    archive = opened(logflare_url(logflare))
    logflare.busy(2)
    run(archive, ("busy", rows("busy")))
    assert (archive.counted["retries"], archive.last_error) == (2, None)
    assert len(logflare.events(trace_id="archive-busy")) == 3
    logflare.busy(100)
    with pytest.raises(StoreUnavailableError, match="logflare: the server answered 429"):
        run(opened(logflare_url(logflare)), ("busier", rows("busier")))
    logflare.busy(0)


def test_what_logflare_refuses_is_set_aside_and_not_sent_again(
    logflare: Logflare, opened: Any, tmp_path: Path
) -> None:
    """
    An event that does not fit its source's columns is answered with 406; the others are stored once, the batch
    stands in the dead-letter file with the cause.
    """
    archive = opened(logflare_url(logflare))
    run(archive, ("fit", rows("fit", 1)))
    source = logflare.shown()["columns"]
    assert source[".metadata.sample_rate"] == "float"
    with scripted(reply(406, '{"message":["metadata.level is int"]}')) as server:
        other = opened(f"logflare+http://{KEY}@127.0.0.1:{server.port}?source_name=shop")
        run(other, ("unfit", rows("unfit", 3)))
        assert len(server.requests) == 1
        assert "source_name=shop" in server.requests[0].line
    assert (other.counted["rows"], other.counted["refused"]) == (2, 1)
    assert [(each["archive"], each["batch"], each["row"]["id"]) for each in dead(tmp_path)] == [
        ("logflare", "unfit", f"unfit-{at}") for at in range(3)
    ]
    assert "1 of these 3" in dead(tmp_path)[0]["cause"]


def test_a_wrong_key_loses_nothing(logflare: Logflare, opened: Any, tmp_path: Path) -> None:
    """
    What a person has to mend keeps batches in the queue, and the sentence shows no key.
    """
    archive = opened(logflare_url(logflare, "wrong-key-5up3rs3cr3t"))
    with pytest.raises(StoreUnavailableError, match="401") as caught:
        run(archive, ("locked", rows("locked")))
    assert "5up3rs3cr3t" not in f"{caught.value} {archive.last_error}"
    assert dead(tmp_path) == []


def body_of(request: Request) -> bytes:
    packed = request.headers.get("content-encoding") == "gzip"
    return gzip.decompress(request.body) if packed else request.body


def sent_ids(server: Scripted) -> list[list[str]]:
    """
    Return the messages of each request.
    """
    found = []
    for request in server.requests:
        scopes = [s for r in json.loads(body_of(request))["resourceLogs"] for s in r["scopeLogs"]]
        found.append(
            [record["body"]["stringValue"][5:] for scope in scopes for record in scope["logRecords"]]
        )
    return found


def test_a_batch_goes_on_where_it_stopped(opened: Any) -> None:
    """
    Of a batch in several requests, those that were taken are not sent again when it is given again.
    """
    large = rows("parts", 4, stack="x" * 700_000)
    with scripted(reply(200, "{}"), reply(503, "", retry_after="77"), *HELD) as server:
        archive = opened(f"otlp+{server.url}")

        async def main() -> None:
            with pytest.raises(StoreUnavailableError) as caught:
                await archive.store("parts", large)
            assert caught.value.retry_after == 77
            await archive.store("parts", large)
            await archive.close()

        asyncio.run(main())
        assert len(server.requests) == 5
    assert archive.counted["rows"] == 4


REFUSALS = [
    (reply(400, '{"message":"bad"}'), 400),
    (reply(413, ""), 413),
]


@pytest.mark.parametrize(("refusal", "status"), REFUSALS, ids=[str(status) for _, status in REFUSALS])
def test_a_row_that_is_refused_stands_alone_in_the_end(
    opened: Any, tmp_path: Path, refusal: Step, status: int
) -> None:
    """
    Where a request is refused, halves of it are sent until only the rows that are refused are left.
    """

    def judge(peer: Any) -> bool:
        bad = b"said 2" in body_of(server.requests[-1])
        return (refusal if bad else reply(200, "{}"))(peer)

    with scripted(judge) as server:
        archive = opened(f"otlp+{server.url}")
        run(archive, ("bad", rows("bad", 5)))
        taken = [name for names in sent_ids(server) if "2" not in names for name in names]
    assert sorted(taken) == ["0", "1", "3", "4"]
    assert (archive.counted["rows"], archive.counted["refused"]) == (4, 1)
    assert [
        (each["row"]["id"], str(status) in each["cause"] or status == 413) for each in dead(tmp_path)
    ] == [("bad-2", True)]


def test_a_partial_success_is_final(opened: Any, tmp_path: Path) -> None:
    """
    What a receiver took in part is not sent again, as OTLP demands; rows that may be missing are set aside.
    """
    with scripted(
        reply(200, '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}')
    ) as server:
        archive = opened(f"otlp+{server.url}")
        run(archive, ("part", rows("part", 3)))
        assert len(server.requests) == 1
    assert (archive.counted["rows"], archive.counted["refused"], len(dead(tmp_path))) == (1, 2, 3)


def test_what_is_no_entry_is_set_aside_once(opened: Any, tmp_path: Path) -> None:
    """
    A row that no receiver could read is set aside after the others went; fields nobody knows become context.
    """
    odd = [{"id": 7, "message": []}, *rows("odd", 1, flavour="sour")]
    with scripted(reply(503), *HELD) as server:
        archive = opened(f"otlp+{server.url}")
        run(archive, ("odd", odd))
        assert b'"flavour"' in body_of(server.requests[-1])
    assert [each["cause"] for each in dead(tmp_path)] == ["it is no entry"]
    assert (archive.counted["rows"], archive.counted["refused"], archive.counted["retries"]) == (1, 1, 1)


def test_a_full_dead_letter_file_holds_the_batch_up(tmp_path: Path) -> None:
    """
    What is refused is never dropped: without room for it the batch waits in the queue, and no half line is left.
    """
    file = tmp_path / "dead.ndjson"
    letters = DeadLetters(file, largest=150)
    letters.write("otlp", "1", "bad", [{"id": "1"}])
    before = file.read_bytes()
    with pytest.raises(StoreUnavailableError, match="it is full"):
        letters.write("otlp", "2", "bad", [{"id": "1"}, {"id": "2"}])
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreUnavailableError, match="cannot be written"):
        DeadLetters(tmp_path).write("otlp", "3", "bad", [{}])


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://bucket", "'s3' opens no archive; give a URL that begins with ndjson:, logflare:"),
        ("logflare://KEY@?size=1", "'size' is no option of Logflare"),
        ("logflare://?source=1", "needs a source and an ingest key"),
        ("otlp+https://h?encoding=grpc", "encoding=json"),
        ("ndjson:", "ndjson:///absolute"),
        ("ndjson://host/x", "ndjson:///absolute"),
        ("ndjson:///x?size=1", "'size' is no option of files"),
        ("ndjson:///x?keep=many", "no whole number"),
        ("ndjson:///x?keep=-1", "must not be negative"),
        ("ndjson:///x?rotate=week", "rotate is one of hour, day, never"),
        ("ndjson:///x?packing=rar", "packing is none or one of gzip"),
    ],
)
def test_a_wrong_url_is_told(url: str, sentence: str) -> None:
    """
    What opens no archive, or names an option that there is not, is one sentence.
    """
    with pytest.raises(ConfigError, match=sentence):
        open_archive(url)
