"""
Many threads at once: nothing is lost, nothing is doubled, order is kept, and the account adds up at every moment.
"""

import random
import signal
import threading
import time

import pytest

from tests import pair
from tracelog.client.gate import SLOT
from tracelog.sinks.base import Receipt

PATIENCE = 20.0
THREADS = 8
EACH = 12_500


class Numbers:
    """
    A sink that keeps of each entry only its id and its field `n`, as cheaply as can be.
    """

    def __init__(self, gone_for=0.0, after=0):
        self.rows = []
        self.back_at = None
        self.gone_for = gone_for
        self.after = after

    def __call__(self, parcel):
        if self.gone_for and len(self.rows) >= self.after:
            self.back_at = self.back_at or time.monotonic() + self.gone_for
            if time.monotonic() < self.back_at:
                raise pair.SinkUnavailableError("gone")
        self.rows += [(parcel.header.seq + n, row) for n, row in enumerate(parcel.rows)]
        return Receipt()

    def close(self):
        pass


def run_threads(work, count=THREADS):
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("gone_for", [0.0, 0.5])
def test_eight_threads_lose_nothing(client_of, gone_for):
    """
    Of 100,000 entries logged by 8 threads all arrive once, in order for each thread, whether the other end is away
    for a while or not, and the account adds up.
    """
    sink = Numbers(gone_for, after=1)
    client = client_of(sinks=[sink])

    def work(thread):
        log = client.get_logger("till", thread=thread)
        for n in range(EACH):
            log.info("request done", n=n)

    run_threads(work)
    assert client.flush(PATIENCE) == 0
    stats = client.stats()
    assert (stats["emitted"], stats["stored"], stats["dropped"]) == (THREADS * EACH, THREADS * EACH, {})
    assert (stats["balanced"], stats["in_flight"]) == (True, 0)
    assert [seq for seq, _ in sink.rows] == list(range(THREADS * EACH))
    seen = [0] * THREADS
    entries = pair.decoded([row for _, row in sink.rows])
    for entry in entries:
        thread, n = entry.context["thread"], entry.context["n"]
        assert n == seen[thread]
        seen[thread] += 1
    assert seen == [EACH] * THREADS


def balance_of(stats):
    ended = stats["stored"] + sum(
        sum(stats[o].values()) for o in ("suppressed", "limited", "rejected", "dropped")
    )
    return stats["emitted"] - ended - stats["in_flight"]


