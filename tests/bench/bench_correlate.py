"""
How fast a trace becomes a report, beside the least that a person would write by hand.

    python3 dev.py bench correlate

The peer reads the same NDJSON with `json.loads`, sorts by time and groups neighbours with equal text; it knows no
sources, hops, clocks, chains or silences. Both run in one process on the same bytes, the best of several rounds each.
Entries are decoded as the server decodes them. The timeline alone, from stored JSON, has jq, pandas and DuckDB beside it, which do what the peer does: the latter two
from the text of all lines, DuckDB with one thread from a file, since it reads nothing else.
"""

import gc
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from itertools import groupby
from pathlib import Path
from time import process_time

try:
    import duckdb
    import pandas as pd
except ModuleNotFoundError as absent:
    sys.exit(f"bench_correlate.py: {absent.name} is not installed; `python3 dev.py bench correlate` gets it.")

sys.path.insert(0, str(Path(__file__).parents[2]))

from tracelog.core.entry import Entry, encode_entry
from tracelog.core.shared_names import decode_entries
from tracelog.correlation import correlate, timeline_of_json

NEEDS = ("jq",)

SYSTEMS = ("browser", "worker", "convex", "backend")
GOALS_MS = {10_000: 60.0, 100_000: 800.0}
TIMELINE_MS = 25.0
"""For every 10,000 entries."""

JQ = "sort_by(.timestamp) | group_by([.system, .level, .message])[] | [.[0].timestamp, .[0].message, length]"


def trace(size: int) -> list[Entry]:
    """
    Return *size* entries of four systems as they are fetched, within some places of the order in which they happened.

    There is a hop for every 20 entries, 2 % are errors, and some repeat.
    """
    draw = random.Random(size)
    entries = []
    for n in range(size):
        hop = n // 20
        system = SYSTEMS[hop % 4]
        at = 1_772_635_201_840.0 + n * 0.7
        closes = n % 20 == 19
        message = f"step {n % 7} of order {n}" if n % 3 else f"cache lookup for cart {hop} done"
        entries.append(
            Entry(
                id=f"{system}-{n}",
                trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
                timestamp=at - 13.0 if closes else at,
                system=system,
                service="shop",
                level="error" if draw.random() < 0.02 else "info",
                message=message,
                span_id=f"{hop + 1:016x}",
                parent_id=f"{hop // 2 + 1:016x}" if hop and closes else None,
                duration_ms=13.0 if closes else None,
                source=f"{system}-{hop % 8}",
                seq=n,
                context={"route": "/checkout", "attempt": n % 3, "user": {"id": "u-81"}},
            )
        )
    arrival = sorted(range(size), key=lambda n: n + draw.random() * 100)
    return [entries[n] for n in arrival]


def naive(lines: list[bytes]) -> int:
    rows = [json.loads(line) for line in lines]
    rows.sort(key=lambda row: row["timestamp"])
    return sum(1 for _ in groupby(rows, key=lambda row: (row["system"], row["level"], row["message"])))


def by_pandas(text: bytes) -> int:
    rows = pd.read_json(BytesIO(text), lines=True, dtype=False).sort_values("timestamp", kind="stable")
    said = rows[["system", "level", "message"]]
    return int((said != said.shift()).any(axis=1).sum())


def by_duckdb(file: str) -> int:
    with duckdb.connect(config={"threads": 1}) as base:
        found = base.execute(
            "select timestamp, system, level, message, (system, level, message) is distinct from"
            " lag((system, level, message)) over (order by timestamp) from read_ndjson(?) order by timestamp",
            [file],
        )
        return sum(row[-1] for row in found.fetchall())


def by_jq(lines: list[bytes]) -> float:
    """
    Return the milliseconds of CPU time that jq takes.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["jq", "-s", "-c", JQ], input=b"\n".join(lines), stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """
    Return for each of *runs* its least milliseconds of CPU time. Rounds take turns, so a slow minute hits all alike.
    """
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            begin = process_time()
            run()
            least[name] = min(least[name], (process_time() - begin) * 1000)
    return least


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(folder)
    gc.unfreeze()


def compare(folder: str) -> None:
    gc.freeze()  # what the libraries of the peers hold is not looked through while we are measured
    for size, goal in GOALS_MS.items():
        lines = [encode_entry(entry) for entry in trace(size)]
        entries = decode_entries(lines)
        text = b"\n".join(lines)
        file = f"{folder}/{size}.ndjson"
        Path(file).write_bytes(text)
        assert naive(lines) == by_pandas(text) == by_duckdb(file)
        took = best(
            {
                "report": lambda entries=entries: correlate(entries),
                "all": lambda lines=lines: correlate(decode_entries(lines)).to_json(),
                "timeline": lambda lines=lines: timeline_of_json(lines),
                "peer": lambda lines=lines: naive(lines),
                "pandas": lambda text=text: by_pandas(text),
                "duckdb": lambda file=file: by_duckdb(file),
            },
            rounds=15 if size <= 10_000 else 5,
        )
        print(
            f"{size:>7,} entries: report {took['report']:6.1f} ms (goal {goal:.0f}), "
            f"decode + report + to_json {took['all']:6.1f} ms; json.loads + sort + groupby {took['peer']:6.1f} ms; "
            f"timeline of JSON {took['timeline']:6.1f} ms (goal {TIMELINE_MS * size / 10_000:.0f}), "
            f"jq {min(by_jq(lines) for _ in range(3)):,.0f} ms, pandas {took['pandas']:,.0f} ms, "
            f"DuckDB {took['duckdb']:,.0f} ms; timeline / peer {took['timeline'] / took['peer']:.2f}; "
            f"report / peer {took['report'] / took['peer']:.2f}, all / peer {took['all'] / took['peer']:.2f}"
        )


if __name__ == "__main__":
    main()
