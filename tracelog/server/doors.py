"""
A door of the server: one address that takes the bodies of other systems, from the first header to the reply.

What differs between doors is who may enter, how a body is read and how the answer is worded; they are methods
to override. Everything else is the same for all: methods, preflights, sizes while inflating, times, errors.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tracelog.config import ServerSettings
from tracelog.core.encoding import inflate
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import StoreUnavailableError, TracelogError
from tracelog.server.access import CHALLENGE, Access, Address, Sender, cors
from tracelog.server.answers import Answer, refuse
from tracelog.server.body import DisconnectedError, read_body
from tracelog.server.heads import once
from tracelog.server.ingest import Ingest
from tracelog.server.log import ALLOWED, CLOSE, FAULT, Headers, Receive, Scope, Send
from tracelog.stores import Store


class House(NamedTuple):
    """
    What all doors lead into.

    Attributes:
        store: Where the doors of all processes agree on names.
        clock: Returns Unix milliseconds.
        mint: Where missing ids come from.
    """

    settings: ServerSettings
    access: Access
    ingest: Ingest
    store: Store
    clock: Callable[[], float]
    mint: Mint


class Asked(NamedTuple):
    """
    The head of one request.

    Attributes:
        pairs: Its headers as they came; *headers* the same as a mapping.
        query: What stands behind the question mark.
        client: Address and port that it came from.
    """

    pairs: Sequence[tuple[bytes, bytes]]
    headers: Headers
    query: bytes
    client: Address | None = None

    @property
    def content_type(self) -> str:
        return self.headers.get(b"content-type", b"").decode("latin-1")


class Door(ABC):
    """
    An ASGI app for one address.
    """

    def __init__(self, house: House) -> None:
        self.house = house

    def admit(self, asked: Asked) -> Sender:
        """
        Return who sends, from the headers alone.

        Raises:
            AccessError: When it may not.
        """
        return self.house.access.check_ingest(asked.headers, asked.query, asked.client)

    @abstractmethod
    def read(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        """
        Return the batch of a request.

        Args:
            asked: Its head.
            sent: Its body as it came.
            body: The same inflated.
            now_ms: Arrival, Unix milliseconds.

        Raises:
            TracelogError: When it cannot be taken as a whole.
        """

    async def understand(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        """
        Return what `read` does, after whatever has to be asked of others.
        """
        return self.read(asked, sent, body, now_ms)

    def word(self, asked: Asked, answer: Answer, batch: Batch | None) -> tuple[bytes, bytes]:
        """
        Return content type and body of the reply that says *answer*.
        """
        del asked, batch
        return b"application/json", answer.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request.
        """
        asked = Asked(scope["headers"], dict(scope["headers"]), scope["query_string"], scope.get("client"))
        if scope["method"] == "OPTIONS":
            await self._preflight(asked, send)
            return
        sender: Sender | None = None
        batch: Batch | None = None
        try:
            once(asked.pairs, asked.headers)
            if scope["method"] == "POST":
                sender = self.admit(asked)
                answer, batch = await self._take(asked, sender, receive)
            else:
                answer = refuse(405, f"{scope['method']} is not taken here; use POST", "method", ALLOWED)
        except DisconnectedError:
            return
        except Exception as error:
            answer = self._refusal(asked.headers, error)
        kind, body = self.word(asked, answer, batch)
        extra = [*answer.headers, *(cors(sender.web_origin) if sender and sender.web_origin else ())]
        await _reply(send, answer.status, [(b"content-type", kind), *extra], body)

    async def _take(self, asked: Asked, sender: Sender, receive: Receive) -> tuple[Answer, Batch]:
        settings, ingest = self.house.settings, self.house.ingest
        limit = settings.limit.body
        sent = await read_body(receive, asked.headers, limit=limit, within=settings.receive_timeout)
        body = inflate(sent, asked.headers.get(b"content-encoding", b""), limit=limit)
        now_ms = self.house.clock()
        taken = ingest.begin_batch(await self.understand(asked, sent, body, now_ms), sender, now_ms)
        if taken.stored is not None:
            await taken.stored
        return ingest.end(taken), taken.batch

    async def _preflight(self, asked: Asked, send: Send) -> None:
        try:
            await _reply(send, 204, self.house.access.preflight(asked.headers), b"")
        except TracelogError as error:
            answer = self._refusal(asked.headers, error)
            await _reply(send, answer.status, [(b"content-type", b"application/json")], answer.body)

    def _refusal(self, headers: Mapping[bytes, bytes], error: Exception) -> Answer:
        """
        Return the answer that says why nothing was taken; what nobody expected is a fault of the server.
        """
        extra: tuple[tuple[bytes, bytes], ...] = ()
        if not isinstance(error, TracelogError):
            self.house.ingest.faults.tell(error)
            answer = FAULT
        else:
            if isinstance(error, StoreUnavailableError):
                extra = ((b"retry-after", str(max(1, round(error.retry_after))).encode()),)
            elif error.status == 401:
                extra = (CHALLENGE,)
            answer = refuse(error.status, str(error), error.reason)
        if answer.status == 408 or b"expect" in headers:
            extra = (*extra, CLOSE)  # whether the body still comes, only the sender knows
        return msgspec.structs.replace(answer, headers=extra)


async def _reply(send: Send, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
    length = [] if status == 204 else [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
