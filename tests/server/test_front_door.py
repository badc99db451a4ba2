"""
`POST /log` from the socket: the short way and uvicorn's way give the same answer to the same bytes.
"""

import gzip
import json
import re
import zlib
from typing import Any

import msgspec
import pytest
import zstandard

from tests.server.running import Answer, Running, request
from tracelog.core.compact import CONTENT_TYPE, encode_batch
from tracelog.core.rows import Header, Ids, Meta, Row

JSON = ("Content-Type", "application/json")
MiB = 1024 * 1024
ENTRY = b'{"trace_id":"test_123","message":"test"}'
LOCAL = "http://localhost:3000"


def compact(*messages: str, seq: int = 0) -> bytes:
    rows = [
        msgspec.msgpack.encode(Row(1_795_000_000.0, Meta(2), Ids("ab" * 16), message, None))
        for message in messages
    ]
    return encode_batch(Header(v=1, source="front-door", seq=seq, sent_at=1_795_000_000_000.0), rows)


def encoded(encoding: str, body: bytes, *more: tuple[str, str]) -> bytes:
    return request(body=body, headers=[JSON, ("Content-Encoding", encoding), *more])


def bomb() -> bytes:
    return b"[" + b" " * (64 * MiB) + b"]"


def plain(body: bytes, *headers: tuple[str, str], **more: Any) -> bytes:
    return request(body=body, headers=headers, **more)


