"""
What `npx convex logs --jsonl` and `wrangler tail --format json` print, through `tracelog pipe` to a real server.
"""

import json
import subprocess
import sys

import pytest

from tests.cli.started import plain_environment
from tests.server.receivers.bodies import tail
from tracelog.cli.joined import Said
from tracelog.cli.plain import read_said
from tracelog.cli.platforms import Platforms
from tracelog.core.wire import Mint, Reader

NOW = 1_763_812_800_000.0

RUN = {
    "kind": "Completion",
    "udfType": "Mutation",
    "identifier": "messages:send",
    "requestId": "493c2f142347ea8f",
    "executionId": "e-1",
    "parentExecutionId": None,
    "caller": "HttpApi",
    "timestamp": NOW / 1000,
    "executionTime": 0.0125,
    "success": {"status": "success"},
    "error": None,
    "cachedResult": None,
    "willRetry": False,
    "usageStats": {"databaseReadBytes": 7},
    "logLines": [
        {"messages": ["'Sent'", "{ id: 1 }"], "level": "WARN", "timestamp": NOW - 5, "isTruncated": False},
        {
            "messages": ["'tracelog trace_id=TRACE'"],
            "level": "LOG",
            "timestamp": NOW - 4,
            "isTruncated": False,
        },
    ],
}


def piped(served, system, data):
    done = subprocess.run(
        [sys.executable, "-m", "tracelog", "pipe", "--system", system, "--url", served.url],
        input=data.encode(),
        capture_output=True,
        env=plain_environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, data.encode())


def stored(served, trace):
    return sorted(served.get(f"/api/v1/traces/{trace}")["entries"], key=lambda entry: entry["seq"])


def test_the_function_log_of_convex(served, trace):
    """
    Each line of a function is an entry, its end one with a duration; all are of the trace that one names, in this
    object and in later ones of the same request.
    """
    failed = {**RUN, "logLines": [], "error": "Uncaught TypeError: no card\n    at handler (m.ts:1:2)"}
    progress = {**RUN, "kind": "Progress", "logLines": ["[LOG] 'old form'"]}
    lines = (json.dumps(one).replace("TRACE", trace) for one in (RUN, failed, progress))
    piped(served, "convex", "".join(f"{line}\n" for line in lines))
    found = stored(served, trace)
    assert [(entry["level"], entry["message"]) for entry in found] == [
        ("warn", "Sent { id: 1 }"),
        ("log", f"tracelog trace_id={trace}"),
        ("info", "mutation messages:send"),
        ("error", "Uncaught TypeError: no card"),
        ("info", "[LOG] 'old form'"),
    ]
    assert {(entry["system"], entry["logger"]) for entry in found} == {("convex", "messages:send")}
    assert (found[0]["timestamp"], found[2]["timestamp"], found[2]["duration_ms"]) == (
        NOW - 5,
        NOW - 12.5,
        12.5,
    )
    assert found[2]["context"]["executionId"] == "e-1"
    assert found[3]["stack"].endswith("at handler (m.ts:1:2)")


@pytest.mark.parametrize("indent", [None, 2])
def test_the_tail_of_a_worker(served, trace, indent):
    """
    An event over one line or over many is its invocation with its console lines, under the trace of its headers.
    """
    event = tail()
    event["event"]["request"]["headers"] = {"x-trace-id": trace}
    plain = "starting up\n"
    piped(served, "worker", plain + json.dumps(event, indent=indent) + "\n" + plain)
    found = stored(served, trace)
    assert found[0]["duration_ms"] == 25
    assert {entry["system"] for entry in found} == {"worker"}
    assert len(found) == 1 + len(event["logs"]) + len(event["exceptions"])


def read(line):
    reader = Reader(NOW, Mint(trace_id=lambda: "run-1", entry_id=str))
    return list(read_said(Said(line), reader, Platforms()))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"outcome": 5, "message": "mine"}, "mine"),
        ({"kind": "x", "udfType": "y", "logLines": [], "message": "mine"}, "mine"),
        ({**RUN, "logLines": [{}] * 20_000, "message": "too many"}, "too many"),
    ],
)
def test_what_only_looks_like_one_is_a_line_like_any_other(raw, message):
    """
    Where no event can be read, the line is read as if there were no platforms.
    """
    assert [entry.message for entry in read(json.dumps(raw))] == [message]


def test_half_characters_break_nothing():
    """
    A line cut within a character is read.
    """
    line = {**RUN, "logLines": [{"messages": ["\ud800"], "level": "LOG", "timestamp": NOW}]}
    assert read(json.dumps(line))[0].message == "\ufffd"
