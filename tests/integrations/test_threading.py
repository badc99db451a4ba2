"""
A thread goes on in the trace of who started it; one that a library keeps for whoever comes does not.
"""

import functools
import logging
import logging.handlers
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest

import tracelog
from tracelog.client.context import PLACE
from tracelog.client.hop import MUTED
from tracelog.integrations import instrument
from tracelog.integrations.exchange import Inside


class Worker(threading.Thread):
    """
    A thread with a `run` of its own.
    """

    def run(self):
        self.seen = here()


def here(*_):
    """
    The trace and the hop that are current where this runs; None outside any.
    """
    place = tracelog.current()
    return place and (place.trace_id, place.span_id)


@pytest.fixture(autouse=True)
def on(told):
    undo = instrument("threading")
    yield undo
    undo()


def run_in(make):
    """
    Return what a thread sees that *make* makes for a function.
    """
    seen = []
    thread = make(lambda: seen.append(here()))
    thread.start()
    thread.join()
    return thread, seen[0]


@pytest.mark.parametrize(
    "make",
    [lambda work: threading.Thread(target=work), lambda work: threading.Timer(0, work)],
    ids=["thread", "timer"],
)
def test_a_thread_goes_on_in_the_trace(make):
    """
    A thread or timer runs in the hop in which it was started, wherever it was made, and outside any where that was.
    """
    outside = make(lambda: None)
    with tracelog.trace("order") as trace:
        thread, seen = run_in(make)
        outside.start()
    assert seen == (trace.trace_id, trace.span_id)
    assert "run" not in vars(thread)
    assert run_in(make)[1] is None
    outside.join()


def test_a_log_call_is_no_helper(told):
    """
    A function of a library that a program itself runs in a thread is its own work.
    """
    with tracelog.trace("order") as trace:
        thread = threading.Thread(target=tracelog.get_logger("shop").info, args=["alone"])
        thread.start()
        thread.join()
    assert {entry.trace_id for entry in told()} == {trace.trace_id}


def test_whatever_its_class():
    """
    A thread whose class or object has a `run` of its own goes on in the trace, too, and runs that.
    """
    with tracelog.trace("order") as trace:
        worker, own = Worker(), threading.Thread()
        seen = []
        own.run = lambda: seen.append(here())
        for thread in (worker, own):
            thread.start()
            thread.join()
    assert [worker.seen, *seen] == [(trace.trace_id, trace.span_id)] * 2
    assert "run" not in vars(worker)


def test_beside_others_who_wrap_threads(on, monkeypatch):
    """
    Who wraps the `run` of a thread as Sentry does, the function of its class where there is one, before us or after,
    keeps the thread running and in its trace.
    """

    def wrap(before):
        def start(self):
            inner = getattr(self.run, "__func__", self.run)
            self.run = lambda *more: inner(self, *more)
            before(self)

        return start

    on()
    monkeypatch.setattr(threading.Thread, "start", wrap(threading.Thread.start))
    undo = instrument("threading")
    monkeypatch.setattr(threading.Thread, "start", wrap(threading.Thread.start))
    with tracelog.trace("order") as trace:
        worker = Worker()
        worker.start()
        worker.join()
    monkeypatch.undo()
    undo()
    assert worker.seen == (trace.trace_id, trace.span_id)


def test_a_thread_begins_once():
    """
    Starting a thread again is refused as ever, and leaves nothing behind.
    """
    thread = threading.Thread(target=here)
    with tracelog.trace("order"):
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="once"):
            thread.start()
    assert "run" not in vars(thread)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_caught_belongs_to_the_trace(told):
    """
    The exception by which a thread ends is told in the trace in which it was started.
    """
    undo = instrument("unhandled")
    with tracelog.trace("order") as trace:
        thread = threading.Thread(target=lambda: {}["missing"])
        thread.start()
        thread.join()
    undo()
    (error,) = [entry for entry in told() if entry.level == "error"]
    assert (error.trace_id, error.parent_id, error.span_id) == (trace.trace_id, None, trace.span_id)


def test_helpers_belong_to_no_trace():
    """
    A thread of a pool or a listener, which serves whoever comes, is in no trace, whoever needed it first.
    """
    lines, seen = queue.Queue(), []
    handler = logging.Handler()
    handler.emit = lambda _record: seen.append(here())
    listener = logging.handlers.QueueListener(lines, handler)
    with tracelog.trace("order"):
        listener.start()
        pool, threads = ThreadPoolExecutor(1), ThreadPool(1)
        pool.submit(here).result()
    lines.put(logging.makeLogRecord({}))
    listener.stop()
    with pool, threads:
        assert (pool.submit(here).result(), threads.apply(here), *seen) == (None, None, None)


def test_sinks_start_threads_outside():
    """
    A thread that a sink starts is not muted for ever.
    """
    with Inside(MUTED):
        log = []
        thread = threading.Thread(target=lambda: log.append(PLACE.get()))
        thread.start()
        thread.join()
    assert log == [None]


def test_it_is_switched_off_again(on):
    """
    A second switch changes nothing, and what the first returned undoes it.
    """
    instrument("threading")()
    with tracelog.trace("order") as trace:
        assert run_in(lambda work: threading.Thread(target=work))[1] == (trace.trace_id, trace.span_id)
        on()
        assert run_in(lambda work: threading.Thread(target=work))[1] is None


def test_it_is_switched_on_again_beneath_others(on, monkeypatch):
    """
    Where somebody has wrapped what is undone since, another switch works, once.
    """
    ours = threading.Thread.start

    @functools.wraps(ours)
    def start(self):
        ours(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    on()
    undo = instrument("threading")
    instrument("threading")()
    with tracelog.trace("order") as trace:
        assert run_in(lambda work: threading.Thread(target=work))[1] == (trace.trace_id, trace.span_id)
        undo()
        assert run_in(lambda work: threading.Thread(target=work))[1] is None
