"""
A browser as its debugging port shows it: every page and worker is attached to, and what they say is taken.

After the Chrome DevTools Protocol with flat sessions: one connection, each message named by its session.
What starts is held for the moment in which it is attached to, so that nothing of its beginning is missed;
when this connection ends, the browser lets everything go on by itself.
"""

import http.client
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tracelog.cli.chrome.remote import plain_map
from tracelog.cli.chrome.tab import Raw, Tab, Watching
from tracelog.cli.chrome.websocket import CONNECT_S, WebSocket
from tracelog.core.bounded import Bounded
from tracelog.core.numbers import decode_any
from tracelog.core.utf8 import clean_json
from tracelog.core.wire import DECODE_ERRORS

Params = Mapping[str, Any]

KINDS: Final = frozenset({"page", "iframe", "worker", "service_worker", "shared_worker", "webview"})
"""Targets that are watched."""

MADE: Final = frozenset({"iframe", "worker"})
"""Targets that one page made and that are of its trace; other workers serve many pages."""

FOREIGN: Final = ("devtools://", "chrome-extension://")
"""Pages of the developer tools and of extensions: they are the person's own, not the application's."""

ATTACH: Final[Mapping[str, Any]] = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}

WATCH: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("Target.setAutoAttach", ATTACH),
    ("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0, "maxPostDataSize": 0}),
    ("Log.enable", {}),
    ("Runtime.enable", {}),
    ("Runtime.runIfWaitingForDebugger", {}),
)
"""What each target is asked for: its frames and workers, its requests without their bodies, its words. It
goes on with the last; what a worker does not know it refuses, and that is no harm."""

PATIENCE_S: Final = 2.0
"""For tabs that were there before and do not answer: one has crashed, or stands at a breakpoint."""

HELD: Final = 100
"""After so many messages of a target the objects in them are given back: a page must not grow because
somebody listens."""


def address_of(port: int) -> str:
    """
    Return the address of the browser that listens for its debugger on *port* of this machine.

    Raises:
        OSError: When none does.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CONNECT_S)
    try:
        connection.request("GET", "/json/version")
        said = plain_map(msgspec.json.decode(connection.getresponse().read()))
        return str(said["webSocketDebuggerUrl"])
    except (http.client.HTTPException, msgspec.DecodeError, KeyError) as error:
        raise ConnectionError("whoever listens there is no browser") from error
    finally:
        connection.close()


class Browser:
    """
    One connection to a browser.

    Args:
        socket: To its debugging port.
        watching: What all tabs share.
        take: Gets the fields of every entry, in order.
        heard: By target, until when its words were taken: a later connection hears them again.

    Attributes:
        seen: How many pages and workers were attached to.
        unread: Messages that could not be read, or were too large.
    """

    def __init__(
        self,
        socket: WebSocket,
        watching: Watching,
        take: Callable[[Raw], None],
        heard: Bounded[str, float],
    ) -> None:
        self.seen = 0
        self.unread = 0
        self._socket = socket
        self._watching = watching
        self._take = take
        self._heard = heard
        self._asked = 0
        self._awaited: dict[str, int] = {}
        self._ready: Callable[[], None] = lambda: None
        self._tabs: dict[str, Tab] = {}
        self._said: dict[str, int] = {}
        self._events: Mapping[str, Callable[[str, Params], None]] = {
            "Target.attachedToTarget": self._attached,
            "Target.detachedFromTarget": self._detached,
            "Target.targetInfoChanged": self._changed,
            "Target.targetCrashed": self._crashed,
        }

    def watch(self, ready: Callable[[], None]) -> None:
        """
        Take what is said until the connection ends.

        Args:
            ready: Called once everything that was there is listened to, or has been silent for two seconds.

        Raises:
            OSError: When it ends.
        """
        self._ready = _once(ready)
        patience = threading.Timer(PATIENCE_S, self._ready)
        patience.daemon = True
        patience.start()
        try:
            self._ask("", "Target.setDiscoverTargets", {"discover": True})
            self._awaited[""] = self._ask("", "Target.setAutoAttach", ATTACH)
            while True:
                data = self._socket.receive()
                message = None if data is None else _message(data)
                if message is None:
                    self.unread += 1
                else:
                    self._hear(message)
        finally:
            patience.cancel()

    def _hear(self, message: Mapping[str, Any]) -> None:
        method, session = str(message.get("method", "")), str(message.get("sessionId", ""))
        params = plain_map(message.get("params"))
        if "id" in message and message["id"] == self._awaited.get(session):
            self._settled(session)
        event = self._events.get(method)
        tab = self._tabs.get(session)
        if event is not None:
            event(session, params)
        elif tab is not None:
            for raw in tab.read(method, params):
                self._take(raw)
            self._heard.put(tab.target, tab.heard_ms)
            if method == "Runtime.consoleAPICalled":
                self._give_back(session)

    def _attached(self, session: str, params: Params) -> None:
        info, new = plain_map(params.get("targetInfo")), str(params.get("sessionId", ""))
        target = str(info.get("targetId", ""))
        is_known = any(tab.target == target for tab in self._tabs.values())
        kind = str(info.get("type"))
        if is_known or kind not in KINDS or str(info.get("url", "")).startswith(FOREIGN):
            self._ask(new, "Runtime.runIfWaitingForDebugger", {})
            self._ask("", "Target.detachFromTarget", {"sessionId": new})
            return
        self.seen += 1
        since = self._heard.get(target) or 0.0
        parent = self._tabs.get(session) if kind in MADE else None
        self._tabs[new] = Tab(info, parent, self._watching, since)
        last = 0
        for method, asked in WATCH:
            last = self._ask(new, method, asked)
        if self._awaited:  # it was there before; one that comes later is held until it has heard all of this
            self._awaited[new] = last

    def _settled(self, session: str) -> None:
        """
        Note that a target has answered, or is gone: what it says from now on is heard.
        """
        if self._awaited.pop(session, None) is not None and not self._awaited:
            self._ready()

    def _detached(self, _session: str, params: Params) -> None:
        name = str(params.get("sessionId", ""))
        self._tabs.pop(name, None)
        self._said.pop(name, None)
        self._settled(name)

    def _changed(self, _session: str, params: Params) -> None:
        info = plain_map(params.get("targetInfo"))
        for tab in self._of(info):
            tab.url = str(info.get("url", ""))

    def _crashed(self, _session: str, params: Params) -> None:
        for tab in self._of(params):
            self._take(tab.crash(params))

    def _of(self, params: Params) -> list[Tab]:
        return [tab for tab in self._tabs.values() if tab.target == params.get("targetId")]

    def _give_back(self, session: str) -> None:
        self._said[session] = said = self._said.get(session, 0) + 1
        if said % HELD == 0:
            self._ask(session, "Runtime.releaseObjectGroup", {"objectGroup": "console"})

    def _ask(self, session: str, method: str, params: Params) -> int:
        """
        Ask for something, and return the number under which it will be answered.
        """
        self._asked += 1
        named = {"sessionId": session} if session else {}
        self._socket.send(
            msgspec.json.encode({"id": self._asked, "method": method, "params": params, **named})
        )
        return self._asked


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """
    Return *act* as a function that does it at the first call only, whichever thread that comes from.
    """
    first = threading.Lock()

    def once() -> None:
        if first.acquire(blocking=False):
            act()

    return once


def _message(data: bytes) -> dict[str, Any] | None:
    try:
        message = decode_any(clean_json(data)[0])
    except (*DECODE_ERRORS, RecursionError):
        return None
    return message if isinstance(message, dict) else None
