"""
Every test of an integration starts as a fresh process does, and leaves the library as it was.
"""

import logging

import pytest

from tests.client import conftest as process
from tests.integrations.calling import echoing
from tracelog.client import default

connect = process.connect
client_of = process.client_of
fresh_process = process.fresh_process


@pytest.fixture(autouse=True)
def stock_logging():
    """
    The standard library as it comes: its factory, its dispatch, a root logger without handlers, and nothing kept
    of what others have made of a logger: frameworks switch those off that they do not know.
    """
    factory, dispatch = logging.getLogRecordFactory(), logging.Logger.callHandlers
    root = logging.getLogger()
    others = [log for log in root.manager.loggerDict.values() if isinstance(log, logging.Logger)]
    before = [(log, log.level, log.handlers, log.propagate, log.disabled) for log in [root, *others]]
    for log in others:
        put_back(log, logging.NOTSET, [], propagate=True, disabled=False)
    logging.setLogRecordFactory(logging.LogRecord)
    root.handlers = []
    yield
    logging.setLogRecordFactory(factory)
    logging.Logger.callHandlers = dispatch
    logging.captureWarnings(capture=False)
    for log, level, handlers, propagate, disabled in before:
        put_back(log, level, handlers, propagate=propagate, disabled=disabled)


def put_back(log, level, handlers, *, propagate, disabled):
    """
    Let *log* be as it was.
    """
    log.setLevel(level)
    log.handlers, log.propagate, log.disabled = handlers, propagate, disabled


@pytest.fixture
def told(connect):
    """
    A client that is the default one; calling it delivers, and returns the entries that arrived, in order.
    """
    client, wire = connect()
    default.default.client = client

    def told():
        assert client.flush(10) == 0
        return sorted(wire.entries.values(), key=lambda entry: entry.seq)

    told.client = client
    return told


@pytest.fixture(scope="session")
def echoes():
    """
    A server that says which trace headers it was sent.
    """
    with echoing() as running:
        yield running
