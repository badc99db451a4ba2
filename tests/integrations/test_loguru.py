"""
What a program logs with loguru arrives as it was meant, once, with its trace.
"""

import io
import logging
import time

import pytest
from loguru import logger

import tracelog
from tracelog.integrations.logging import Handler
from tracelog.integrations.loguru import setup, sink

LEVELS = [
    ("TRACE", "debug"),
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("SUCCESS", "info"),
    ("WARNING", "warn"),
    ("ERROR", "error"),
    ("CRITICAL", "fatal"),
]


@pytest.fixture
def log():
    """
    Loguru's logger with our sink only.
    """
    logger.remove()
    logger.add(sink(), level=0)
    yield logger
    logger.remove()


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_levels_are_ours(log, told, name, level):
    """
    Each of loguru's levels is one of ours.
    """
    log.log(name, "hello {}", "you")
    (entry,) = told()
    assert (entry.level, entry.message, entry.logger) == (level, "hello you", __name__)


def test_bound_values_are_context(log, told):
    """
    What is bound, put into the context or said in the call is the context, under the current trace.
    """
    before = time.time()
    with tracelog.trace("order") as here, log.contextualize(request="r-1"):
        log.bind(shard=3).info("{n} items", n=2)
    entry = told()[0]
    assert (entry.message, entry.context) == ("2 items", {"request": "r-1", "shard": 3, "n": 2})
    assert (entry.trace_id, entry.span_id) == (here.trace_id, here.span_id)
    assert before - 1 <= entry.timestamp / 1000 <= time.time() + 1


def test_exceptions_come_with_causes(log, told):
    """
    An exception arrives with its stack and causes.
    """
    try:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("no order") from error
    except ValueError:
        log.exception("failed")
    (entry,) = told()
    assert (entry.message, entry.level) == ("failed", "error")
    assert entry.error["cause"]["type"] == "KeyError"
    assert "test_exceptions_come_with_causes" in entry.stack


def test_setup_is_beside_other_sinks(told):
    """
    `setup` leaves the output of the program alone, and can be undone, also after the program removed all sinks.
    """
    logger.remove()
    out = io.StringIO()
    logger.add(out, format="{message}")
    undo = setup()
    logger.info("one")
    undo()
    logger.info("two")
    logger.remove()
    undo()
    assert out.getvalue() == "one\ntwo\n"
    assert [entry.message for entry in told()] == ["one"]


def test_setup_outlasts_sinks_that_are_removed(told):
    """
    Programs begin by removing all sinks: ours stays, is there once however often it is set up, and can be undone.
    """
    undo, again = setup(), setup()
    logger.remove()
    out = io.StringIO()
    logger.add(out, format="{message}")
    logger.info("one")
    logger.configure(handlers=[{"sink": out, "format": "{message}"}])
    logger.info("two")
    again()
    undo()
    logger.info("three")
    logger.remove()
    assert out.getvalue() == "one\ntwo\nthree\n"
    assert [entry.message for entry in told()] == ["one", "two"]


class ToLoguru(logging.Handler):
    """
    The recipe of loguru's documentation for lines of the standard library.
    """

    def emit(self, record):
        logger.opt(depth=6, exception=record.exc_info).log(record.levelname, record.getMessage())


class ToLogging(logging.Handler):
    """
    Its recipe for the other way.
    """

    def emit(self, record):
        logging.getLogger(record.name).handle(record)


def from_loguru():
    logger.add(ToLogging(), format="{message}")


BRIDGES = {
    "to loguru, ours after": lambda: [ToLoguru(), Handler()],
    "to loguru, ours before": lambda: [Handler(), ToLoguru()],
    "to loguru alone": lambda: [ToLoguru()],
    "to logging": lambda: from_loguru() or [Handler()],
}


@pytest.mark.parametrize("bridge", BRIDGES)
def test_a_line_that_goes_through_both_is_one_entry(log, told, bridge):
    """
    A line that a program hands from one library to the other is one entry, with what the first one knows of it.
    """
    root = logging.getLogger()
    root.setLevel("INFO")
    for handler in BRIDGES[bridge]():
        root.addHandler(handler)
    logging.getLogger("shop").warning("from logging", extra={"order": 7})
    log.bind(order=8).info("from loguru")
    said = [(entry.message, entry.level, entry.context) for entry in told()]
    assert said == [("from logging", "warn", {"order": 7}), ("from loguru", "info", {"order": 8})]


def test_a_line_that_is_handed_on_is_told_where_no_sink_tells_it(told):
    """
    Without our sink, what loguru hands to the standard library is told by its handler.
    """
    logger.remove()
    from_loguru()
    logging.getLogger().addHandler(Handler())
    logger.warning("handed on")
    logger.remove()
    assert [entry.message for entry in told()] == ["handed on"]


def test_a_hostile_record_is_counted(log, told, capsys):
    """
    A record that a patcher has made unreadable costs the program nothing and is counted.
    """
    log.patch(lambda record: record.update(extra=7)).info("hello")
    assert told() == []
    assert told.client.stats()["dropped"] == {"invalid": 1}
    assert capsys.readouterr().err.startswith("tracelog: TypeError")
