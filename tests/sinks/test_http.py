"""
The HTTP sink against a real server that answers, refuses, stalls, drips, redirects and lies.
"""

import gzip
import random
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.sinks.parcels import parcel, row
from tests.sinks.scripted import drip, hang, hang_up, raw, reply, scripted
from tests.sinks.tls import EXPIRED, VALID, server_context
from tracelog.core.compact import CONTENT_TYPE, decode_batch
from tracelog.core.encoding import Compressor, inflate
from tracelog.core.entry import Entry
from tracelog.core.wire import Mint
from tracelog.errors import ConfigError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import ParcelTooLargeError, Receipt, Told
from tracelog.sinks.http import HttpSink

KEY = "tk_live_5up3rs3cr3t"
NO_MINT = Mint(trace_id=lambda: "unused", entry_id=lambda: "unused")
PATIENCE = 0.3
"""Seconds that a sink under test gives a stalling server."""

GRACE = 1.0
"""Seconds beyond its patience that a sink may need on a busy machine."""


def stored(n):
    return reply(
        200,
        msgspec.json.encode({"success": True, "accepted": n, "duplicate": 0, "limited": {}, "rejected": []}),
    )


def decoded(request):
    body = inflate(request.body, request.headers.get("content-encoding", "").encode(), limit=10_000_000)
    return decode_batch(body, now_ms=1.8e12, mint=NO_MINT).entries


@pytest.fixture
def sink():
    """
    Return a factory of sinks that are closed when the test ends.
    """
    opened = []

    def open_http(server, **options):
        opened.append(HttpSink(getattr(server, "url", server), **{"timeout": 5.0, **options}))
        return opened[-1]

    yield open_http
    for each in opened:
        each.close()


def large():
    return parcel(*(row(f"step {n}", n=n) for n in range(200)))


def incompressible(megabytes):
    chance = random.Random(megabytes)
    return parcel(*(row("x", data=chance.randbytes(256 * 1024)) for _ in range(4 * megabytes)))


def test_what_is_sent(sink):
    """
    A parcel is one POST to /log below the url's path, with the key, as the compact content type.
    """
    with scripted(stored(2)) as server:
        sent = parcel("one", row("two", amount=12))
        receipt = sink(server.url + "/logs é/", key=KEY)(sent)

    (request,) = server.requests
    assert receipt == Receipt()
    assert request.line == "POST /logs%20%C3%A9/log HTTP/1.1"
    assert request.headers["content-type"] == CONTENT_TYPE
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert decoded(request) == sent.entries


@pytest.mark.parametrize("zstd", [True, False], ids=["zstd", "gzip"])
def test_compressed_bodies_hold_the_same_entries(sink, zstd):
    """
    What arrives compressed decodes to the entries that were sent, in either encoding.
    """
    with scripted(stored(200)) as server:
        http = sink(server)
        http._compress = Compressor(zstd=zstd)
        http(large())

    (request,) = server.requests
    assert request.headers["content-encoding"] == ("zstd" if zstd else "gzip")
    assert len(request.body) < len(large().body) / 2
    assert decoded(request) == large().entries


def test_small_bodies_travel_plain(sink):
    """
    A body that compression would hardly make smaller carries no content encoding.
    """
    with scripted(stored(1)) as server:
        sink(server)(parcel("hello"))

    assert "content-encoding" not in server.requests[0].headers


def test_a_server_without_zstd_gets_gzip(sink):
    """
    After one 415 for zstd the same parcel is sent as gzip, and so is every later one.
    """
    with scripted(reply(415, '{"success":false,"error":"send gzip"}'), stored(200)) as server:
        http = sink(server)
        assert http(large()) == Receipt()
        http(large())

    assert [request.headers["content-encoding"] for request in server.requests] == ["zstd", "gzip", "gzip"]
    assert gzip.decompress(server.requests[1].body) == large().body


def test_415_for_gzip_is_final(sink):
    """
    A server that takes no encoding of ours is refused by name, not asked again and again.
    """
    with scripted(reply(415, '{"error":"no"}')) as server, pytest.raises(SinkRefusedError) as caught:
        sink(server)(large())

    assert caught.value.reason == "http_415"
    assert len(server.requests) == 2


def test_one_connection_serves_all(sink):
    """
    Parcels follow each other on one kept-alive connection.
    """
    with scripted(stored(1)) as server:
        http = sink(server)
        for n in range(5):
            http(parcel("again", seq=n))

    assert [request.connection for request in server.requests] == [0] * 5


