"""
Marks, and what changed between two traces or around a mark.

A mark is an entry of the server's own, in a trace of its own: so every store keeps it, a search finds it and
`tail` shows it. What came after it is compared with everything before it, by arrival, which no sender's clock
moves.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core import query as language
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.wire import Mint
from tracelog.correlation.diff import diff
from tracelog.errors import InvalidBodyError, QuerySyntaxError, StoreUnavailableError, UnknownReferenceError
from tracelog.server.body import read_body
from tracelog.server.fetched import rows_of
from tracelog.server.own import OWN_SYSTEM, nobodys
from tracelog.stores import NOT_NOW, Store
from tracelog.stores.reference import MARKS

LOGGER: Final = "tracelog.mark"
MARK: Final = "mark:"
NOW: Final = "now"

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What a mark may be called: it is part of a reference."""

BODY: Final = 1_024
BODY_S: Final = 5.0
"""Of a request that sets a mark: a name, sent at once."""

MOST: Final = 20_000
"""Entries on each side of a mark that are compared, the latest: half a second of work."""

PAGE: Final = 1_000
PAGES: Final = 200
"""Pages that are read to find the two sides of a mark: further back, no server shall look for one request."""

MARKS_READ: Final = 200
"""Hits of a search for a mark; the first is it, unless others wrote to its trace."""


class _Named(msgspec.Struct):
    name: str


class Compare:
    """
    The endpoints over *store*; *clock* returns Unix milliseconds, *mint* makes the ids of marks.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float], mint: Mint) -> None:
        self._store = store
        self._clock = clock
        self._mint = mint
        self._threads = asyncio.Semaphore(1)

    async def mark(self, request: Request) -> Response:
        """
        Set a mark at this moment.
        """
        headers = dict(request.scope["headers"])
        body = await read_body(request.receive, headers, limit=BODY, within=BODY_S)
        try:
            name = msgspec.json.decode(body, type=_Named).name
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidBodyError('the body is {"name": "…"}, the name of a mark', reason="mark") from error
        now_ms = self._clock()
        entry = Entry(
            id=self._mint.entry_id(),
            trace_id=MARKS,
            timestamp=now_ms,
            received_at=now_ms,
            system=OWN_SYSTEM,
            level="info",
            logger=LOGGER,
            message=f"mark {checked(name)}",
            origin="server",
            context={"mark": name},
        )
        fates = await self._store.write([nobodys(entry, encode_entry(entry))])
        if NOT_NOW in fates:
            raise StoreUnavailableError("the store cannot take the mark now; set it again")
        told = {"success": True, "name": name, "id": entry.id, "timestamp": now_ms}
        return _body(msgspec.json.encode(told))

    async def diff(self, request: Request) -> Response:
        """
        Tell what changed from `a` to `b`: two traces, or two moments (`mark:NAME` and `now`).
        """
        refs = [request.query_params.get(name, "").strip() for name in ("a", "b")]
        if not all(refs):
            raise QuerySyntaxError("a and b name two traces, or marks as mark:NAME, and now")
        now_ms = self._clock() + 1.0  # what arrived in this very moment is before it
        moments = [await self._moment(ref, now_ms) for ref in refs]
        if moments[0] is None and moments[1] is None:
            before, after = [_Compared(await self._trace(ref)) for ref in refs]
        elif moments[0] is None or moments[1] is None:
            raise QuerySyntaxError("a and b are two traces or two moments, not one of each")
        else:
            before, after = await self._around(moments[0], moments[1])
        async with self._threads:
            found = await asyncio.to_thread(diff, before.entries, after.entries)
        sides = [replace(found.a, whole=before.whole), replace(found.b, whole=after.whole)]
        return _body(msgspec.json.encode(replace(found, a=sides[0], b=sides[1])))

    async def _moment(self, ref: str, now_ms: float) -> float | None:
        """
        Return the moment that *ref* means, Unix milliseconds; None when it means a trace.
        """
        if ref == NOW:
            return now_ms
        if not ref.startswith(MARK):
            return None
        name = checked(ref.removeprefix(MARK))
        asked = language.parse(f'trace:"{MARKS}" mark:"{name}"', now_ms=now_ms)
        for raw in (await self._store.search(asked, limit=MARKS_READ)).items:
            entry = decode_entry(raw)
            if (
                entry.logger == LOGGER
                and entry.origin == "server"
                and (entry.context or {}).get("mark") == name
            ):
                return entry.timestamp
        raise UnknownReferenceError(
            f"there is no mark {name}; set it with `tracelog mark {name}`, marks live as long as entries"
        )

    async def _trace(self, ref: str) -> list[Entry]:
        trace = await self._store.fetch(await self._store.resolve(ref))
        if trace is None:
            raise UnknownReferenceError(f"trace {ref[:128]!r} is not here; it may have expired")
        return [entry for _, entry in rows_of(trace, self._clock())]

    async def _around(self, begin: float, end: float) -> tuple["_Compared", "_Compared"]:
        """
        Return what arrived before *begin*, and from then on until *end*; the latest `MOST` of each.
        """
        if begin >= end:
            raise QuerySyntaxError("a is not before b; name the earlier moment first")
        before, between = _Compared([]), _Compared([])
        everything, cursor = language.parse(""), None
        for _ in range(PAGES):
            page = await self._store.search(everything, limit=PAGE, cursor=cursor)
            for entry in map(decode_entry, page.items):
                at = entry.timestamp if entry.received_at is None else entry.received_at
                if at < end and not _is_own(entry):
                    (before if at < begin else between).take(entry)
            cursor = page.cursor
            if cursor is None or not before.whole:
                return before, between
        raise QuerySyntaxError(
            f"more than {PAGES * PAGE:,} entries came since a; set a nearer mark, or compare two traces"
        )


class _Compared(msgspec.Struct):
    """
    One side: its entries, and whether these are all.
    """

    entries: list[Entry]
    whole: bool = True

    def take(self, entry: Entry) -> None:
        """
        Add *entry*, which is older than those before; beyond `MOST` only note that there was one.
        """
        if len(self.entries) < MOST:
            self.entries.append(entry)
        else:
            self.whole = False


def _is_own(entry: Entry) -> bool:
    """
    Whether *entry* is what the server says of itself: marks, what was administered, alerts. None of it is a
    change of the programs. No page can claim this origin, and programs that count name their source.
    """
    return (entry.system, entry.origin, entry.source) == (OWN_SYSTEM, "server", None)


def checked(name: str) -> str:
    """
    Return *name*.

    Raises:
        QuerySyntaxError: When no mark can be called so.
    """
    if not NAME.fullmatch(name):
        raise QuerySyntaxError("a mark's name is 1 to 64 letters, digits, dots, dashes or underscores")
    return name


def _body(data: bytes) -> Response:
    return Response(data, media_type="application/json")
