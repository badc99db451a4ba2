"""
What a program logs with structlog arrives as it was meant, once, with its trace.
"""

import asyncio
import logging
import logging.config
import sys

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import tracelog
from tests.pair import pair
from tracelog.integrations.logging import Handler
from tracelog.integrations.logging import setup as logging_setup
from tracelog.integrations.structlog import Processor, setup


@pytest.fixture(autouse=True)
def stock_structlog():
    """
    Structlog as it comes.
    """
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


LEVELS = [
    ("debug", "debug"),
    ("info", "info"),
    ("msg", "info"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("error", "error"),
    ("exception", "error"),
    ("critical", "fatal"),
    ("fatal", "fatal"),
]


@pytest.mark.parametrize(("method", "level"), LEVELS)
def test_methods_have_levels(told, method, level):
    """
    Every method of structlog's loggers logs at its level.
    """
    structlog.configure(processors=[Processor()])
    getattr(structlog.get_logger(), method)("hello")
    (entry,) = told()
    assert (entry.level, entry.message) == (level, "hello")


def test_bound_values_are_context(told, capsys):
    """
    What is bound, merged from context variables and said in the call is the context; as the last processor it
    prints nothing.
    """
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
    with tracelog.trace("order") as here, structlog.contextvars.bound_contextvars(request="r-1"):
        structlog.get_logger().bind(shard=3).info("%s items", 2, order="o-7")
    entry = told()[0]
    assert entry.message == "2 items"
    assert entry.context == {"request": "r-1", "shard": 3, "order": "o-7"}
    assert entry.trace_id == here.trace_id
    assert capsys.readouterr().out == ""


def test_a_tee_leaves_the_output_alone(told, capsys):
    """
    As a tee the processor changes nothing of what is printed, and what earlier processors added is read.
    """
    processors = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.StackInfoRenderer(),
        Processor(tee=True),
        structlog.processors.KeyValueRenderer(key_order=["event", "level"]),
    ]
    structlog.configure(processors=processors)
    structlog.get_logger().warning("hello", order=7)
    (entry,) = told()
    assert capsys.readouterr().out.startswith("event='hello' level='warning' order=7 timestamp=")
    assert (entry.level, entry.context) == ("warn", {"order": 7})


def fail():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("no order") from error


FORMATS = [
    ([], True),
    ([structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer())], False),
    ([structlog.processors.format_exc_info], False),
]


@pytest.mark.parametrize(("before", "whole"), FORMATS, ids=["as it is", "as structures", "as text"])
def test_exceptions_arrive(told, before, whole):
    """
    An exception arrives as one where nothing has rendered it, and as what a processor made of it otherwise.
    """
    structlog.configure(processors=[*before, Processor()])
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed")
    (entry,) = told()
    assert (entry.level, entry.message) == ("error", "failed")
    assert (entry.error is not None and entry.error["cause"]["type"] == "KeyError") == whole
    assert "KeyError" in (entry.stack or str(entry.context))


def test_a_stack_is_the_stack(told):
    """
    `stack_info` is the caller's stack, with structlog's renderer before us and without.
    """
    structlog.configure(processors=[Processor()])
    structlog.get_logger().info("a", stack_info=True)
    structlog.configure(processors=[structlog.processors.StackInfoRenderer(), Processor()])
    structlog.get_logger().info("b", stack_info=True)
    for entry in told():
        assert "test_a_stack_is_the_stack" in entry.stack


def test_async_methods(told):
    """
    Async methods log under the trace of the task that called them, exceptions included.
    """
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
    log = structlog.get_logger()

    async def work(name):
        structlog.contextvars.bind_contextvars(worker=name)
        async with tracelog.trace(name) as here:
            await log.ainfo("working")
            try:
                fail()
            except ValueError:
                await log.aexception("failed")
        return here.trace_id

    async def both():
        return await asyncio.gather(work("a"), work("b"))

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
    ids = asyncio.run(both())
    lines = [entry for entry in told() if entry.duration_ms is None]
    assert sorted((entry.trace_id, entry.message, entry.context["worker"]) for entry in lines) == sorted(
        (trace, message, name)
        for trace, name in zip(ids, "ab", strict=True)
        for message in ("working", "failed")
    )
    assert {entry.error["message"] for entry in lines if entry.error} == {"no order"}