@pytest.mark.parametrize("close", [True, False], ids=["announced", "silent"])
def test_idle_connections_are_reopened(sink, close):
    """
    A connection that the server closed between two parcels costs nothing: the second arrives once, on a new one.
    """
    good = stored(1)

    def answer_and_leave(peer):
        good(peer)
        return False

    first = reply(200, b'{"success":true,"accepted":1}', close=True) if close else answer_and_leave
    with scripted(first, stored(1)) as server:
        http = sink(server)
        assert http(parcel("one")) == Receipt()
        if not close:
            http._post._connection.sock.recv(1, socket.MSG_PEEK)  # the close has arrived
        assert http(parcel("two", seq=1)) == Receipt()

    assert [entry.message for request in server.requests for entry in decoded(request)] == ["one", "two"]
    assert [request.connection for request in server.requests] == [0, 1]


def test_a_fresh_connection_is_not_tried_twice(sink):
    """
    A server that hangs up on a new connection is away: one attempt, then the retry clock decides.
    """
    with scripted(hang_up) as server, pytest.raises(SinkUnavailableError):
        sink(server)(parcel("one"))

    assert len(server.requests) == 1


def test_answers_on_closing_connections_are_read_whole(sink):
    """
    An answer whose body comes after the headers is read although the server said that it will close.
    """
    body = msgspec.json.encode(
        {"success": True, "accepted": 0, "duplicate": 1, "limited": {}, "rejected": []}
    )
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"

    def in_two_parts(peer):
        peer.sock.sendall(head)
        peer.wait(0.05)
        peer.sock.sendall(body)
        return False

    with scripted(in_two_parts) as server:
        assert sink(server)(parcel("one")) == Receipt(duplicate=1)


def test_chunked_answers_keep_the_connection(sink):
    """
    A chunked answer is read to its end and the connection goes on.
    """
    body = b'{"success":true,"accepted":1}'
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    def chunked(peer):
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        return True

    with scripted(chunked) as server:
        http = sink(server)
        assert [http(parcel("a")), http(parcel("b"))] == [Receipt(), Receipt()]

    assert [request.connection for request in server.requests] == [0, 0]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_temporary_refusals_can_be_tried_again(sink, status):
    """
    A status that speaks of now raises the error that brings the parcel back, and the next try delivers it.
    """
    with scripted(reply(status, '{"error":"busy"}', Retry_After="7"), stored(1)) as server:
        http, sent = sink(server), parcel("one")
        with pytest.raises(SinkUnavailableError) as caught:
            http(sent)
        assert http(sent) == Receipt()

    assert caught.value.retry_after == 7.0
    assert str(caught.value) == f"the server answered {status}: busy"
    assert server.requests[0].body == server.requests[1].body


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
def test_lasting_refusals_are_final(sink, status):
    """
    A status that speaks of the batch or the key raises the error that ends it, with the status as reason.
    """
    with (
        scripted(reply(status, '{"error":"no such key"}')) as server,
        pytest.raises(SinkRefusedError) as caught,
    ):
        sink(server)(parcel("one"))

    assert caught.value.reason == f"http_{status}"
    assert str(caught.value) == f"the server refused with {status}: no such key"


def test_413_asks_for_smaller_parcels(sink):
    """
    Too large is its own error: half of the parcel may pass.
    """
    with scripted(reply(413, '{"error":"4 MiB"}')) as server, pytest.raises(ParcelTooLargeError):
        sink(server)(parcel("one"))


def test_an_early_answer_is_heard(sink):
    """
    A server that refuses and hangs up while the body is still on its way is not taken for one that is away.
    """

    def refuse(peer):
        peer.sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        peer.sock.recv(1)
        return False

    with scripted(refuse, early=True) as server, pytest.raises(ParcelTooLargeError):
        sink(server)(incompressible(16))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(sink, status):
    """
    No redirect is followed, so that parcel and key reach no other address (F24).
    """
    with scripted(stored(1)) as elsewhere:
        with scripted(reply(status, Location=elsewhere.url + "/log")) as server:
            with pytest.raises(SinkRefusedError, match="redirects are not followed"):
                sink(server, key=KEY)(parcel("one"))
            assert len(server.requests) == 1
        assert elsewhere.requests == []


