"""
The examples run as they stand.
"""

import json
import subprocess
import sys

from tests.cli.started import ROOT, plain_environment


def run(*arguments):
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=plain_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def test_one_service_logs_by_itself():
    """
    The first example needs no server: it prints its entries, the failure with its stack, the secret replaced.
    """
    done = run("examples/one_service.py")
    assert (done.returncode, done.stderr) == (0, "")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert {entry["service"] for entry in entries} == {"orders"}
    assert len({entry["trace_id"] for entry in entries}) == 2
    refused = next(entry for entry in entries if entry["message"] == "order refused")
    assert (refused["level"], refused["error"]["message"]) == ("error", "no cup left")
    assert "hunter2" not in done.stdout


def test_two_hops_are_one_trace():
    """
    The Starlette and httpx example goes on with its caller's trace and hands it on, over real HTTP, and
    says so.
    """
    done = run("examples/starlette_httpx.py", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: 5 entries of 3 hops under trace ")


def test_three_systems_load_a_server_and_its_ledger_agrees(served):
    """
    A browser, a worker and a backend log at once; everything they logged is accounted for.
    """
    done = run("examples/load_three_systems.py", "--seconds", "1", "--rate", "200", "--url", served.url)
    assert done.returncode == 0, done.stdout + done.stderr
    *systems, total = done.stdout.splitlines()
    assert [line.split()[0] for line in systems] == ["browser", "worker", "backend"]
    assert total.endswith("all accounted for")


def test_every_example_is_tried():
    """
    No example stands there that no test runs.
    """
    assert sorted(path.name for path in (ROOT / "examples").glob("*.py")) == [
        "load_three_systems.py",
        "one_service.py",
        "starlette_httpx.py",
    ]