CASES: dict[str, tuple[bytes, int, str | None]] = {
    "single": (plain(ENTRY, JSON), 200, None),
    "curl -d": (
        plain(ENTRY, ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "*/*")),
        200,
        None,
    ),
    "beacon": (plain(ENTRY, ("Content-Type", "text/plain;charset=UTF-8")), 200, None),
    "no type": (plain(ENTRY), 200, None),
    "batch": (plain(b'[{"message":"a"},{"message":"b"}]', JSON), 200, None),
    "lines": (
        plain(b'{"message":"a"}\n{"message":"b"}\n', ("Content-Type", "application/x-ndjson")),
        200,
        None,
    ),
    "text sequence": (
        plain(b'\x1e{"message":"a"}\n\x1e{"message":"b"}\n', ("Content-Type", "application/json-seq")),
        200,
        None,
    ),
    "compact with a broken text": (
        plain(compact("a", "b").replace(b"\xa1b", b"\xa1\xff"), ("Content-Type", CONTENT_TYPE)),
        200,
        None,
    ),
    "empty batch": (plain(b"[]", JSON), 200, None),
    "same id twice": (
        plain(b'[{"id":"x","trace_id":"t","message":"a"},{"id":"x","trace_id":"t","message":"b"}]'),
        200,
        None,
    ),
    "some bad": (plain(b'[{"message":"a"},7,"x"]', JSON), 200, None),
    "all bad": (plain(b"[7,null]", JSON), 400, "not_an_object"),
    "one bad": (plain(b'{"trace_id":', JSON), 400, None),
    "empty": (plain(b"", JSON), 400, "empty"),
    "no length": (request(headers=[JSON]), 400, "empty"),
    "no json": (plain(b"hello", JSON), 400, "not_json"),
    "compact zstd": (
        plain(
            zstandard.compress(compact("a", "b")),
            ("Content-Type", CONTENT_TYPE),
            ("Content-Encoding", "zstd"),
        ),
        200,
        None,
    ),
    "compact gzip": (
        plain(
            gzip.compress(compact("c", seq=9)), ("Content-Type", CONTENT_TYPE), ("Content-Encoding", "gzip")
        ),
        200,
        None,
    ),
    "compact damaged": (plain(b"\x92\x01", ("Content-Type", CONTENT_TYPE)), 400, "bad_batch"),
    "gzip": (encoded("gzip", gzip.compress(ENTRY)), 200, None),
    "gzip of two members": (
        encoded("gzip", gzip.compress(b'[{"message":"a"},') + gzip.compress(b'{"message":"b"}]')),
        200,
        None,
    ),
    "GZIP": (encoded("GZIP", gzip.compress(ENTRY)), 200, None),
    "deflate": (encoded("deflate", zlib.compress(ENTRY)), 200, None),
    "zstd": (encoded("zstd", zstandard.compress(ENTRY)), 200, None),
    "identity": (encoded("identity", ENTRY), 200, None),
    "unknown encoding": (encoded("br", b"x"), 415, "content_encoding"),
    "two encodings": (encoded("gzip, gzip", b"x"), 415, "content_encoding"),
    "gzip cut short": (encoded("gzip", gzip.compress(ENTRY)[:-4]), 400, "bad_encoding"),
    "gzip with more behind": (encoded("gzip", gzip.compress(ENTRY) + b"more"), 400, "bad_encoding"),
    "gzip of nothing": (encoded("gzip", b""), 400, "bad_encoding"),
    "zstd cut short": (encoded("zstd", zstandard.compress(ENTRY)[:-4]), 400, "bad_encoding"),
    "zstd with more behind": (encoded("zstd", zstandard.compress(ENTRY) + b"more"), 400, "bad_encoding"),
    "deflate cut short": (encoded("deflate", zlib.compress(ENTRY)[:-4]), 400, "bad_encoding"),
    "gzip bomb": (encoded("gzip", gzip.compress(bomb())), 413, "body_too_large"),
    "zstd bomb": (encoded("zstd", zstandard.compress(bomb())), 413, "body_too_large"),
    "deflate bomb": (encoded("deflate", zlib.compress(bomb())), 413, "body_too_large"),
    "too large": (plain(b"[" + b" " * 4 * MiB + b"]", JSON), 413, "body_too_large"),
    "too many": (plain(b"[" + b"{}," * 1000 + b"{}]", JSON), 413, "too_many"),
    "as large as it may be": (plain(b"[" + b" " * (4 * MiB - 2) + b"]", JSON), 200, None),
    "form": (plain(b"x", ("Content-Type", "multipart/form-data; boundary=x")), 415, "content_type"),
    "msgpack as json": (plain(compact("a"), JSON), 400, "not_json"),
    "utf-16": (plain(ENTRY, ("Content-Type", "application/json; charset=utf-16")), 415, "content_type"),
    "GET": (request("GET"), 405, "method"),
    "HEAD": (request("HEAD"), 405, None),
    "PUT": (request("PUT", body=ENTRY), 405, "method"),
    "DELETE": (request("DELETE"), 405, "method"),
    "TRACE": (request("TRACE"), 405, "method"),
    "preflight": (
        request("OPTIONS", headers=[("Origin", LOCAL), ("Access-Control-Request-Method", "POST")]),
        204,
        None,
    ),
    "foreign preflight": (request("OPTIONS", headers=[("Origin", "https://evil.example")]), 204, None),
    "null preflight": (request("OPTIONS", headers=[("Origin", "null")]), 204, None),
    "preflight elsewhere": (
        request("OPTIONS", headers=[("Host", "evil.example"), ("Origin", LOCAL)]),
        421,
        "host",
    ),
    "page": (plain(ENTRY, ("Origin", LOCAL)), 200, None),
    "own page": (plain(ENTRY, ("Host", "127.0.0.1:8787"), ("Origin", "http://127.0.0.1:8787")), 200, None),
    "foreign page": (plain(ENTRY, ("Origin", "https://evil.example")), 403, "origin"),
    "null page": (plain(ENTRY, ("Origin", "null")), 403, "origin"),
    "empty origin": (plain(ENTRY, ("Origin", "")), 403, "origin"),
    "crooked origin": (plain(ENTRY, ("Origin", "http://[")), 403, "origin"),
    "page error": (plain(b"x", ("Origin", LOCAL)), 400, "not_json"),
    "foreign host": (plain(ENTRY, ("Host", "evil.example")), 421, "host"),
    "rebinding host": (plain(ENTRY, ("Host", "127.0.0.1.nip.io")), 421, "host"),
    "host with dot": (plain(ENTRY, ("Host", "localhost.")), 421, "host"),
    "no host": (plain(ENTRY, ("Host", "")), 421, "host"),
    "host by name": (plain(ENTRY, ("Host", "LOCALHOST:1")), 200, None),
    "host by v6": (plain(ENTRY, ("Host", "[::1]:8787")), 200, None),
    "two hosts": (plain(ENTRY, ("Host", "127.0.0.1"), ("Host", "evil.example")), 400, "header"),
    "two types": (plain(ENTRY, JSON, JSON), 400, "header"),
    "two of any other": (plain(ENTRY, ("X-A", "1"), ("X-A", "2")), 200, None),
    "absolute form": (plain(ENTRY, target="http://127.0.0.1/log"), 200, None),
    "absolute form elsewhere": (plain(ENTRY, target="http://evil.example/log"), 421, "host"),
    "query": (plain(ENTRY, target="/log?x=1&y"), 200, None),
    "slash": (plain(ENTRY, target="/log/"), 200, None),
    "escaped path": (plain(ENTRY, target="/%6cog"), 200, None),
    "deeper": (plain(ENTRY, target="/log/x"), 404, "not_found"),
    "two slashes": (plain(ENTRY, target="/log//"), 404, "not_found"),
    "dots": (plain(ENTRY, target="/log/../healthz"), 404, "not_found"),
    "NUL in path": (plain(ENTRY, target="/log%00"), 404, "not_found"),
    "long path": (plain(ENTRY, target="/" + "a" * 70_000), 431, "headers_too_large"),
    "not ASCII": (plain(ENTRY, target="/l\xf6g"), 400, "http"),
    "HTTP/1.0": (plain(ENTRY, version="1.0"), 200, None),
    "HTTP/1.0 keep": (plain(ENTRY, ("Connection", "keep-alive"), version="1.0"), 200, None),
    "close": (plain(ENTRY, ("Connection", "close")), 200, None),
    "close bad": (plain(b"x", ("Connection", "close")), 400, "not_json"),
    "websocket": (
        request(
            "GET",
            headers=[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")],
        ),
        405,
        "method",
    ),
    "long header": (plain(ENTRY, ("X-Long", "a" * 64 * 1024)), 431, "headers_too_large"),
    "many headers": (plain(ENTRY, *[(f"X-{n}", "1") for n in range(1000)]), 431, "headers_too_large"),
    "non-ASCII header": (plain(ENTRY, ("User-Agent", "d\xe9j\xe0")), 200, None),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "http"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200, 400, "http"),
    "HTTP/0.9": (b"GET /log\r\n\r\n", 405, "method"),
    "negative length": (plain(ENTRY, ("Content-Length", "-1")), 400, "http"),
    "signed length": (plain(ENTRY, ("Content-Length", "+40")), 400, "http"),
    "two lengths": (plain(ENTRY, ("Content-Length", "40"), ("Content-Length", "41")), 400, "http"),
    "length and chunks": (
        plain(b"0\r\n\r\n", ("Content-Length", "5"), ("Transfer-Encoding", "chunked")),
        400,
        "http",
    ),
    "zeros before the length": (plain(ENTRY, ("Content-Length", "0" * 30 + "40")), 200, None),
    "chunks": (
        plain(
            b"14\r\n" + ENTRY[:20] + b"\r\n14\r\n" + ENTRY[20:] + b"\r\n0\r\n\r\n",
            ("Transfer-Encoding", "chunked"),
        ),
        200,
        None,
    ),
    "bad chunk": (plain(b"zz\r\n", ("Transfer-Encoding", "chunked")), 400, "http"),
}
"""Name → the bytes sent, the status and the reason that come back."""


