"""
Blocks of work as hops: `with`, `async with`, and decorators of every kind of function.
"""

import asyncio
import contextlib
import functools
import inspect
import itertools
import threading

import pytest

import tracelog
from tracelog.client import context


@pytest.fixture
def wired(connect):
    client, wire = connect()

    def closings():
        client.flush(5.0)
        return list(wire.entries.values())

    return client, closings


def here():
    trace = tracelog.current()
    return None if trace is None else trace.name


def test_a_block_closes_with_its_duration(wired):
    """
    Leaving a block makes one entry: name, start, duration, fields, ids, level info.
    """
    client, closings = wired
    with client.trace("place order", user_id="u1", area="pay", amount=12) as trace:
        pass
    (entry,) = closings()
    assert (entry.message, entry.level, entry.context) == ("place order", "info", {"amount": 12})
    assert (entry.trace_id, entry.span_id, entry.parent_id) == (trace.trace_id, trace.span_id, None)
    assert (entry.user_id, entry.area) == ("u1", "pay")
    assert 0 <= entry.duration_ms < 5_000
    assert entry.error is None


def test_a_block_without_a_name(wired):
    """
    A block without a name closes as `span`.
    """
    client, closings = wired
    with client.span():
        pass
    assert [entry.message for entry in closings()] == ["span"]


def test_an_exception_is_told_once(wired):
    """
    Every hop an exception leaves closes at error level and names it; the innermost alone tells it in full.
    """
    client, closings = wired
    with pytest.raises(ZeroDivisionError), client.trace("outer"), client.span("middle"), client.span("inner"):
        _ = 1 / 0
    inner, middle, outer = closings()
    assert [entry.level for entry in (inner, middle, outer)] == ["error"] * 3
    expected = {"type": "ZeroDivisionError", "message": "division by zero"}
    assert [entry.error for entry in (inner, middle, outer)] == [expected] * 3
    assert "_ = 1 / 0" in inner.stack
    assert middle.stack is outer.stack is None


def test_an_exception_without_room_for_a_mark_is_told_by_each(wired):
    """
    An exception whose attributes cannot be set is told in full by every hop, rather than by none.
    """

    class Closed(Exception):  # noqa: N818 - about its make, not its name
        @property
        def __dict__(self):
            raise AttributeError

    client, closings = wired
    with pytest.raises(Closed), client.trace("outer"), client.span("inner"):
        raise Closed
    assert all("Closed" in entry.stack for entry in closings())


