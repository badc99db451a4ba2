"""
What happens to the entries of a request, in order: the literal list of the server.

    receive → stamp → seal (redact, cut) → lighten → commit → answer

Whoever reads `Ingest.begin` has read the policy. Every entry that does not reach the store is a drop with a
reason, answered to its sender and counted in the store's ledger.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tracelog.config import ServerSettings
from tracelog.core.entry import Entry, encode_entry, encode_lines
from tracelog.core.redact import Redactor
from tracelog.core.stage import Batch
from tracelog.core.straighten import cut_entry
from tracelog.core.wire import Mint
from tracelog.errors import StoreUnavailableError
from tracelog.server.access import Sender
from tracelog.server.commit import Committer
from tracelog.server.counts import Counts
from tracelog.server.faults import Faults
from tracelog.server.receivers import native
from tracelog.stores import Store


class Answer(msgspec.Struct, frozen=True):
    """
    What the sender is told.

    Attributes:
        status: HTTP status.
        body: JSON.
        headers: Beyond the usual ones.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Taken(NamedTuple):
    """
    A request on its way into the store.

    Attributes:
        batch: Its entries and drops.
        now_ms: Arrival.
        stored: What the store will say of each entry; None when there is nothing to store.
    """

    batch: Batch
    now_ms: float
    stored: "asyncio.Future[list[bool | None]] | None"


class Ingest:
    """
    The path of entries into the store.

    Args:
        settings: Of the server.
        store: Where entries end.
        redactor: The same rules that clients apply, applied again: a client may be old or no client of ours.
        clock: Returns Unix milliseconds.
        mint: Where missing ids come from.
    """

    def __init__(
        self,
        settings: ServerSettings,
        store: Store,
        *,
        redactor: Redactor,
        clock: Callable[[], float],
        mint: Mint,
    ) -> None:
        self.redactor = redactor
        self.faults = Faults()
        self._settings = settings
        self._committer = Committer(store, self.faults)
        self._counts = Counts(store, self.faults)
        self._clock = clock
        self._mint = mint

    def begin(
        self, body: bytes, content_type: str, sender: Sender, *, trace_id: str | None = None
    ) -> "Taken":
        """
        Take an inflated request body and hand what can be kept to the store; `end` gives the answer.

        Args:
            body: As it was before compression.
            content_type: Of the request.
            sender: Who sends.
            trace_id: Of entries that name none; a new one each when None.

        Raises:
            InvalidBodyError: When the body cannot be read at all.
            StoreUnavailableError: When the store cannot take more now.
        """
        now_ms = self._clock()
        mint = self._mint
        if trace_id is not None:
            mint = msgspec.structs.replace(mint, trace_id=lambda: trace_id)
        batch = native.receive(body, content_type, now_ms=now_ms, mint=mint, limits=self._settings.limit)
        return self.begin_batch(batch, sender, now_ms)

    def begin_batch(self, batch: Batch, sender: Sender, now_ms: float) -> "Taken":
        """
        Take a *batch* that came at *now_ms*, whatever language it came in; `end` gives the answer.

        Raises:
            StoreUnavailableError: When the store cannot take more now.
        """
        self.stamp(batch, sender, now_ms)
        sealed, size = self.seal(batch)
        rows = list(zip(batch.entries, sealed, strict=True))
        _lighten(batch.entries)
        return Taken(batch, now_ms, self._committer.submit(rows, size) if rows else None)

    def end(self, taken: "Taken") -> Answer:
        """
        Return the answer to *taken*, whose future is done.

        Raises:
            StoreUnavailableError: When not every entry could be stored: the sender repeats all, and what is
                stored already is a duplicate then.
        """
        results = taken.stored.result() if taken.stored is not None else []
        if None in results:
            raise StoreUnavailableError("the store could not take every entry; send the same batch again")
        self._note(taken.batch)
        return _answer(taken.batch, results, taken.now_ms)

    def stamp(self, batch: Batch, sender: Sender, now_ms: float) -> None:
        """
        Say what only the server can know: who sent it, when it came, and from which system if nothing else
        tells.
        """
        origin, system, forced = sender.origin, sender.system, sender.forced
        for entry in batch.entries:
            entry.origin = origin
            entry.received_at = now_ms
            if forced or not entry.system:
                entry.system = system

    def seal(self, batch: Batch) -> tuple[list[bytes], int]:
        """
        Return the final JSON of each entry, secrets out first, then cut to size; and about how many bytes it
        is.

        The detector runs once over the whole batch; only when it fires is each entry looked at.
        """
        entries = batch.entries
        whole = encode_lines(entries)
        rows = whole.split(b"\n")
        rows.pop()
        if self.redactor.suspect(whole):
            for index, row in enumerate(rows):
                if self.redactor.suspect(row):
                    entries[index] = self.redactor.entry(entries[index])
                    rows[index] = encode_entry(entries[index])
        longest = self._settings.limit.message
        if len(whole) > longest:
            for index, row in enumerate(rows):
                if len(row) > longest:
                    entries[index] = cut_entry(entries[index], self._settings.limit)
                    rows[index] = encode_entry(entries[index])
        return rows, len(whole)

    async def drain(self) -> None:
        """
        Wait until everything taken is stored and counted.
        """
        await self._committer.drain()
        await self._counts.drain()

    def _note(self, batch: Batch) -> None:
        for drop in batch.drops:
            source = batch.source or (drop.entry.source if drop.entry is not None else None) or ""
            system = drop.entry.system if drop.entry is not None else ""
            self._counts.add(source, system, drop.outcome, drop.reason)
        if batch.report is not None and batch.source:
            self._counts.keep(batch.source, batch.report)


def _lighten(entries: list[Entry]) -> None:
    """
    Take from sealed entries what only their JSON is read for from here on.

    Thousands wait for the store under load. Letting go of the contexts early keeps what waits inside the
    processor's cache: measured as a fifth of the whole cost of an entry.
    """
    for entry in entries:
        entry.context = None


def _answer(batch: Batch, stored: list[bool | None], now_ms: float) -> Answer:
    if batch.single:
        return _answer_single(batch, now_ms)
    rejected: list[dict[str, Any]] = [
        {"index": drop.index, "reason": drop.reason, "error": drop.error} for drop in batch.drops
    ]
    answer: dict[str, Any] = {
        "success": bool(batch.entries) or not batch.drops,
        "accepted": stored.count(True),
        "duplicate": stored.count(False),
        "suppressed": 0,
        "limited": {},
        "rejected": sorted(rejected, key=lambda item: item["index"]),
        "remaining_quota": None,
        "received_at": now_ms,
    }
    if not answer["success"]:
        answer |= {"error": "no entry of the batch could be read", "reason": batch.drops[0].reason}
    return Answer(200 if answer["success"] else 400, msgspec.json.encode(answer))


def _answer_single(batch: Batch, now_ms: float) -> Answer:
    if batch.drops:
        return refuse(400, batch.drops[0].error, batch.drops[0].reason)
    entry = batch.entries[0]
    answer = {
        "success": True,
        "trace_id": entry.trace_id,
        "id": entry.id,
        "remaining_quota": None,
        "received_at": now_ms,
    }
    return Answer(200, msgspec.json.encode(answer))


def refuse(status: int, error: str, reason: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """
    Return the answer that says why nothing was taken.
    """
    return Answer(status, msgspec.json.encode({"success": False, "error": error, "reason": reason}), headers)
