"""
Each request of a Flask app is one entry of its caller's trace, with its route and its exception.
"""

import time

import flask
import pytest

import tracelog
from tests.integrations.serving import Wsgi
from tests.integrations.traces import CONTINUED, PARENT, RESTARTED, TRACE
from tracelog.integrations.flask import init_app, setup


def shop():
    app = flask.Flask("shop")
    app.logger.disabled = True

    @app.get("/orders/<int:order>")
    def order(order):
        tracelog.get_logger("shop").info("looking", order=order)
        return {"order": order}

    @app.get("/fail")
    def fail():
        raise LookupError("no such order")

    @app.get("/stream")
    def stream():
        def parts():
            tracelog.get_logger("shop").info("part")
            yield "a"

        return flask.Response(parts())

    return app


@pytest.fixture(scope="module")
def server():
    """
    An app that was initialised twice, under the server of the standard library.
    """
    with Wsgi(init_app(init_app(shop()))) as running:
        yield running


def settled(told):
    """
    Return the entries once a request is among them: the server closes an answer after it was read.
    """
    for _ in range(2_000):
        entries = told()
        if entries and entries[-1].duration_ms is not None:
            return entries
        time.sleep(0.005)
    raise AssertionError(entries)


def test_a_request_is_one_entry(told, server):
    """
    A request is an entry with its route; what is logged inside belongs to it.
    """
    answer = server.get("/orders/7")
    line, request = settled(told)
    assert request.context == {
        "method": "GET",
        "path": "/orders/7",
        "route": "/orders/<int:order>",
        "status": 200,
    }
    assert (line.message, line.span_id) == ("looking", request.span_id)
    assert answer.header("x-trace-id") == request.trace_id


def test_an_exception_is_told(told, server):
    """
    What a view raises is the error of its request, although Flask has made an answer of it.
    """
    assert server.get("/fail").status == 500
    (request,) = settled(told)
    assert (request.level, request.context["status"]) == ("error", 500)
    assert request.error == {"type": "LookupError", "message": "no such order"}


def test_what_no_route_has_is_told(told, server):
    """
    A request without a route is an entry all the same.
    """
    assert server.get("/nowhere").status == 404
    (request,) = settled(told)
    assert request.context == {"method": "GET", "path": "/nowhere", "status": 404}


def test_a_stream_belongs_to_its_request(told, server):
    """
    What a streamed answer logs belongs to its request.
    """
    assert server.get("/stream").body == b"a"
    line, request = settled(told)
    assert line.span_id == request.span_id


@pytest.mark.parametrize("headers", [*CONTINUED, *RESTARTED])
def test_traces_go_on_by_the_rules_of_w3c(told, server, headers):
    """
    A valid `traceparent` goes on; any other begins a trace.
    """
    server.get("/nowhere", headers)
    (request,) = settled(told)
    expected = (True, PARENT) if headers in CONTINUED else (False, None)
    assert (request.trace_id == TRACE, request.parent_id) == expected


def test_setup_is_for_every_app(told):
    """
    After `setup` requests of every app are told, once; undone, no more. Without it an app is left alone.
    """
    undo = setup()
    setup()()
    app = shop()
    assert app.test_client().get("/fail", buffered=True).status_code == 500
    undo()
    app.test_client().get("/fail", buffered=True)
    (request,) = told()
    assert request.error["message"] == "no such order"