@pytest.mark.parametrize(
    ("error", "ended_by"),
    [
        (asyncio.CancelledError(), "CancelledError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(0), None),
        (GeneratorExit(), None),
    ],
)
def test_being_stopped_is_no_failure(wired, error, ended_by):
    """
    A block that is cancelled or interrupted says so and stays at its level; leaving the program is its usual end.
    """
    client, closings = wired
    with pytest.raises(type(error)), client.trace("t"):
        raise error
    (entry,) = closings()
    assert (entry.level, entry.error) == ("info", None)
    assert entry.context == (ended_by and {"ended_by": ended_by})


def test_levels_of_closings(connect):
    """
    Below the level nothing is logged of a block, but its failure is.
    """
    client, wire = connect(level="error")
    with client.trace("fine"):
        pass
    with contextlib.suppress(ValueError), client.trace("bad"):
        raise ValueError
    client.flush(5.0)
    assert wire.messages == ["bad"]


def test_async_with(wired):
    """
    `async with` is the same block.
    """
    client, closings = wired

    async def main():
        async with client.trace("outer") as outer:
            await asyncio.sleep(0)
            async with client.span("inner") as inner:
                assert inner.parent_id == outer.span_id
                assert tracelog.current() is inner
            assert tracelog.current() is outer
        assert tracelog.current() is None

    asyncio.run(main())
    assert [entry.message for entry in closings()] == ["inner", "outer"]


def test_one_block_entered_many_times(wired):
    """
    The same block may be entered again inside itself, after itself, and by several threads at once.
    """
    client, closings = wired
    block = client.span("again")
    with block as first:
        with block as second:
            assert second.parent_id == first.span_id
            assert tracelog.current() is second
        assert tracelog.current() is first
    assert tracelog.current() is None
    barrier = threading.Barrier(4)
    wrong = []

    def work():
        with client.trace("own") as own, block as mine:
            barrier.wait(10)
            if (mine.parent_id, tracelog.current()) != (own.span_id, mine):
                wrong.append(mine)
            barrier.wait(10)
        if tracelog.current() is not None:
            wrong.append(tracelog.current())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    spans = [entry.span_id for entry in closings()]
    assert len(spans) == len(set(spans)) == 2 + 8


def test_left_in_another_task(wired):
    """
    A block that is left in another task than it was entered in closes once, and leaves that task as it was.
    """
    client, closings = wired
    block = client.span("fixture")

    async def leave_inside_other():
        with client.trace("other") as other:
            block.__exit__(None, None, None)
            assert tracelog.current() is other

    async def leave_inside_copy():
        block.__exit__(None, None, None)
        assert here() == "outer"

    async def main():
        with client.trace("outer"):
            block.__enter__()
            task = asyncio.create_task(leave_inside_copy())
            await task
        block.__enter__()
        context.PLACE.set(None)
        await asyncio.create_task(leave_inside_other())

    asyncio.run(main())
    assert sorted(entry.message for entry in closings()) == ["fixture", "fixture", "other", "outer"]


def test_leaving_what_was_not_entered(wired):
    """
    Leaving a block that nobody entered does nothing.
    """
    client, closings = wired
    client.span("s").__exit__(None, None, None)
    assert closings() == []


class Work:
    """
    Every kind of function that can be decorated; each returns or yields what is current inside.
    """

    def plain(self, x=1):
        return here(), x

    async def coroutine(self, x=1):
        await asyncio.sleep(0)
        return here(), x

    def generator(self, x=1):
        got = yield here()
        while got is not None:
            got = yield (here(), got)
        return x

    async def stream(self, x=1):
        got = yield here()
        while got is not None:
            await asyncio.sleep(0)
            got = yield (here(), got)


def test_a_decorated_function(wired):
    """
    Each call of a decorated function is a hop, named like the function unless it was named.
    """
    client, closings = wired
    decorated = client.span()(Work().plain)
    named = client.span("work", step=1)(Work().plain)
    assert decorated() == ("plain", 1)
    assert named(x=3) == ("work", 3)
    assert decorated() == ("plain", 1)
    entries = closings()
    assert [(entry.message, entry.context) for entry in entries] == [
        ("plain", None),
        ("work", {"step": 1}),
        ("plain", None),
    ]
    assert len({entry.trace_id for entry in entries}) == 3


def test_decorators_of_the_module():
    """
    `@tracelog.trace("…")`, `@tracelog.span()` and both without parentheses decorate alike.
    """
    client = tracelog.configure(sinks=["memory:"])

    @tracelog.trace("outer")
    def outer():
        return inner()

    @tracelog.span
    def inner():
        return here(), innermost()

    @tracelog.trace
    def innermost():
        return here()

    assert outer() == ("inner", "innermost")
    client.flush(5.0)
    (sink,) = client._shipper.plan.sinks
    assert [entry.message for entry in sink.entries] == ["innermost", "inner", "outer"]
    assert len({entry.trace_id for entry in sink.entries}) == 1


def test_a_decorated_function_finds_the_client_of_the_moment():
    """
    What was decorated before `configure` logs to what was configured after.
    """

    @tracelog.span("early")
    def work():
        return None

    client = tracelog.configure(sinks=["memory:"])
    work()
    client.flush(5.0)
    (sink,) = client._shipper.plan.sinks
    assert [entry.message for entry in sink.entries] == ["early"]


@pytest.mark.parametrize(
    "function",
    [
        Work().plain,
        functools.partial(Work().plain, x=1),
        type("Callable", (), {"__call__": lambda self: (here(), 1)})(),
        lambda: (here(), 1),
    ],
    ids=["method", "partial", "object", "lambda"],
)
def test_anything_callable_can_be_decorated(wired, function):
    """
    Methods, partial functions, callable objects and lambdas run as the block.
    """
    client, _ = wired
    assert client.span("work")(function)() == ("work", 1)


def test_a_decorated_coroutine(wired):
    """
    A coroutine function stays one, and each call of it is a hop from its first to its last step.
    """
    client, closings = wired
    decorated = client.span("work")(Work().coroutine)
    partial = client.span("partial")(functools.partial(Work().coroutine, x=2))
    assert inspect.iscoroutinefunction(decorated)
    assert inspect.iscoroutinefunction(partial)

    async def main():
        return await asyncio.gather(decorated(), decorated(5), partial())

    assert asyncio.run(main()) == [("work", 1), ("work", 5), ("partial", 2)]
    assert sorted(entry.message for entry in closings()) == ["partial", "work", "work"]


def test_an_object_that_is_called_as_a_coroutine(wired):
    """
    An object whose call is a coroutine runs as the block until it is done.
    """

    class Caller:
        async def __call__(self):
            await asyncio.sleep(0)
            return here()

    client, _ = wired
    assert asyncio.run(client.span("work")(Caller())()) == "work"


def test_a_decorated_generator(wired):
    """
    A generator function stays one: it is in its hop while it runs, and who iterates is not.
    """
    client, closings = wired
    decorated = client.span("work")(Work().generator)
    assert inspect.isgeneratorfunction(decorated)
    steps = decorated(7)
    with client.trace("caller"):
        assert next(steps) == "work"
        assert here() == "caller"
        assert steps.send("a") == ("work", "a")
        assert here() == "caller"
        with pytest.raises(StopIteration) as end:
            next(steps)
    assert end.value.value == 7
    assert sorted(entry.message for entry in closings()) == ["caller", "work"]


def test_generators_take_turns(wired):
    """
    Two generators of the same function that are iterated in turn, and left out of order, do not mix.
    """
    client, closings = wired

    @client.span("work")
    def work(n):
        with client.span(f"inner {n}"):
            yield here()
            yield here()
        yield here()

    a, b = work("a"), work("b")
    assert [next(a), next(b), next(a), next(b)] == ["inner a", "inner b", "inner a", "inner b"]
    assert here() is None
    assert [list(a), list(b), here()] == [["work"], ["work"], None]
    assert sorted(entry.message for entry in closings()) == ["inner a", "inner b", "work", "work"]


def test_what_is_thrown_into_a_generator(wired):
    """
    Exceptions thrown in reach the generator in its hop; what it raises closes the hop as a failure.
    """
    client, closings = wired
    caught = []

    @client.span("work")
    def work():
        try:
            yield 1
        except KeyError:
            caught.append(here())
        yield 2
        raise ValueError("at last")

    steps = work()
    assert next(steps) == 1
    assert steps.throw(KeyError("k")) == 2
    with pytest.raises(ValueError, match="at last"):
        next(steps)
    assert caught == ["work"]
    (entry,) = closings()
    assert (entry.level, entry.error["type"]) == ("error", "ValueError")


@pytest.mark.parametrize("started", [True, False])
def test_a_generator_that_is_given_up(wired, started):
    """
    A generator that is closed half-way cleans up in its hop and closes it, without failure; one that never
    started makes no hop.
    """
    client, closings = wired
    cleaned = []

    @client.span("work")
    def work():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(here())

    steps = work()
    if started:
        next(steps)
    steps.close()
    assert cleaned == ["work"] * started
    assert [(entry.message, entry.level) for entry in closings()] == [("work", "info")] * started


def test_a_decorated_async_generator(wired):
    """
    An async generator function stays one: it is in its hop while it runs, and who iterates is not.
    """
    client, closings = wired
    decorated = client.span("work")(Work().stream)
    assert inspect.isasyncgenfunction(decorated)

    async def main():
        async with client.trace("caller"):
            steps = decorated()
            assert await anext(steps) == "work"
            assert here() == "caller"
            assert await steps.asend("a") == ("work", "a")
            assert here() == "caller"
            with pytest.raises(StopAsyncIteration):
                await anext(steps)

    asyncio.run(main())
    assert sorted(entry.message for entry in closings()) == ["caller", "work"]


def test_what_is_thrown_into_an_async_generator(wired):
    """
    Exceptions thrown in reach the generator in its hop; what it raises closes the hop as a failure, and closing
    it half-way does not.
    """
    client, closings = wired
    seen = []

    @client.span("work")
    async def work():
        try:
            yield 1
        except KeyError:
            seen.append(here())
        try:
            yield 2
        finally:
            seen.append(here())
        raise ValueError("at last")

    async def main():
        steps = work()
        assert await anext(steps) == 1
        assert await steps.athrow(KeyError("k")) == 2
        with pytest.raises(ValueError, match="at last"):
            await anext(steps)
        half = work()
        await anext(half)
        await half.athrow(KeyError("k"))
        await half.aclose()

    asyncio.run(main())
    assert seen == ["work"] * 4
    assert [(entry.level, entry.error and entry.error["type"]) for entry in closings()] == [
        ("error", "ValueError"),
        ("info", None),
    ]


def rows_of(client, *texts):
    """
    An async generator that was not decorated and yields *texts* from inside a block.
    """

    async def rows():
        async with client.span("rows"):
            for text in texts:
                yield text

    return rows()


def test_a_block_in_a_stream_leaves_its_consumer_alone(wired):
    """
    A `with` in an undecorated async generator that ends inside a block of its consumer does not take the
    consumer out of that block, nor stay when the consumer leaves it.
    """
    client, closings = wired

    async def main():
        async with client.trace("request"):
            rows = rows_of(client, 1)
            await anext(rows)
            async with client.span("consumer"):
                with pytest.raises(StopAsyncIteration):
                    await anext(rows)
                assert here() == "consumer"
            assert here() == "request"
        assert here() is None

    asyncio.run(main())
    assert [entry.message for entry in closings()] == ["rows", "consumer", "request"]


def test_blocks_in_streams_that_end_out_of_turn(wired):
    """
    Whichever of several undecorated streams ends first, in the end the consumer is where it was.
    """
    client, closings = wired

    async def main(order):
        with client.trace("request"):
            streams = [rows_of(client, 1) for _ in range(3)]
            for stream in streams:
                await anext(stream)
            for number in order:
                with pytest.raises(StopAsyncIteration):
                    await anext(streams[number])
            assert here() == "request"
        assert here() is None

    for order in itertools.permutations(range(3)):
        asyncio.run(main(order))
    assert [entry.message for entry in closings()].count("rows") == 18


def test_a_stream_that_is_given_up_does_not_outlive_the_request(wired):
    """
    A block in an undecorated stream that nobody reads to its end is over with the consumer's own block.
    """
    client, _ = wired

    async def main():
        with client.trace("request"):
            async for _ in rows_of(client, 1, 2):
                break
        assert here() is None

    asyncio.run(main())


def test_a_block_in_a_generator_leaves_its_consumer_alone(wired):
    """
    The same holds for a `with` in a plain generator, and for one that makes a context manager.
    """
    client, closings = wired

    def rows():
        with client.span("rows"):
            yield 1

    @contextlib.contextmanager
    def session():
        with client.span("session"):
            yield

    with client.trace("request"):
        steps = rows()
        next(steps)
        with session():
            assert next(steps, None) is None
            assert here() == "session"
        assert here() == "request"
    assert here() is None
    assert [entry.message for entry in closings()] == ["rows", "session", "request"]


def test_streams_take_turns(wired):
    """
    Async generators that are iterated by turns in several tasks stay in their own hops.
    """
    client, closings = wired

    @client.trace("work")
    async def work(n):
        for _ in range(3):
            await asyncio.sleep(0)
            yield tracelog.current().trace_id

    async def read(n):
        async with client.trace("reader", trace_id=f"r{n}"):
            found = []
            async for trace_id in work(n):
                found.append(trace_id)
                assert tracelog.current().trace_id == f"r{n}"
            return found

    async def main():
        return await asyncio.gather(*(read(n) for n in range(5)))

    assert asyncio.run(main()) == [[f"r{n}"] * 3 for n in range(5)]
    assert len(closings()) == 10


def test_decorated_functions_in_a_sink(connect):
    """
    What a sink or hook runs makes no entries, decorated functions and generators included; a hop that was begun there
    is counted.
    """
    client, wire = connect()

    @client.span("work")
    def work():
        yield here()

    found = []

    def hook(entry):
        found.append(list(work()))
        return entry

    client.reconfigure(sinks=[wire], before_send=hook, redact=False)
    client.get_logger("x").info("a")
    client.flush(5.0)
    assert found == [[None]]
    assert wire.messages == ["a"]
    assert client.stats()["dropped"] == {"reentrant": 1}
