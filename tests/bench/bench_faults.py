"""
What becomes of log entries when something goes wrong, with sentry-sdk and the OpenTelemetry SDK in the same run.

Claim: in no row of the table does tracelog lose an entry silently, store one twice, hang, or keep a program for
longer than its exit timeout of 2 s and a little; with a spool it loses none at all but what the last 0.1 s before a
kill logged. Each program writes an id to a side file before it logs it; what arrived and what was reported is
counted at the other end.

    python tests/bench/bench_faults.py
"""

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.scenario import Outcome, Place, Scenario, ours, peer, serving
from tests.faults.table import TABLE, markdown

PEERS = {"sentry": "sentry-sdk", "opentelemetry": "opentelemetry-sdk"}
FORKS = 12
"""Runs of the row with `os.fork`: what hangs there does so now and then."""

EXIT_S = 2.2
"""The exit timeout and what a process takes to end; more is told, not judged, where the machine is busy."""


def runs(scenario: Scenario, folder: Path, place: Place) -> dict[str, list[Outcome]]:
    """
    Return the outcomes of all clients in *scenario*.
    """
    found: dict[str, list[Outcome]] = {}
    for run in range(FORKS if scenario.body == "fork" else 1):
        for client, package in PEERS.items():
            where = made(folder, f"{client}-{run}")
            found.setdefault(f"{package} {version(package)}", []).append(peer(client, scenario, where))
        where = made(folder, f"tracelog-{run}")
        found.setdefault("tracelog", []).append(ours(scenario, where, place))
        where = made(folder, f"kept-{run}")
        options = {"spool": str(where / "spool"), "flush_on_sigterm": True}
        found.setdefault("tracelog, `spool` and `flush_on_sigterm`", []).append(
            ours(scenario, where, place, **options)
        )
    return found


def made(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    return path


def main() -> int:
    rows = []
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as place:
        for number, scenario in enumerate(TABLE):
            print(f"{number + 1}/{len(TABLE)}: {scenario.title}", file=sys.stderr, flush=True)
            rows.append((scenario.title, runs(scenario, Path(folder) / str(number), place)))
    print(markdown(rows))
    own = [
        each for _, found in rows for name, all_of in found.items() if "tracelog" in name for each in all_of
    ]
    silent, twice = sum(each.silent for each in own), sum(each.duplicates for each in own)
    hung, late = sum(each.seconds is None for each in own), sum((each.seconds or 0) > EXIT_S for each in own)
    print(
        f"\ntracelog in {len(own)} runs: silent {silent} (bar 0), twice {twice} (bar 0), hung {hung} (bar 0)"
    )
    print(f"ended later than {EXIT_S} s: {late}")
    return int(bool(silent or twice or hung))


if __name__ == "__main__":
    sys.exit(main())
