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
CALLS = 20_000
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


IDENTICAL = [entry(n, "effect ran again in Checkout") for n in range(CALLS)]
COUNTING = [entry(n, f"effect run {n} in component Checkout") for n in range(CALLS)]
DISTINCT = [entry(n, f"effect {words(n)}") for n in range(CALLS)]
ERRORS = [entry(n, f"failed {words(n)}", "error") for n in range(CALLS)]


def guard(entries: Sequence[Entry]) -> Callable[[], None]:
    def run() -> None:
        decide = Guard().decide
        now = 0.0
        for each in entries:
            now += 0.001
            decide(each, now)

    return run


def stdlib(entries: Sequence[Entry]) -> Callable[[], None]:
    records = [logging.LogRecord(each.trace_id, 20, "", 0, each.message, (), None) for each in entries]

    def run() -> None:
        filters = DropRepeated()
        for record in records:
            filters.now += 0.001
            filters.filter(record)

    return run


def counters(entries: Sequence[Entry]) -> Callable[[], None]:
    def run() -> None:
        count = Counters()
        now = 0.0
        for each in entries:
            now += 0.001
            count(each.level, each.message, now)

    return run


def each_message(function: Callable[[str], object], entries: Sequence[Entry]) -> Callable[[], None]:
    def run() -> None:
        for each in entries:
            function(each.message)

    return run


def keep_rows() -> None:
    recorder = Recorder(rows=20, traces=2_000, size=32 << 20, row=4_096, released=60)
    traces = [f"{n:032x}" for n in range(1, 501)]
    row = bytes(300)
    for n in range(CALLS):
        recorder.keep(traces[n % 500], row, float(n))


VARIANTS = (
    ("identical, folded", guard(IDENTICAL), 1_000),
    ("  beside: stdlib filter", stdlib(IDENTICAL), None),
    ("  beside: counters", counters(IDENTICAL), None),
    ("counter in the text, folded", guard(COUNTING), 2_000),
    ("distinct info, refused", guard(DISTINCT), 2_000),
    ("distinct errors, kept", guard(ERRORS), 2_000),
    ("  beside: stdlib filter", stdlib(DISTINCT), None),
    ("  beside: counters", counters(DISTINCT), None),
    ("template", each_message(template, COUNTING), None),
    ("fingerprint", each_message(fingerprint, COUNTING), None),
    ("recorder keeps a row", keep_rows, None),
)
"""Name, program and the bar in nanoseconds."""


def measure(run: Callable[[], None]) -> float:
    gc.collect()
    start = time.thread_time_ns()
    run()
    return (time.thread_time_ns() - start) / CALLS


def main() -> None:
    figures: list[list[float]] = [[] for _ in VARIANTS]
    for _ in range(ROUNDS):
        for figure, (_, run, _) in zip(figures, VARIANTS, strict=True):
            figure.append(measure(run))
    print(f"{'':<30}{'ns':>8}{'lowest':>8}   median of {ROUNDS} interleaved rounds, thread CPU")
    for figure, (name, _, bar) in zip(figures, VARIANTS, strict=True):
        told = f"   (bar {bar:,})" if bar else ""
        print(f"{name:<30}{statistics.median(figure):>8,.0f}{min(figure):>8,.0f}{told}")


if __name__ == "__main__":
    main()
