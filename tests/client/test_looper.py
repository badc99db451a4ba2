"""
The one thread: it looks, sleeps, wakes, survives and ends.
"""

import _thread
import threading
import time

import pytest

from tracelog.client import looper as module
from tracelog.client.looper import Found, Looper

PATIENCE = 10.0


class Work:
    """
    Something to look at.
    """

    def __init__(self, interval=0.01):
        self.looks = 0
        self.box = []
        self.seen = []
        self.failed = []
        self.ended = threading.Event()
        self.looked = threading.Semaphore(0)
        self.dozed = threading.Semaphore(0)
        self.may_doze = True
        self.problem = None
        self.looper = Looper(
            self.look, failed=self.failed.append, interval=interval, doze=self.doze, ended=self.ended.set
        )

    def look(self, now):
        self.looks += 1
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem
        found, self.box[:] = self.box[:], []
        self.seen += found
        self.looked.release()
        return Found(busy=bool(found), more=False)

    def doze(self):
        self.dozed.release()
        return self.may_doze

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.looked.acquire(timeout=max(0.0, deadline - time.monotonic())), (
                "the thread does not look"
            )


@pytest.fixture
def work():
    made = []

    def make(**options):
        made.append(Work(**options))
        return made[-1]

    yield make
    for each in made:
        each.looper.stop(PATIENCE)


def test_it_starts_when_it_is_woken(work):
    """
    No thread runs before the first wake, and then one only, however many wake it.
    """
    one = work()
    before = _thread._count()
    assert not one.looper.alive
    for _ in range(10):
        one.looper.wake()
    one.wait_for(lambda: one.looks)
    assert one.looper.alive
    assert not one.looper.is_current
    assert _thread._count() == before + 1


def test_it_looks_again_and_again_while_there_is_something(work):
    """
    While looks find something the thread looks on by itself.
    """
    one = work()
    one.looper.wake()
    for n in range(5):
        one.box.append(n)
        one.wait_for(lambda n=n: n in one.seen)
    assert one.seen == [0, 1, 2, 3, 4]


def test_a_wake_is_a_look_at_once(work):
    """
    Who wakes the thread does not wait for its interval.
    """
    one = work(interval=600.0)
    one.looper.wake()
    one.wait_for(lambda: one.looks)
    one.box.append("x")
    one.looper.wake()
    one.wait_for(lambda: one.seen)


def test_it_sleeps_when_there_is_nothing(work, monkeypatch):
    """
    After some looks at nothing the thread sleeps, and one wake is enough to make it look.
    """
    monkeypatch.setattr(module, "ASLEEP_S", 600.0)
    one = work(interval=0.001)
    one.looper.wake()
    assert one.dozed.acquire(timeout=PATIENCE)
    assert one.dozed.acquire(timeout=PATIENCE)
    looks = one.looks
    assert not one.dozed.acquire(timeout=0.05)
    one.box.append("x")
    one.looper.wake()
    one.wait_for(lambda: one.seen)
    assert looks <= module.IDLE_LOOKS + 2


def test_what_slipped_in_is_seen_before_long(work, monkeypatch):
    """
    Something that came while the thread fell asleep, and of which nobody told it, is seen at the latest when it
    wakes by itself.
    """
    monkeypatch.setattr(module, "ASLEEP_S", 0.1)
    one = work(interval=0.001)
    one.looper.wake()
    for n in range(3):
        assert one.dozed.acquire(timeout=PATIENCE)
        assert one.dozed.acquire(timeout=PATIENCE)
        one.box.append(n)
        one.wait_for(lambda n=n: n in one.seen)


def test_it_does_not_sleep_when_it_may_not(work, monkeypatch):
    """
    When something came up at the last moment, the thread goes on looking.
    """
    monkeypatch.setattr(module, "ASLEEP_S", 600.0)
    one = work(interval=0.001)
    one.may_doze = False
    one.looper.wake()
    for _ in range(5):
        assert one.dozed.acquire(timeout=PATIENCE)


@pytest.mark.parametrize(
    "problem", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), MemoryError(), GeneratorExit()]
)
def test_it_survives_whatever_a_look_raises(work, problem):
    """
    Whatever a look raises is told, and the thread goes on.
    """
    one = work()
    one.problem = problem
    one.looper.wake()
    one.wait_for(lambda: one.looks > 1)
    assert one.failed == [problem]


def test_it_ends(work):
    """
    Stopping ends the thread after its look and says so once; it is not started again.
    """
    one = work()
    one.looper.wake()
    one.wait_for(lambda: one.looks)
    one.looper.stop(PATIENCE)
    assert one.ended.is_set()
    assert not one.looper.alive
    one.looper.wake()
    assert not one.looper.alive


def test_stopping_what_never_started(work):
    """
    A thread that never ran ends at once.
    """
    one = work()
    one.looper.stop(PATIENCE)
    assert one.ended.is_set()
    assert one.looks == 0


def test_stopping_does_not_wait_for_ever(work):
    """
    A thread that is stuck in its look is left behind after the timeout, and ends when it comes back.
    """
    one = work()
    stuck, back = threading.Event(), threading.Event()
    one.looper._look = lambda now: stuck.set() or back.wait(PATIENCE) or Found(busy=False, more=False)
    one.looper.wake()
    assert stuck.wait(PATIENCE)
    begun = time.monotonic()
    one.looper.stop(0.05)
    assert time.monotonic() - begun < 2.0
    assert not one.ended.is_set()
    back.set()
    assert one.ended.wait(PATIENCE)


def test_stopping_from_within(work):
    """
    The thread may stop itself: it does not wait for itself.
    """
    one = work()

    def look(now):
        assert one.looper.is_current
        one.looper.stop(PATIENCE)
        return Found(busy=False, more=False)

    one.looper._look = look
    one.looper.wake()
    assert one.ended.wait(PATIENCE)


def test_where_no_thread_can_be_started(work, monkeypatch):
    """
    Where the system gives no more threads the trouble is told, nothing is raised, and a later wake tries again.
    """
    one = work()
    with monkeypatch.context() as patch:
        patch.setattr(
            _thread, "start_new_thread", lambda *_: exec('raise RuntimeError("can\'t start new thread")')
        )
        one.looper.wake()
        one.looper.wake()
    assert [str(error) for error in one.failed] == ["can't start new thread"] * 2
    assert not one.looper.alive
    one.looper.wake()
    one.wait_for(lambda: one.looks)


def test_more_at_once(work):
    """
    A look that says there is more is followed by the next without a pause.
    """
    one = work(interval=600.0)
    left = [True, True, False]

    def look(now):
        one.looks += 1
        more = left.pop(0) if left else False
        one.looked.release()
        return Found(busy=True, more=more)

    one.looper._look = look
    one.looper.wake()
    one.wait_for(lambda: one.looks == 3)
