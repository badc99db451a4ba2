"""
One page, frame or worker of a browser: what its events say, as entries under its trace. Pure.

The trace of a page is the one that a request of it named last, in its own headers; until then that of the
answer it was made of; else a new one for each page that is loaded. A frame or worker shares that of the page
which made it until it names one.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from tracelog.cli.chrome import said
from tracelog.cli.chrome.calls import Call, Calls
from tracelog.cli.chrome.remote import plain_map

Params = Mapping[str, Any]
Raw = dict[str, Any]


class Watching(msgspec.Struct, frozen=True):
    """
    What all tabs share.

    Attributes:
        slow_ms: Duration from which a request is slow.
        is_ours: Whether an address belongs to the server that entries are sent to.
        new_trace: Names the trace of a page that names none; *new_span* its hop.
    """

    slow_ms: float
    is_ours: Callable[[str], bool]
    new_trace: Callable[[], str]
    new_span: Callable[[], str]


class Tab:
    """
    One target.

    Args:
        info: The browser's `TargetInfo`.
        parent: The page that made a frame or worker.
        watching: What all tabs share.
        since_ms: Unix time until which everything was told before: who attaches anew hears it again.

    Attributes:
        target: Its name in the browser.
        url: Where it is.
        heard_ms: Time of the last thing it said.
    """

    def __init__(self, info: Params, parent: "Tab | None", watching: Watching, since_ms: float) -> None:
        self.target = str(info.get("targetId", ""))
        self.url = str(info.get("url", ""))
        self.heard_ms = since_ms
        self._kind = str(info.get("type", "page"))
        self._parent = parent
        self._watching = watching
        self._since_ms = since_ms
        self._calls = Calls(watching.slow_ms, watching.is_ours)
        self._trace: str | None = None
        self._span = watching.new_span()
        self._readers: Mapping[str, Callable[[Params], Iterator[Raw]]] = {
            "Runtime.consoleAPICalled": lambda params: self._say(said.console(params)),
            "Runtime.exceptionThrown": lambda params: self._say(said.exception(params)),
            "Log.entryAdded": lambda params: self._say(said.log(params)),
            "Network.requestWillBeSent": self._sent,
            "Network.responseReceived": self._answered,
            "Network.loadingFinished": lambda params: self._tell(self._calls.finished(params)),
            "Network.loadingFailed": lambda params: self._tell(self._calls.failed(params)),
            "Network.webSocketCreated": lambda params: self._tell(self._calls.opened(params)),
            "Network.webSocketFrameError": lambda params: self._tell(self._calls.broke(params)),
            "Network.webSocketClosed": lambda params: self._tell(self._calls.closed(params)),
        }

    @property
    def trace_id(self) -> str:
        if self._trace is not None:
            return self._trace
        if self._parent is not None:
            return self._parent.trace_id
        self._trace = self._watching.new_trace()
        return self._trace

    def read(self, method: str, params: Params) -> Iterator[Raw]:
        """
        Yield the fields of the entries that an event of this target says.
        """
        reader = self._readers.get(method)
        for raw in reader(params) if reader is not None else ():
            context = {"tab": self.target, "kind": self._kind, "url": self.url, **raw.get("context", {})}
            kept = {name: value for name, value in context.items() if value}
            yield {"trace_id": self.trace_id, "span_id": self._span, **raw, "context": kept}

    def crash(self, params: Params) -> Raw:
        """
        Return the fields of the entry that tells its end.
        """
        status = str(params.get("status") or "crashed")
        return {
            "trace_id": self.trace_id,
            "span_id": self._span,
            "level": "fatal",
            "logger": "crash",
            "message": f"{self._kind} {self.url} is gone: {status}",
            "context": {"tab": self.target, "kind": self._kind, "code": params.get("errorCode")},
        }

    def _say(self, raw: Raw | None) -> Iterator[Raw]:
        if raw is None:
            return
        timestamp = raw["timestamp"]
        if isinstance(timestamp, int | float) and timestamp > self._since_ms:
            self.heard_ms = max(self.heard_ms, timestamp)
            yield raw

    def _sent(self, params: Params) -> Iterator[Raw]:
        call = self._calls.sent(params)
        if call is not None and call.incoming is not None:
            self._trace = call.incoming.trace_id
        return iter(())

    def _answered(self, params: Params) -> Iterator[Raw]:
        call = self._calls.answered(params)
        if params.get("type") == "Document" and params.get("frameId") == self.target:
            self._turn(str(plain_map(params.get("response")).get("url", "")), call)
        return iter(())

    def _turn(self, url: str, call: Call | None) -> None:
        """
        Begin another page.
        """
        self.url = url
        self._trace = call.incoming.trace_id if call is not None and call.incoming is not None else None
        self._span = self._watching.new_span()

    def _tell(self, told: Iterator[tuple[Call, Raw]]) -> Iterator[Raw]:
        """
        Yield each call as the hop that it is: the one that its headers name, which the system that answers
        it names as its parent.
        """
        for call, raw in told:
            named = call.incoming
            trace_id = self.trace_id if named is None else named.trace_id
            span_id = (named.parent_id if named is not None else None) or self._watching.new_span()
            parent_id = self._span if trace_id == self.trace_id else None
            yield {**raw, "trace_id": trace_id, "span_id": span_id, "parent_id": parent_id}
