"""
`POST /log`: headers and body in, status and body out; the same for the ASGI app and for the direct protocol.

No request or response objects: they cost more than storing an entry does.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple

from tracelog.config import ServerSettings
from tracelog.core.encoding import inflate
from tracelog.core.headers import ID_HEADERS, read_headers
from tracelog.errors import StoreUnavailableError, TracelogError
from tracelog.server.access import CHALLENGE, Access, Address, Sender, cors
from tracelog.server.answers import Answer, refuse
from tracelog.server.body import DisconnectedError, read_body
from tracelog.server.faults import Faults
from tracelog.server.heads import once
from tracelog.server.ingest import Ingest, Taken

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = Mapping[bytes, bytes]

INGEST_PATHS: Final = frozenset({"/log", "/log/"})

ALLOWED: Final = ((b"allow", b"POST, OPTIONS"),)
CLOSE: Final = (b"connection", b"close")
FAULT: Final = refuse(500, "the server failed on this request; its own log says where", "fault")


class Reply(NamedTuple):
    """
    What goes out: status, headers beyond type and length, JSON body.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


_TRACED: Final = frozenset({b"traceparent", *(name.encode() for name in ID_HEADERS)})


class LogEndpoint:
    """
    The one endpoint that takes entries.
    """

    def __init__(self, settings: ServerSettings, access: Access, ingest: Ingest, faults: Faults) -> None:
        self.settings = settings
        self._faults = faults
        self._access = access
        self._ingest = ingest

    def admit(self, headers: Headers, query: bytes, client: Address | None) -> Sender:
        """
        Return who sends, from the head of the request alone.

        Raises:
            AccessError: When host, origin or key does not allow it.
        """
        return self._access.check_ingest(headers, query, client)

    def begin(self, headers: Headers, body: bytes, sender: Sender) -> Taken:
        """
        Take a whole body; `end` gives the reply once `Taken.stored` is done.

        Entries that name no trace belong to the one that the request's own headers carry.

        Raises:
            InvalidBodyError: When the body cannot be read.
            StoreUnavailableError: When the store cannot take more now.
        """
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            body = inflate(body, encoding, limit=self.settings.limit.body)
        kind = headers.get(b"content-type", b"").decode("latin-1")
        carried = None if _TRACED.isdisjoint(headers) else read_headers(headers.items())
        trace_id = None if carried is None else carried.trace_id
        return self._ingest.begin(body, kind, sender, trace_id=trace_id)

    def end(self, taken: Taken, sender: Sender) -> Reply:
        """
        Return the reply to what was taken.
        """
        try:
            return self._reply(self._ingest.end(taken), sender)
        except Exception as error:
            return self.refuse(error, sender)

    def refuse(self, error: Exception, sender: Sender | None) -> Reply:
        """
        Return the reply that says why nothing was taken; what nobody expected is a fault of the server.
        """
        if not isinstance(error, TracelogError):
            self._faults.tell(error)
            return self._reply(FAULT, sender)
        extra: tuple[tuple[bytes, bytes], ...] = ()
        if isinstance(error, StoreUnavailableError):
            extra = ((b"retry-after", str(max(1, round(error.retry_after))).encode()),)
        elif error.status == 401:
            extra = (CHALLENGE,)
        elif error.status == 408:
            extra = (CLOSE,)
        return self._reply(refuse(error.status, str(error), error.reason, extra), sender)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve one request of an ASGI server.
        """
        try:
            reply = await self._serve(scope, receive)
        except DisconnectedError:
            return
        start = [*describe(reply), *reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": start})
        await send({"type": "http.response.body", "body": reply.body})

    async def _serve(self, scope: Scope, receive: Receive) -> Reply:
        sender: Sender | None = None
        headers = dict(scope["headers"])
        try:
            once(scope["headers"], headers)
            if scope["method"] == "OPTIONS":
                return Reply(204, self._access.preflight(headers), b"")
            if scope["method"] != "POST":
                return self._reply(
                    refuse(405, f"{scope['method']} is not taken here; use POST", "method", ALLOWED), None
                )
            sender = self.admit(headers, scope["query_string"], scope.get("client"))
            limit = self.settings.limit.body
            body = await read_body(receive, headers, limit=limit, within=self.settings.receive_timeout)
            taken = self.begin(headers, body, sender)
            if taken.stored is not None:
                await taken.stored
            return self.end(taken, sender)
        except DisconnectedError:
            raise
        except Exception as error:
            reply = self.refuse(error, sender)
            if b"expect" in headers and CLOSE not in reply.headers:
                reply.headers.append(CLOSE)  # whether the body still comes, only the sender knows
            return reply

    def _reply(self, answer: Answer, sender: Sender | None) -> Reply:
        headers = list(answer.headers)
        if sender is not None and sender.web_origin is not None:
            headers.extend(cors(sender.web_origin))
        return Reply(answer.status, headers, answer.body)


def describe(reply: Reply) -> list[tuple[bytes, bytes]]:
    """
    Return the headers that say what the body of *reply* is; an answer without content has none of them.
    """
    if reply.status == 204:
        return []
    return [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply.body))]
