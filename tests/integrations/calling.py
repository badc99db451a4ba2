"""
The other side of outgoing calls: a server that says which headers it was sent.
"""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

import tracelog
from tests.integrations.serving import Asgi
from tests.integrations.traces import VALID
from tests.sinks.scripted import raw, scripted
from tracelog.client.hop import MUTED
from tracelog.integrations.exchange import Inside

SENT = ("traceparent", "tracestate", "baggage", "x-trace-id")

FOREIGN = "0.0.0.0"
"""A host that may be handed nothing unless it is listed."""


async def echo(request):
    sent = {name: request.headers.getlist(name) for name in SENT if name in request.headers}
    await request.body()
    return JSONResponse(sent, int(request.query_params.get("status", "200")))


async def redirect(request):
    return RedirectResponse(request.query_params["to"])


def echoing():
    """
    Return the server, to be entered.
    """
    methods = ["GET", "POST"]
    return Asgi(Starlette(routes=[Route("/echo", echo, methods=methods), Route("/redirect", redirect)]))


def foreign(url):
    """
    Return *url* under the name of a host that is not ours.
    """
    return url.replace("127.0.0.1", FOREIGN)


def told_calls(told):
    """
    Return the entries of the calls that were made.
    """
    return [entry for entry in told() if "url" in (entry.context or {})]


def body_of(answer):
    """
    Return what the server was sent, by name.
    """
    return {name: values[0] for name, values in json.loads(answer).items()}


class CallContract:
    """
    What every library's integration keeps. A test class gives `setup` and `call`.

    `call(url, method=, headers=, body=)` makes one request, redirects included, and returns status and body text.
    """

    @pytest.fixture(autouse=True)
    def instrumented(self):
        undo = self.setup()
        yield undo
        undo()

    def test_a_call_is_a_hop(self, told, echoes):
        """
        A call is an entry under the current trace with its outcome, and the other side is told of that hop.
        """
        with tracelog.trace("order", baggage={"user": "u1"}) as here:
            status, body = self.call(f"{echoes.url}/echo?password=hunter2")
        (call,) = told_calls(told)
        assert call.message == f"GET {echoes.url}/echo"
        assert call.context == {"method": "GET", "url": f"{echoes.url}/echo", "status": status}
        assert (call.level, call.trace_id, call.parent_id) == ("info", here.trace_id, here.span_id)
        assert call.duration_ms > 0
        sent = body_of(body)
        assert sent["traceparent"][3:52] == f"{here.trace_id}-{call.span_id}"
        assert (sent["baggage"], sent["x-trace-id"]) == ("user=u1", here.trace_id)

    @pytest.mark.parametrize(("status", "level"), [(404, "warn"), (503, "error"), (201, "info")])
    def test_the_outcome_is_told(self, told, echoes, status, level):
        """
        A refused call is a warning, a failed one an error.
        """
        assert self.call(f"{echoes.url}/echo?status={status}")[0] == status
        (call,) = told_calls(told)
        assert (call.context["status"], call.level, call.error) == (status, level, None)

    def test_a_failure_is_told_with_its_cause(self, told, echoes):
        """
        When nobody answers, the entry has the exception and what caused it, and the exception goes on.
        """
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
            self.call("http://127.0.0.1:9/echo")
        (call,) = told_calls(told)
        assert call.level == "error"
        assert call.error["type"].endswith(type(caught.value).__name__)
        assert call.error["cause"]["message"]

    def test_an_answer_that_breaks_is_told(self, told):
        """
        An answer that ends in its middle is an error of the call, told once, whatever its status was.
        """
        with scripted(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as server:
            url = f"{server.url}/half"
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
                self.call(url)
        (error,) = [entry for entry in told() if entry.level == "error"]
        assert error.message.startswith(f"GET {url}")
        assert error.error["type"].endswith(type(caught.value).__name__)
        assert {entry.span_id for entry in told()} == {error.span_id}

    def test_a_stranger_is_told_nothing(self, told, echoes):
        """
        A host that is neither ours nor listed gets no header of ours; headers of the program's own stay.
        """
        _, body = self.call(foreign(f"{echoes.url}/echo"))
        _, own = self.call(foreign(f"{echoes.url}/echo"), headers={"traceparent": VALID})
        assert (json.loads(body), body_of(own)) == ({}, {"traceparent": VALID})
        assert len(told_calls(told)) == 2

    def test_a_listed_host_is_told(self, told, echoes):
        """
        A host in `propagate_to` gets the headers.
        """
        told.client.reconfigure(sinks=["memory:"], redact=False, propagate_to=[FOREIGN])
        _, body = self.call(foreign(f"{echoes.url}/echo"))
        assert "traceparent" in json.loads(body)

    def test_a_redirect_to_a_stranger_takes_nothing_along(self, told, echoes):
        """
        Headers for our own host do not follow a redirect to a stranger; each hop is an entry.
        """
        _, body = self.call(f"{echoes.url}/redirect?to={foreign(echoes.url)}/echo")
        assert json.loads(body) == {}
        assert tuple(call.context["status"] for call in told_calls(told)) == self.redirected

    redirected = (307, 200)

    def test_a_redirect_home_is_told(self, told, echoes):
        """
        A redirect to a host of ours hands it the trace, once.
        """
        _, body = self.call(f"{echoes.url}/redirect?to={echoes.url}/echo")
        assert len(json.loads(body)["traceparent"]) == 1

    def test_own_headers_are_replaced(self, told, echoes):
        """
        What the program wrote for the hop outside gives way to the hop of the call: two are none.
        """
        _, body = self.call(f"{echoes.url}/echo", headers={"Traceparent": VALID, "tracestate": "a=1"})
        sent = json.loads(body)
        (call,) = told_calls(told)
        assert [value[36:52] for value in sent["traceparent"]] == [call.span_id]
        assert "tracestate" not in sent

    def test_a_body_arrives(self, told, echoes):
        """
        A request with a body is sent as it is.
        """
        status, _ = self.call(f"{echoes.url}/echo", method="POST", body=b"x" * 100_000)
        (call,) = told_calls(told)
        assert (status, call.context["method"]) == (200, "POST")

    def test_twice_is_once_and_undone_is_as_before(self, told, echoes, instrumented):
        """
        A second `setup` changes nothing; undone, nothing is told or sent.
        """
        self.setup()()
        self.call(f"{echoes.url}/echo")
        assert len(told_calls(told)) == 1
        instrumented()
        instrumented()
        _, body = self.call(f"{echoes.url}/echo")
        assert (json.loads(body), len(told_calls(told))) == ({}, 1)

    def test_deliveries_are_no_calls(self, told, echoes):
        """
        What a sink calls is no call of the program: it is neither told nor handed a trace.
        """
        with Inside(MUTED):
            _, body = self.call(f"{echoes.url}/echo")
        assert (json.loads(body), told()) == ({}, [])
