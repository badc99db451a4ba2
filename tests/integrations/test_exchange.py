"""
An exchange is current for its block and no longer, and ends once.
"""

import contextvars

import pytest

import tracelog
from tracelog.client.context import NOTHING, PLACE
from tracelog.client.hop import MUTED
from tracelog.integrations.exchange import Exchange, Inside


def test_a_block_left_in_another_context_leaves_nothing_behind(told):
    """
    Left in another context than it was entered in, as async generators are, the hop is current nowhere.
    """
    exchange = Exchange(told.client, "x", NOTHING, {})
    inside = Inside(exchange.trace)
    inside.__enter__()
    other = contextvars.copy_context()
    other.run(inside.__exit__, None, None, None)
    assert other.get(PLACE) is None
    PLACE.set(None)
    inside.__exit__(None, None, None)
    assert tracelog.current() is None


def test_an_exchange_ends_once(told):
    """
    A second end adds nothing unless it brings an exception.
    """
    exchange = Exchange(told.client, "x", NOTHING, {})
    exchange.end()
    exchange.end()
    exchange.end(KeyboardInterrupt())
    exchange.end(ValueError("late"))
    assert [entry.message for entry in told()] == ["x", "x failed after its answer"]


@pytest.mark.parametrize("error", [None, ValueError("x")])
def test_on_a_shipping_thread_nothing_is_told(told, error):
    """
    What runs on a shipping thread is no exchange.
    """
    with Inside(MUTED):
        exchange = Exchange(told.client, "x", NOTHING, {})
        exchange.end(error)
    assert told() == []
