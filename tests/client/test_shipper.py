"""
Delivery as a program sees it: flush, shutdown, the bound, and what is said about trouble.
"""

import io
import threading
import time

import pytest

from tests import pair
from tracelog.client import shipper as module
from tracelog.client.client import Client
from tracelog.client.complaint import Complaint
from tracelog.client.gate import SLOT
from tracelog.sinks.memory import MemorySink

PATIENCE = 10.0


def log_some(client, count=10, level="info"):
    log = client.get_logger("till")
    for n in range(count):
        getattr(log, level)(f"{level} {n}")
    return [f"{level} {n}" for n in range(count)]


@pytest.fixture
def released():
    """
    An event for sinks to hang on; it happens at the latest when the test is over.
    """
    event = threading.Event()
    yield event
    event.set()


def test_everything_arrives_in_order(connect):
    """
    What was logged arrives once, in order, with consecutive numbers under the name of the process.
    """
    client, wire = connect()
    said = log_some(client, 1_000)
    assert client.flush(PATIENCE) == 0
    assert wire.messages == said
    assert list(wire.entries) == [f"{client.source}-{n}" for n in range(1_000)]


def test_nothing_to_flush(connect):
    """
    Flushing nothing returns at once, starts no thread and says that nothing waits.
    """
    client, wire = connect()
    assert client.flush(PATIENCE) == 0
    assert not client._shipper._looper.alive
    assert wire.tries == []


def test_flush_waits_for_what_was_logged_before(connect):
    """
    A flush returns when what was logged before it has arrived, however much others log meanwhile.
    """
    client, wire = connect()
    going = threading.Event()
    log = client.get_logger("noise")

    def noise():
        while not going.wait(0.0005):
            log.info("noise")

    thread = threading.Thread(target=noise)
    thread.start()
    try:
        for n in range(5):
            client.get_logger("till").info(f"mark {n}")
            assert client.flush(PATIENCE) == 0
            assert f"mark {n}" in wire.messages
    finally:
        going.set()
        thread.join()


def test_flush_tries_at_once(connect):
    """
    A flush does not wait for the pause after a failure.
    """
    client, wire = connect(pair.away(), flush_interval=0.01)
    client._shipper._deliveries._first._terms = client._shipper._deliveries._first._terms._replace(
        chance=lambda: 1.0
    )
    log_some(client, 1)
    assert client.flush(0.05) in {0, 1}
    assert client.flush(PATIENCE) == 0
    assert wire.messages == ["info 0"]


@pytest.mark.parametrize("timeout", [0.0, 0.2])
def test_flush_returns_in_time(connect, released, timeout):
    """
    Against a sink that hangs, flush returns when its time is over and says what is pending.
    """
    client, _ = connect(pair.hangs(released))
    log_some(client, 7)
    begun = time.monotonic()
    assert client.flush(timeout) == 7
    assert time.monotonic() - begun < timeout + 0.1
    assert client.stats()["in_flight"] == 7
    released.set()
    assert client.flush(PATIENCE) == 0


@pytest.mark.parametrize("timeout", [0.0, 0.2])
def test_shutdown_returns_in_time(connect, released, timeout):
    """
    Against a sink that hangs, shutdown returns when its time is over, and what was not delivered is counted, once,
    whatever the sink says when it comes back.
    """
    client, _wire = connect(pair.hangs(released))
    log_some(client, 7)
    begun = time.monotonic()
    assert client.shutdown(timeout) == 7
    assert time.monotonic() - begun < timeout + 0.1
    for _ in range(2):
        stats = client.stats()
        assert (stats["dropped"], stats["in_flight"], stats["balanced"]) == ({"shutdown": 7}, 0, True)
        released.set()
        client._shipper._looper.stop(PATIENCE)


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), 1e300])
def test_strange_timeouts(connect, timeout):
    """
    A timeout that is no sensible number of seconds raises nothing.
    """
    client, _wire = connect()
    log_some(client, 3)
    client.flush(timeout)
    client.shutdown(timeout)
    assert client.stats()["balanced"]