EVENTS = [
    ({"event": "a", "timestamp": 1700000000.25}, {}, 1700000000250.0),
    ({"event": "a", "timestamp": "2023-11-14T22:13:20.25Z"}, {}, 1700000000250.0),
    ({"event": "a", "timestamp": "14th"}, {"timestamp": "14th"}, None),
    ({"event": "a", "level": 40}, {}, None),
    ({"event": "a", "level": ["x"]}, {"level": ["x"]}, None),
    ({"event": "%s!", "positional_args": ("a",)}, {}, None),
    ({"event": "a", "logger": "named"}, {}, None),
    ({"event": "a", 5: "five"}, {"5": "five"}, None),
]


@pytest.mark.parametrize(("event", "context", "moment"), EVENTS)
def test_what_other_processors_say(told, event, context, moment):
    """
    Keys of structlog's own processors become fields of the entry; what cannot be one stays in the context.
    """
    before = dict(event)
    with pytest.raises(structlog.DropEvent):
        Processor()(None, "info", event)
    (entry,) = told()
    assert entry.message in {"a", "a!"}
    assert (entry.context or {}) == context
    assert entry.level == ("error" if event.get("level") == 40 else "info")
    assert entry.logger == event.get("logger")
    assert moment is None or entry.timestamp == moment
    assert event == before


