"""
A real HTTP server on a real socket that answers by a script: what ordinary servers never do, on demand.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple


class Request(NamedTuple):
    """
    What arrived, and on which connection, counted from 0.
    """

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


class Peer:
    """
    One accepted connection, in the hands of a step of the script.
    """

    def __init__(self, sock: socket.socket, number: int, ended: threading.Event) -> None:
        self.sock = sock
        self.number = number
        self.ended = ended
        self._file = sock.makefile("rb")

    def read(self) -> Request | None:
        """
        Return the next request, None at the end of the connection.
        """
        line = self._file.readline().decode().strip()
        if not line:
            return None
        headers = {}
        while text := self._file.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, self._file.read(int(headers.get("content-length", 0))), self.number)

    def wait(self, seconds: float | None = None) -> bool:
        """
        Wait for *seconds*, or until the test is over; True means that it is.
        """
        return self.ended.wait(seconds)

    def hang_up(self) -> None:
        """
        End the connection both ways, from any thread: whoever reads or writes on it wakes.
        """
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self._file.close()
        self.sock.close()


Step = Callable[[Peer], bool]
"""What to do with a request that was read; returns whether the connection goes on."""


def reply(status: int, body: bytes | str = b"", *, close: bool = False, **headers: str) -> Step:
    """
    Return the step that answers; *headers* are written with hyphens for underscores.
    """
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if close:
        named["Connection"] = "close"
    lines = [
        f"HTTP/1.1 {status} Scripted",
        f"Content-Length: {len(data)}",
        *(f"{n}: {v}" for n, v in named.items()),
    ]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"

    def step(peer: Peer) -> bool:
        peer.sock.sendall(head)  # apart, as a server that computes its body sends them
        peer.sock.sendall(data)
        return not close

    return step


def raw(data: bytes) -> Step:
    """
    Return the step that sends *data*, whatever that is, and closes.
    """

    def step(peer: Peer) -> bool:
        peer.sock.sendall(data)
        return False

    return step


def drip(data: bytes, every: float) -> Step:
    """
    Return the step that sends one byte of *data* after another, *every* so many seconds.
    """

    def step(peer: Peer) -> bool:
        for index in range(len(data)):
            peer.sock.sendall(data[index : index + 1])
            if peer.wait(every):
                break
        return False

    return step


def hang(peer: Peer) -> bool:
    """
    Never answer.
    """
    peer.wait()
    return False


def hang_up(_peer: Peer) -> bool:
    """
    Close the connection in place of an answer.
    """
    return False


class Scripted:
    """
    Answers the nth request by the nth step; the last step serves all further ones.

    Args:
        steps: The script.
        tls: Speaks TLS when given.
        early: Whether steps run before the request is read.
    """

    def __init__(
        self, steps: Sequence[Step], *, tls: ssl.SSLContext | None = None, early: bool = False
    ) -> None:
        self.requests: list[Request] = []
        self.failed_handshakes = 0
        self._steps = list(steps)
        self._tls = tls
        self._early = early
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.hang_up()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()
            number += 1

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            sock = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
        except OSError:
            self.failed_handshakes += 1
            sock.close()
            return
        peer = Peer(sock, number, self._ended)
        self._peers.append(peer)
        with suppress(OSError, ValueError):  # the other end may leave at any moment
            while self._answer(peer):
                pass
        peer.close()

    def _answer(self, peer: Peer) -> bool:
        if self._early:
            return self._next()(peer)
        request = peer.read()
        if request is None:
            return False
        self.requests.append(request)
        return self._next()(peer)

    def _next(self) -> Step:
        return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]


@contextmanager
def scripted(*steps: Step, tls: ssl.SSLContext | None = None, early: bool = False) -> Iterator[Scripted]:
    """
    Run a server that follows *steps*.
    """
    server = Scripted(steps, tls=tls, early=early)
    try:
        yield server
    finally:
        server.stop()
