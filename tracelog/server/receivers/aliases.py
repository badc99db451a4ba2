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
        if self._traces.get(request_id) is None:
            self._traces.put(request_id, trace_id)

    def trace_of(self, request_id: str) -> str | None:
        return self._traces.get(request_id)

    def of_body(self, digest: str) -> dict[str, str]:
        """
        Return what the requests of one body were taken for, to be filled when it is new.

        A body that is sent again must come out the same: its entries are duplicates only in the same trace.
        """
        known = self._bodies.get(digest)
        if known is None:
            known = {}
            self._bodies.put(digest, known)
        return known
