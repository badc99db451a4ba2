"""
Which trace a request of another system belongs to, learned from the events that name both.

Convex gives a whole call tree one request id and knows nothing of traces. One line that names the trace joins
all events of its request to it.
"""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

REQUESTS: Final = 20_000
"""Requests remembered; a busy deployment makes as many in minutes, and its events come within seconds."""

BODIES: Final = 256
"""Bodies whose requests are remembered as they were understood: far more than are ever sent again at once."""

BODY_REQUESTS: Final = 128
"""Requests remembered of one body: Convex puts at most as many events into it."""

REQUEST_CHARS: Final = 128
"""Longer ids are not remembered; Convex's have 16 characters, what a caller chose rarely more than 64."""

V = TypeVar("V")


class Recent(Generic[V]):
    """
    A mapping that forgets what was not used for longest when it grows beyond *most*.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        value = self._known.get(key)
        if value is not None:
            self._known.move_to_end(key)
        return value

    def put(self, key: str, value: V) -> None:
        self._known[key] = value
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)


class Aliases:
    """
    Request ids and the traces that they belong to.
    """

    def __init__(self, requests: int = REQUESTS, bodies: int = BODIES) -> None:
        self._traces: Recent[str] = Recent(requests)
        self._bodies: Recent[dict[str, str]] = Recent(bodies)

    def learn(self, request_id: str, trace_id: str) -> None:
        """
        Remember that *request_id* belongs to *trace_id*; what was learned first stays.
        """
        if len(request_id) <= REQUEST_CHARS and self._traces.get(request_id) is None:
            self._traces.put(request_id, trace_id)

    def trace_of(self, request_id: str) -> str | None:
        return self._traces.get(request_id)

    def settle(self, digest: str, request_id: str, otherwise: str) -> str:
        """
        Return the trace that *request_id* is taken for in the body with that *digest*.

        A body that is sent again must come out the same: its entries are duplicates only in the same trace.
        """
        known = self._bodies.get(digest)
        if known is None:
            known = {}
            self._bodies.put(digest, known)
        trace_id = known.get(request_id) or self.trace_of(request_id) or otherwise
        if len(known) < BODY_REQUESTS and len(request_id) <= REQUEST_CHARS:
            known[request_id] = trace_id
        return trace_id
