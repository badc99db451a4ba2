"""
What a flood costs that nobody can take: two seconds of distinct messages while the server hangs.

Claim: a call that is dropped, because all room is taken, costs at most 0.04 of a stdlib JSON call and is counted;
beyond what the queue is allowed to hold the process grows by at most 16 MB.

    python tests/bench/bench_flood.py
"""

import os
import resource
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import stdlib_json, with_fields
from tracelog.core.settings import ClientSettings
from tracelog.sinks.base import Parcel, Receipt

ROUNDS = 7
SECONDS = 2.0
CALLS = 2_000
BAR = 0.04
GROWTH_MB = 16


class Hanging:
    """
    A sink whose server does not answer until *over*.
    """

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, _parcel: Parcel) -> Receipt:
        self.over.wait()
        return Receipt()

    def close(self) -> None:
        """
        Nothing is open.
        """


def resident() -> int:
    """
    Return the bytes of memory that the process has now.
    """
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def in_a_process(work: object) -> None:
    """
    Run *work* in a child of its own, so that no flood meets the memory that another one has left.
    """
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.waitpid(child, 0)


def flood() -> None:
    sink = Hanging()
    client = tracelog.Client(service="bench", sinks=[sink])
    run = with_fields(client.get_logger("bench").info)
    while not client.stats()["dropped"]:  # until all room is taken
        run(CALLS)
    full = resident()
    calls, spent, end = 0, [], time.monotonic() + SECONDS
    before = client.stats()["emitted"]
    while time.monotonic() < end:
        begin = time.thread_time_ns()
        run(CALLS)
        spent.append((time.thread_time_ns() - begin) / CALLS)
        calls += CALLS
    grown = (resident() - full) / 2**20
    counted = client.stats()["emitted"] - before
    json = stdlib_json()
    beside = []
    for _ in range(ROUNDS):
        begin = time.thread_time_ns()
        json.run(CALLS)
        beside.append((time.thread_time_ns() - begin) / CALLS)
    ratio = statistics.median(spent) / statistics.median(beside)
    print(
        f"{calls / SECONDS / 1e6:.1f} million calls a second at {statistics.median(spent):,.0f} ns, "
        f"{ratio:.3f} of stdlib JSON (bar {BAR}); of {calls:,} calls {counted:,} counted; "
        f"{grown:+.1f} MB (bar {GROWTH_MB}) beside the {ClientSettings().queue_bytes >> 20} MB of the queue"
    )
    sink.over.set()


def main() -> None:
    tracelog.configure(enabled=False)
    in_a_process(flood)


if __name__ == "__main__":
    main()
