"""
Which trace a request of another system belongs to, learned from the events that name both.

Convex gives a whole call tree one request id and knows nothing of traces. One line that names the trace joins
all events of its request to it. What a process learned it tells the others by the store.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Generic, NamedTuple, TypeVar

from tracelog.core.aliases import BODY_NAMES, Claim

REQUESTS: Final = 20_000
"""Requests remembered; a busy deployment makes as many in minutes, and its events come within seconds."""

BODIES: Final = 256
"""Bodies whose requests are remembered as they were understood: far more than are ever sent again at once."""

REQUEST_CHARS: Final = 128
"""Longer ids are not remembered; Convex's have 16 characters, what a caller chose rarely more than 64."""

NAME_BYTES: Final = 12
"""Of the digest by which the store knows a request: short and no secret, whatever its caller named it."""

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


class Taken(NamedTuple):
    """
    What a request was taken for, and what it would be *otherwise*: were no trace known of it.
    """

    trace_id: str
    otherwise: str


class Question(NamedTuple):
    """
    What the store is told and asked with a body of this *digest*, whose requests were *taken* for these.
    """

    claim: Claim
    digest: str
    taken: dict[str, Taken]


class Aliases:
    """
    Request ids and the traces that they belong to.
    """

    def __init__(self, requests: int = REQUESTS, bodies: int = BODIES) -> None:
        self._traces: Recent[str] = Recent(requests)
        self._bodies: Recent[dict[str, str]] = Recent(bodies)
        self._digest = ""
        self._told: dict[str, str] = {}
        self._taken: dict[str, Taken] = {}

    def begin(self, digest: str) -> None:
        """
        A body is read: what is learned and settled from here on is of the one with that *digest*.
        """
        self._digest, self._told, self._taken = digest, {}, {}

    def learn(self, request_id: str, trace_id: str) -> None:
        """
        Remember that *request_id* belongs to *trace_id*; what was learned first stays.
        """
        if len(request_id) > REQUEST_CHARS:
            return
        if self._traces.get(request_id) is None:
            self._traces.put(request_id, trace_id)
        if len(self._told) < BODY_NAMES:
            self._told.setdefault(request_id, trace_id)

    def trace_of(self, request_id: str) -> str | None:
        return self._traces.get(request_id)

    def settle(self, request_id: str, otherwise: str) -> str:
        """
        Return the trace that *request_id* is taken for in the body that is read.

        A body that is sent again must come out the same: its entries are duplicates only in the same trace.
        """
        known = self._bodies.get(self._digest)
        if known is None:
            known = {}
            self._bodies.put(self._digest, known)
        trace_id = known.get(request_id) or self.trace_of(request_id) or otherwise
        if len(known) < BODY_NAMES and len(request_id) <= REQUEST_CHARS:
            known[request_id] = trace_id
            self._taken[request_id] = Taken(trace_id, otherwise)
        return trace_id

    def question(self) -> Question | None:
        """
        Return what the body that was read has to tell the store and to ask it; None when it named no request.
        """
        if not self._told and not self._taken:
            return None
        told = {_name(request_id): trace_id for request_id, trace_id in self._told.items()}
        asked = [_name(request_id) for request_id in self._taken]
        return Question(Claim(f"body {self._digest}", told, asked), self._digest, self._taken)

    def accept(self, question: Question, meant: Sequence[str]) -> bool:
        """
        Believe the store, and return whether it says anything else: the body is to be read again then.

        Args:
            question: That it answers.
            meant: What each request means that was asked for, empty where the store knows nothing.
        """
        known: dict[str, str] = {}
        for (request_id, each), trace_id in zip(question.taken.items(), meant, strict=True):
            known[request_id] = trace_id or each.otherwise
            if trace_id:
                self._traces.put(request_id, trace_id)
        is_news = any(known[request_id] != each.trace_id for request_id, each in question.taken.items())
        if is_news:
            self._bodies.put(question.digest, known)
        return is_news


def _name(request_id: str) -> str:
    return blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=NAME_BYTES).hexdigest()
