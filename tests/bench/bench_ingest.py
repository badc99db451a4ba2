"""
`POST /log` acknowledged by a real Redis: ours beside a plain FastAPI + redis-py endpoint, in the same run.

Claim: at 64 connections at least 6 times the entries a second in single entries, and at least 8 times in batches
of 100 that hold entries of ten requests each. Each server runs alone on one core, wrk and Redis share the other; trace
ids are drawn from a thousand, entry ids are new each time, and both servers answer only after Redis has answered.

    python tests/bench/bench_ingest.py
"""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.stores.servers import RealServer, free_port

NEEDS = ("wrk",)
ROUNDS = 7
SECONDS = 2
BARS = {1: 6.0, 100: 8.0}
TRACES = {1: 1, 100: 10}
"""Traces that the entries of one batch belong to."""
HERE = Path(__file__).parent

WRK = """
local batch = %d
math.randomseed(os.time())
local counter, run, first = 0, math.random(1e9), 0
local function entry(i)
  counter = counter + 1
  return string.format('{"id":"%%d-%%d","trace_id":"trace_%%d","system":"backend","level":"info",' ..
    '"message":"order %%d accepted by the warehouse","timestamp":%%d,"user_id":"user_%%d",' ..
    '"context":{"path":"/api/orders","status":200,"duration":12.5,"attempt":1,"region":"eu-west-1","cached":false}}',
    run, counter, (first + i %% %d) %% 1000, counter, %d, counter %% 97)
end
request = function()
  local entries = {}
  first = math.random(1000)
  if batch == 1 then return wrk.format("POST", "/log", {["content-type"] = "application/json"}, entry(0)) end
  for i = 1, batch do entries[i] = entry(i) end
  return wrk.format("POST", "/log", {["content-type"] = "application/json"}, "[" .. table.concat(entries, ",") .. "]")
end
"""


@contextmanager
def server(command, variables):
    process = subprocess.Popen(
        ["taskset", "-c", "1", sys.executable, *command],
        env={**os.environ, **variables},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def wait_for(port):
    """
    Return once the server on *port* takes an entry.
    """
    body = b'{"id":"warm","trace_id":"warm","system":"backend","level":"info","message":"up","timestamp":1795000000000}'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/log", body, {"content-type": "application/json"}
    )
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(request, timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def load(port, script):
    """
    Return the entries a second that 64 connections get acknowledged, and how many answers were no success.
    """
    command = ["taskset", "-c", "0", "wrk", "-t1", "-c64", f"-d{SECONDS}s", "-s", str(script)]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
    ).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return rate, int(bad.group(1)) if bad else 0


def main():
    if shutil.which("wrk") is None:
        raise SystemExit("this benchmark needs wrk; `python3 dev.py bench ingest` installs it where it can")
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as redis:
        subprocess.run(["taskset", "-pc", "0", str(redis.process.pid)], check=True, capture_output=True)
        ports = {"tracelog": free_port(), "fastapi + redis-py": free_port()}
        commands = {
            "tracelog": [str(HERE / "peers" / "tracelog_server.py"), str(ports["tracelog"]), redis.url],
            "fastapi + redis-py": [
                "-m",
                "uvicorn",
                "--app-dir",
                str(HERE / "peers"),
                "fastapi_redis:app",
                "--port",
                str(ports["fastapi + redis-py"]),
                "--log-level",
                "error",
                "--no-access-log",
                "--loop",
                "uvloop",
                "--http",
                "httptools",
            ],
        }
        rates = {(name, batch): [] for name in commands for batch in BARS}
        refused = 0
        now = int(time.time() * 1000)
        for round_number in range(ROUNDS):
            for name, command in commands.items():
                with server(command, {"BENCH_REDIS": redis.url}):
                    wait_for(ports[name])
                    for batch in BARS:
                        script = Path(folder) / f"{batch}.lua"
                        script.write_text(WRK % (batch, TRACES[batch], now))
                        rate, bad = load(ports[name], script)
                        refused += bad
                        rates[name, batch].append(rate * batch)
                        with socket.create_connection(("127.0.0.1", redis.port)) as line:
                            line.sendall(b"FLUSHALL\r\n")  # every round starts with an empty store
                            line.recv(64)
            print(f"round {round_number + 1} of {ROUNDS}", file=sys.stderr)
        print(f"entries a second, acknowledged; median of {ROUNDS} interleaved rounds; {refused} refused")
        for (name, batch), values in rates.items():
            print(f"{name:<22} batch {batch:<4}{statistics.median(values):>12,.0f}")
        for batch, bar in BARS.items():
            pairs = zip(rates["tracelog", batch], rates["fastapi + redis-py", batch], strict=True)
            print(
                f"ratio at batch {batch:<4}{statistics.median(a / b for a, b in pairs):>8.1f}   (bar {bar})"
            )


if __name__ == "__main__":
    main()
