"""
What a decision of the guard costs, beside plain code of the same kind, in one thread's CPU time.

Claims: an identical entry that folds costs at most 1 µs, a distinct one that is refused at most 2 µs, with every
part of the guard at work (runs, noise, templates, classes, limiter, accounts). The peers know less: a filter of
the standard library that drops repetitions by an ordered dictionary, and counters per (level, message) in the
manner of zap's sampler; neither knows templates, noise, limits or what it dropped.

    python tests/bench/bench_protect.py
"""

import gc
import logging
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from zlib import crc32

from tracelog.core.entry import Entry
from tracelog.core.guard import Guard
from tracelog.core.recorder import Recorder
from tracelog.core.template import fingerprint, template

ROUNDS = 11
BATCH = 1_000
"""Entries that are made, untimed, before they are decided on: as warm in the caches as a batch just decoded."""

BATCHES = 20
CALLS = BATCH * BATCHES
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lamda",
    "omikron",
    "rho",
    "sigma",
    "tau",
    "phi",
]


class DropRepeated(logging.Filter):
    """
    Lets a message through once in a while, and remembers the last 4,096.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: OrderedDict[tuple[str, int, str], float] = OrderedDict()
        self.now = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, record.levelno, record.getMessage())
        last = self._last.get(key)
        if last is not None and self.now - last < 1.0:
            self._last.move_to_end(key)
            return False
        self._last[key] = self.now
        if len(self._last) > 4_096:
            self._last.popitem(last=False)
        return True


class Counters:
    """
    First 5 of a second, then every hundredth, in 4,096 counters per level that strangers may share.
    """

    def __init__(self) -> None:
        self._counts = {level: [0] * 4_096 for level in ("info", "error")}
        self._resets = {level: [0.0] * 4_096 for level in ("info", "error")}

    def __call__(self, level: str, message: str, now: float) -> bool:
        place = crc32(message.encode()) & 4_095
        counts, resets = self._counts[level], self._resets[level]
        if now >= resets[place]:
            resets[place] = now + 1.0
            counts[place] = 0
        counts[place] = n = counts[place] + 1
        return n <= 5 or n % 100 == 0


def entry(number: int, message: str, level: str = "info") -> Entry:
    return Entry(
        id=f"p-{number}",
        trace_id=TRACE,
        timestamp=1.7e12 + number,
        system="browser",
        level=level,
        message=message,
        source="p",
        seq=number,
    )


def words(number: int) -> str:
    return " ".join(WORDS[number >> shift & 15] for shift in (0, 4, 8, 12, 16))


def identical(n: int) -> Entry:
    return entry(n, "effect ran again in Checkout")


def counting(n: int) -> Entry:
    return entry(n, f"effect run {n} in component Checkout")


def distinct(n: int) -> Entry:
    return entry(n, f"effect {words(n)}")


def errors(n: int) -> Entry:
    return entry(n, f"failed {words(n)}", "error")


Make = Callable[[int], Entry]
Batch = Callable[[Sequence[Entry]], None]


def guard() -> Batch:
    decide = Guard().decide

    def run(entries: Sequence[Entry]) -> None:
        now = entries[0].seq / 1_000
        for each in entries:
            now += 0.001
            decide(each, now)

    return run


def stdlib() -> Batch:
    filters = DropRepeated()
    record = logging.LogRecord("bench", 20, "", 0, "", (), None)

    def run(entries: Sequence[Entry]) -> None:
        for each in entries:
            filters.now += 0.001
            record.msg = each.message
            filters.filter(record)

    return run


def counters() -> Batch:
    count = Counters()

    def run(entries: Sequence[Entry]) -> None:
        now = entries[0].seq / 1_000
        for each in entries:
            now += 0.001
            count(each.level, each.message, now)

    return run


def templates() -> Batch:
    def run(entries: Sequence[Entry]) -> None:
        for each in entries:
            template(each.message)

    return run


def fingerprints() -> Batch:
    def run(entries: Sequence[Entry]) -> None:
        for each in entries:
            fingerprint(each.message)

    return run


def recorder() -> Batch:
    keep = Recorder(rows=20, traces=2_000, size=32 << 20, row=4_096, released=60).keep
    traces = [f"{n:032x}" for n in range(1, 501)]
    row = bytes(300)

    def run(entries: Sequence[Entry]) -> None:
        for each in entries:
            keep(traces[each.seq % 500], row, each.timestamp)

    return run


VARIANTS = (
    ("identical, folded", guard, identical, 1_000),
    ("  beside: stdlib filter", stdlib, identical, None),
    ("  beside: counters", counters, identical, None),
    ("counter in the text, folded", guard, counting, 2_000),
    ("distinct info, refused", guard, distinct, 2_000),
    ("distinct errors, kept", guard, errors, 2_000),
    ("  beside: stdlib filter", stdlib, distinct, None),
    ("  beside: counters", counters, distinct, None),
    ("template", templates, counting, None),
    ("fingerprint", fingerprints, counting, None),
    ("recorder keeps a row", recorder, counting, None),
)
"""Name, program, its entries and the bar in nanoseconds."""


def measure(program: Callable[[], Batch], make: Make) -> float:
    """
    Return nanoseconds an entry of a fresh *program* over all batches.
    """
    run = program()
    spent = 0
    for batch in range(BATCHES):
        entries = [make(n) for n in range(batch * BATCH, (batch + 1) * BATCH)]
        gc.collect(0)
        start = time.thread_time_ns()
        run(entries)
        spent += time.thread_time_ns() - start
    return spent / CALLS


def main() -> None:
    figures: list[list[float]] = [[] for _ in VARIANTS]
    for _ in range(ROUNDS):
        for figure, (_, program, make, _) in zip(figures, VARIANTS, strict=True):
            figure.append(measure(program, make))
    print(f"{'':<30}{'ns':>8}{'lowest':>8}   median of {ROUNDS} interleaved rounds, thread CPU")
    for figure, (name, _, _, bar) in zip(figures, VARIANTS, strict=True):
        told = f"   (bar {bar:,})" if bar else ""
        print(f"{name:<30}{statistics.median(figure):>8,.0f}{min(figure):>8,.0f}{told}")


if __name__ == "__main__":
    main()