def test_proxy_variables_are_not_followed(sink, monkeypatch):
    """
    A proxy named in the environment sees neither parcel nor key.
    """
    with scripted(stored(1)) as proxy, scripted(stored(1)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        sink(server, key=KEY)(parcel("one"))

        assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_nobody_listens(sink):
    """
    A refused connection is one sentence with the address, and the parcel may come back.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(SinkUnavailableError, match=f"^http://127.0.0.1:{port} did not answer: .*refused"):
        sink(f"http://127.0.0.1:{port}", key=KEY)(parcel("one"))


def test_an_unknown_host(sink, monkeypatch):
    """
    A name that cannot be resolved is a sink that is unavailable now (F22).
    """

    def resolve(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(SinkUnavailableError, match=r"did not answer: .*not known"):
        sink("http://nowhere.invalid:1")(parcel("one"))


STALLING = [
    ("never answers", hang),
    ("drips its head", drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100, 0.02)),
    ("drips its body", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900, 0.02)),
    ("drips continuations", drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.02)),
]


@pytest.mark.parametrize("step", [case[1] for case in STALLING], ids=[case[0] for case in STALLING])
def test_stalling_servers_cost_one_timeout(sink, step):
    """
    However the answer stalls, the attempt ends at its deadline as a whole, not at one deadline a byte (F21).
    """
    with scripted(step) as server:
        http = sink(server, timeout=PATIENCE)
        began = time.monotonic()
        with pytest.raises(SinkUnavailableError):
            http(parcel("one"))

        assert PATIENCE * 0.9 <= time.monotonic() - began < PATIENCE + GRACE


def test_a_server_that_stops_reading(sink):
    """
    A body that nobody reads ends at the deadline, too.
    """
    noise = incompressible(16)
    with scripted(hang, early=True) as server:
        began = time.monotonic()
        with pytest.raises(SinkUnavailableError):
            sink(server, timeout=PATIENCE)(noise)

        assert time.monotonic() - began < 2 * PATIENCE + GRACE


def test_after_a_timeout_the_connection_is_new(sink):
    """
    The late answer to an old parcel is never taken for the answer to a new one.
    """
    with scripted(stored(1), hang, stored(1)) as server:
        http = sink(server, timeout=PATIENCE)
        http(parcel("one"))
        with pytest.raises(SinkUnavailableError):
            http(parcel("two", seq=1))
        assert http(parcel("two", seq=1)) == Receipt()

    assert [request.connection for request in server.requests] == [0, 0, 1]


LIES = [
    ("no http", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("nothing", b""),
    ("a terminal attack", b"\x1b[2J\x1b]0;owned\x07\r\n\r\n"),
    ("a cut head", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("a cut body", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
    ("a bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ("an endless header", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000),
    ("1,000 headers", b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000 + b"\r\n"),
    ("html", b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n<html>Please log in</html>"),
    ("a list", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"),
    ("deep json", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000),
    ("no utf-8", b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"\xff\xff"'),
    ("no success", b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"success":false}'),
]


@pytest.mark.parametrize("data", [case[1] for case in LIES], ids=[case[0] for case in LIES])
def test_what_is_no_answer_is_no_receipt(sink, data):
    """
    Nothing but an answer of a tracelog server counts entries as stored; other bytes mean: not now.
    """
    with scripted(raw(data)) as server, pytest.raises(SinkUnavailableError) as caught:
        sink(server)(parcel("one"))

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_huge_answer_is_not_swallowed(sink):
    """
    Of an answer without end only a bounded part is read, and the connection is given up.
    """
    sent = []

    def flood(peer):
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            sent.append(peer.sock.send(b" " * 65536))

    with scripted(flood) as server:
        http = sink(server)
        with pytest.raises(SinkUnavailableError):
            http(parcel("one"))
    assert http._post._connection is None
    assert sum(sent) < 64 * 1024 * 1024


BATCHES = [
    ({"accepted": 3}, Receipt()),
    ({"accepted": 1, "duplicate": 2}, Receipt(duplicate=2)),
    ({"accepted": 2, "suppressed": 1}, Receipt(suppressed={"suppressed": 1})),
    ({"accepted": 1, "limited": {"trace_quota": 2}}, Receipt(limited={"trace_quota": 2})),
    (
        {"accepted": 1, "rejected": [{"index": 0, "reason": "bad_row"}, {"index": 2, "reason": "bad_row"}]},
        Receipt(rejected={"bad_row": 2}),
    ),
    ({"accepted": 1}, Receipt(rejected={"unanswered": 2})),
    (
        {"accepted": 1, "limited": {"q": 2}, "remaining_quota": 0, "retry_after": 12.5},
        Receipt(limited={"q": 2}, hold_s=12.5, remaining=0),
    ),
    ({"accepted": 3, "remaining_quota": 0, "retry_after": 1e9}, Receipt(hold_s=60.0, remaining=0)),
    ({"accepted": 3, "remaining_quota": 7, "retry_after": 9}, Receipt(remaining=7)),
    ({"accepted": 3, "remaining_quota": 0, "retry_after": -9}, Receipt(remaining=0)),
    ({"accepted": 3, "remaining_quota": 0, "retry_after": "soon"}, Receipt(remaining=0)),
    ({"accepted": 3, "remaining_quota": None}, Receipt()),
    ({"accepted": 3, "remaining_quota": True}, Receipt()),
    (
        {"accepted": 1, "suppressed": 2, "suppressed_by": {"loop": 1, "rate": 1}},
        Receipt(suppressed={"loop": 1, "rate": 1}),
    ),
]


@pytest.mark.parametrize(("said", "receipt"), BATCHES)
def test_batch_answers_become_receipts(sink, said, receipt):
    """
    The counts of a 200 are what became of the parcel; entries it does not speak of are not taken for stored.
    """
    with scripted(reply(200, msgspec.json.encode({"success": True, **said}))) as server:
        assert sink(server)(parcel("a", "b", "c")) == receipt


@pytest.mark.parametrize(
    ("status", "part", "outcome"),
    [
        (429, {"limited": {"budget": 2}}, "limited"),
        (400, {"rejected": [{"reason": "budget"}] * 2}, "rejected"),
    ],
)
def test_batches_that_were_refused_whole_are_not_sent_again(sink, status, part, outcome):
    """
    A 400 or 429 that accounts for every entry is a receipt: sending the same again would be refused again.
    """
    body = msgspec.json.encode({"success": False, "accepted": 0, **part})
    with scripted(reply(status, body, Retry_After="60")) as server:
        assert sink(server)(parcel("a", "b")) == Receipt(**{outcome: {"budget": 2}})


def test_holes_are_not_counted(sink):
    """
    A row that was given up is no entry, so an answer that does not speak of it is complete.
    """
    with scripted(stored(2)) as server:
        assert sink(server)(parcel("a", b"\xc0", "c")) == Receipt()

    assert [entry.seq for entry in decoded(server.requests[0])] == [0, 2]


def test_a_report_travels_alone(sink):
    """
    A parcel without rows is sent for its report and answered like any other.
    """
    with scripted(stored(0)) as server:
        assert sink(server)(parcel(report={"emitted": 3, "dropped": {"queue_overflow": 3}})) == Receipt()

    batch = decode_batch(server.requests[0].body, now_ms=1.8e12, mint=NO_MINT)
    assert msgspec.json.decode(batch.report) == {"emitted": 3, "dropped": {"queue_overflow": 3}}


def test_rows_about_entries_travel_as_json(sink):
    """
    Rows that stand for others are an array of objects, ids and all, and what is said of them counts for no entry.
    """
    told = [Entry(id="a-3.n", trace_id="t", timestamp=1.8e12, source="a", seq=3, kind="summary", count=9)]
    with scripted(stored(1)) as server:
        sent = Told(parcel().header, told)
        assert (sent.kept, sent.entries, sink(server)(sent)) == (0, told, Receipt())

    (request,) = server.requests
    assert request.headers["content-type"] == "application/json"
    assert msgspec.json.decode(request.body, type=list[Entry]) == told


ECHOES = [
    reply(401, f'{{"error":"key {KEY} is unknown"}}'),
    reply(503, f'{{"error":"{KEY}"}}'),
    reply(500, KEY),
]


@pytest.mark.parametrize("step", ECHOES, ids=["refused", "busy", "text"])
def test_the_key_is_in_no_message(sink, step):
    """
    Not even a server that echoes the key makes it appear in an error.
    """
    with scripted(step) as server, pytest.raises((SinkRefusedError, SinkUnavailableError)) as caught:
        sink(server, key=KEY)(parcel("one"))

    assert KEY not in repr(caught.value)


@pytest.mark.parametrize("said", ["\x1b[2J\x1b]0;owned\x07", "line\nbreak", "x" * 100_000])
def test_messages_are_one_safe_line(sink, said):
    """
    What a server says is shown as data: one short line without control characters.
    """
    step = reply(400, msgspec.json.encode({"error": said}))
    with scripted(step) as server, pytest.raises(SinkRefusedError) as caught:
        sink(server)(parcel("one"))

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


BAD_CERTIFICATES = [
    ("self-signed", VALID, None, "localhost"),
    ("wrong host", VALID, VALID, "127.0.0.1"),
    ("expired", EXPIRED, EXPIRED, "localhost"),
]


@pytest.mark.parametrize(
    ("shown", "trusted", "host"),
    [case[1:] for case in BAD_CERTIFICATES],
    ids=[case[0] for case in BAD_CERTIFICATES],
)
def test_tls_is_verified(sink, tmp_path, monkeypatch, shown, trusted, host):
    """
    Without a valid certificate for the host nothing is sent, encrypted or plain (F23).
    """
    trust(monkeypatch, tmp_path, trusted)
    with scripted(stored(1), tls=server_context(tmp_path, shown)) as server:
        with pytest.raises(SinkUnavailableError, match="certificate verify failed"):
            sink(f"https://{host}:{server.port}", key=KEY)(parcel("one"))

        assert server.requests == []


def test_tls_with_a_trusted_certificate(sink, tmp_path, monkeypatch):
    """
    With a certificate that the system trusts parcels are delivered, several on one connection.
    """
    trust(monkeypatch, tmp_path, VALID)
    with scripted(stored(1), tls=server_context(tmp_path, VALID)) as server:
        http = sink(f"https://localhost:{server.port}", key=KEY)
        assert [http(parcel("one")), http(parcel("two", seq=1))] == [Receipt(), Receipt()]

    assert [request.connection for request in server.requests] == [0, 0]


def test_tls_against_a_plain_server(sink):
    """
    A server that speaks no TLS gets no key.
    """
    step = raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with scripted(step, early=True) as server, pytest.raises(SinkUnavailableError):
        sink(server.url.replace("http:", "https:"), key=KEY)(parcel("one"))


def trust(monkeypatch, folder, certificate):
    """
    Make *certificate* the only one that OpenSSL's defaults trust.
    """
    (folder / "trusted.pem").write_text(certificate or "")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder / "none"))
    assert ssl.get_default_verify_paths().cafile == str(folder / "trusted.pem")


BAD_URLS = [
    "",
    "127.0.0.1:8787",
    "ftp://127.0.0.1",
    "http://",
    "http:///log",
    "http://[::1",
    "http://host:port",
    "http://host:99999",
    "http://host:0",
    "http://a b/",
    "http://a\x00b/",
    f"http://{'a' * 64}.example",
    "http://a..b",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_wrong_urls_are_one_sentence(url):
    """
    What is no address is refused at once, with an example of one.
    """
    with pytest.raises(ConfigError, match=r"^url must be an address such as http://127\.0\.0\.1:8787"):
        HttpSink(url)


@pytest.mark.parametrize(
    "url", [f"http://user:{KEY}@h", f"http://h/?key={KEY}", f"http://h/#{KEY}", f"http://{KEY}@h"]
)
def test_secrets_inside_urls_are_refused_unseen(url):
    """
    A url that carries a secret would be used without it: that is said, and the secret is not.
    """
    with pytest.raises(ConfigError, match="give the ingest key as key=") as caught:
        HttpSink(url)

    assert KEY not in repr(caught.value)


@pytest.mark.parametrize("key", ["a b", "a\nX-Admin: 1", "schlüssel", "\x7f"])
def test_keys_that_no_header_carries(key):
    """
    A key with spaces, line ends or other letters than ASCII is refused at once and not shown.
    """
    with pytest.raises(ConfigError, match="visible ASCII") as caught:
        HttpSink("http://127.0.0.1", key=key)

    assert key not in str(caught.value)


def test_blank_ends_of_a_key_are_no_part_of_it(sink):
    """
    The line end of a key that was read from a file does no harm.
    """
    with scripted(stored(1)) as server:
        sink(server, key=f" {KEY}\n")(parcel("one"))

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_closing_twice_and_using_again(sink):
    """
    A closed sink opens a new connection when it is used again, as in a forked child.
    """
    with scripted(stored(1)) as server:
        http = sink(server)
        http.close()
        http(parcel("one"))
        http.close()
        http.close()
        http(parcel("two", seq=1))

    assert [request.connection for request in server.requests] == [0, 1]


FORKING = """
import os, sys
from tests.sinks.parcels import parcel
from tracelog.sinks import open_sink
sink = open_sink(sys.argv[1])
sink(parcel("parent before"))
child = os.fork()
if not child:
    sink.close()
    sink(parcel("child", source="child"))
    os._exit(0)
os.waitpid(child, 0)
sink(parcel("parent after", seq=1))
sink.close()
"""


def test_a_forked_child():
    """
    A child that closes what it inherited delivers on a connection of its own and leaves the parent's open.
    """
    root = Path(__file__).parents[2]
    with scripted(stored(1)) as server:
        command = [sys.executable, "-c", FORKING, server.url]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert [(decoded(request)[0].message, request.connection) for request in server.requests] == [
        ("parent before", 0),
        ("child", 1),
        ("parent after", 0),
    ]
