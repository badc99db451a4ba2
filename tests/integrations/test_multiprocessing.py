"""
A process goes on in the trace of who started it, and each piece of a pool's work in that of who handed it over.
"""

import logging
import logging.handlers
import multiprocessing
import signal
from multiprocessing.pool import ThreadPool

import pytest

import tracelog
from tests.client.programs import run
from tests.integrations.loggers import logger_of
from tracelog.integrations import instrument
from tracelog.integrations.logging import Handler

METHODS = ("fork", "spawn", "forkserver")


def here(*_):
    """
    The trace, the hop and the user that are current where this runs; None outside any.
    """
    place = tracelog.current()
    return place and (place.trace_id, place.span_id, place.user_id)


def tell(pipe):
    pipe.send(here())


def relay(pipe, method):
    """
    Tell what is current in a process of a process.
    """
    child = multiprocessing.get_context(method).Process(target=tell, args=(pipe,))
    child.start()
    child.join()


@pytest.fixture(autouse=True)
def on(told):
    undo = instrument("multiprocessing")
    yield undo
    undo()


@pytest.mark.parametrize("method", METHODS)
def test_a_process_goes_on_in_the_trace(method):
    """
    A process runs in the hop in which it was started, however it starts, and outside any where that was outside.
    """
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)

    def told(target=tell, *more):
        process = context.Process(target=target, args=(theirs, *more))
        process.start()
        assert ours.poll(30)
        process.join()
        assert "_tracelog_luggage" not in vars(process)
        return ours.recv()

    with tracelog.trace("order", user_id="u1") as trace:
        seen = told()
    assert seen == (trace.trace_id, trace.span_id, "u1")
    assert told() is None


def log_back(lines):
    """
    Log as the cookbook of the standard library does: by a queue that the parent listens to.
    """
    handler = logging.handlers.QueueHandler(lines)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logger_of("child", handler)
    try:
        dict[str, int]().pop("order")
    except KeyError:
        log.exception("failed for %s", "tea", extra={"order": 7})


@pytest.mark.parametrize("method", METHODS)
def test_what_a_child_logs_by_a_queue_knows_its_trace(told, method):
    """
    Lines of a process that another one listens to have the trace, the message, the fields and the exception.
    """
    context = multiprocessing.get_context(method)
    lines = context.Queue()
    listener = logging.handlers.QueueListener(lines, Handler())
    listener.start()
    with tracelog.trace("order") as trace:
        process = context.Process(target=log_back, args=(lines,))
        process.start()
        process.join()
    listener.stop()
    (line,) = [entry for entry in told() if entry.logger == "child"]
    assert (line.trace_id, line.message, line.context) == (trace.trace_id, "failed for tea", {"order": 7})
    assert line.error == {"type": "KeyError", "message": "'order'"}


def test_so_does_its_own_child():
    """
    A forked process that forks hands the hop on.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    with tracelog.trace("order") as trace:
        process = context.Process(target=relay, args=(theirs, "fork"))
        process.start()
        assert ours.poll(30)
        process.join()
    assert ours.recv() == (trace.trace_id, trace.span_id, None)


@pytest.mark.parametrize("make", [*(multiprocessing.get_context(name).Pool for name in METHODS), ThreadPool])
def test_work_of_a_pool_goes_on_in_the_trace(make):
    """
    Each piece of work runs in the hop that handed it over, by whichever door, and outside any where that was
    outside, though the pool was made inside one.
    """
    with tracelog.trace("first"):
        pool = make(1)
    with pool:
        with tracelog.trace("order") as trace:
            seen = [
                pool.apply(here),
                pool.apply_async(func=here).get(30),
                *pool.map(here, "a"),
                *pool.map_async(here, "a").get(30),
                *pool.starmap(here, [(1, 2)]),
                *pool.starmap_async(here, [(1, 2)]).get(30),
                *pool.imap(here, "a", chunksize=1),
                *pool.imap_unordered(here, "a", chunksize=1),
            ]
        assert seen == [(trace.trace_id, trace.span_id, None)] * 8
        assert pool.apply(here) is None


POOL = """
import multiprocessing
tracelog.instrument("multiprocessing")
tracelog.configure(sinks=[File()], flush_interval=5, console="off")
log = tracelog.get_logger("x")

def begin(word):
    log.info(word)

def work(n):
    log.info(f"m{{n}}")
    return n

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    try:
        context.Pool(1, initializer=7)
    except TypeError as error:
        assert "initializer" in str(error)
    with context.Pool(2, begin, ["begun"]) as pool:
        assert pool.map(work, range(100)) == list(range(100))
"""


STUCK = """
import signal
from tracelog.client import sigterm

sigterm.attend(always=True)
sigterm.insist()
tracelog.configure(sinks=[File()], flush_interval=5, console="off")
tracelog.get_logger("x").info("waits")
reader, writer = os.pipe()
if os.fork() == 0:
    signal.raise_signal(signal.SIGTERM)
os.wait()
os.write(signal.set_wakeup_fd(-1), bytes([signal.SIGTERM]))  # what the interpreter writes before the main thread knows
os.read(reader, 1)
"""


def test_a_worker_that_waits_already_is_told_again(tmp_path):
    """
    A signal that came too early to interrupt the wait for work ends a worker all the same, what it logged delivered;
    one that a child of it gets does not.
    """
    ran = run(STUCK, tmp_path, timeout=10.0)
    assert (ran.code, ran.out, ran.err, ran.messages) == (-signal.SIGTERM, "", "", ["waits"])


@pytest.mark.parametrize("method", METHODS)
def test_what_a_pool_logs_outlives_it(tmp_path, method):
    """
    A pool ends its processes by a signal as soon as it is left; all that they have logged arrives all the same.
    """
    ran = run(POOL.format(method=method), tmp_path)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert "begun" in ran.messages
    assert sorted(set(ran.messages) - {"begun"}) == sorted(f"m{n}" for n in range(100))


def test_it_is_switched_off_again(on):
    """
    A second switch changes nothing, and what the first returned undoes it.
    """
    instrument("multiprocessing")()
    with ThreadPool(1) as pool, tracelog.trace("order") as trace:
        assert pool.apply(here) == (trace.trace_id, trace.span_id, None)
        on()
        assert pool.apply(here) is None
