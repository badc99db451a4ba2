"""
What is called with requests goes on with the trace, where it may, and is told.
"""

import pytest
import requests

from tests.integrations.calling import CallContract, told_calls
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
