"""
Waiting for the store of a server: what is said, how often, and when it ends.
"""

from threading import Event

import pytest

from tests.cli.test_api import answering
from tracelog.cli import waiting
from tracelog.cli.api import Api
from tracelog.cli.waiting import wait_for_store

AWAY = b'{"ready":false,"cause":"Redis does not answer"}'
READY = b'{"ready":true,"cause":null}'


class Patience(Event):
    """
    An event that is set after *looks* waits, without waiting; it remembers how long each would have been.
    """

    def __init__(self, looks):
        super().__init__()
        self.waits = []
        self._looks = looks

    def wait(self, timeout=None):
        self.waits.append(timeout)
        if len(self.waits) == self._looks:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("status", "body", "said", "looks"),
    [
        (200, READY, [], 1),
        (
            503,
            AWAY,
            ["the store is away, so entries are answered with 503 until it is back: Redis does not answer"],
            4,
        ),
        (200, b"<html>", [], 4),
        (503, b"", [], 4),
    ],
)
def test_it_is_said_once(status, body, said, looks):
    """
    A store that is there is asked for once and not told; one that is away is told once, however often it is
    asked for; an answer that says nothing is asked for again.
    """
    told, requests, ended = [], [], Patience(4)
    with answering(status, body, requests) as url:
        wait_for_store(Api(url), ended, told.append)
    assert told == said
    assert [path for path, _ in requests] == ["/readyz"] * looks
    assert set(ended.waits) <= {waiting.EVERY_S}


def test_a_server_that_is_gone_is_not_told(unused_url):
    """
    Where no server answers, nothing is said of a store, and the wait ends when it shall.
    """
    told, ended = [], Patience(3)
    wait_for_store(Api(unused_url), ended, told.append)
    assert (told, len(ended.waits)) == ([], 3)


def test_nothing_is_asked_after_the_end():
    """
    A wait that is over before it began asks nobody.
    """
    requests, ended = [], Event()
    ended.set()
    with answering(503, AWAY, requests) as url:
        wait_for_store(Api(url), ended, pytest.fail)
    assert requests == []
