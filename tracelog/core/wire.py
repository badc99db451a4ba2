"""
Bytes become entries: one object, an array, NDJSON or a JSON text sequence, told apart by content.

Straight input takes the fast way: one typed decode for the whole body and a short look at each entry.
Anything else is read item by item, so that one bad line or entry is rejected alone, with index and reason.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tracelog.core.causes import is_straight_error
from tracelog.core.entry import DEFAULT_LIMITS, SYSTEM, Entry, Limits, is_span_id, is_trace_id
from tracelog.core.identity import identify, own_id, readable, rename, trace_of
from tracelog.core.numbers import decode_any
from tracelog.core.split import BLANK, DECODE_ERRORS, RECORD, split_items
from tracelog.core.stage import Batch, Drop
from tracelog.core.straight import straight_decoders
from tracelog.core.straighten import straighten
from tracelog.core.times import LATEST_AHEAD_MS
from tracelog.core.utf8 import clean_json, name_replaced
from tracelog.errors import InvalidBodyError, InvalidEntryError

__all__ = ["DECODE_ERRORS", "Mint", "Reader", "decode_json"]

_BOM = b"\xef\xbb\xbf"
_NUL = b"\\u0000"


class Mint(msgspec.Struct, frozen=True):
    """
    Where new names come from: the core draws no random numbers itself.

    Attributes:
        trace_id: Returns a new trace id, 32 lowercase hex digits; or always the one that the sender gave for
            entries that name none.
        entry_id: Returns a new unique entry id.
    """

    trace_id: Callable[[], str]
    entry_id: Callable[[], str]


def decode_json(data: bytes, *, now_ms: float, mint: Mint, limits: Limits = DEFAULT_LIMITS) -> Batch:
    """
    Return the batch that *data* holds.

    Args:
        data: A request body, already inflated: one object, an array of them, or one a line or record.
        now_ms: Arrival, Unix milliseconds.
        mint: Where missing ids come from.
        limits: How many entries a body may hold, and the bounds of each.

    Raises:
        InvalidBodyError: When the body as a whole is no log body; single bad entries are drops of the batch.
    """
    body = data.removeprefix(_BOM).strip(BLANK)
    if not body:
        raise InvalidBodyError(
            "the body is empty; send one JSON object, an array of them, or one a line", reason="empty"
        )
    if body[:1] not in (b"{", b"[", RECORD):
        raise InvalidBodyError(
            'the body is neither a JSON object nor an array; send {"message": "…"}, […] or one object a line',
            reason="not_json",
        )
    reader = Reader(now_ms, mint, limits)
    fast = reader.fast(body)
    return reader.slow(body) if fast is None else fast


class Reader:
    """
    One body being read: the arrival time, the mint and the limits that all its entries share.
    """

    __slots__ = (
        "_given",
        "_many",
        "_one",
        "_spans",
        "_systems",
        "_traces",
        "latest",
        "limits",
        "mint",
        "now_ms",
    )

    def __init__(self, now_ms: float, mint: Mint, limits: Limits = DEFAULT_LIMITS) -> None:
        self.now_ms = now_ms
        self.latest = now_ms + LATEST_AHEAD_MS
        self.mint = mint
        self.limits = limits
        self._one, self._many = straight_decoders(limits)
        # names found valid in this body: they repeat, and looking one up is cheaper than matching it again
        self._traces = {""}
        self._systems = {""}
        self._spans: set[str] = set()
        self._given: bool | None = None

    def fast(self, body: bytes) -> Batch | None:
        """
        Return the batch of *body* when every entry is straight as it stands, else None.
        """
        if _NUL in body:
            return None
        array = body[:1] == b"["
        try:
            entries: list[Any] = self._many.decode(body) if array else self._one.decode_lines(body)
        except DECODE_ERRORS:
            return None
        count = len(entries)
        if not array and count != 1 and count != body.count(b"\n") + 1:
            return None  # not one object a line
        if count > self.limits.entries:
            raise _too_many(self.limits.entries)
        traces, systems, latest = self._traces, self._systems, self.latest
        for entry in entries:
            plain = (
                entry.trace_id in traces
                and entry.system in systems
                and entry.timestamp <= latest
                and entry.span_id is None
                and entry.parent_id is None
                and entry.error is None
                and entry.last_timestamp is None
            )
            if not plain and not self.is_straight(entry):
                return None
            entry.__class__ = Entry  # what was checked needs no type of its own any more
            if not (entry.id and entry.trace_id and entry.timestamp):
                self.complete(entry)
        return Batch(entries=entries, places=list(range(count)), single=not array and count == 1)

    def slow(self, body: bytes) -> Batch:
        """
        Return the batch read item by item: each stands or falls alone.
        """
        text, repaired = clean_json(body)
        items, single = split_items(text, self.limits.entries)
        if len(items) > self.limits.entries:
            raise _too_many(self.limits.entries)
        batch = Batch(entries=[], places=[], single=single)
        for index, item in enumerate(items):
            try:
                batch.entries.append(self.read(item, repaired=repaired))
                batch.places.append(index)
            except InvalidEntryError as error:
                who = self._identify(item)
                batch.drops.append(Drop(index, "rejected", error.reason, str(error), who))
        return batch

    def read(self, item: bytes, *, repaired: bool = False) -> Entry:
        """
        Return the entry of *item*, one JSON value.

        Args:
            item: Its text, valid UTF-8.
            repaired: Whether parts that could not be read were replaced in the body it comes from.

        Raises:
            InvalidEntryError: When it cannot be read or repaired.
        """
        if len(item) > self.limits.body:
            raise InvalidEntryError(
                f"the entry has {len(item):,} bytes, over the limit of {self.limits.body:,}",
                reason="too_large",
            )
        if not repaired and _NUL not in item and (entry := self._read_straight(item)) is not None:
            return entry
        try:
            raw = decode_any(item)
        except RecursionError:
            raise InvalidEntryError("the entry is nested too deeply to be read", reason="too_deep") from None
        except DECODE_ERRORS as error:
            raise InvalidEntryError(
                f"the entry is not valid JSON: {_brief(error)}", reason="bad_json"
            ) from None
        entry = self.straighten(raw)
        if repaired:
            name_replaced(entry)
        return entry

    def straighten(self, raw: Any) -> Entry:
        """
        Return the entry that *raw*, a decoded JSON value, means, complete with an id.

        Raises:
            InvalidEntryError: When it cannot be repaired.
        """
        if not isinstance(raw, dict):
            raise InvalidEntryError(
                'an entry must be a JSON object such as {"message": "…"}', reason="not_an_object"
            )
        entry = straighten(raw, now_ms=self.now_ms, new_trace_id=str, limits=self.limits)
        rename(entry)
        self.complete(entry)
        return entry

    def is_straight(self, entry: Entry) -> bool:
        """
        Whether *entry* is valid as it stands, in what its type `Straight` does not say.

        Absent fields are completed, not straightened.
        """
        if entry.trace_id not in self._traces:
            if not is_trace_id(entry.trace_id) or readable(entry.trace_id) != entry.trace_id:
                return False
            self._traces.add(entry.trace_id)
        if entry.system not in self._systems:
            if SYSTEM.fullmatch(entry.system) is None:
                return False
            self._systems.add(entry.system)
        for span in (entry.span_id, entry.parent_id):
            if span is not None and span not in self._spans:
                if not is_span_id(span):
                    return False
                self._spans.add(span)
        return (
            entry.timestamp <= self.latest
            and (entry.last_timestamp is None or entry.last_timestamp <= self.latest)
            and (entry.error is None or is_straight_error(entry.error, self.limits.depth))
        )

    def complete(self, entry: Entry) -> None:
        """
        Give *entry* what its sender left out: time, trace id and id.
        """
        if not entry.timestamp:
            entry.timestamp = self.now_ms
        if not entry.id:
            entry.id = own_id(entry)
        if not entry.trace_id:
            self.name_trace(entry)
        if not entry.id:
            entry.id = self.mint.entry_id()

    def name_trace(self, entry: Entry) -> None:
        """
        Give *entry*, whose id is known if it has one of its own, the trace that its sender did not name.

        It is the one given for the whole request, if there is one. Else it follows from the id: an entry sent
        again must come to the same trace, or it would be stored twice.
        """
        if entry.id and not self._trace_is_given():
            entry.trace_id = trace_of(entry.id)
        else:
            entry.trace_id = self.mint.trace_id()
            rename(entry)

    def _trace_is_given(self) -> bool:
        """
        Whether the mint makes no new trace ids but says the same one every time.
        """
        if self._given is None:
            first, second = self.mint.trace_id(), self.mint.trace_id()
            self._given = first == second
        return self._given

    def _read_straight(self, item: bytes) -> Entry | None:
        try:
            entry: Any = self._one.decode(item)
        except DECODE_ERRORS:
            return None
        if not self.is_straight(entry):
            return None
        entry.__class__ = Entry
        self.complete(entry)
        return entry  # type: ignore[no-any-return]

    def _identify(self, item: bytes) -> Entry | None:
        """
        Return who speaks in *item*, which was refused; None where it cannot be read at all.
        """
        if len(item) > self.limits.body:
            return None
        try:
            raw = decode_any(item)
        except DECODE_ERRORS:
            return None
        return identify(raw, now_ms=self.now_ms, limits=self.limits)


def _brief(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def _too_many(limit: int) -> InvalidBodyError:
    return InvalidBodyError(
        f"the body holds more entries than the limit of {limit:,} a request; send smaller batches",
        reason="too_many",
        status=413,
    )
