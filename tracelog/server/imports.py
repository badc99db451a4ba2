"""
Exports taken back: `POST /api/v1/import`.

Whoever may empty the store may fill it: imported entries go past the quotas, which are there for live
systems, and are counted in no ledger. They keep their ids, times and text; only `origin` says `imported`,
because what a file claims of its origin is worth nothing. They are redacted and cut as all entries are, and
live from now on.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core.encoding import inflate
from tracelog.core.entry import Entry, Limits
from tracelog.core.exported import items_of
from tracelog.core.numbers import decode_any
from tracelog.core.redact import Redactor
from tracelog.core.split import DECODE_ERRORS
from tracelog.core.utf8 import clean_json
from tracelog.core.wire import Mint, Reader
from tracelog.errors import InvalidBodyError, InvalidEntryError, StoreUnavailableError
from tracelog.server.body import read_body
from tracelog.server.own import nobodys
from tracelog.server.receivers import otlp_json
from tracelog.server.receivers.otlp_entries import log_entries
from tracelog.server.receivers.otlp_model import LogRecord, instant
from tracelog.server.seal import seal
from tracelog.stores import NOT_NOW, REFUSED, Row, Store

IMPORTED: Final = "imported"

FILE_BYTES: Final = 64 * 1024 * 1024
"""Of an import after inflation: fifty times what a trace may hold by default."""

FILE_S: Final = 60.0
"""In which it arrives: 64 MiB over a line of 10 Mbit/s."""

FILE_ENTRIES: Final = 100_000

CHUNK: Final = 1_000
"""Rows a write, as in a large request, so that live writes have their turn."""

TOLD: Final = 100
"""Rejected entries told one by one; all of them are counted."""

_OTLP: Final = re.compile(rb'\s*\{\s*"resourceLogs"')


class Import:
    """
    The endpoint over *store*.

    Args:
        store: Where entries end.
        redactor: The server's rules for secrets.
        clock: Returns Unix milliseconds.
        mint: Where missing ids come from.
        limits: Sizes of entries.
    """

    def __init__(
        self, store: Store, redactor: Redactor, *, clock: Callable[[], float], mint: Mint, limits: Limits
    ) -> None:
        self._store = store
        self._redactor = redactor
        self._clock = clock
        self._mint = mint
        self._limits = limits
        self._one = asyncio.Semaphore(1)  # each holds a file and its entries in memory

    async def take(self, request: Request) -> Response:
        """
        Take a file back, and tell what became of its entries.
        """
        headers = dict(request.scope["headers"])
        async with self._one:
            data = await read_body(request.receive, headers, limit=FILE_BYTES, within=FILE_S)
            if (encoding := headers.get(b"content-encoding")) is not None:
                data = await asyncio.to_thread(inflate, data, encoding, limit=FILE_BYTES)
            rows, rejected = await asyncio.to_thread(self._read, data)
            fates = await self._write(rows)
        said = {
            "success": True,
            "traces": list(dict.fromkeys(entry.trace_id for entry, _ in rows)),
            "accepted": fates["A"],
            "duplicate": fates["D"],
            "refused": fates[REFUSED],
            "rejected": rejected[:TOLD],
            "rejected_count": len(rejected),
        }
        return Response(msgspec.json.encode(said), media_type="application/json")

    def _read(self, data: bytes) -> tuple[list[Row], list[dict[str, Any]]]:
        """
        Return the rows of *data*, sealed, and what is said of the entries that are none.
        """
        reader = Reader(self._clock(), self._mint, self._limits)
        entries: list[Entry] = []
        rejected: list[dict[str, Any]] = []
        for index, raw in enumerate(raws_of(data, self._limits)):
            try:
                if isinstance(raw, InvalidEntryError):
                    raise raw
                entries.append(entry_of(raw, reader))
            except InvalidEntryError as error:
                rejected.append({"index": index, "reason": error.reason, "error": str(error)})
        if not entries:
            why = rejected[0]["error"] if rejected else "it is empty"
            raise InvalidBodyError(f"the file holds no entry that could be taken: {why}", reason="no_entries")
        bodies, _ = seal(entries, self._redactor, self._limits)
        return [nobodys(*row) for row in zip(entries, bodies, strict=True)], rejected

    async def _write(self, rows: list[Row]) -> Counter[str]:
        """
        Store *rows*; a file that was taken in part can be imported again, for ids make that harmless.
        """
        fates: Counter[str] = Counter()
        for start in range(0, len(rows), CHUNK):
            fates.update(await self._store.write(rows[start : start + CHUNK]))
        if fates[NOT_NOW]:
            raise StoreUnavailableError("the store could not take every entry; import the file again")
        return fates


def raws_of(data: bytes, limits: Limits) -> Iterator[Any]:
    """
    Yield what *data* holds, decoded: objects that may be entries, and why something cannot be one.

    Raises:
        InvalidBodyError: When it is no export at all.
    """
    if _OTLP.match(data):
        yield from _of_otlp(otlp_json.read(data, "logs", most=FILE_ENTRIES, depth=limits.depth))
        return
    text, _ = clean_json(data)
    for item in items_of(text, FILE_ENTRIES):
        try:
            yield decode_any(item)
        except DECODE_ERRORS as error:
            said = str(error).split("\n", 1)[0][:200]
            yield InvalidEntryError(f"the entry is not valid JSON: {said}", reason="bad_json")


def _of_otlp(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        try:
            yield from [item] if isinstance(item, InvalidEntryError) else _with_arrival(item)
        except InvalidEntryError as error:
            yield error


def _with_arrival(record: LogRecord) -> Iterator[Any]:
    for raw in log_entries(record):
        yield {**raw, "received_at": instant(record.observed_ns)} if record.observed_ns else raw


def entry_of(raw: Any, reader: Reader) -> Entry:
    """
    Return the entry that *raw*, a decoded JSON value, means, with what its first server said of it.

    Raises:
        InvalidEntryError: When it means none.
    """
    entry = reader.straighten(raw)
    arrived, fixed = raw.get("received_at"), raw.get("fixed")
    is_moment = isinstance(arrived, int | float) and 0 < arrived <= reader.latest
    entry.received_at = float(arrived) if is_moment else reader.now_ms
    if isinstance(fixed, list) and all(isinstance(name, str) for name in fixed):
        entry.fixed = list(dict.fromkeys([*fixed, *(entry.fixed or ())]))[: reader.limits.keys]
    entry.origin = IMPORTED
    return entry
