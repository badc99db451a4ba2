"""
What a client costs that has nothing to do: CPU time of a process in which its thread sleeps.

Claim: at most 0.01 % of a core. Beside it a thread that looks at a queue every 100 ms, as a batching client does that
never sleeps.

    python tests/bench/bench_idle.py
"""

import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tracelog
from tests.bench.peers.loggers import CompressAndDrop

ROUNDS = 7
SECONDS = 4.0
ASLEEP_AFTER_S = 3.0
BAR = 0.01


def percent() -> float:
    """
    Return what part of a core the process takes while this thread sleeps.
    """
    begin = time.process_time_ns()
    time.sleep(SECONDS)
    return (time.process_time_ns() - begin) / SECONDS / 1e7


def look(over: threading.Event) -> None:
    while not over.wait(0.1):
        pass


def main() -> None:
    tracelog.configure(enabled=False)
    client = tracelog.Client(service="bench", sinks=[CompressAndDrop()])
    client.get_logger("bench").info("the last one for a while")
    client.flush(10)
    time.sleep(ASLEEP_AFTER_S)
    ours, beside = [], []
    for _ in range(ROUNDS):
        ours.append(percent())
        over = threading.Event()
        looking = threading.Thread(target=look, args=(over,))
        looking.start()
        beside.append(percent())
        over.set()
        looking.join()
    print(f"tracelog, asleep          {statistics.median(ours):.4f} % of a core   (bar {BAR})")
    both = statistics.median(b - a for a, b in zip(ours, beside, strict=True))
    print(f"a look every 100 ms       {both:.4f} % of a core; median of {ROUNDS} rounds of {SECONDS:.0f} s")


if __name__ == "__main__":
    main()
