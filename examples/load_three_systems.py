"""
A browser, an edge worker and a backend load one server at once, and its ledger is checked against theirs:
`tracelog serve`, then `python examples/load_three_systems.py --seconds 600 --rate 500`.

Every trace goes through all three. The browser sends batches with its own ledger as `/tracelog.js` does, the
worker one batch of lines for each request, from isolates that live for a while, the backend uses the Python
client. At the end the sums are printed; the exit code is 1 where an entry is unaccounted for.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import tracelog

BATCH = 400
ISOLATE = 2_000
"""Entries that one worker isolate says before the next one takes over."""

PATIENCE_S = 60.0
"""How long a batch is tried again while the server is away."""

OUTCOMES = ("suppressed", "limited", "rejected", "dropped")


class Load(NamedTuple):
    """
    What each system is told: where to log, for how long, how much a second, and which run this is.
    """

    url: str
    key: str | None
    seconds: float
    rate: float
    run: str

    def turns(self) -> Iterator[range]:
        """
        Yield the numbers of the entries that are due, four times a second.
        """
        began, made = time.monotonic(), 0
        while (passed := time.monotonic() - began) < self.seconds:
            due = int(self.rate * passed)
            yield range(made, due)
            made = due
            time.sleep(0.25)

    def trace(self, number: int) -> str:
        """
        Return the trace that the entry *number* of each system belongs to: five of each make one.
        """
        return f"{self.run}{number // 5:024x}"

    def entry(self, number: int, message: str, **who: Any) -> dict[str, Any]:
        """
        Return the entry *number* of a system; *who* is its system, source and running number.
        """
        level = "error" if number % 97 == 0 else "info"
        said = {"trace_id": self.trace(number), "timestamp": time.time() * 1000.0, "level": level}
        return {"id": f"{who['source']}-{who['seq']}", **who, **said, "message": message}

    def post(self, body: str, kind: str) -> None:
        """
        Send *body* until the server has taken or refused it; ids make it harmless to send something twice.
        """
        where = f"{self.url}/log" + (f"?key={quote(self.key)}" if self.key else "")
        ends = time.monotonic() + PATIENCE_S
        while True:
            status, pause = _attempt(where, body.encode(), kind)
            if status in {401, 403}:
                raise SystemExit(f"{self.url} answers {status}; name a key with --key or TRACELOG_KEY")
            if status and status < 500:
                return
            if time.monotonic() > ends:
                raise SystemExit(
                    f"no answer from {self.url} for {PATIENCE_S:.0f} s (last: {status or 'none'})"
                )
            time.sleep(pause)


def _attempt(where: str, body: bytes, kind: str) -> tuple[int, float]:
    parts = urlsplit(where)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30.0)
    try:
        connection.request("POST", f"{parts.path}?{parts.query}", body, {"content-type": kind})
        answer = connection.getresponse()
        answer.read()
        return answer.status, float(answer.getheader("retry-after") or 1.0)
    except (OSError, http.client.HTTPException):
        return 0, 1.0
    finally:
        connection.close()


def browser(load: Load) -> dict[str, int]:
    """
    Log as a page does, and return what each source has logged.
    """
    source, sent = f"load-browser-{os.urandom(4).hex()}", 0
    for due in load.turns():
        for at in range(due.start, due.stop, BATCH):
            numbers = range(at, min(at + BATCH, due.stop))
            entries = [
                load.entry(n, f"rendered view {n % 7} of cart {n}", system="browser", source=source, seq=n)
                for n in numbers
            ]
            sent += len(entries)
            load.post(_parcel(source, sent, len(entries), entries), "text/plain")
    load.post(_parcel(source, sent, 0, []), "text/plain")
    return {source: sent}


def worker(load: Load) -> dict[str, int]:
    """
    Log as an edge worker does: its isolates have names and numbers of their own.
    """
    logged: dict[str, int] = {}
    source = ""
    for due in load.turns():
        for at in range(due.start, due.stop, 5):
            if not source or logged[source] >= ISOLATE:
                source = f"load-worker-{os.urandom(4).hex()}"
                logged[source] = 0
            first = logged[source]
            numbers = range(at, min(at + 5, due.stop))
            entries = (
                load.entry(
                    n, f"GET /cart/{n}, {n % 90} ms", system="worker", source=source, seq=first + n - at
                )
                for n in numbers
            )
            lines = [json.dumps(entry) for entry in entries]
            logged[source] += len(lines)
            load.post("\n".join(lines), "application/x-ndjson")
    return logged


def backend(load: Load) -> dict[str, int]:
    """
    Log with the Python client.
    """
    client = tracelog.Client(url=load.url, key=load.key, service="load", system="backend")
    log = client.get_logger("load")
    for due in load.turns():
        for number in due:
            with client.trace("", trace_id=load.trace(number)) if number % 5 == 0 else client.span("step"):
                log.info("charged %d cents for order %d", number % 900, number, order=number)
    client.shutdown(PATIENCE_S)
    return {client.source: client.stats()["emitted"]}


def _parcel(source: str, emitted: int, in_flight: int, entries: list[dict[str, Any]]) -> str:
    report = {"emitted": emitted, "in_flight": in_flight}
    return json.dumps({"report": report, "source": source, "entries": entries})


def ledger(load: Load, source: str) -> dict[str, Any]:
    """
    Return the server's account of *source*.
    """
    request = urllib.request.Request(f"{load.url}/api/v1/ledger?source={quote(source)}")  # noqa: S310 - http
    if load.key:
        request.add_header("authorization", f"Bearer {load.key}")
    with urllib.request.urlopen(request, timeout=30.0) as answer:  # noqa: S310 - http
        found: dict[str, Any] = json.load(answer)
        return found


def told(name: str, logged: dict[str, int], accounts: list[dict[str, Any]]) -> bool:
    """
    Print one line of sums, and return whether they agree.
    """
    sums = {outcome: sum(sum(account[outcome].values()) for account in accounts) for outcome in OUTCOMES}
    stored = sum(account["stored"] for account in accounts)
    said = sum(logged.values())
    agrees = said == stored + sum(sums.values()) and all(account["balanced"] for account in accounts)
    parts = [f"{stored:,} stored", *(f"{count:,} {outcome}" for outcome, count in sums.items() if count)]
    print(f"{name:8} {said:>10,} logged = {' + '.join(parts)}{'' if agrees else '  DOES NOT AGREE'}")
    return agrees


def main() -> None:
    options = argparse.ArgumentParser(description="Load a server from three systems at once.")
    options.add_argument("--url", default=os.environ.get("TRACELOG_URL", "http://127.0.0.1:8787"))
    options.add_argument(
        "--key", default=os.environ.get("TRACELOG_KEY"), help="a key that may write and read"
    )
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--rate", type=float, default=300.0, help="entries a second of each system")
    given = options.parse_args()
    load = Load(given.url.rstrip("/"), given.key, given.seconds, given.rate, os.urandom(4).hex())
    systems = (browser, worker, backend)
    with ProcessPoolExecutor(len(systems)) as pool:
        runs = [pool.submit(system, load) for system in systems]
        logged = [run.result() for run in runs]
    agree = [
        told(system.__name__, said, [ledger(load, source) for source in said])
        for system, said in zip(systems, logged, strict=True)
    ]
    total = sum(sum(said.values()) for said in logged)
    rate = total / given.seconds
    print(f"{total:,} entries, {rate:,.0f} a second, {'all' if all(agree) else 'NOT all'} accounted for")
    sys.exit(0 if all(agree) else 1)


if __name__ == "__main__":
    main()