def test_over_the_standard_library(told):
    """
    Where structlog logs through the standard library, its handler of ours reads the event, in both ways that
    structlog hands it over.
    """
    logger = logging.getLogger("std.structlog")
    logger.setLevel("INFO")
    logger.handlers[:] = [Handler()]
    for last in (
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        structlog.stdlib.render_to_log_kwargs,
    ):
        structlog.configure(
            processors=[structlog.stdlib.add_log_level, last],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        try:
            fail()
        except ValueError:
            structlog.get_logger("std.structlog").exception("failed", order="o-7")
    logger.handlers[:] = []
    for entry in told():
        assert (entry.message, entry.level, entry.logger) == ("failed", "error", "std.structlog")
        assert entry.context["order"] == "o-7"
        assert entry.error["cause"]["type"] == "KeyError"


def test_setup_is_a_tee_of_what_is_configured(told, capsys):
    """
    `setup` logs beside the renderer, also for loggers in use; a second call changes nothing; it can be undone.
    """
    structlog.configure(cache_logger_on_first_use=True)
    log = structlog.get_logger()
    log.info("zero")
    undo = setup()
    setup()()
    log.info("one", order=7)
    undo()
    undo()
    log.info("two")
    assert [(entry.message, entry.context) for entry in told()] == [("one", {"order": 7})]
    assert [word in capsys.readouterr().out for word in ("zero",)] == [True]


def json_line():
    return structlog.processors.JSONRenderer()


CONFIGURED = {
    "again": lambda: structlog.configure(processors=[json_line()]) or structlog.get_logger(),
    "by a tuple": lambda: structlog.configure(processors=(json_line(),)) or structlog.get_logger(),
    "alone": lambda: structlog.wrap_logger(structlog.PrintLogger(), processors=[json_line()]),
    "with ours": lambda: (
        structlog.configure(processors=[Processor(tee=True), json_line()]) or structlog.get_logger()
    ),
}


@pytest.mark.parametrize("how", CONFIGURED)
def test_setup_outlasts_what_is_configured_later(told, capsys, how):
    """
    However a program configures structlog after `setup`, each event is printed once and is one entry.
    """
    undo = setup()
    CONFIGURED[how]().bind(shard=3).info("charged", order=7)
    undo()
    assert [(entry.message, entry.context) for entry in told()] == [("charged", {"shard": 3, "order": 7})]
    assert capsys.readouterr().out.count("charged") == 1


class Named(structlog.BoundLoggerBase):
    """
    A wrapper of the program's own, which calls structlog's method by the names of its parameters.
    """

    def said(self, event, **values):
        named = {"method_name": "info", "event": event, "event_kw": values}
        args, rest = self._process_event(**named)
        return self._logger.info(*args, **rest)


def test_setup_takes_the_names_of_structlog(told, capsys):
    """
    A wrapper class that a program has written itself works as before, and is heard.
    """
    undo = setup()
    structlog.configure(wrapper_class=Named, cache_logger_on_first_use=False)
    structlog.get_logger().said("paid", amount=5)
    undo()
    assert "paid" in capsys.readouterr().out
    assert [(entry.message, entry.context) for entry in told()] == [("paid", {"amount": 5})]


def test_setup_lets_tests_of_the_program_capture(told):
    """
    Within structlog's own `capture_logs` a program sees what it would see without us.
    """
    undo = setup()
    with structlog.testing.capture_logs() as logs:
        structlog.get_logger().info("charged")
    undo()
    assert logs == [{"event": "charged", "log_level": "info"}]


def test_setup_keeps_what_was_rendered_for_the_standard_library(told, capsys):
    """
    A line that structlog has rendered for the standard library is printed as it is, and one entry with its fields.
    """
    out = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(out)
    undo, undo_logging = setup(), logging_setup()
    structlog.configure(
        processors=[structlog.stdlib.add_logger_name, json_line()],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    structlog.get_logger("shop.pay").warning("charged", order=7)
    undo()
    structlog.get_logger("shop.pay").warning("undone")
    undo_logging()
    line = '{"order": 7, "event": "charged", "logger": "shop.pay"}'
    assert capsys.readouterr().out.splitlines()[0] == line
    assert [(entry.message, entry.logger, entry.level, entry.context) for entry in told()] == [
        ("charged", "shop.pay", "warn", {"order": 7}),
        ('{"event": "undone", "logger": "shop.pay"}', "shop.pay", "warn", None),
    ]


class Hostile(dict):
    """
    An event that cannot be read.
    """

    def items(self):
        raise RuntimeError("no items")


def test_a_hostile_event_is_counted(told, capsys):
    """
    An event that raises when it is read costs the program nothing and is counted.
    """
    assert Processor(tee=True)(None, "info", Hostile(event="a")) == {"event": "a"}
    assert told() == []
    assert told.client.stats()["dropped"] == {"invalid": 1}
    assert capsys.readouterr().err == "tracelog: RuntimeError: no items\n"


values = st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object)
keys = (
    st.sampled_from(["event", "level", "timestamp", "exc_info", "stack", "exception", "logger"]) | st.text()
)


@given(event=st.dictionaries(keys, values | st.lists(values, max_size=2), max_size=5))
def test_any_event_is_an_entry(event):
    """
    Whatever stands in an event, one entry arrives and the event is handed on unchanged.
    """
    client, wire = pair()
    assert Processor(tee=True, client=client)(None, "info", event) is event
    assert client.shutdown(10) == 0
    assert len(wire.entries) == 1


def test_an_event_seen_before_says_the_same(told):
    """
    The short way, which events of a form seen before go, tells what the long way told the first time.
    """
    structlog.configure(processors=[Processor()])
    log = structlog.get_logger()
    said = [
        ("plain", {}),
        ("with fields", {"order": "o-7", "sum": 12.5, "deep": {"a": [1, (2, 3)]}}),
        ("with its own", {"level": "error", "order": 1}),
        ("half \ud800", {"order": "\udfff"}),
        ("long", {"text": "x" * 5000}),
        ("m" * 300_000, {}),
        (7, {"order": {1, 2}}),
    ]
    for event, more in said:
        with tracelog.trace("work"):
            for _ in range(3):
                log.info(event, **more)
    entries = [e for e in told() if e.message != "work"]
    told_of = [(e.level, e.message, e.context, e.trace_id, e.fixed) for e in entries]
    assert len(told_of) == 3 * len(said)
    assert all(told_of[n] == told_of[n - n % 3] for n in range(len(told_of)))
