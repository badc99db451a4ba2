"""
What is handed to a pool goes on in the trace of who handed it, and leaves nothing of it in the pool.
"""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import tracelog
from tracelog.integrations import instrument


def here(*_):
    """
    The trace and the hop that are current where this runs; None outside any.
    """
    place = tracelog.current()
    return place and (place.trace_id, place.span_id)


def fail():
    raise ValueError("in the pool")


@pytest.fixture(autouse=True)
def on():
    undo = instrument("futures")
    yield
    undo()


def test_threads_of_a_pool_go_on_in_the_trace():
    """
    Each piece of work runs in the hop that handed it over, by whichever door, and outside any where that was
    outside, though the same thread runs them all.
    """

    async def by_loop():
        return await asyncio.get_running_loop().run_in_executor(pool, here)

    with ThreadPoolExecutor(1) as pool:
        for name in ("one", "two"):
            with tracelog.trace(name) as trace:
                wanted = (trace.trace_id, trace.span_id)
                seen = [pool.submit(here).result(), *pool.map(here, "ab"), asyncio.run(by_loop())]
            assert seen == [wanted] * 4
            assert pool.submit(here).result() is None
        with tracelog.trace("three"), pytest.raises(ValueError, match="in the pool"):
            pool.submit(fail).result()
        assert pool.submit(here).result() is None


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_a_pool_go_on_in_the_trace(method):
    """
    Work in another process goes on in the hop that handed it over, however the process starts.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        with tracelog.trace("order") as trace:
            seen = pool.submit(here).result()
        outside = pool.submit(here).result()
    assert (seen, outside) == ((trace.trace_id, trace.span_id), None)


def test_it_is_switched_off_again():
    """
    A second switch changes nothing, and what the first returned undoes it.
    """
    before = ThreadPoolExecutor.submit
    instrument("futures")()
    assert ThreadPoolExecutor.submit is before
