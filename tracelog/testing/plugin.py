"""
The pytest plugin: what a test logged, a server for it, and the brief of its traces when it failed.

A test that asks for `tracelog_capture` runs inside a trace of its own name. When it fails, or what it needs
before or does after it, the report shows the brief of what it logged: every system of the test in one
timeline, the first cause named. With `tracelog_server` that is the server's latest trace.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from tracelog.testing.captured import Captured
    from tracelog.testing.server import LocalServer

BUDGET: Final = 2_000
"""Tokens of the brief: what a person reads, and what a model is given beside the failure."""

CAPTURED: Final = pytest.StashKey["Captured"]()
SERVER: Final = pytest.StashKey["LocalServer"]()
BRIEFED: Final = pytest.StashKey[bool]()
SHOWN: Final = "tracelog"


@pytest.fixture
def tracelog_capture(request: pytest.FixtureRequest) -> Iterator["Captured"]:
    """
    The entries that the default client logs during the test, which runs in a trace of its own.
    """
    from tracelog.client.default import trace  # noqa: PLC0415 - every run loads this plugin, few tests use it
    from tracelog.testing.captured import capture  # noqa: PLC0415 - the same

    with capture() as logs, trace(request.node.name):
        request.node.stash[CAPTURED] = logs
        yield logs


@pytest.fixture
def tracelog_server(request: pytest.FixtureRequest) -> Iterator["LocalServer"]:
    """
    A real server on a free port, with a store in memory; `configure(url=tracelog_server.url)` sends there.
    """
    from tracelog.testing.server import LocalServer  # noqa: PLC0415 - needs the extra `server`

    with LocalServer() as server:
        request.node.stash[SERVER] = server
        yield server
        del request.node.stash[SERVER]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """
    Add the brief to the report of a test that failed: of the first part of it that did.
    """
    report = yield
    if report.failed and not item.stash.get(BRIEFED, False):
        item.stash[BRIEFED] = True
        report.sections.extend((SHOWN, brief) for brief in _briefs(item) if brief)
    return report


def _briefs(item: pytest.Item) -> Iterator[str]:
    logs, server = item.stash.get(CAPTURED, None), item.stash.get(SERVER, None)
    if logs is not None and len(logs):
        yield logs.brief(BUDGET)
    if server is not None:
        yield server.brief(BUDGET)
