"""
When `tracelog chrome` says that it watches every tab: not before each of them is listened to.
"""

import json
import threading
from collections.abc import Callable

import pytest

from tracelog.cli.chrome import browser as module
from tracelog.cli.chrome.browser import Browser
from tracelog.cli.chrome.tab import Watching
from tracelog.core.bounded import Bounded

WATCHING = Watching(
    slow_ms=1000.0, is_ours=lambda url: False, new_trace=lambda: "t" * 32, new_span=lambda: "5" * 16
)


class Port:
    """
    A debugging port with tabs: it says what it is told to, and notes what it is asked.
    """

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.says: list[dict | Callable[[], dict | None]] = []
        self.noted: list[str] = []

    def send(self, text: bytes) -> None:
        self.asked.append(json.loads(text))

    def receive(self) -> bytes:
        while self.says:
            said = self.says.pop(0)
            if callable(said):
                said = said()
            if said is not None:
                return json.dumps(said).encode()
        raise ConnectionError("the browser has gone")

    def has(self, name: str):
        info = {"targetId": name, "type": "page", "url": "about:blank"}
        return {"method": "Target.attachedToTarget", "params": {"sessionId": name, "targetInfo": info}}

    def answers(self, session: str = ""):
        """
        Answer everything that *session* was asked.
        """

        def last():
            mine = [ask for ask in self.asked if ask.get("sessionId", "") == session]
            for ask in mine[:-1]:
                self.says.insert(0, {"id": ask["id"], "sessionId": session, "result": {}})
            return {"id": mine[-1]["id"], "sessionId": session, "result": {}}

        return last

    def goes(self, session: str):
        return {"method": "Target.detachedFromTarget", "params": {"sessionId": session}}

    def notes(self, word: str):
        return lambda: self.noted.append(word)


def watched(port: Port) -> list[str]:
    browser = Browser(port, WATCHING, lambda raw: None, Bounded(10))
    with pytest.raises(ConnectionError):
        browser.watch(port.notes("ready"))
    return port.noted


def test_every_tab_is_listened_to_before_that_is_said():
    """
    A tab that has not answered yet would begin its next page unheard; one that comes later holds up nothing.
    """
    port = Port()
    port.says = [
        port.has("a"),
        port.has("b"),
        port.answers(),
        port.answers("a"),
        port.notes("b is left"),
        port.answers("b"),
        port.has("c"),
        port.answers("c"),
        port.answers("a"),
    ]
    assert watched(port) == ["b is left", "ready"]


def test_a_tab_that_goes_is_not_waited_for():
    """
    It can say nothing any more.
    """
    port = Port()
    port.says = [port.has("a"), port.has("b"), port.answers(), port.goes("a"), port.answers("b")]
    assert watched(port) == ["ready"]


def test_a_tab_that_never_answers_is_not_waited_for_long(monkeypatch):
    """
    One that has crashed answers nobody; the others are watched, and that is said once.
    """
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    is_ready = threading.Event()
    port = Port()
    port.says = [
        port.has("a"),
        port.has("b"),
        port.answers(),
        port.answers("b"),
        lambda: is_ready.wait(20) and None,
        port.answers("a"),
    ]
    browser = Browser(port, WATCHING, lambda raw: None, Bounded(10))

    def ready() -> None:
        port.noted.append("ready")
        is_ready.set()

    with pytest.raises(ConnectionError):
        browser.watch(ready)
    assert port.noted == ["ready"]
