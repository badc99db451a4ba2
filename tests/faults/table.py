"""
The scenarios of the fault table, and the table.
"""

import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tests.faults.scenario import Outcome, Scenario

TABLE: Final = (
    Scenario("500, server up, normal exit", "plain"),
    Scenario("10,000 at 2,000/s, server up", "paced", n=10_000, rate=2_000),
    Scenario("50,000 in a tight burst, exit", "plain", n=50_000),
    Scenario("20,000, server takes 0.5 s a request, exit", "plain", n=20_000, fault="slow"),
    Scenario("4,000 at 2,000/s, server answers 503 twice", "paced", n=4_000, rate=2_000, fault="twice"),
    Scenario("500, nobody listens, exit", "plain", fault="dead"),
    Scenario("500, server answers 503 for ever, exit", "plain", fault="away"),
    Scenario("500, server never answers, exit", "plain", fault="hang"),
    Scenario("500, server never answers, `flush(2.0)`", "flush", fault="hang"),
    Scenario("500, then SIGTERM", "waits", end=signal.SIGTERM),
    Scenario("500, then SIGKILL", "waits", end=signal.SIGKILL),
    Scenario("`multiprocessing` fork, 4 children and parent log 100 each", "multiprocessing", n=100),
    Scenario("`os.fork` 4 times, all log 100, children `sys.exit`", "fork", n=100),
)
"""What was measured of the most trusted Python clients before tracelog was written."""


def cell(outcomes: Sequence[Outcome]) -> str:
    """
    Return what the table says of the runs of one client in one scenario.
    """
    first = outcomes[0]
    hung = sum(each.seconds is None for each in outcomes)
    silent = sum(each.silent for each in outcomes)
    twice = sum(each.duplicates for each in outcomes)
    runs = f" in {len(outcomes)} runs" if len(outcomes) > 1 else ""
    parts = [f"{sum(each.received for each in outcomes):,} received"]
    reported = sum(each.reported for each in outcomes)
    parts += [f"{reported:,} reported"] if reported else []
    parts.append(f"**{silent:,} silent**" if silent else "0 silent")
    parts += [f"**{twice:,} twice**"] if twice else []
    parts += [f"**{hung} hung**"] if hung else []
    parts += [f"{first.flushed:.1f} s"] if first.flushed is not None else []
    late = [each.seconds for each in outcomes if each.seconds is not None and first.flushed is None]
    parts += [f"exit {max(late):.1f} s"] if late and max(late) >= 0.05 else []
    return ", ".join(parts) + runs


def markdown(rows: Iterable[tuple[str, Mapping[str, Sequence[Outcome]]]]) -> str:
    """
    Return the table of *rows*, a title and the outcomes of each client by its name.
    """
    lines: list[str] = []
    for title, found in rows:
        if not lines:
            lines = ["| scenario | " + " | ".join(found) + " |", "| --- |" + " --- |" * len(found)]
        lines.append(f"| {title} | " + " | ".join(map(cell, found.values())) + " |")
    return "\n".join(lines)
