"""
One row of a compact batch as an entry, with what the header of its batch adds.

A straight row becomes an entry with a dozen assignments; any other is spelled out as the JSON object it means
and goes through `straighten`, like every crooked entry.
"""

import math
from typing import Any, Final

import msgspec

from tracelog.core.causes import is_straight_error
from tracelog.core.clean import clean_text, plain_text, shorten
from tracelog.core.entry import LEVELS, NAME_CHARS, SOURCE_CHARS, Entry, is_span_id, is_trace_id
from tracelog.core.identity import readable
from tracelog.core.rows import EXTRA_FIELDS, Header, row_decoder
from tracelog.core.straighten import straighten
from tracelog.core.times import EARLIEST_MS
from tracelog.core.utf8 import clean_msgpack, name_replaced
from tracelog.core.wire import DECODE_ERRORS, Reader
from tracelog.errors import InvalidEntryError

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8
"""Sizes of W3C ids, which travel as raw bytes."""

_NUL: Final = b"\\u0000"

_any = msgspec.msgpack.Decoder()
_encode = msgspec.msgpack.Encoder().encode
_to_json = msgspec.json.Encoder().encode


def holds_nul(rows: Any) -> bool:
    """
    Whether a text in straight *rows* holds a NUL: msgpack carries it as it is, later readers stop at it.
    """
    return _NUL in _to_json(rows)


class RowReader:
    """
    The rows of one batch being read.

    Args:
        header: What they share.
        reader: The request they came with, or stand for.
        any_time: Whether a row's time is believed whatever it says, as it is inside one process.
    """

    __slots__ = (
        "_decode",
        "_earliest",
        "_keys",
        "_latest",
        "_plain",
        "_reader",
        "_shared",
        "_spans",
        "_template",
        "_traces",
        "source",
    )

    def __init__(self, header: Header, reader: Reader, *, any_time: bool = False) -> None:
        self.source = shorten(clean_text(header.source), SOURCE_CHARS)
        self._reader = reader
        self._decode = row_decoder(reader.limits).decode
        self._earliest = -math.inf if any_time else EARLIEST_MS
        self._latest = math.inf if any_time else reader.latest
        self._keys = reader.limits.keys
        # ids found valid in this batch: they repeat, and looking one up is cheaper than spelling it again
        self._traces: dict[Any, str] = {}
        self._spans: dict[Any, str] = {}
        self._shared = {
            "system": header.system,
            "service": header.service,
            "environment": header.environment,
            "release": header.release,
            "source": header.source,
        }
        self._template = straighten(
            {**self._shared, "message": ""}, now_ms=0.0, new_trace_id=str, limits=reader.limits
        )
        self._plain = self._template.fixed is None

    def read(self, seq: int, row: Any, *, clean: bool = False) -> Entry:
        """
        Return the entry of *row*, number *seq* of its source.

        Args:
            seq: Its running number.
            row: Of the type `row_type`, or the msgpack of one.
            clean: Whether it is known to hold no NUL.

        Raises:
            InvalidEntryError: When it cannot be read or repaired.
        """
        data = row if isinstance(row, bytes | msgspec.Raw) else None
        try:
            row = row if data is None else self._decode(data)
            entry = self.straight(seq, row) if self._plain and (clean or not holds_nul(row)) else None
        except DECODE_ERRORS:
            entry = None
        if entry is not None:
            if not entry.trace_id:
                self._reader.name_trace(entry)
            return entry
        raw, repaired = _decode_any(_encode(row) if data is None else bytes(data))
        raw = self._spell_out(seq, raw)
        entry = self._reader.straighten(raw)
        if repaired:
            name_replaced(entry)
        if self._earliest == -math.inf and isinstance(raw["timestamp"], float):
            entry.timestamp = raw["timestamp"]
        return entry

    def identify(self, seq: int) -> Entry:
        """
        Return what is known of row number *seq* however it looks: its id, source, number and system.
        """
        system = self._template.system
        return Entry(id=f"{self.source}-{seq}", system=system, source=self.source, seq=seq)

    def straight(self, seq: int, row: Any) -> Entry | None:
        """
        Return the entry of *row*, of the type `row_type`, or None when it needs straightening.

        Its trace stays empty where the row names none.
        """
        meta, ids, fields = row.meta, row.ids, row.fields
        entry: Entry = self._template.__copy__()  # type: ignore[attr-defined] # `copy` asks longer than it copies
        try:
            entry.trace_id = self._traces.get(ids.trace) or self._trace(ids.trace)
            if ids.span is not None:
                entry.span_id = self._spans.get(ids.span) or self._span(ids.span)
            if ids.parent is not None:
                entry.parent_id = self._spans.get(ids.parent) or self._span(ids.parent)
        except (TypeError, ValueError):
            return None  # no id at all: unhashable, or not what may stand there
        entry.id = f"{self.source}-{seq}"
        entry.seq = seq
        entry.timestamp = timestamp = int(row.seconds * 1e6 + 0.5) / 1e3
        entry.level = LEVELS[meta.level]
        entry.message = row.message
        entry.logger = meta.logger
        entry.user_id = ids.user_id
        entry.area = ids.area
        if meta.bound:
            fields = {**meta.bound, **fields} if fields else meta.bound
        if fields is not None:
            if "user_id" in fields or "area" in fields:
                fields = _lift(entry, fields)
                if len(entry.user_id or "") > NAME_CHARS or len(entry.area or "") > NAME_CHARS:
                    return None
            entry.context = fields
            if len(fields) > self._keys:
                return None
        if row.extra is not None and not self._add(entry, row.extra):
            return None
        return entry if self._earliest <= timestamp <= self._latest else None

    def _trace(self, value: Any) -> str:
        if value is None:
            return ""  # it may follow from the id, which is not known yet
        text = value.hex() if isinstance(value, bytes) and len(value) == TRACE_BYTES else value
        if not isinstance(text, str) or not is_trace_id(text) or readable(text) != text:
            raise ValueError
        self._traces[value] = text
        return text

    def _span(self, value: Any) -> str:
        text = value.hex() if isinstance(value, bytes) and len(value) == SPAN_BYTES else value
        if not isinstance(text, str) or not is_span_id(text):
            raise ValueError
        self._spans[value] = text
        return text

    def _add(self, entry: Entry, extra: Any) -> bool:
        """
        Give *entry* its rarer fields; return whether they are straight.
        """
        for name in EXTRA_FIELDS:
            if (value := getattr(extra, name)) is not None:
                setattr(entry, name, value)
        if entry.last_timestamp is not None and entry.last_timestamp > self._latest:
            return False
        return entry.error is None or is_straight_error(entry.error, self._reader.limits.depth)

    def _spell_out(self, seq: int, row: Any) -> dict[str, Any]:
        """
        Return the JSON object that *row*, decoded without a type, means.
        """
        if not isinstance(row, list) or len(row) < 4:
            raise InvalidEntryError(
                "the row is not [seconds, meta, ids, message, fields, extra]", reason="bad_row"
            )
        seconds, meta, ids, message, fields, extra = (*row, None, None)[:6]
        level, logger, bound = _first(meta, 3)
        trace, span, parent, user_id, area = _first(ids, 5)
        raw = {
            **{plain_text(key): value for key, value in _as_object(extra, "extra").items()},
            **self._shared,
            "id": f"{self.source}-{seq}",
            "seq": seq,
            "timestamp": seconds * 1000.0 if type(seconds) in (int, float) else seconds,
            "level": LEVELS[level]
            if type(level) is int and 0 <= level < len(LEVELS)
            else f"[{plain_text(level)}]",
            "message": message,
            "logger": logger,
            "trace_id": _as_hex(trace),
            "span_id": _as_hex(span),
            "parent_id": _as_hex(parent),
            "user_id": user_id,
            "area": area,
            "context": {**_as_object(bound, "bound"), **_as_object(fields, "value")} or None,
        }
        context = raw["context"]
        for name in ("user_id", "area"):
            if not raw[name] and context and isinstance(context.get(name), str):
                raw[name] = context.pop(name)
        return raw


