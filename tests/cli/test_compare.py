"""
`tracelog mark` and `diff` against a real server, on every kind of store that one machine has.
"""

import json

import pytest

from tests.cli.started import Served
from tests.stores.servers import RealServer


def paying(trace, took, text, level="info"):
    hop = {"trace_id": trace, "system": "backend", "span_id": "b" * 16}
    return [
        {**hop, "message": "POST /pay", "duration_ms": took},
        {**hop, "message": text, "level": level, "context": {"status": 500 if level == "error" else 200}},
    ]


@pytest.fixture(params=["sqlite", "redis"])
def alone(request, tmp_path, start):
    """
    A server whose store nobody else writes to.
    """
    if request.param == "sqlite":
        started = start("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/logs.db", "--no-limits")
        yield Served(started.line(r"listening on (\S+)"), tmp_path)
        return
    with RealServer(tmp_path) as redis:
        started = start("serve", "--port", "0", "--store", redis.url, "--no-limits", cwd=tmp_path)
        yield Served(started.line(r"listening on (\S+)"), tmp_path)


def test_what_came_after_a_mark_is_compared_with_all_before(alone):
    """
    Mark, change, run again: the difference tells the new error and the slower hop, and a mark set again moves.
    """
    for n in range(3):
        alone.post(*paying(f"{n + 1:032x}", 100 + n, f"paid {n}"))
    marked = alone.run("mark", "before")
    assert (marked.exit_code, marked.stdout) == (0, "")
    assert "tracelog diff mark:before now" in marked.stderr
    alone.post(*paying("f" * 32, 900, "card declined", "error"))

    shown = alone.run("diff", "mark:before", "now")
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[0] == "3 changes, 1 new error; 0 patterns as before"
    assert "error backend in POST *: card declined" in lines[3]
    assert any("slower 101 ms → 900 ms" in line for line in lines)

    alone.run("mark", "before")
    assert alone.run("diff", "mark:before").stdout.startswith("nothing is on side b, ")
    found = json.loads(alone.run("search", "mark before", "--format", "json").stdout)
    assert [(entry["message"], entry["context"]) for entry in found] == [
        ("mark before", {"mark": "before"})
    ] * 2
    assert alone.get("/api/v1/ledger")["balanced"]


def test_two_traces_are_compared(served, trace):
    """
    The same two traces as text, Markdown and JSON; with --exit-code a change ends with 1.
    """
    other = trace[::-1]
    served.post(*paying(trace, 100, "paid 1"), *paying(other, 120, "card declined", "error"))
    text = served.run("diff", trace[:12], other).stdout
    assert "2 changes, 1 new error" in text
    assert served.run("diff", trace, other, "--format", "md").stdout.startswith("# 2 changes, 1 new error")
    found = json.loads(served.run("diff", trace, other, "--format", "json").stdout)
    assert [change["kind"] for change in found["changes"]] == ["new", "gone"]
    assert found == served.get(f"/api/v1/diff?a={trace}&b={other}")
    assert served.run("diff", trace, other, "--exit-code").exit_code == 1
    assert served.run("diff", trace, trace, "--exit-code").exit_code == 0
    assert "\x1b[31m" in served.run("diff", trace, other, "--color").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["diff", "mark:never-set", "now"], 1, "there is no mark never-set; set it with"),
        (["diff", "mark:two words", "now"], 2, "a mark's name is"),
        (["diff", "0" * 31 + "1", "0" * 31 + "2"], 1, "no trace"),
        (["diff", "now", "now"], 2, "a is not before b"),
        (["diff", "TRACE", "now"], 2, "two traces or two moments"),
        (["diff", " ", "now"], 2, "a and b name"),
        (["mark", "two words"], 2, "a mark's name is"),
        (["mark", ""], 2, "a mark's name is"),
    ],
)
def test_what_cannot_be_compared_is_told(served, trace, arguments, code, told):
    """
    An unknown mark or trace, an unusable name or a mixture ends with one sentence.
    """
    served.post(*paying(trace, 1, "said"))
    result = served.run(*[trace if word == "TRACE" else word for word in arguments])
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
