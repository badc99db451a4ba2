"""
Gunicorn: workers forked from a master that has loaded the app and configured the client, and replaced after a
while.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys

from tests.cli.started import ROOT, plain_environment
from tests.server.running import Running

APP = """
import logging, os
import tracelog
from tracelog.integrations import logging as stdlib
from tracelog.integrations.wsgi import Middleware

tracelog.configure(url={url!r}, service="web", flush_on_sigterm=True)
stdlib.setup()
log = tracelog.get_logger("web")
log.info("master")

def page(environ, start_response):
    log.info("page " + environ["QUERY_STRING"])
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]

app = Middleware(page)
"""

SAID = """
import tracelog
tracelog.configure(service="web", sinks=["stdout:"])
tracelog.instrument("logging", "gunicorn")
from tracelog.integrations.wsgi import Middleware

def page(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]

watched = Middleware(page)

def app(environ, start_response):
    return (page if environ["PATH_INFO"] == "/alone" else watched)(environ, start_response)
"""

REQUESTS = 60
PER_WORKER = 10
OPTIONS = (
    "--preload",
    "--workers=2",
    f"--max-requests={PER_WORKER}",
    "--bind=127.0.0.1:0",
    "--no-control-socket",
    "--log-level=info",
)


def test_workers_that_are_replaced_lose_nothing(tmp_path):
    """
    Every request of every worker, and what the master logged before it forked, is stored once; gunicorn's own lines
    are entries, too; SIGTERM ends it as ever.
    """
    with Running() as server:
        paths = os.pathsep.join([str(ROOT), str(tmp_path), os.environ.get("PYTHONPATH", "")])
        (tmp_path / "shop.py").write_text(APP.format(url=f"http://127.0.0.1:{server.port}"))
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *OPTIONS, "shop:app"],
            cwd=tmp_path,
            env={**plain_environment(), "PYTHONPATH": paths, "XDG_STATE_HOME": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            port = next(int(found[1]) for line in process.stderr if (found := re.search(r"1:(\d+) \(", line)))
            pids = {ask(port, number) for number in range(REQUESTS)}
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
        messages = server.messages()
        ledger = server.get("/api/v1/ledger").json
    assert (process.returncode, "Traceback" in said) == (0, False)
    assert len(pids) > 2
    pages = sorted(message for message in messages if message.startswith("page "))
    assert pages == sorted(f"page {number}" for number in range(REQUESTS))
    assert messages.count("master") == 1
    assert any(message.startswith("Booting worker") for message in messages)
    assert (ledger["dropped"], ledger["balanced"]) == ({}, True)


def ask(port: int, number: int) -> bytes:
    """
    Return what the worker that answers says of itself; a connection that a worker closed as it left is tried again.
    """
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", f"/?{number}")
            return connection.getresponse().read()
        except ConnectionError:
            continue
        finally:
            connection.close()
    raise AssertionError(number)


def test_the_access_line_belongs_to_its_request(tmp_path):
    """
    What gunicorn says of a request that is watched stands in its hop; of another one it is said as ever.
    """
    (tmp_path / "said.py").write_text(SAID)
    options = ("--bind=127.0.0.1:0", "--no-control-socket", "--access-logfile=/dev/null")
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options, "said:app"],
        cwd=tmp_path,
        env={**plain_environment(), "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = next(int(found[1]) for line in process.stderr if (found := re.search(r"1:(\d+) \(", line)))
        for path in ("/seen", "/alone"):
            request = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            request.request("GET", path)
            assert request.getresponse().read() == b"x"
            request.close()
        process.send_signal(signal.SIGTERM)
        lines, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    entries = [json.loads(line) for line in lines.splitlines()]
    (seen,) = [entry for entry in entries if entry["message"] == "GET /seen"]
    said = {
        entry["message"].split('"')[1]: entry for entry in entries if entry["logger"] == "gunicorn.access"
    }
    assert said["GET /seen HTTP/1.1"]["span_id"] == seen["span_id"]
    assert said["GET /alone HTTP/1.1"]["trace_id"] != seen["trace_id"]