def _decode_any(data: bytes) -> tuple[Any, bool]:
    """
    Return the value of *data*, a row's msgpack, and whether texts in it had to be made readable.
    """
    try:
        try:
            return _any.decode(data), False
        except UnicodeDecodeError:
            return _any.decode(clean_msgpack(data)), True
    except DECODE_ERRORS as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidEntryError(f"the row cannot be read: {reason}", reason="bad_row") from None


def _lift(entry: Entry, fields: dict[str, Any]) -> dict[str, Any]:
    """
    Return *fields* less what *entry* has a place of its own for: `user_id` and `area`, where these are free.
    """
    for name in ("user_id", "area"):
        value = fields.get(name)
        if isinstance(value, str) and not getattr(entry, name):
            setattr(entry, name, value)
            fields = fields.copy()  # bound fields are shared, and a row that is not straight is read again
            del fields[name]
    return fields


def _first(value: Any, count: int) -> tuple[Any, ...]:
    """
    Return *count* items of the list *value*, the missing ones as None.
    """
    items = value if isinstance(value, list) else [value]
    return (*items[:count], *(None,) * (count - len(items)))


def _as_object(value: Any, name: str) -> dict[Any, Any]:
    """
    Return *value*, an object; what is none becomes one under *name*.
    """
    if value is None:
        return {}
    return value if isinstance(value, dict) else {name: value}


def _as_hex(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
