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
    of the loggers that a test has made.
    """
    factory, dispatch = logging.getLogRecordFactory(), logging.Logger.callHandlers
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.setLogRecordFactory(logging.LogRecord)
    root.handlers[:] = []
    yield
    logging.setLogRecordFactory(factory)
    logging.Logger.callHandlers = dispatch
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


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
