"""
The pytest plugin: what a test logged, a server for it, and the brief of its traces when it failed.

When a test fails, or what it needs before or does after it, the report shows the brief of what it logged:
every system of the test in one timeline, the first cause named. One that asks for `tracelog_capture` runs
inside a trace of its own name. With `tracelog_server` it is the latest trace of the server. A test that logs
nothing with tracelog pays for a look at the clock.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from tracelog.testing.ring import Ring

if TYPE_CHECKING:
    from tracelog.core.entry import Entry
    from tracelog.testing.captured import Captured
    from tracelog.testing.server import LocalServer

BUDGET: Final = 2_000
"""Tokens of what is shown of a failed test: what a person reads, and a model is given beside the failure."""

OPTION: Final = "tracelog_brief"
"""Of pytest's ini file."""

CAPTURED: Final = pytest.StashKey["Captured"]()
SERVER: Final = pytest.StashKey["LocalServer"]()
BRIEFED: Final = pytest.StashKey[bool]()
RING: Final = pytest.StashKey[Ring]()
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Let a project switch briefs off that no test has asked for by a fixture.
    """
    parser.addini(OPTION, "show the brief of what a failed test logged", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """
    Look on at what is logged, from now on.
    """
    if config.getini(OPTION):
        ring = config.stash[RING] = Ring()
        ring.open()
        config.add_cleanup(ring.close)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """
    Begin anew with each test, and each time that one is run again.
    """
    item.stash[BRIEFED] = False
    ring = item.config.stash.get(RING, None)
    if ring is not None:
        ring.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """
    Add the brief to the report of a test that failed: of the first part of it that did.
    """
    report = yield
    if report.failed and not item.stash.get(BRIEFED, False):
        item.stash[BRIEFED] = True
        try:
            report.sections.extend((SHOWN, brief) for brief in _briefs(item) if brief)
        except Exception as error:  # else pytest would stop the whole run here
            report.sections.append((SHOWN, f"no brief: {type(error).__name__}: {error}"))
    return report


def _briefs(item: pytest.Item) -> Iterator[str]:
    logs, server = item.stash.get(CAPTURED, None), item.stash.get(SERVER, None)
    shown = [] if server is None else [server.brief(BUDGET)]
    if logs is not None and len(logs):
        shown.insert(0, _told(logs.entries))
    elif not any(shown):
        ring = item.config.stash.get(RING, None)
        shown = [_told(ring.entries())] if ring is not None else []
    yield from shown


def _told(entries: "list[Entry]") -> str:
    from tracelog.testing.captured import brief_of  # noqa: PLC0415 - for a test that failed only

    return brief_of(entries, BUDGET) if entries else ""
