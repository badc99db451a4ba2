"""
A server archives through a real OpenTelemetry collector, rotel of its own process, to another server: every entry
arrives there once, in JSON and in protobuf, and what was stored before the collector listened arrives, too.

    python tests/bench/soak_collector.py [entries]

The collector is a peer of the benchmarks: `python3 dev.py bench commands` installs it (Linux on x86-64).
"""

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.server.running import Running
from tests.stores.servers import free_port

ENTRIES = 2_000
A_POST = 100
PATIENCE_S = 120.0
"""A batch that the collector did not take comes back after the lease of 30 seconds."""


def binary() -> str:
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        sys.exit("rotel is not installed: `python3 dev.py bench commands` installs it")
    return str(Path(found.origin).with_name("rotel-agent"))


def collector(port: int, to: int) -> "subprocess.Popen[bytes]":
    """
    Start a collector at *port* that sends on to the server at port *to*.
    """
    options = {
        "otlp-http-endpoint": f"127.0.0.1:{port}",
        "otlp-grpc-endpoint": f"127.0.0.1:{free_port()}",
        "otlp-exporter-endpoint": f"http://127.0.0.1:{to}",
        "otlp-exporter-protocol": "http",
        "batch-timeout": "200ms",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.Popen([binary(), "start", *given], stdout=subprocess.DEVNULL)


def entry(encoding: str, number: int):
    return {
        "id": f"{encoding}-{number}",
        "trace_id": f"collected-{encoding}",
        "level": "error",
        "system": "backend",
        "message": f"entry {number} {chr(97 + number % 26) * (number // 26 % 60 + 3)}",
        "duration_ms": number + 0.5,  # spans are not folded, so each entry is a row
    }


def run(encoding: str, entries: int) -> bool:
    """
    Send *entries* to the first server, start the collector when half are stored, and return whether the second
    server has each of them once.
    """
    port, began = free_port(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Running() as last:
        url = f"otlp+http://127.0.0.1:{port}?encoding={encoding}&dead_letter={folder}/dead.ndjson"
        with Running(process=True, process_interval=0.2, process_sample=1.0, archive=(url,)) as first:
            for start in range(0, entries // 2, A_POST):
                first.post([entry(encoding, number) for number in range(start, start + A_POST)])
            failures = 0
            while not failures:
                told = first.get("/api/v1/status").json["processing"]
                failures = (told or {}).get("archived", {}).get("otlp", {}).get("failed", 0)
            middle = collector(port, last.port)
            try:
                for start in range(entries // 2, entries, A_POST):
                    first.post([entry(encoding, number) for number in range(start, start + A_POST)])
                found: Counter[str] = Counter()
                while len(found) < entries and time.monotonic() - began < PATIENCE_S:
                    time.sleep(0.5)
                    answer = last.get(f"/api/v1/traces/collected-{encoding}")
                    found = Counter(each["id"] for each in answer.json.get("entries", ()))
            finally:
                middle.terminate()
                middle.wait()
            status = first.get("/api/v1/status").json["processing"]
        dead = Path(folder, "dead.ndjson").exists()
    print(
        f"{encoding}: {entries:,} stored, {len(found):,} at the far end, {found.total() - len(found)} twice, "
        f"{failures}+ tries before the collector was there, {status['archived']['otlp']}, {time.monotonic() - began:.0f} s"
    )
    return len(found) == found.total() == entries and not dead


def main():
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    return 0 if all(run(encoding, entries) for encoding in ("json", "protobuf")) else 1


if __name__ == "__main__":
    sys.exit(main())