class Moody:
    """
    A sink that does everything a sink may do, by chance.
    """

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def __call__(self, parcel):
        kept = parcel.kept
        mood = self.chance.random()
        if mood < 0.15:
            raise pair.SinkUnavailableError("later")
        if mood < 0.25:
            raise pair.SinkRefusedError("never")
        if mood < 0.35:
            raise pair.ParcelTooLargeError("smaller")
        if mood < 0.4:
            raise ValueError("broken")
        if mood < 0.6:
            return Receipt(
                limited={"trace_quota": kept // 2}, rejected={"bad": kept // 4}, duplicate=kept // 8
            )
        return None

    def close(self):
        pass


def dropping(entry):
    """
    A hook that drops some entries and fails over others.
    """
    if entry.message.startswith("drop"):
        return None
    if entry.message.startswith("raise"):
        raise ValueError
    return entry


def log_by_chance(client, chance, times):
    """
    Log *times* times, each time in one of the ways there are.
    """
    log = client.get_logger("till")

    def step():
        with client.span("step"):
            pass

    forms = [
        lambda: log.info("plain", n=1),
        lambda: log.debug("drop it"),
        lambda: log.warning("raise it"),
        lambda: log.error("failed", exc_info=ValueError("x")),
        lambda: log.info("password=hunter2hunter2"),
        lambda: log.info("raw", value=pair.UNREADABLE),
        lambda: log.info("long" * 500),
        step,
    ]
    for _ in range(times):
        chance.choice(forms)()


class Watcher(threading.Thread):
    """
    Reads the account of *client* all the time, and keeps what does not add up.
    """

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.wrong = []
        self.enough = threading.Event()
        self.looks = 0

    def run(self):
        while not self.enough.is_set():
            stats = self.client.stats()
            self.looks += 1
            sinks = all(sink["balanced"] for sink in stats["sinks"])
            if not (stats["balanced"] and sinks) or balance_of(stats) != 0 or stats["in_flight"] < 0:
                self.wrong.append(stats)


@pytest.mark.parametrize("seed", range(4))
def test_the_account_adds_up_at_every_moment(client_of, seed):
    """
    While four threads log through a queue that overflows, a hook that drops, secrets, rows that nobody can read,
    and a sink in every mood, whoever reads the account sees it balanced, and in the end it counts every call.
    """
    client = client_of(
        sinks=[Moody(seed)],
        before_send=dropping if seed % 2 else None,
        redact=True,
        queue_entries=300,
        queue_bytes=300 * SLOT,
        flush_interval=0.001,
    )
    watcher = Watcher(client)
    watcher.start()
    try:
        run_threads(lambda thread: log_by_chance(client, random.Random(seed * 10 + thread), 500), 4)
        client.flush([0.0, 0.2][seed // 2])
        if seed == 3:
            client.reconfigure(sinks=[Moody(seed)], exit_timeout=0.0)
        client.shutdown(0.05)
        log_by_chance(client, random.Random(seed), 500)
    finally:
        watcher.enough.set()
        watcher.join()
    stats = client.stats()
    assert watcher.wrong == []
    assert watcher.looks > 10
    assert (stats["emitted"], stats["in_flight"], balance_of(stats)) == (2_500, 0, 0)
    assert stats["dropped"]["after_close"] == 500


def test_shutdown_in_the_middle_of_calls(client_of):
    """
    While threads log, the client is shut down: every call is counted, what overtook the end included.
    """
    for _ in range(10):
        client = client_of(sinks=[Numbers()], flush_interval=0.001)
        calls = [0] * 4
        begun = threading.Barrier(5)

        def work(thread, client=client, calls=calls, begun=begun):
            log = client.get_logger("till")
            begun.wait(PATIENCE)
            for _ in range(300):
                log.info("x")
                calls[thread] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        begun.wait(PATIENCE)
        client.shutdown(PATIENCE)
        for thread in threads:
            thread.join()
        stats = client.stats()
        assert (stats["emitted"], stats["in_flight"], stats["balanced"]) == (sum(calls), 0, True)


def test_many_threads_flush_at_once(client_of):
    """
    Threads that all flush all the time each get what they logged delivered.
    """
    sink = Numbers()
    client = client_of(sinks=[sink])
    late = []

    def work(thread):
        log = client.get_logger("till")
        for n in range(20):
            log.info("entry", thread=thread, n=n)
            if client.flush(PATIENCE) != 0:
                late.append((thread, n))

    run_threads(work, 4)
    assert late == []
    assert len(sink.rows) == 80


def test_signal_handlers_log(client_of):
    """
    A handler that logs, flushes and reads the account, called every millisecond in the middle of log calls, neither
    hangs nor loses anything.
    """
    sink = Numbers()
    client = client_of(sinks=[sink])
    log = client.get_logger("till")
    handled = []

    def handler(*_):
        log.info("handled", n=[len(handled)])
        handled.append(1)
        if len(handled) % 50 == 0:
            client.stats()
        if len(handled) % 97 == 0:
            client.flush(0.01)

    before = signal.signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
    logged = 0
    try:
        end = time.monotonic() + PATIENCE
        while len(handled) < 300 and time.monotonic() < end:
            log.info("x", n=logged)
            logged += 1
            if logged % 1000 == 0:
                client.flush(1.0)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)
    client.flush(PATIENCE)
    stats = client.stats()
    assert len(handled) >= 300
    assert stats["emitted"] == logged + len(handled)
    assert stats["stored"] + sum(stats["dropped"].values()) == stats["emitted"]
    assert stats["stored"] == len(sink.rows)
