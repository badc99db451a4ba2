"""
The garbage collector belongs to the process: a server that has one to itself tunes it, another one leaves it alone.
"""

import gc
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.started import plain_environment
from tracelog.server.run import GC_THRESHOLD
from tracelog.testing import LocalServer

SERVES = """
import gc, os, signal
from tracelog.config import server_settings
from tracelog.server.run import serve

def look(_port):
    print(gc.get_freeze_count() > 1_000, *gc.get_threshold(), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

serve(server_settings({"port": 0, "store": "sqlite::memory:"}), on_ready=look)
"""


def test_a_process_that_only_serves_spares_its_collector(tmp_path: Path) -> None:
    """
    Once it listens, what it has loaded is out of the collector's sight, and the collector looks seldom.
    """
    done = subprocess.run(
        [sys.executable, "-c", SERVES],
        env=plain_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (-signal.SIGTERM, ["True", *map(str, GC_THRESHOLD)])


def test_a_server_within_another_program_leaves_its_collector_alone() -> None:
    """
    A test that starts a server keeps its thresholds, and what it made stays in the collector's sight.
    """
    before, made = gc.get_threshold(), []
    with LocalServer():
        assert gc.get_threshold() == before
        assert any(each is made for each in gc.get_objects())
    assert gc.get_threshold() == before
