"""
A soak: a browser, an edge worker and a backend load one server for ten minutes, and what it holds stays flat.

The month is set so small that its budget is used up on the way: a receiver of alerts hears each level once, signed.
Exit code 1 where the ledger of a system does not agree with what it logged, where memory, open files or the queue
grew, or where the alerts are others.

    python tests/bench/soak_systems.py [seconds] [entries a second of each system] [sqlite or redis]
"""

import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.cli.started import ROOT, plain_environment
from tests.stores.servers import RealServer, free_port

LOOK_S = 2.0
SECRET = "soak"
WRITES = 400
"""Of the month: what the guard lets pass of this load in half a minute."""

SETTINGS = """
[tool.tracelog]
store = "{store}"
archive = ["ndjson:archive.ndjson"]
alert_url = "http://127.0.0.1:{alerts}/"
alert_secret = "{secret}"
quota = {{ limit = 20000, monthly_writes = {writes} }}
"""

GROWTH = 1.1
"""How much larger the last quarter's median may be than the second quarter's: the first one fills caches."""


HEARD = []


class Receiver(BaseHTTPRequestHandler):
    """
    Notes what signed alerts say.
    """

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        parts = dict(part.split("=", 1) for part in self.headers["x-tracelog-signature"].split(","))
        right = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        HEARD.append(json.loads(body) if hmac.compare_digest(right, parts["v1"]) else {"kind": "forged"})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """
        Say nothing.
        """


def ask(port, path):
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return json.load(answer)


def look(pid, port):
    """
    Return resident MiB, open files, and batches that wait to be processed.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    waiting = ask(port, "/api/v1/status")["processing"]["waiting"]
    return resident / 1024, len([*Path(f"/proc/{pid}/fd").iterdir()]), waiting


def soak(folder, store, port, alerts, seconds, rate):
    """
    Return whether the load agrees with the ledger, and what was seen meanwhile.
    """
    said = SETTINGS.format(store=store, alerts=alerts, secret=SECRET, writes=WRITES)
    (folder / "pyproject.toml").write_text(said, encoding="utf-8")
    log = (folder / "server.log").open("wb")
    serve = [sys.executable, "-m", "tracelog", "serve", "--port", str(port)]
    server = subprocess.Popen(serve, cwd=folder, env=plain_environment(), stderr=log)
    try:
        wait_until_ready(port)
        load = [
            sys.executable,
            str(ROOT / "examples/load_three_systems.py"),
            "--url",
            f"http://127.0.0.1:{port}",
        ]
        load += ["--seconds", str(seconds), "--rate", str(rate)]
        working = subprocess.Popen(load, env=plain_environment())
        seen = []
        while working.poll() is None:
            seen.append(look(server.pid, port))
            time.sleep(LOOK_S)
        drained(port)
        return working.returncode == 0, seen
    finally:
        server.terminate()
        server.wait()
        log.close()


def wait_until_ready(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return ask(port, "/readyz")
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not become ready")


def drained(port):
    """
    Wait until all is processed.
    """
    end = time.monotonic() + 60
    while ask(port, "/api/v1/status")["processing"]["waiting"] and time.monotonic() < end:
        time.sleep(0.1)


def flat(name, values):
    """
    Print how *values* went, and return whether they grew no further after the first quarter.
    """
    quarter = max(1, len(values) // 4)
    early, late = statistics.median(values[quarter : 2 * quarter]), statistics.median(values[-quarter:])
    holds = late <= early * GROWTH + 2
    print(f"{name:22} {early:8.1f} then {late:8.1f}, at most {max(values):8.1f}{'' if holds else '  GREW'}")
    return holds


def main():
    seconds, rate, kind = (*sys.argv[1:], *("600", "300", "sqlite")[len(sys.argv) - 1 :])
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with RealServer(folder) if kind == "redis" else nullcontext() as server:
            store = server.url if server else "sqlite:///soak.db"
            agree, seen = soak(folder, store, free_port(), receiver.server_port, float(seconds), float(rate))
    receiver.shutdown()
    names = ("resident MiB", "open files", "batches that wait")
    holds = [flat(name, values) for name, values in zip(names, zip(*seen, strict=True), strict=True)]
    levels = [alert["data"].get("level") for alert in HEARD if alert["kind"] == "budget"]
    others = [alert["kind"] for alert in HEARD if alert["kind"] != "budget"]
    print(f"alerts of the budget: {levels}; others: {others}")
    return 0 if agree and all(holds) and levels == [1, 2, 3] else 1


if __name__ == "__main__":
    sys.exit(main())
