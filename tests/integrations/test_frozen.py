"""
A function whose process is frozen (SIGSTOP) as soon as it has answered: what it logged is at the server by then.
"""

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from tests.cli.started import ROOT, plain_environment
from tests.faults.door import Door, passing_to
from tests.integrations.traces import PARENT, TRACE
from tests.server.running import Running
from tracelog.integrations.frozen import delivered, handler

FUNCTION = """
import json, sys
import tracelog
from tracelog.integrations.frozen import handler

tracelog.configure(url=sys.argv[1], service="function")
log = tracelog.get_logger("function")

@handler
def handle(event, context):
    for n in range(20): log.info(f"call {event['call']} line {n}")
    return event["call"]

for line in sys.stdin:
    print(handle(json.loads(line), None), flush=True)
"""


def test_a_frozen_function_has_delivered(tmp_path):
    """
    Everything a call logged is stored while the process is frozen behind its answer, and once; frozen for a while in
    the middle of a delivery, too, it loses and doubles nothing.
    """
    with Running() as server, Door(passing_to(server.port)) as door:
        process = subprocess.Popen(
            [sys.executable, "-c", FUNCTION, door.url],
            cwd=tmp_path,
            env={**plain_environment(), "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            expected = []
            for call in range(3):
                expected += [f"call {call} line {n}" for n in range(20)] + ["invoke handle"]
                door.fault = "slow" if call == 1 else "none"
                process.stdin.write(json.dumps({"call": call}) + "\n")
                process.stdin.flush()
                if call == 1:  # in the middle of the half second that the delivery takes
                    with pytest.raises(subprocess.TimeoutExpired):
                        process.wait(0.2)
                    process.send_signal(signal.SIGSTOP)
                    with pytest.raises(subprocess.TimeoutExpired):
                        process.wait(0.5)
                    process.send_signal(signal.SIGCONT)
                assert process.stdout.readline() == f"{call}\n"
                process.send_signal(signal.SIGSTOP)
                assert sorted(server.messages()) == sorted(expected)
                process.send_signal(signal.SIGCONT)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
    assert (out, process.returncode) == ("", 0)


class Context:
    """
    What AWS hands to a function.
    """

    function_name = "charge"
    aws_request_id = "r-1"

    def __init__(self, left_ms):
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self):
        return self._left_ms


def test_a_call_is_a_hop_of_its_caller(told):
    """
    It goes on with the trace of the event's headers and says which request it was; what it raises goes on, told.
    """

    @handler(client=told.client)
    def charge(event, context):
        raise LookupError(event["order"])

    headers = {"Traceparent": f"00-{TRACE}-{PARENT}-01"}
    with pytest.raises(LookupError):
        charge({"order": "o-1", "headers": headers}, Context(30_000))
    (entry,) = told()
    assert (entry.message, entry.trace_id, entry.parent_id) == ("invoke charge", TRACE, PARENT)
    assert (entry.level, entry.context["request_id"], entry.error["message"]) == ("error", "r-1", "o-1")


@pytest.mark.parametrize(
    ("left_ms", "seconds"), [(30_000, 2.0), (1_200, 1.0), (100, 0.0), ("soon", 2.0)], ids=str
)
def test_delivery_takes_no_longer_than_the_call_may(left_ms, seconds):
    """
    The answer waits for delivery for two seconds, or for what is left of the call's time, with some to spare.
    """
    asked = []

    class Client:
        gate = None

        def is_enabled_for(self, level):
            return False

        def close_span(self, closing):
            """
            Nothing: what is delivered does not matter here.
            """

        def flush(self, timeout):
            asked.append(timeout)

    assert handler(lambda event, context: event, client=Client())(7, Context(left_ms)) == 7
    assert asked == [pytest.approx(seconds)]


def test_a_block_ends_with_delivery(connect):
    """
    `with delivered()` and `async with delivered()` deliver what was logged before and inside.
    """
    client, wire = connect(flush_interval=60.0)

    async def call():
        async with delivered(client=client):
            client.get_logger("x").info("async")

    with delivered(client=client):
        client.get_logger("x").info("sync")
    assert wire.messages == ["sync"]
    asyncio.run(call())
    assert wire.messages == ["sync", "async"]
