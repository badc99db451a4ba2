"""
What all tests share: how Hypothesis searches, and what coverage looks at.
"""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tracelog.core import live
from tracelog.core.surroundings import AGENT_SIGNS

settings.register_profile(
    "suite",
    deadline=None,  # a busy machine stalls for longer than any deadline; a property is not a stopwatch
    max_examples=25,  # a suite that is run often finds more than one that takes long
    derandomize="CI" in os.environ,  # a change is judged by the same examples; who works on it finds new ones
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


def pytest_collection_finish() -> None:
    """
    Keep what collecting made out of the garbage collector's sight: half a million objects, which stay, and which it
    would look through for a third of a second each time that it looks at everything.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def one_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is said alike is one row of the live view, also when the clock comes to the end of five minutes meanwhile.
    """
    monkeypatch.setattr(live, "SPAN_MS", 10**18)


_AGAIN_S: Final = 10.0


class OverTimeError(BaseException):
    """
    A test took longer than any should. Hypothesis must not take it for a failure of the property: it would look
    for smaller examples, each as slow as the first, without an alarm and without end.
    """


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """
    Raise `OverTimeError` where the test stands after its time, and again where something caught that.
    """

    def ring(_number: int, _frame: Any) -> None:
        raise OverTimeError(f"{item.nodeid} took longer than {settings.timeout:g} s")

    def cancel() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, ring)
    item.cancel_timeout = cancel  # type: ignore[attr-defined] # what the plugin calls when the test has ended
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, _AGAIN_S)
    return True
