"""
Celery: a real worker on a broker of files, published to from another process.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

import tracelog
from tests.cli.started import ROOT, plain_environment
from tests.flooding import wait_for
from tests.server.running import Running
from tracelog.client.client import Client
from tracelog.integrations import celery as integration
from tracelog.sinks.memory import MemorySink

pytestmark = pytest.mark.xdist_group("celery")  # its tests share one worker's run
APP = """
import sys
from celery import Celery, chain, group
import tracelog
from tracelog.integrations import celery

folder = {folder!r}
app = Celery("shop", broker="filesystem://", backend="cache+memory://")
app.conf.broker_transport_options = {{
    "polling_interval": 0.02, "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control",
}}
app.conf.task_always_eager = False
app.conf.worker_hijack_root_logger = False
app.conf.worker_max_tasks_per_child = 3
tracelog.configure(url={url!r}, service=sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] == "publisher" else "worker")
celery.setup(app)
log = tracelog.get_logger("shop")

@app.task(name="shop.charge")
def charge(order):
    log.info("charging", order=order)
    return order

@app.task(name="shop.fail")
def fail():
    raise ValueError("no card")

@app.task(name="shop.flaky", bind=True, max_retries=2, default_retry_delay=0)
def flaky(self):
    if self.request.retries < 1:
        raise self.retry(exc=ConnectionError("bank is away"), countdown=0)
    log.info("third time lucky")

if __name__ == "__main__":
    with tracelog.trace("place order") as trace:
        chain(charge.s(12), charge.s()).apply_async()
        group(charge.si(20), charge.si(21)).apply_async()
        flaky.delay()
        fail.delay()
    tracelog.flush(5.0)
    print(trace.trace_id)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """
    What the store holds of one trace, once a worker has done all of its tasks.
    """
    folder = tmp_path_factory.mktemp("celery")
    (folder / "control").mkdir()
    with Running() as running:
        url = f"http://127.0.0.1:{running.port}"
        (folder / "shop.py").write_text(APP.format(folder=str(folder), url=url))
        env = {**plain_environment(), "PYTHONPATH": f"{ROOT}:{folder}"}
        done = subprocess.run(
            [sys.executable, "shop.py", "publisher"],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        trace_id = done.stdout.strip()
        command = ["-m", "celery", "-A", "shop", "worker", "--pool", "prefork", "-c", "1", "-l", "critical"]
        options = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = subprocess.Popen(
            [sys.executable, *command, *options], cwd=folder, env=env, start_new_session=True
        )
        try:
            wait_for(lambda: count(running, trace_id, "run ") >= 7)
        finally:
            os.killpg(worker.pid, signal.SIGKILL)  # an orderly end takes Celery six seconds
            worker.wait()
        yield entries(running, trace_id)


def entries(running: Running, trace_id: str) -> list[dict[str, Any]]:
    found = running.get(f"/api/v1/traces/{trace_id}")
    return json.loads(found.body)["entries"] if found.status == 200 else []


def count(running: Running, trace_id: str, beginning: str) -> int:
    return sum(entry["message"].startswith(beginning) for entry in entries(running, trace_id))


def named(rows: list[dict[str, Any]], message: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["message"] == message]


def test_each_task_is_published_and_run_in_one_trace(rows: list[dict[str, Any]]):
    """
    A run is a child of its publication, a task of a chain is published by the one before, lines stand in their run.
    """
    by_span = {row["span_id"]: row for row in rows if "duration_ms" in row}
    runs = named(rows, "run shop.charge")
    assert len(runs) == 4
    assert {by_span[run["parent_id"]]["message"] for run in runs} == {"publish shop.charge"}
    above = sorted(by_span[by_span[run["parent_id"]]["parent_id"]]["message"] for run in runs)
    assert above == ["place order"] * 3 + ["run shop.charge"]
    assert {by_span[line["span_id"]]["message"] for line in named(rows, "charging")} == {"run shop.charge"}
    assert {run["context"]["task_id"] for run in runs} == {
        each["context"]["task_id"] for each in named(rows, "publish shop.charge")
    }
    assert {run["service"] for run in runs} == {"worker"}


def test_a_try_that_fails_for_now_is_a_warning(rows: list[dict[str, Any]]):
    """
    Each try is a hop of its own with its number; one that is repeated says why.
    """
    tries = sorted(named(rows, "run shop.flaky"), key=lambda row: row["context"]["try"])
    assert [(row["level"], row["context"]["try"]) for row in tries] == [("warn", 1), ("info", 2)]
    assert "bank is away" in tries[0]["context"]["tried_again"]


def test_a_failure_is_an_error_with_its_cause(rows: list[dict[str, Any]]):
    """
    A task that raises is an error with the exception and its stack.
    """
    (failed,) = named(rows, "run shop.fail")
    assert (failed["level"], failed["error"]["type"], failed["error"]["message"]) == (
        "error",
        "ValueError",
        "no card",
    )
    assert "in fail" in failed["stack"]


def added(a: int, b: int) -> int:
    return a + b


def test_undoing_leaves_nothing():
    """
    A second call adds nothing; after the undo a task that runs at once is not logged.
    """
    sink = MemorySink()
    client = Client(sinks=(sink,))
    app = Celery("quiet", broker="memory://", backend="cache+memory://")
    app.conf.task_always_eager = True
    add = app.task(name="quiet.add")(added)
    undo = integration.setup(app, client=client)
    again = integration.setup(app, client=client)
    with tracelog.trace("outer"):
        assert add.delay(1, 2).get() == 3
    again()
    undo()
    add.delay(3, 4)
    client.shutdown()
    assert [entry.message for entry in sink.entries] == ["run quiet.add"]
