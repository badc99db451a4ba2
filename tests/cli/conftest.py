"""
The front door: a real `tracelog serve` on a free port, with an embedded store.
"""

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cli.started import Served, Started


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """
    A server with an embedded store, for all tests; each test uses traces of its own.
    """
    folder = tmp_path_factory.mktemp("served")
    started = Started("serve", "--port", "0", "--store", f"sqlite:///{folder}/logs.db", "--no-limits")
    url = started.line(r"listening on (\S+)")
    drain = threading.Thread(target=started.process.stderr.read, daemon=True)
    drain.start()
    yield Served(url, folder)
    started.process.terminate()
    drain.join()
    started.clear()


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    """
    Start a command as its own process; what a failing test leaves running is ended.
    """
    with ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> Started:
            started = Started(*arguments, **options)
            stack.callback(started.clear)
            return started

        yield start


@pytest.fixture
def trace() -> str:
    """
    A trace id that no other test uses.
    """
    return uuid.uuid4().hex


@pytest.fixture
def unused_url() -> Iterator[str]:
    """
    An address on which nobody listens, held so that nobody comes to.
    """
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