def test_after_shutdown(connect):
    """
    What is logged after shutdown is counted and nothing else: no memory, no thread; a second shutdown has nothing
    to do, and the sinks are closed once.
    """
    client, wire = connect()
    said = log_some(client)
    assert client.shutdown(PATIENCE) == 0
    log_some(client, 1_000)
    with client.trace("t"):
        pass
    assert client.shutdown(PATIENCE) == 0
    assert client.flush(PATIENCE) == 0
    stats = client.stats()
    assert (stats["stored"], stats["dropped"]) == (10, {"after_close": 1_001})
    assert (stats["emitted"], stats["balanced"], stats["in_flight"]) == (1_011, True, 0)
    assert (wire.messages, client.gate.queue) == (said, [])
    assert wire.closed == 1
    assert not client._shipper._looper.alive


def test_configured_again_after_shutdown(connect):
    """
    A client that was shut down logs again when it is configured anew, and its account goes on.
    """
    client, _wire = connect()
    log_some(client, 2)
    client.shutdown(PATIENCE)
    log_some(client, 1)
    other = pair.Wire()
    client.reconfigure(sinks=[other])
    log_some(client, 3)
    client.flush(PATIENCE)
    stats = client.stats()
    assert len(other.entries) == 3
    assert (stats["emitted"], stats["stored"], stats["dropped"]) == (6, 5, {"after_close": 1})
    assert stats["balanced"]


def test_a_dead_server_is_told_of_once(connect, capsys):
    """
    While nobody answers one line a minute is said, on standard error and nowhere else.
    """
    client, _wire = connect(*[pair.away()] * 100)
    for _ in range(20):
        log_some(client, 1)
        client.flush(0.01)
    client.shutdown(0.0)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "tracelog: nobody answers\n")


@pytest.mark.parametrize(("count", "said"), [(1_234, "1,234 entries were"), (1, "1 entry was")])
def test_undelivered_entries_are_told_of(connect, capsys, released, count, said):
    """
    When nothing was said before, shutdown says how many entries were not delivered.
    """
    client, _ = connect(pair.hangs(released))
    log_some(client, count)
    client.shutdown(0.0)
    assert capsys.readouterr().err == f"tracelog: {said} not delivered\n"


def test_complaints_hold_no_secrets_and_no_controls(connect, capsys):
    """
    What a sink's error quotes is redacted and shown on one line.
    """
    client, _ = connect(pair.raises(ValueError("password=hunter2hunter2\n\x1b[2Jgone")), redact=True)
    log_some(client, 1)
    client.flush(PATIENCE)
    err = capsys.readouterr().err
    assert err.startswith("tracelog: ValueError: password=")
    assert "hunter2" not in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.parametrize("stderr", [None, "closed", "raises"])
def test_nobody_to_tell(connect, monkeypatch, stderr):
    """
    Without a standard error that works, trouble is told to nobody and delivery goes on.
    """

    class Raises:
        def write(self, text):
            raise RuntimeError(text)

        def flush(self):
            raise RuntimeError

    closed = io.StringIO()
    closed.close()
    stream = {None: None, "closed": closed, "raises": Raises()}[stderr]
    client, wire = connect(pair.raises(ValueError("x")))
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        log_some(client, 1)
        client.flush(PATIENCE)
        log_some(client, 1)
        client.flush(PATIENCE)
    assert wire.messages == ["info 0"]


@pytest.mark.parametrize(
    "problem", [SystemExit(1), KeyboardInterrupt(), MemoryError(), ValueError("x"), GeneratorExit()]
)
def test_a_sink_that_raises_anything(connect, problem):
    """
    Whatever a sink raises, the batch is counted, and the next one is delivered by the same thread.
    """
    client, wire = connect(pair.raises(problem))
    log_some(client, 2)
    client.flush(PATIENCE)
    said = log_some(client, 3)
    client.flush(PATIENCE)
    stats = client.stats()
    assert wire.messages == said
    assert (stats["dropped"], stats["stored"], stats["balanced"]) == ({"sink_error": 2}, 3, True)
    assert stats["sinks"][0]["trouble"] is None


def test_sinks_that_are_plain_functions(client_of):
    """
    Anything callable is a sink; one that returns nothing has taken it all.
    """
    messages = []
    client = client_of(sinks=[lambda parcel: messages.extend(entry.message for entry in parcel.entries)])
    said = log_some(client)
    client.shutdown(PATIENCE)
    assert messages == said
    assert client.stats()["stored"] == 10


