"""
The client for Convex, in the example project: type-checked and run with the real `convex` package.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.test_delivery import sent, until
from tests.cli.started import ROOT, plain_environment
from tests.worker.conftest import ask
from tests.worker.test_worker import one

NODE = ROOT / "tests" / "node"
OPTIONS = {
    "strict": True,
    "allowJs": True,
    "skipLibCheck": True,
    "target": "esnext",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["esnext", "dom", "dom.iterable"],
    "types": ["./env"],
    "outDir": "../built",
}


@pytest.fixture(scope="module")
def project(world, tmp_path_factory) -> Path:
    """
    The example as a project has it: with the client that the server gave and the package, checked and compiled.
    """
    folder = tmp_path_factory.mktemp("convex")
    source = folder / "convex"
    shutil.copytree(ROOT / "examples" / "convex" / "convex", source)
    (source / "tracelogClient.js").write_bytes(ask(f"{world.logs.url}/tracelog-convex.js").body)
    (source / "env.d.ts").write_text("declare const process: { env: Record<string, string | undefined> };\n")
    (source / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": OPTIONS, "include": ["*.ts", "*.js"]})
    )
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(NODE / "node_modules")
    command = ["node", str(NODE / "node_modules/typescript/bin/tsc"), "-p", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    built = folder / "built"
    for file in built.glob("*.js"):  # as Convex's bundler does
        file.write_text(file.read_text().replace('from "./logs"', 'from "./logs.js"'))
    return built


@pytest.fixture
def run(world, project):
    def run(*calls, url=None):
        env = {
            **plain_environment(),
            "TRACELOG_URL": url or world.logs.url,
            "BANK_URL": f"{world.moody.url}/bank",
        }
        told = json.dumps({"project": str(project), "calls": calls})
        command = ["node", str(ROOT / "tests" / "worker" / "convex.mjs"), told]
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


def test_action_and_mutation_are_hops_of_the_callers_trace(world, run, trace):
    """
    An HTTP action, the action that it runs and that one's mutation are one trace with parents right; what the mutation said is
    sent by a scheduled action.
    """
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    told = run(["http", "", {"body": "tea", "headers": {"traceparent": parent}}], ["jobs", 9, {}])
    assert told["outcomes"] == [{"id": "order1"}, 0]
    entries = until(lambda: sent(world.logs, trace), lambda found: len(found) == 7)
    door, buy, write = one(entries, "POST /order"), one(entries, "orders:buy"), one(entries, "orders:write")
    assert [each["parent_id"] for each in (door, buy, write)] == [
        "00f067aa0ba902b7",
        door["span_id"],
        buy["span_id"],
    ]
    assert one(entries, "writing the order")["span_id"] == write["span_id"]
    assert {entry["system"] for entry in entries} == {"convex"}
    assert {each["context"]["request_id"] for each in (door, buy, write)} == {"5f3a9c0d12e4b678"}
    assert told["printed"] == [["log", f"tracelog trace_id={trace}"]] * 3


def test_a_log_stream_joins_by_the_request_id(world, run, trace):
    """
    By the one line that the client prints, all other events of the request are of its trace.
    """
    told = run(["query", "orders:count", {"tracelog": trace}])
    assert told["printed"][0] == ["log", f"tracelog trace_id={trace}"]
    now = ask(f"{world.logs.url}/log", method="POST", body=b'{"message": "what time is it?"}').json[
        "received_at"
    ]
    function = {"path": "orders:count", "type": "query", "request_id": trace[:16]}
    lines = [*[text for _, text in told["printed"]], "said by other code"]
    events = [
        {
            "topic": "console",
            "timestamp": int(now) + at,
            "function": function,
            "log_level": "LOG",
            "message": repr(text),
        }
        for at, text in enumerate(lines)
    ]
    body = json.dumps(events).encode()
    url = f"{world.logs.url}/webhooks/convex"
    assert ask(url, method="POST", body=body, content_type="application/json").status == 200
    messages = [entry["message"] for entry in world.logs.read(f"traces/{trace}")["entries"]]
    assert "said by other code" in messages
    assert any(message.startswith("counted") for message in messages)


def test_a_mutation_that_fails_still_tells(run, trace):
    """
    Its scheduled action is undone with it, so its lines are printed, with the error; nobody else is told to wait.
    """
    told = run(["mutation", "orders:write", {"item": "nothing", "tracelog": trace}])
    assert "an order of nothing" in told["outcomes"][0]
    assert (told["waiting"], told["printed"][0]) == (0, ["log", f"tracelog trace_id={trace}"])
    assert [line.split("\n")[0].split(" Error")[0] for _, line in told["printed"][1:]] == [
        "writing the order [object Object]",
        "orders:write",
    ]


def test_a_server_that_is_away_is_tried_again(run, trace):
    """
    The action ends as it would; what it said is scheduled, later each time, and given up with a sentence.
    """
    told = run(
        ["action", "orders:buy", {"item": "tea", "tracelog": trace}],
        ["jobs", 99, {}],
        url="http://127.0.0.1:1",
    )
    assert told["outcomes"] == ["order1", 0]
    assert sorted(told["delays"]) == sorted([0, 6, 6, 12, 12, 24, 24, 48, 48, 96, 96, 192, 192, 384, 384])
    assert sum("is lost" in text for _, text in told["printed"]) == 2