def shape(answer: Answer) -> tuple[int, list[tuple[str, str]], Any]:
    """
    Return what of *answer* must be the same on both ways: all but minted ids and the clock.
    """
    body: Any = None
    if answer.body:
        body = {
            name: value
            for name, value in answer.json.items()
            if name != "received_at"
            and not (name in {"id", "trace_id"} and re.fullmatch(r"[0-9a-f-]{13,}", value))
        }
    headers = [(name, value) for name, value in answer.headers if name != "content-length"]
    return answer.status, sorted(headers), body


@pytest.mark.parametrize("name", CASES)
def test_both_ways_answer_alike(name: str, direct: Running, long_way: Running) -> None:
    """
    Status, headers and JSON do not depend on the way, and are what the contract says.
    """
    data, status, reason = CASES[name]
    answers = [running.ask(data) for running in (direct, long_way)]
    assert shape(answers[0]) == shape(answers[1])
    assert answers[0].status == status
    if reason is not None:
        assert answers[0].json["reason"] == reason
    if status >= 400 and not data.startswith(b"HEAD"):
        assert set(answers[0].json) >= {"success", "error", "reason"}
        assert answers[0].json["success"] is False


def test_the_minimal_body_of_the_contract(way: Running) -> None:
    """
    `{"trace_id":"test_123","message":"test"}` is stored and answered with its trace, id and quota.
    """
    answer = way.post(ENTRY, ("Content-Type", "application/x-www-form-urlencoded")).json
    assert answer["success"] is True
    assert answer["trace_id"] == "test_123"
    assert answer["remaining_quota"] is None
    trace = way.get("/api/v1/traces/test_123").json
    stored = next(entry for entry in trace["entries"] if entry["id"] == answer["id"])
    assert (stored["message"], stored["origin"], stored["received_at"]) == (
        "test",
        "local",
        answer["received_at"],
    )