def test_a_sink_whose_close_raises(client_of, capsys):
    """
    A sink that cannot be closed does not keep the others from being closed.
    """

    class Bad(MemorySink):
        def close(self):
            raise OSError("no")

    wire = pair.Wire()
    client = client_of(sinks=[Bad(), wire])
    log_some(client)
    client.shutdown(PATIENCE)
    assert wire.closed == 1
    assert capsys.readouterr().err == "tracelog: OSError: no\n"


def test_every_sink_gets_everything(client_of, released):
    """
    Each sink gets every entry once, in order; one that hangs or fails keeps nothing from the others' accounts.
    """
    first, second, broken = pair.Wire(), pair.Wire(pair.away()), pair.Wire(*[pair.raises(ValueError())] * 99)
    client = client_of(sinks=[first, second, broken])
    said = log_some(client, 100)
    client.flush(PATIENCE)
    assert first.messages == second.messages == said
    stats = client.stats()
    assert [sink["stored"] for sink in stats["sinks"]] == [100, 100, 0]
    assert [sink["balanced"] for sink in stats["sinks"]] == [True] * 3
    assert (stats["stored"], stats["balanced"]) == (100, True)


def test_a_sink_that_logs_does_not_loop(connect):
    """
    What a sink logs through the client it serves, directly or in a span, is counted and goes nowhere.
    """
    client, wire = connect()
    log = client.get_logger("sink")

    def chatty(wire, batch):
        log.info("delivering")
        log.error("args %s", 1, exc_info=ValueError())
        with client.span("delivery"):
            log.info("inside")
        return pair.taken(wire, batch)

    wire.then(*[chatty] * 50)
    said = log_some(client, 5)
    client.flush(PATIENCE)
    client.flush(PATIENCE)
    stats = client.stats()
    assert wire.messages == said
    assert stats["dropped"] == {"reentrant": 3}
    assert (stats["emitted"], stats["balanced"], stats["in_flight"]) == (8, True, 0)
    assert len(wire.tries) == 1


def test_a_hook_that_logs_does_not_loop(connect):
    """
    The same holds for `before_send`.
    """
    logs = []

    def hook(entry):
        logs[0].info("seen")
        return entry

    client, wire = connect(before_send=hook)
    logs.append(client.get_logger("hook"))
    said = log_some(client, 5)
    client.flush(PATIENCE)
    assert wire.messages == said
    assert client.stats()["dropped"] == {"reentrant": 5}


