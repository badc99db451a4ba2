"""
Every test of the client starts as a fresh process does, and leaves no thread behind.
"""

import pytest

from tests.pair import pair
from tracelog.client import default, exits
from tracelog.client.client import Client
from tracelog.client.complaint import Complaint
from tracelog.client.context import root


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch, tmp_path):
    """
    No variables, no pyproject.toml, no state folder of this machine; no default client, no inherited trace.
    """
    for name in ("TRACEPARENT", "NO_COLOR", "TRACELOG_REDACT_KEY"):
        monkeypatch.delenv(name, raising=False)
    for setting in ("URL", "KEY", "SINKS", "LEVEL", "SYSTEM", "SERVICE", "ENABLED", "LIMITS"):
        monkeypatch.delenv(f"TRACELOG_{setting}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(default.default, "client", None)
    monkeypatch.setattr(Complaint, "next_at", 0.0)
    monkeypatch.setattr(root, "_kept", {})
    monkeypatch.setattr(root, "_inherited", {})
    yield
    for ref in list(exits._watched.values()):
        shipper = ref()
        if shipper is not None:
            shipper.shutdown(0.0)


@pytest.fixture
def connect():
    """
    Returns clients with the other end of their wires; shuts them down in the end.
    """
    made = []

    def connect(*steps, **settings):
        client, wire = pair(*steps, **settings)
        made.append(client)
        return client, wire

    yield connect
    for client in made:
        client.shutdown(0.0)


@pytest.fixture
def client_of():
    """
    Returns clients of given settings; shuts them down in the end.
    """
    made = []

    def client_of(**settings):
        made.append(Client(**{"flush_interval": 0.01, "redact": False, **settings}))
        return made[-1]

    yield client_of
    for client in made:
        client.shutdown(0.0)
