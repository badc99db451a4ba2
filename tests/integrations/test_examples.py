"""
The examples of the integrations run as they stand.
"""

import functools
import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.cli.started import ROOT, plain_environment
from tests.stores.servers import RealServer

pytestmark = pytest.mark.xdist_group("examples")  # an example that two tests look at runs once
HERE = ROOT / "examples/integrations"

EXAMPLES = {
    "aiohttp_app.py": {"ordering tea", "GET /orders/tea", "GET /stock"},
    "celery_tasks.py": {"publish shop.charge", "run shop.charge", "charging", "place order"},
    "django_app.py": {"ordering tea", "ordering cup", "GET /orders/cup"},
    "flask_app.py": {"ordering tea", "ordering cup", "GET /orders/cup"},
    "litestar_app.py": {"ordering tea", "ordering cup", "GET /orders/tea", "GET /orders/cup"},
    "lambda_function.py": {"charging", "invoke charge"},
    "outgoing.py": {"place order", "serve /httpx", "serve /httpx2", "serve /requests", "serve /urllib3"},
    "pools.py": {
        *(f"packing {item}" for item in ("tea", "cup", "pot", "milk", "sugar", "spoon")),
        "place order",
    },
    "relay_app.py": {"ordering tea"},
    "rq_jobs.py": {"publish rq_jobs.charge", "run rq_jobs.charge", "charging"},
    "with_loguru.py": {"ordering tea", "order refused", "place order"},
    "wsgi_app.py": {"ordering tea", "GET /orders/tea"},
    "auto.py": {"ordering cup", "GET /orders/cup", "GET /stock/cup"},
    "fastapi_app.py": {"ordering tea", "ordering cup", "GET /orders/tea", "GET /orders/cup"},
    "stdlib_logging.py": {"ordering tea", "ordering cup", "no cup in stock", "place order"},
    "with_structlog.py": {"order received", "order refused", "place order"},
}
"""Messages that each example must have logged."""


ONE_TRACE = {
    "aiohttp_app.py",
    "celery_tasks.py",
    "lambda_function.py",
    "outgoing.py",
    "pools.py",
    "rq_jobs.py",
}


@functools.cache
def run(name):
    command = [sys.executable, "-W", "error", str(HERE / name), "--once"]
    with store() if name == "rq_jobs.py" else nullcontext({}) as variables:
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**plain_environment(), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def store():
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as server:
        yield {"REDIS_URL": server.url}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_logs_what_it_says(name):
    """
    The example ends well, and its entries are those that its program tells of.
    """
    done = run(name)
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert {entry["message"] for entry in entries} >= EXAMPLES[name]
    if name in ONE_TRACE:
        assert len({entry["trace_id"] for entry in entries}) == 1


def test_every_example_is_tried():
    """
    No example stands there that no test runs.
    """
    assert sorted(path.name for path in HERE.glob("*.py")) == sorted(EXAMPLES)


def test_five_lines_make_one_trace():
    """
    With `instrument("auto")` the caller's call, both requests, the call between them, the log call and the exception
    are one trace, hop by hop, without touching the app.
    """
    done = run("auto.py")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    spans = {entry["span_id"]: entry for entry in entries if "duration_ms" in entry}
    failed = next(entry for entry in spans.values() if entry["message"] == "GET /stock/cup")
    chain = [failed]
    while parent := spans.get(chain[-1].get("parent_id")):
        chain.append(parent)
    assert [entry["message"].split("127.0.0.1")[0] for entry in chain] == [
        "GET /stock/cup",
        "GET http://",
        "GET /orders/cup",
        "GET http://",
    ]
    assert failed["error"]["type"] == "KeyError"
    assert "ordering cup" in {
        entry["message"] for entry in entries if entry["trace_id"] == failed["trace_id"]
    }
