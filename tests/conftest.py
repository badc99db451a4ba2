"""
What all tests share: how Hypothesis searches, and what coverage looks at.
"""

import atexit
import os
import shutil
import tempfile

from hypothesis import HealthCheck, settings

from tracelog.core.surroundings import AGENT_SIGNS

settings.register_profile(
    "suite",
    deadline=None,  # a busy machine stalls for longer than any deadline; a property is not a stopwatch
    max_examples=25,  # a suite that is run often finds more than one that takes long
    suppress_health_check=[HealthCheck.too_slow],  # for the same reason
)
settings.load_profile("suite")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Programs that tests start are not measured: it doubles their time, and what they run is run here as well.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="tracelog-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
"""What programs and clients of tests keep in the user's state folder is not the user's."""

os.environ["TRACELOG_CONSOLE"] = "off"
for sign in AGENT_SIGNS:
    os.environ.pop(sign, None)
"""What tests print is the same whoever runs them: people at a terminal, or a coding agent."""