def test_flushing_inside_a_sink(connect):
    """
    A sink that flushes or shuts down the client that it serves does not wait for itself.
    """
    client, wire = connect()
    returned = []

    def flushing(wire, batch):
        returned.append(client.flush(PATIENCE))
        return pair.taken(wire, batch)

    wire.then(flushing)
    log_some(client, 3)
    client.flush(PATIENCE)
    assert returned == [3]
    wire.then(lambda wire, batch: client.shutdown(PATIENCE))
    log_some(client, 2)
    begun = time.monotonic()
    client.flush(PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2
    assert client.stats()["dropped"] == {"shutdown": 2}


def test_errors_survive_a_flood(connect, released):
    """
    While nobody takes anything, a flood of lower levels fills the queue to its bound, and the errors within it are
    kept.
    """
    client, wire = connect(
        pair.hangs(released, then=pair.away()), queue_entries=1_000, queue_bytes=1_000 * SLOT
    )
    log = client.get_logger("till")
    log.info("first")
    client.flush(0.05)
    for n in range(20_000):
        log.info("flood")
        if n % 200 == 0:
            log.error("error %d", n)
        if n % 50 == 0:
            log.debug("less")
    assert len(client.gate.queue) <= 1_250
    released.set()
    client.flush(PATIENCE)
    errors = [message for message in wire.messages if message.startswith("error")]
    stats = client.stats()
    assert errors == [f"error {n}" for n in range(0, 20_000, 200)]
    assert 1_000 <= len(wire.entries) <= 1_251
    assert stats["dropped"]["queue_overflow"] == 20_501 - len(wire.entries)
    assert (stats["emitted"], stats["balanced"]) == (20_501, True)


@pytest.mark.parametrize(
    ("lower", "higher"), [("debug", "info"), ("info", "warning"), ("warning", "error"), ("debug", "critical")]
)
def test_lower_levels_make_room(connect, lower, higher):
    """
    A queue full of a lower level takes in a higher one, and gives the lower up for it.
    """
    client, wire = connect(*[pair.away(300.0)] * 50, queue_entries=320, queue_bytes=320 * SLOT)
    log_some(client, 1_000, lower)
    client.flush(0.05)
    for _ in range(40):
        log_some(client, 10, higher)
        client._shipper.look(time.monotonic())
    client._shipper._deliveries._first._retry.worked()
    wire.then()
    client.flush(PATIENCE)
    kept = [entry.level for entry in wire.entries.values()]
    wanted = {"warning": "warn", "critical": "fatal"}.get(higher, higher)
    assert kept.count(wanted) >= 240  # a quarter may be in the hands of the sink already
    assert len(kept) <= 320
    assert client.stats()["balanced"]


def test_the_bound_in_bytes(connect, released):
    """
    Large entries are counted by their bytes: together they stay within the bound, errors included.
    """
    client, _wire = connect(pair.hangs(released), queue_entries=1_000, queue_bytes=1_000_000)
    log = client.get_logger("till")
    log.info("first")
    client.flush(0.05)
    for level in ("info", "error"):
        for _ in range(300):
            getattr(log, level)("x" * 20_000, more=[1] * 1_000)
    waiting = sum(map(len, client.gate.queue))
    assert 500_000 < waiting < 1_400_000
    released.set()
    client.flush(PATIENCE)
    assert client.stats()["balanced"]
    assert client.stats()["dropped"]["queue_overflow"] > 500


def test_a_flood_does_not_fill_the_memory(connect, released):
    """
    However long a flood lasts while nobody takes anything, what waits stays within the bound.
    """
    client, _ = connect(
        pair.hangs(released, then=pair.away(300.0)), queue_entries=2_000, queue_bytes=2_000 * SLOT
    )
    log = client.get_logger("till")
    worst = 0
    for round_number in range(30):
        for _ in range(3_000):
            log.error("flood", n=round_number)
        if round_number == 3:
            released.set()
        client._shipper.nudge().wait(0.005)
        worst = max(worst, client._shipper.pending())
    assert 2_000 <= worst <= 2_000 * 1.25 * 2
    assert client.stats()["balanced"]


def test_a_thread_that_cannot_start(connect, monkeypatch, capsys):
    """
    Where no thread can be started calls are bounded and counted, and a flush delivers on the calling thread.
    """
    client, wire = connect(queue_entries=100, queue_bytes=100 * SLOT)
    with monkeypatch.context() as patch:
        patch.setattr(
            "_thread.start_new_thread", lambda *_: exec('raise RuntimeError("can\'t start new thread")')
        )
        said = log_some(client, 1_000)
        assert len(client.gate.queue) <= 107
        assert client.flush(PATIENCE) == 0
        assert set(wire.messages) <= set(said)
        assert len(wire.messages) == 100
        wire.then(*[pair.away()] * 1_000)
        log_some(client, 3)
        assert client.flush(0.1) == 3
        wire.then()
        assert client.shutdown(PATIENCE) == 0
    assert client.stats()["balanced"]
    assert capsys.readouterr().err == "tracelog: RuntimeError: can't start new thread\n"


def test_a_client_nobody_holds_delivers_and_ends():
    """
    A client that was let go of delivers what it has, and then its thread ends.
    """
    wire = pair.Wire()
    client = Client(sinks=[wire], flush_interval=0.001)
    log_some(client, 3)
    client.flush(PATIENCE)
    looper, ended = client._shipper._looper, threading.Event()
    closing = looper._ended
    looper._ended = lambda: (closing(), ended.set())
    log_some(client, 4)
    del client
    assert ended.wait(PATIENCE)
    assert len(wire.entries) == 7
    assert wire.closed == 1


def test_a_client_that_never_logged_closes_its_sinks():
    """
    A client that was let go of before it logged closes its sinks.
    """
    wire = pair.Wire()
    client = Client(sinks=[wire])
    assert client.stats()["emitted"] == 0
    del client
    assert wire.closed == 1


def test_calls_do_not_wait_for_the_sink(connect, released):
    """
    While the sink hangs, and while its books are read, a log call takes no longer than otherwise.
    """
    client, _ = connect(pair.hangs(released))
    log = client.get_logger("till")
    log.info("first")
    client.flush(0.02)
    slowest = []
    for _ in range(2_000):
        begun = time.perf_counter()
        log.info("request done", user_id="u-81", path="/checkout", status=200)
        slowest.append(time.perf_counter() - begun)
    slowest.sort()
    assert slowest[len(slowest) * 99 // 100] < 0.001


def test_a_call_wakes_the_sleeping_thread(connect, monkeypatch):
    """
    After the thread has fallen asleep, the next call is delivered at once, not when it wakes by itself.
    """
    monkeypatch.setattr("tracelog.client.looper.ASLEEP_S", 600.0)
    client, wire = connect(flush_interval=0.001)
    arrived, dozed = threading.Semaphore(0), threading.Semaphore(0)
    looper, doze = client._shipper._looper, client._shipper._doze

    def dozing():
        asleep = doze()
        if asleep:
            dozed.release()
        return asleep

    def arriving(wire, batch):
        arrived.release()
        return pair.taken(wire, batch)

    looper._doze = dozing
    wire.then(*[arriving] * 3)
    for n in range(3):
        client.get_logger("till").info(f"m{n}")
        assert arrived.acquire(timeout=PATIENCE)
        for _ in range(2):  # it looks once more before it sleeps for long
            assert dozed.acquire(timeout=PATIENCE)
        assert client.gate.high_water == 0
    assert wire.messages == ["m0", "m1", "m2"]


def test_the_report_comes_along_and_alone(connect):
    """
    Every batch carries the ledger; when entries were dropped and nothing else is to be sent, it travels alone, once.
    """
    client, wire = connect(before_send=lambda entry: None if entry.message == "secret" else entry)
    client.get_logger("till").info("a")
    client.flush(PATIENCE)
    assert [report["emitted"] for report in wire.reports] == [1]
    client.get_logger("till").info("secret")
    client.flush(PATIENCE)
    client.flush(PATIENCE)
    assert [report["dropped"] for report in wire.reports][1:] == [{"before_send": 1}] * (
        len(wire.reports) - 1
    )
    assert 2 <= len(wire.reports) <= 3
    assert all("sinks" not in report for report in wire.reports)
    assert sum(map(len, wire.tries)) == 1


def test_dropped_entries_leave_a_hole(connect):
    """
    The numbers of dropped entries are missing where the other end can see it.
    """
    client, wire = connect(before_send=lambda entry: entry if entry.message != "info 3" else None)
    log_some(client, 6)
    client.flush(PATIENCE)
    assert [entry.seq for entry in wire.entries.values()] == [0, 1, 2, 4, 5]
    client.shutdown(PATIENCE)


def test_complaints_are_shared(connect, capsys):
    """
    Several clients together say one line a minute, too.
    """
    for _ in range(3):
        client, _ = connect(pair.raises(ValueError("x")))
        log_some(client, 1)
        client.flush(PATIENCE)
    assert capsys.readouterr().err == "tracelog: ValueError: x\n"
    Complaint.next_at = 0.0
    Complaint()("again")
    assert capsys.readouterr().err == "tracelog: again\n"


def test_the_spare_room_grows_with_the_rank():
    """
    A higher level never has less room than a lower one.
    """
    assert list(module.SPARE) == sorted(module.SPARE)


def test_what_comes_while_it_falls_asleep_keeps_it_awake(connect):
    """
    The thread does not sleep when an entry, somebody who waits, or an undelivered batch is there after all.
    """
    client, _ = connect(pair.away(300.0))
    shipper = client._shipper
    assert shipper._doze()
    assert client.gate.high_water == 0
    client.gate.queue.append(b"a row that slipped in")
    assert not shipper._doze()
    client.gate.queue.clear()
    flush = shipper._flushes.ask()
    assert not shipper._doze()
    shipper._flushes.leave(flush)
    assert shipper._doze()
    log_some(client, 1)
    client.flush(0.02)
    assert not shipper._doze()
