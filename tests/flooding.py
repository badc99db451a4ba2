"""
A flood as a store meets it: several real servers, several senders each, and what is in the store afterwards.

Senders count for themselves what they sent and what they were told. A batch that got no answer, or that the server
could not take, is sent again as it was, as a client does.
"""

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from redis import Redis

from tests.cli.started import Started
from tests.server.running import Line, request
from tests.stores.servers import RealServer, free_port

PATIENCE_S = 20.0
"""What takes longer has failed its test."""

PAUSE_S = 0.01
"""Between two looks at something that is awaited."""

LIMITS = {"limit": 1_000, "weights": {"browser": 40, "worker": 30, "backend": 30}}
SYSTEMS = tuple(LIMITS["weights"])
ERRORS = frozenset({"error", "fatal"})

Batch = list[dict[str, Any]]
Row = dict[str, Any]


def wait_for(holds: Callable[[], Any]) -> None:
    """
    Return once *holds* does.
    """
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(PAUSE_S)


def letters(n: int) -> str:
    """
    Return a word for *n* that no other number has, without a digit: no two share a template.
    """
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:06}")


class Farm:
    """
    Server processes that share one store, each on a port of its own, with limits.

    Args:
        folder: Where they run; it gets a `pyproject.toml` with the limits.
        store: Their URL of it.
        many: How many.
        settings: Further tables of theirs, as TOML.
    """

    def __init__(self, folder: Path, store: str, many: int = 1, settings: str = "") -> None:
        quota = "\n".join(
            f"{name} = {json.dumps(value).replace(':', ' =')}" for name, value in LIMITS.items()
        )
        (folder / "pyproject.toml").write_text(
            f"[tool.tracelog.quota]\n{quota}\n{settings}", encoding="utf-8"
        )
        self.ports = [free_port() for _ in range(many)]
        self._folder = folder
        self._store = store
        self._running: dict[int, Started] = {}

    def start(self, *ports: int) -> None:
        """
        Start the servers of *ports*, or all, and return once they listen.
        """
        for port in ports or self.ports:
            self._running[port] = Started(
                "serve", "--port", str(port), "--store", self._store, cwd=self._folder
            )
        for port in ports or self.ports:
            self._running[port].line("(listening)")

    def kill(self, port: int) -> None:
        """
        End a server without a word (SIGKILL).
        """
        self._running[port].process.kill()
        self._running.pop(port).clear()

    def end(self) -> None:
        """
        Stop all servers as an operator does: what waits is stored and told.
        """
        for server in self._running.values():
            server.process.send_signal(signal.SIGTERM)
        for port in list(self._running):
            assert self._running[port].end()[0] == 0
            self._running.pop(port).clear()

    def get(self, path: str, port: int | None = None) -> Any:
        with urlopen(f"http://127.0.0.1:{port or self.ports[0]}{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def told(self) -> tuple[Any, Any]:
        """
        Return status and ledger once everything is counted: all servers ended, one started again. The status tells
        of the gate what all of them had to tell.
        """
        gates = [self.get("/api/v1/status", port)["gate"] for port in self.ports]
        self.end()
        self.start(self.ports[0])
        status = self.get("/api/v1/status")
        status["gate"] = {name: sum(gate[name] for gate in gates) for name in gates[0]}
        return status, self.get("/api/v1/ledger")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        for server in self._running.values():
            server.clear()


class Sender(threading.Thread):
    """
    Sends batches to one port, each until it is answered for good, all within *patience_s*.

    Attributes:
        sent: Source → entries that were answered for good.
        told: Outcome → how many entries the answers spoke of.
        answered: Batches answered for good; *refused* answers that were not.
        turn: Held while a batch is under way; who holds it instead keeps the sender waiting.
    """

    def __init__(self, port: int, batches: Sequence[Batch], patience_s: float = PATIENCE_S) -> None:
        super().__init__(daemon=True)
        self.patience_s = patience_s
        self.port = port
        self.batches = batches
        self.sent: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.answered = 0
        self.refused = 0
        self.turn = threading.Lock()
        self.trouble = ""
        self._end = 0.0

    def run(self) -> None:
        self._end = time.monotonic() + self.patience_s
        left = iter(self.batches)
        batch = next(left, None)
        while batch is not None and not self.trouble:
            with suppress(OSError), Line(self.port) as line:
                while batch is not None and self._send(line, batch):
                    batch = next(left, None)
            if time.monotonic() > self._end:
                self.trouble = "its batches were not taken in time"

    def _send(self, line: Line, batch: Batch) -> bool:
        """
        Send *batch* once; return whether it was answered for good.
        """
        headers = [("Content-Type", "application/json")]
        with self.turn:
            line.send(request(body=json.dumps(batch).encode(), headers=headers))
            answer = line.answer()
        if answer.status not in {200, 429}:
            self.refused += 1
            time.sleep(PAUSE_S)
            return False
        self._hear(batch, answer.json)
        return True

    def _hear(self, batch: Batch, said: dict[str, Any]) -> None:
        ends = {"accepted": said["accepted"], "duplicate": said["duplicate"]}
        ends |= {"suppressed": said["suppressed"], "limited": sum(said["limited"].values())}
        if sum(ends.values()) != len(batch) or said["rejected"]:
            self.trouble = f"{len(batch)} entries were sent, and the answer speaks of {ends}"
        self.told.update(ends)
        self.sent.update(entry["source"] for entry in batch)
        self.answered += 1


class Flood:
    """
    Senders at work together.
    """

    def __init__(self, senders: Sequence[Sender]) -> None:
        self.senders = senders

    def start(self) -> Self:
        for sender in self.senders:
            sender.start()
        return self

    def join(self) -> Self:
        """
        Wait for all senders, and see to it that none had trouble.
        """
        for sender in self.senders:
            sender.join(sender.patience_s + 5)
        assert [sender.trouble for sender in self.senders if sender.trouble or sender.is_alive()] == []
        return self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """
        Keep all senders between two batches.
        """
        with ExitStack() as stack:
            for sender in self.senders:
                stack.enter_context(sender.turn)
            yield

    @property
    def refused(self) -> int:
        return sum(sender.refused for sender in self.senders)

    @property
    def answered(self) -> int:
        return sum(sender.answered for sender in self.senders)

    @property
    def sent(self) -> Counter[str]:
        return sum((sender.sent for sender in self.senders), Counter())

    @property
    def told(self) -> Counter[str]:
        return sum((sender.told for sender in self.senders), Counter())


def ordinary(name: str, batches: int, size: int, *, words: Iterator[int]) -> list[Batch]:
    """
    Return batches of lines that nothing folds, from three systems; ten lines a trace, and sources that stay below
    what the adaptive limit allows.
    """
    return [
        [
            {
                "id": f"{name}-{at}-{place}",
                "trace_id": f"{name}-{at}-{place // 10}",
                "system": SYSTEMS[place % 3],
                "source": f"{name}-{at}-{place % 3}",
                "seq": place // 3,
                "message": f"said {letters(next(words))}",
            }
            for place in range(size)
        ]
        for at in range(batches)
    ]


def sprinkle(batches: Sequence[Batch], errors: int, *, words: Iterator[int]) -> set[str]:
    """
    Add so many errors to *batches*, each of a trace, a text and a source of its own; return their ids.
    """
    ids = set()
    for n in range(errors):
        batch = batches[n % len(batches)]
        error = {"id": f"error-{n}", "trace_id": f"failed-{n}", "source": f"failing-{n}", "seq": 0}
        error |= {"system": SYSTEMS[n % 3], "level": "error", "message": f"broke {letters(next(words))}"}
        batch.insert(7 * n % len(batch), error)
        ids.add(f"error-{n}")
    return ids


def rows_of(servers: Sequence[RealServer]) -> list[Row]:
    """
    Return every row that *servers*, the nodes of a store, hold in a trace.
    """
    found = []
    for server in servers:
        with Redis.from_url(server.url, protocol=2) as client:
            for name in client.scan_iter(match="logs:*", count=1_000):
                found += [json.loads(data) for data in client.lrange(name, 0, -1)]
    return found


def lasting_keys(servers: Sequence[RealServer]) -> list[bytes]:
    """
    Return the keys that would stay for ever.
    """
    found = []
    for server in servers:
        with Redis.from_url(server.url, protocol=2) as client:
            found += [name for name in client.scan_iter(count=1_000) if client.ttl(name) == -1]
    return found


def normal_of(rows: Sequence[Row]) -> list[Row]:
    """
    Return those of *rows* that only the pools may hold.
    """
    return [row for row in rows if row["level"] not in ERRORS]
