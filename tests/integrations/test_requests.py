"""
What is called with requests goes on with the trace, where it may, and is told.
"""

import io
import shutil

import pytest
import requests

from tests.integrations.calling import CallContract, told_calls
from tests.sinks.scripted import raw, scripted
from tracelog.integrations import urllib3
from tracelog.integrations.requests import setup


class TestRequests(CallContract):
    setup = staticmethod(setup)
    redirected = (307, 200)

    def call(self, url, method="GET", headers=None, body=None):
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, headers=headers, data=body, timeout=20)
            return answer.status_code, answer.text


class TestBoth(TestRequests):
    """
    requests is built on urllib3: with both switched on a call is still one entry.
    """

    @pytest.fixture(autouse=True)
    def beneath(self):
        undo = urllib3.setup()
        yield
        undo()

    def test_twice_is_once_and_undone_is_as_before(self, told, echoes, instrumented):
        """
        Without the upper one the lower one tells the call.
        """
        instrumented()
        self.call(f"{echoes.url}/echo")
        assert len(told_calls(told)) == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer.content,
        lambda answer: list(answer.iter_content(2)),
        lambda answer: list(answer.iter_lines()),
        lambda answer: answer.raw.read(),
        lambda answer: list(answer.raw.stream(2)),
        lambda answer: shutil.copyfileobj(answer.raw, io.BytesIO()),
    ],
)
@pytest.mark.parametrize("both", [False, True])
def test_a_body_that_breaks_while_it_is_read_is_told(told, read, both):
    """
    However an answer is read that ends in its middle, also past requests, that is an error of its call, told once.
    """
    undo = [setup(), *([urllib3.setup()] if both else [])]
    with scripted(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as server:
        answer = requests.get(f"{server.url}/half", stream=True, timeout=20)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - requests and urllib3 have their own
            read(answer)
    for one in undo:
        one()
    ended, broken = told()
    assert (ended.level, broken.level, broken.span_id) == ("info", "error", ended.span_id)
    assert broken.error["type"].endswith(type(caught.value).__name__)
