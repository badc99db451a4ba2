"""
What is called with urllib3 goes on with the trace, where it may, and is told.
"""

import json

import pytest
import requests
import urllib3

from tests.integrations.calling import CallContract, told_calls
from tests.sinks.scripted import raw, reply, scripted
from tracelog.integrations.urllib3 import setup


class TestUrllib3(CallContract):
    setup = staticmethod(setup)
    redirected = (307, 200)

    def call(self, url, method="GET", headers=None, body=None):
        with urllib3.PoolManager(retries=urllib3.Retry(connect=0, redirect=3)) as pool:
            answer = pool.request(method, url, headers=headers, body=body)
            return answer.status, answer.data.decode()


@pytest.fixture
def instrumented():
    """
    urllib3 with our integration.
    """
    undo = setup()
    yield
    undo()


def test_retries_are_one_call(told, echoes, instrumented):
    """
    A call that is tried again and again is one entry, with how it ended.
    """
    retries = urllib3.Retry(2, status_forcelist=[503])
    with urllib3.PoolManager(retries=retries) as pool, pytest.raises(urllib3.exceptions.MaxRetryError):
        pool.request("GET", f"{echoes.url}/echo?status=503")
    (call,) = told_calls(told)
    assert (call.level, call.error["type"]) == ("error", "urllib3.exceptions.MaxRetryError")


def test_a_connection_that_breaks_is_tried_again(told, instrumented):
    """
    Where a connection ends without an answer urllib3 tries again, as ever, by itself and beneath requests, and all is
    one entry of how it ended.
    """
    with scripted(raw(b""), reply(200, "one"), raw(b""), reply(200, "two")) as server:
        with urllib3.PoolManager(retries=2) as pool:
            assert pool.request("GET", f"{server.url}/one").data == b"one"
        with requests.Session() as session:
            session.mount("http://", requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(2)))
            assert session.get(f"{server.url}/two").text == "two"
    assert [(call.level, call.context["status"]) for call in told_calls(told)] == [("info", 200)] * 2


def test_headers_of_the_pool_stay(told, echoes, instrumented):
    """
    Headers of a pool are sent as before and are not changed.
    """
    with urllib3.HTTPConnectionPool("127.0.0.1", echoes.port, headers={"tracestate": "mine=1"}) as pool:
        answer = pool.urlopen("GET", "/echo")
        assert pool.headers == {"tracestate": "mine=1"}
    assert "traceparent" in json.loads(answer.data)


def test_through_a_proxy_the_target_is_told(told, echoes, instrumented):
    """
    Through a proxy what is called is told, not the proxy, and it decides who may know.
    """
    with urllib3.ProxyManager(echoes.url) as proxy:
        answer = proxy.request("GET", "http://api.example.com/echo")
    (call,) = told_calls(told)
    assert call.context["url"] == "http://api.example.com/echo"
    assert b"traceparent" not in answer.data


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nno length\r\n"


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (HALF, lambda answer: answer.read()),
        (HALF, lambda answer: answer.data),
        (HALF, lambda answer: [answer.read1(2), answer.read1(8), answer.read1(8)]),
        (HALF, lambda answer: list(answer.stream(2))),
        (HALF, lambda answer: answer.readinto(bytearray(200))),
        (CHUNKS, lambda answer: list(answer.stream(2))),
        (CHUNKS, list),
    ],
)
def test_a_body_that_breaks_while_it_is_read_is_told(told, instrumented, answer, read):
    """
    However an answer is read that ends in its middle, that is an error of its call, told once, and goes on.
    """
    with scripted(raw(answer)) as server, urllib3.PoolManager(retries=False) as pool:
        response = pool.request("GET", f"{server.url}/half", preload_content=False)
        with pytest.raises(urllib3.exceptions.HTTPError):
            read(response)
    ended, broken = told()
    assert (ended.level, ended.context["status"]) == ("info", 200)
    assert (broken.level, broken.span_id) == ("error", ended.span_id)
    assert broken.error["type"].startswith("urllib3.exceptions.")


def test_a_body_that_is_read_in_part_is_no_failure(told, echoes, instrumented):
    """
    An answer that is whole, or that the program reads no further, is one entry.
    """
    with urllib3.PoolManager() as pool:
        for amount in (2, None):
            response = pool.request("GET", f"{echoes.url}/echo", preload_content=False)
            response.read(amount)
            response.close()
    assert [entry.level for entry in told()] == ["info", "info"]