def test_a_batch_is_answered_by_the_numbers(way: Running) -> None:
    """
    New, repeated and bad entries of one batch are counted apart, the bad ones named by their place.
    """
    batch = [
        {"id": "n1", "trace_id": "numbers", "message": "a"},
        7,
        {"id": "n2", "trace_id": "numbers", "message": "b"},
    ]
    first, second = way.post(batch).json, way.post(batch).json
    assert (first["accepted"], first["duplicate"], second["accepted"], second["duplicate"]) == (2, 0, 0, 2)
    assert [(bad["index"], bad["reason"]) for bad in first["rejected"]] == [(1, "not_an_object")]
    assert (first["suppressed"], first["limited"], first["remaining_quota"]) == (0, {}, None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Origin", LOCAL)], {"access-control-allow-origin": LOCAL, "vary": "origin"}),
        ([("Origin", "https://evil.example")], {"access-control-allow-origin": None, "vary": "origin"}),
        ([("Origin", "null")], {"access-control-allow-origin": None, "vary": "origin"}),
        ([("Origin", "http://localhost.evil.example")], {"access-control-allow-origin": None}),
        ([("Origin", "http://localhost:3000@evil.example")], {"access-control-allow-origin": None}),
        ([("Origin", "https://localhost:3000")], {"access-control-allow-origin": None}),
        ([], {"access-control-allow-origin": None, "vary": "origin"}),
    ],
)
def test_preflight_allows_local_pages_only(
    headers: Any, expected: dict[str, str | None], way: Running
) -> None:
    """
    A preflight is answered with permission for loopback origins, exactly, and without it for all others.
    """
    answer = way.ask(request("OPTIONS", headers=headers))
    assert {name: answer.header(name) for name in expected} == expected
    assert answer.header("access-control-allow-credentials") is None


def test_wrong_methods_name_the_right_ones(way: Running) -> None:
    """
    405 comes with `Allow`.
    """
    assert way.ask(request("PUT", body=b"")).header("allow") == "POST, OPTIONS"


def test_pipelined_requests_are_answered_in_order(way: Running) -> None:
    """
    Requests that come in one piece, plain and unusual ones mixed, are answered one after the other.
    """
    wanted = ["a", "b", "c", "d", "e", "f"]
    bodies = [json.dumps({"trace_id": name, "message": name}).encode() for name in wanted]
    parts = [request(body=body, target="/log" if n % 3 else "/log/") for n, body in enumerate(bodies)]
    parts.insert(3, request("GET", "/healthz"))
    with way.connect() as line:
        line.send(b"".join(parts))
        answers = [line.answer() for _ in parts]
    traces = [answer.json.get("trace_id") for answer in answers]
    assert traces == ["a", "b", "c", None, "d", "e", "f"]


def test_a_refused_request_leaves_the_connection_usable(way: Running) -> None:
    """
    Bad bodies, foreign pages, wrong methods and oversized bodies cost no other request on the connection.
    """
    bad = [
        CASES[name][0]
        for name in ("no json", "foreign page", "PUT", "too large", "gzip bomb", "unknown encoding")
    ]
    with way.connect() as line:
        for data in bad:
            line.send(data)
            assert line.answer().status >= 400
            line.send(plain(ENTRY, JSON))
            assert line.answer().status == 200


def test_a_body_in_small_pieces_is_one_body(way: Running) -> None:
    """
    How the network cuts a request does not matter.
    """
    data = plain(ENTRY, JSON)
    with way.connect() as line:
        for place in range(0, len(data), 7):
            line.send(data[place : place + 7])
        assert line.answer().json["trace_id"] == "test_123"


def test_expect_is_answered_before_the_body(way: Running) -> None:
    """
    `Expect: 100-continue` is told to go on, or refused before the body; then the connection ends.
    """
    with way.connect() as line:
        line.send(request(headers=[("Expect", "100-continue"), ("Content-Length", str(len(ENTRY)))]))
        assert line.answer().status == 100
        line.send(ENTRY)
        assert line.answer().status == 200
        line.send(request(headers=[("Expect", "100-continue"), ("Content-Length", "99999999")]))
        assert line.answer().status == 413
        assert line.closed()


def test_the_end_of_the_connection_is_as_asked(way: Running) -> None:
    """
    `Connection: close` and HTTP/1.0 end the connection after the answer; HTTP/1.1 goes on.
    """
    for data in (CASES["close"][0], CASES["HTTP/1.0"][0], CASES["close bad"][0]):
        with way.connect() as line:
            line.send(data)
            assert line.answer().header("connection") == "close"
            assert line.closed()


def test_a_chunked_body_over_the_limit_is_refused(way: Running) -> None:
    """
    A body without length is counted while it comes.
    """
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with way.connect() as line:
        line.send(request(headers=[("Transfer-Encoding", "chunked")]))
        for _ in range(66):
            line.send(chunk)
        answer = line.answer()
    assert (answer.status, answer.json["reason"]) == (413, "body_too_large")


def test_endless_headers_are_cut_off(way: Running) -> None:
    """
    A header that does not end is refused after 64 KiB, before and after the body.
    """
    for start in (
        b"POST /log HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
        request(body=b"0\r\nX-Long: ", headers=[("Transfer-Encoding", "chunked")]),
    ):
        with way.connect() as line:
            line.send(start)
            with pytest.raises(ConnectionError):
                line.send(b"a" * 64 * MiB)
