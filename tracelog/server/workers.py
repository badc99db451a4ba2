"""
Several server processes behind one port, replaced one after another without a moment in which nobody listens.

This process holds the listening sockets and never serves. On Linux each worker has one of its own, between
which the kernel spreads connections (SO_REUSEPORT); elsewhere all share one. A socket outlives its worker,
so what connects while a worker is replaced waits for the next one. A new worker listens before the old one
stops listening, and the old one answers what it has before it ends: nothing acknowledged is lost, nothing
refused.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

import msgspec

BACKLOG: Final = 2_048
"""Connections that wait to be accepted: those of a busy second, while a worker that ended is replaced."""

LEAST_LIFE_S: Final = 1.0
"""A worker that ends sooner is started again only after so long: what ails it would keep a core busy."""

PATIENCE_S: Final = 5.0
"""Beyond the time that a server takes to stop by itself; then it is killed."""

READY: Final = "ready"

_SPREADS: Final = sys.platform == "linux"
"""Whether the kernel spreads connections between sockets of one port."""


class Job(msgspec.Struct):
    """
    What a worker is told: settings as they were given, and the numbers of its sockets.
    """

    given: dict[str, Any]
    sockets: list[int]


class Event(NamedTuple):
    """
    What the supervisor waits for: `ready` or `ended` of a *worker*, `start` of a *place*, `stop`, `replace`.
    """

    kind: str
    worker: "Worker | None" = None
    place: int = 0


class Worker:
    """
    One process.

    Args:
        place: Its number, and that of its sockets.
        job: What it is told.
        tell: Called, on a thread of its own, with what becomes of it.
    """

    def __init__(self, place: int, job: Job, tell: Callable[[Event], None]) -> None:
        self.place = place
        self.is_told = False
        self.begun = time.monotonic()
        self._tell = tell
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tracelog.server.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=job.sockets,
        )
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        """
        Let it finish what it has, and end.
        """
        self.is_told = True
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def _watch(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        for line in self._process.stdout:
            if line.strip() == READY.encode():
                self._tell(Event("ready", self))
        self._process.wait()
        self._process.stdout.close()
        self._tell(Event("ended", self))


class Supervisor:
    """
    Keeps one worker for each of *sockets*' places.

    Args:
        given: Settings as they were given; each worker resolves them anew, so replacing all is a reload.
        sockets: The listening sockets of each place.
        say: Told in a sentence what an operator should know.
        stop_timeout: Seconds that a worker takes to stop at most.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        sockets: list[list[socket.socket]],
        *,
        say: Callable[[str], None],
        stop_timeout: float,
    ) -> None:
        self._jobs = [Job(dict(given), [each.fileno() for each in held]) for held in sockets]
        self._say = say
        self._stop_timeout = stop_timeout
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._serving: dict[int, Worker] = {}
        self._alive: set[Worker] = set()
        self._turns: deque[int] = deque()
        self._stopping = False
        self._started = False

    def tell(self, kind: str) -> None:
        """
        Ask to `stop` or to `replace` all workers; may be called by a signal handler.
        """
        self._events.put(Event(kind))

    def run(self, on_ready: Callable[[], None]) -> bool:
        """
        Serve until told to stop; return whether all places ever had a worker that listened.

        Args:
            on_ready: Called once, when they have.
        """
        for place in range(len(self._jobs)):
            self._start(place)
        handlers = {"ready": self._ready, "ended": self._ended, "start": self._again}
        while self._alive or not self._stopping:
            event = self._events.get()
            if event.kind in handlers:
                handlers[event.kind](event)
            elif event.kind == "stop":
                self._stop()
            elif not self._stopping and not self._turns and self._started:
                self._turns.extend(range(len(self._jobs)))
                self._start(self._turns[0])
            if not self._started and len(self._serving) == len(self._jobs):
                self._started = True
                on_ready()
        return self._started

    def _start(self, place: int) -> None:
        self._alive.add(Worker(place, self._jobs[place], self._events.put))

    def _ready(self, event: Event) -> None:
        worker = _of(event)
        before = self._serving.get(worker.place)
        self._serving[worker.place] = worker
        if self._stopping:
            worker.end()
        elif before is not None:
            before.end()  # when it has ended the next place has its turn
        elif self._turns and self._turns[0] == worker.place:
            self._next_turn()  # the old one ended unasked meanwhile

    def _ended(self, event: Event) -> None:
        worker = _of(event)
        self._alive.discard(worker)
        if self._stopping:
            return
        if worker.is_told:
            self._next_turn()
        elif not self._started:
            self._stop()
        elif self._serving.get(worker.place) is worker:
            self._crashed(worker)
        else:
            self._turns.clear()
            self._say("a new server process did not start; those there go on")

    def _next_turn(self) -> None:
        if self._turns:
            self._turns.popleft()
        if self._turns:
            self._start(self._turns[0])
        elif self._started:
            self._say("all server processes are new")

    def _crashed(self, worker: Worker) -> None:
        """
        Start another one in the place of *worker*, which ended unasked.
        """
        del self._serving[worker.place]
        self._say(f"server process {worker.pid} ended unasked; another one takes its place")
        wait = LEAST_LIFE_S if time.monotonic() - worker.begun < LEAST_LIFE_S else 0.0
        starting = threading.Timer(wait, self._events.put, (Event("start", place=worker.place),))
        starting.daemon = True
        starting.start()

    def _again(self, event: Event) -> None:
        if not self._stopping and event.place not in self._serving:
            self._start(event.place)

    def _stop(self) -> None:
        self._stopping = True
        self._turns.clear()
        for worker in self._alive:
            worker.end()
        killing = threading.Timer(self._stop_timeout + PATIENCE_S, self._kill, (list(self._alive),))
        killing.daemon = True
        killing.start()

    def _kill(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.kill()


def listeners(host: str, port: int, count: int) -> list[list[socket.socket]]:
    """
    Return the listening sockets of *count* places: one for each address that *host* means.

    Args:
        host: Name or address.
        port: 0 takes a free one, the same for all.
        count: Of places.

    Raises:
        OSError: When nobody can listen there.
    """
    places: list[list[socket.socket]] = [[] for _ in range(count)]
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        shared: socket.socket | None = None
        for place in places:
            if shared is None or _SPREADS:
                shared = _listening(family, (str(address[0]), port))
                port = int(shared.getsockname()[1])
            place.append(shared)
    return places


def _listening(family: int, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if _SPREADS:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)
    sock.listen(BACKLOG)
    return sock


def heed_signals(supervisor: Supervisor) -> None:
    """
    Let SIGTERM and Ctrl-C stop, and SIGHUP replace; that of a terminal that closes stops.
    """

    def on(number: int, kind: str) -> None:
        signal.signal(number, lambda *_: supervisor.tell(kind))

    on(signal.SIGTERM, "stop")
    on(signal.SIGINT, "stop")
    if hasattr(signal, "SIGHUP"):
        on(signal.SIGHUP, "stop" if os.isatty(0) else "replace")


def _of(event: Event) -> Worker:
    assert event.worker is not None  # noqa: S101 - for the type checker
    return event.worker
