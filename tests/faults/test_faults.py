"""
The rows of the fault table that tracelog answers for, small enough for the suite: `python3 dev.py bench faults` runs
them whole, with the peers beside us.
"""

import signal
from collections.abc import Iterator

import pytest

from tests.faults.scenario import Place, Scenario, ours, serving

pytestmark = pytest.mark.xdist_group("faults")  # the rows share one server

EXIT_S = 0.4
"""The exit timeout of these programs; a process takes `SLACK_S` more to end, on a machine that does much else."""

SLACK_S = 1.5

SHORT = {"exit_timeout": EXIT_S}
KEPT = {"spool": "", "flush_on_sigterm": True, **SHORT}

ROWS = {
    "burst": (Scenario("", "plain", n=10_000), {}, 0),
    "slow": (Scenario("", "plain", n=8_000, fault="slow"), SHORT, None),
    "slow, kept": (Scenario("", "plain", n=8_000, fault="slow"), KEPT, 0),
    "twice 503": (Scenario("", "plain", n=200, fault="twice"), {}, 0),
    "dead": (Scenario("", "plain", fault="dead"), SHORT, 500),
    "503 for ever, kept": (Scenario("", "plain", fault="away"), KEPT, 0),
    "hang": (Scenario("", "plain", fault="hang"), SHORT, 500),
    "SIGTERM, asked": (Scenario("", "waits", end=signal.SIGTERM), KEPT, 0),
    "SIGKILL": (Scenario("", "waits", end=signal.SIGKILL), {}, None),
    "multiprocessing": (Scenario("", "multiprocessing", n=40), {}, 0),
    "fork": (Scenario("", "fork", n=40), {}, 0),
}
"""By name: what happens, settings, and how many entries are reported as lost; None for any number."""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.mark.parametrize("name", ROWS)
def test_nothing_is_lost_silently(place, tmp_path, name):
    """
    What was logged and did not arrive is reported, to the entry; nothing is stored twice; no program hangs, or takes
    longer to end than its exit timeout and a little.
    """
    scenario, options, lost = ROWS[name]
    kept = {"spool": str(tmp_path / "spool")} if "spool" in options else {}
    found = ours(scenario, tmp_path, place, **{**options, **kept})
    assert (found.silent, found.duplicates) == (0, 0)
    assert lost is None or found.reported == lost
    assert found.seconds is not None
    assert found.seconds < options.get("exit_timeout", 2.0) + SLACK_S
