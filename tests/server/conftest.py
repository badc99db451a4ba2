"""
Servers that tests share, and the loop of asynchronous tests.
"""

from collections.abc import Iterator

import pytest

from tests.server.running import Running


@pytest.fixture
def anyio_backend() -> str:
    """
    The loop that the server is made for: asyncio.
    """
    return "asyncio"


@pytest.fixture(scope="session")
def direct() -> Iterator[Running]:
    """
    A server whose plain `POST /log` takes the short way, for tests that leave it as it was.
    """
    with Running() as running:
        yield running


@pytest.fixture(scope="session")
def long_way() -> Iterator[Running]:
    """
    The same server without the short way.
    """
    with Running(direct=False) as running:
        yield running


@pytest.fixture(params=["direct", "long_way"])
def way(request: pytest.FixtureRequest) -> Running:
    """
    Both in turn.
    """
    running: Running = request.getfixturevalue(request.param)
    return running
