"""
The WebSocket of `tracelog chrome` against a real socket that speaks the protocol, well and badly.
"""

import base64
import hashlib
import socket
import threading
from contextlib import contextmanager

import pytest

from tracelog.cli.chrome import browser, websocket
from tracelog.cli.chrome.websocket import WebSocket

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@contextmanager
def server(*frames, head=b"HTTP/1.1 101 Switching Protocols", right=True):
    """
    Answer one handshake, send *frames*, and give the address and what was received behind the handshake.
    """
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as file:
                asked = {}
                while line := file.readline().strip():
                    name, _, value = line.partition(b": ")
                    asked[name.lower()] = value
                accept = base64.b64encode(hashlib.sha1(asked[b"sec-websocket-key"] + MAGIC).digest())
                connection.sendall(
                    head
                    + b"\r\nSec-WebSocket-Accept: "
                    + (accept if right else b"x")
                    + b"\r\n\r\n"
                    + b"".join(frames)
                )
                connection.shutdown(socket.SHUT_WR)
                received.extend(file.read())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/devtools", received, thread
        thread.join(5)


def frame(kind, payload, *, last=True):
    size = len(payload)
    width = 2 if size < 1 << 16 else 8
    long = (b"\x7e" if width == 2 else b"\x7f") + size.to_bytes(width, "big")
    length = bytes([size]) if size < 126 else long
    return bytes([kind | (0x80 if last else 0)]) + length + payload


def unmasked(data):
    """
    Return kind and payload of each frame that a client sent; every one has to be masked.
    """
    frames = []
    while data:
        assert data[1] & 0x80
        size, at = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
        frames.append((data[0], bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))))
        data = data[at + 4 + size :]
    return frames


def test_messages_come_as_they_were_sent():
    """
    Of any length, in one piece or in several with a ping between them; a ping is answered.
    """
    texts = [b"", b"x" * 125, b"y" * 126, b"z" * 70_000]
    parts = [frame(1, b"in ", last=False), frame(9, b"there?"), frame(0, b"pieces")]
    with server(*(frame(1, text) for text in texts), *parts) as (url, received, thread):
        with WebSocket(url) as opened:
            assert [opened.receive() for _ in range(5)] == [*texts, b"in pieces"]
            opened.send(b"q" * 300)
            opened.send(b"r" * 70_000)
        thread.join(5)
    assert unmasked(bytes(received)) == [(0x8A, b"there?"), (0x81, b"q" * 300), (0x81, b"r" * 70_000)]


def test_a_message_that_is_too_large_is_left_and_the_next_one_is_read(monkeypatch):
    """
    It is told as None; nothing of it is kept, be it in one piece or in several.
    """
    monkeypatch.setattr(websocket, "MOST_BYTES", 1000)
    large = [frame(1, b"x" * 5000), frame(1, b"x" * 900, last=False), frame(0, b"x" * 900)]
    with server(*large, frame(1, b"small")) as (url, *_), WebSocket(url) as opened:
        assert [opened.receive() for _ in range(3)] == [None, None, b"small"]


@pytest.mark.parametrize("frames", [[], [frame(8, b"\x03\xe8")], [b"\x81"], [b"\x81\x05ab"]])
def test_an_end_is_an_error(frames):
    """
    Said or unsaid, between messages or within one.
    """
    with server(*frames) as (url, *_), WebSocket(url) as opened, pytest.raises(ConnectionError):
        opened.receive()


@pytest.mark.parametrize("given", [{"head": b"HTTP/1.1 403 Forbidden"}, {"right": False}])
def test_who_speaks_otherwise_is_refused(given):
    """
    A server that refuses, or did not read the key, is no WebSocket.
    """
    with server(**given) as (url, *_), pytest.raises(ConnectionError, match="no WebSocket there"):
        WebSocket(url)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]"])
def test_who_is_no_browser_is_told_apart(body):
    """
    Something else that speaks HTTP on that port has no address of a debugger.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ConnectionError, match="no browser"):
            browser.address_of(listening.getsockname()[1])
        thread.join(5)
