"""
A WebSocket to a program on this machine (RFC 6455), as much of it as one that only reads and asks needs.

The standard library has none, and a library for servers and strangers would be larger than this command.
"""

import base64
import hashlib
import http.client
import os
import socket
from typing import Final, Self
from urllib.parse import urlsplit

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one message: the largest thing that a page logs is far smaller, and one that is not is read and left."""

CONNECT_S: Final = 5.0
HEAD_BYTES: Final = 16 * 1024

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Behind the key of every handshake (§1.3)."""


class WebSocket:
    """
    One connection, used by one thread.

    Args:
        url: Such as `ws://127.0.0.1:9222/devtools/browser/…`.

    Raises:
        OSError: When nobody answers there, or somebody who speaks otherwise.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._file = self._socket.makefile("rb")
            self._shake_hands(parts.netloc, parts.path)
            self._socket.settimeout(None)  # a browser in which nothing happens says nothing
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, text: bytes) -> None:
        """
        Send one message of *text*.

        Raises:
            OSError: When the connection is gone.
        """
        self._send(TEXT, text)

    def receive(self) -> bytes | None:
        """
        Return the next message; None for one that was too large and is gone.

        Raises:
            OSError: When the connection has ended.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            kind, is_last, length = self._head()
            if kind >= CLOSE:
                self._control(kind, self._read(length))
                continue
            size += length
            if size > MOST_BYTES:
                parts.clear()
                self._skip(length)
            else:
                parts.append(self._read(length))
            if is_last:
                return b"".join(parts) if size <= MOST_BYTES else None

    def _control(self, kind: int, payload: bytes) -> None:
        if kind == CLOSE:
            raise ConnectionError("the other side closed the connection")
        if kind == PING:
            self._send(PONG, payload)

    def _head(self) -> tuple[int, bool, int]:
        """
        Return kind, whether it is the last of its message, and length of the next frame (§5.2).
        """
        first, second = self._read(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        return first & 0x0F, bool(first & _FINAL), length

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise ConnectionError("the connection ended")
        return data

    def _skip(self, size: int) -> None:
        while size > 0:
            size -= len(self._read(min(size, 1024 * 1024)))

    def _send(self, kind: int, payload: bytes) -> None:
        """
        Send one frame, masked as a client has to (§5.3).
        """
        size = len(payload)
        mask = os.urandom(4)
        masked = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        if size < 126:
            head = bytes([kind | _FINAL, _MASKED | size])
        elif size < 1 << 16:
            head = bytes([kind | _FINAL, _MASKED | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([kind | _FINAL, _MASKED | 127]) + size.to_bytes(8, "big")
        self._socket.sendall(head + mask + masked.to_bytes(size, "big"))

    def _shake_hands(self, host: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16))
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}",
            "Sec-WebSocket-Version: 13",
        )
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        status = self._file.readline(HEAD_BYTES)
        headers = http.client.parse_headers(self._file)
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())  # noqa: S324 - as §4.2.2 says it
        if b" 101 " not in status or headers.get("sec-websocket-accept", "").encode() != accept:
            raise ConnectionError(f"no WebSocket there: {status.decode('latin-1').strip()}")
