"""
RQ: a real worker on a real Valkey, which runs each job in a process that it forks.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Retry

import tracelog
from tests.cli.started import ROOT, plain_environment
from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.client.client import Client
from tracelog.integrations import rq as integration
from tracelog.sinks.memory import MemorySink

pytestmark = pytest.mark.xdist_group("rq")  # its tests share one worker's run
WORKER = """
import sys
import tracelog
from redis import Redis
from rq import Queue, Worker
from tracelog.integrations import rq

tracelog.configure(url={url!r}, service="worker")
rq.setup()
Worker([Queue(connection=Redis.from_url({store!r}))]).work(burst=True)
"""

JOBS = """
import tracelog

log = tracelog.get_logger("shop")

def charge(order):
    log.info("charging", order=order)
    return order

def fail():
    raise ValueError("no card")
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """
    What the store holds of one trace, once a worker has done its jobs.
    """
    folder = tmp_path_factory.mktemp("rq")
    with RealServer(folder) as store, Running() as running:
        url = f"http://127.0.0.1:{running.port}"
        (folder / "jobs.py").write_text(JOBS)
        (folder / "worker.py").write_text(WORKER.format(url=url, store=store.url))
        client = Client(url=url, service="publisher")
        undo = integration.setup(client=client)
        with Redis.from_url(store.url) as connection:
            queue = Queue(connection=connection)
            with client.trace("place order") as trace:
                queue.enqueue("jobs.charge", 12)
                queue.enqueue("jobs.fail", retry=Retry(max=1))
        undo()
        client.shutdown(5.0)
        env = {**plain_environment(), "PYTHONPATH": f"{ROOT}:{folder}"}
        subprocess.run(
            [sys.executable, "worker.py"], cwd=folder, env=env, check=True, capture_output=True, timeout=60
        )
        yield json.loads(running.get(f"/api/v1/traces/{trace.trace_id}").body)["entries"]


def named(rows: list[dict[str, Any]], message: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["message"] == message]


def test_a_job_goes_on_in_the_trace_of_who_enqueued_it(rows: list[dict[str, Any]]):
    """
    The run of a job is a child of its publication, and what the job logs stands in its run.
    """
    (published,), (run,) = named(rows, "publish jobs.charge"), named(rows, "run jobs.charge")
    (line,) = named(rows, "charging")
    assert run["parent_id"] == published["span_id"]
    assert line["span_id"] == run["span_id"]
    assert (published["service"], run["service"]) == ("publisher", "worker")
    assert run["context"]["job_id"] == published["context"]["job_id"]


def test_the_last_try_is_the_error(rows: list[dict[str, Any]]):
    """
    A try that is repeated is a warning, the last one an error with its cause.
    """
    tries = named(rows, "run jobs.fail")
    assert [row["level"] for row in tries] == ["warn", "error"]
    assert tries[0]["context"]["tried_again"] == "ValueError: no card"
    assert tries[1]["error"]["message"] == "no card"
    assert len(named(rows, "publish jobs.fail")) == 1


def test_undoing_leaves_nothing(tmp_path):
    """
    A second call adds nothing, and after the undo nothing is logged.
    """
    sink = MemorySink()
    client = Client(sinks=(sink,))
    undo, again = integration.setup(client=client), integration.setup(client=client)
    with RealServer(tmp_path) as store, Redis.from_url(store.url) as connection, tracelog.trace("outer"):
        queue = Queue(connection=connection)
        queue.enqueue("jobs.one")
        again()
        undo()
        queue.enqueue("jobs.two")
    client.shutdown()
    assert [entry.message for entry in sink.entries] == ["publish jobs.one"]
