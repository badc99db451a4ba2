"""
A server in this process, on a real socket, for each test that asks for one.
"""

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.cli.conftest import served, trace, unused_url  # noqa: F401 - fixtures
from tests.server.running import Running
from tracelog.config import Key

READER, PAGE, SHOP = "read-key-0123456789", "page-key-0123456789", "https://shop.example"


class Logged(NamedTuple):
    """
    A running server, and how to fill it.
    """

    url: str

    def post(self, *entries: dict[str, Any], key: str | None = None, origin: str | None = None) -> None:
        headers = {"content-type": "application/json"}
        headers |= {"authorization": f"Bearer {key}"} if key else {}
        headers |= {"origin": origin} if origin else {}
        request = urllib.request.Request(f"{self.url}/log", json.dumps(list(entries)).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["accepted"] == len(entries)


@pytest.fixture
def logged() -> Iterator[Logged]:
    """
    An empty server without keys.
    """
    with Running() as server:
        yield Logged(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def guarded() -> Iterator[Logged]:
    """
    An empty server with a read key and a public key for one shop's pages.
    """
    keys = (Key(token=READER, role="read"), Key(token=PAGE, origins=(SHOP,), public=True))
    with Running(keys=keys) as server:
        yield Logged(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def start_later() -> Iterator[tuple[str, Callable[[], Running]]]:
    """
    An address where nobody listens yet, and what makes a server listen there.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ExitStack() as stack:
        yield f"http://127.0.0.1:{port}", lambda: stack.enter_context(Running(port=port))
