"""
The compact batch: one more content type of `POST /log`, spoken by our Python client, open to anyone.

`application/vnd.tracelog.batch+msgpack`, version 1, is the msgpack array `[header, rows]`. What all entries
of a process share stands once, in the header; a row is `[seconds, meta, ids, message, fields, extra?]` and
gets the running number `header.seq` + its place. A `nil` in place of a row is a number whose entry was given
up before sending: it keeps the others' numbers true. Bodies travel compressed (`Content-Encoding: zstd` or
`gzip`).

A crooked row is straightened, or rejected alone. Only where a row cannot be skipped (cut off, or nested
deeper than the decoder goes) nobody can say where the next one begins: then the batch is refused as a whole.
"""

from functools import lru_cache
from types import GenericAlias
from typing import Any, Final

import msgspec

from tracelog.core.clean import clean_object
from tracelog.core.entry import DEFAULT_LIMITS, LARGEST_COUNT, Entry, Limits
from tracelog.core.ids import Ids, encode_ids, pack_id
from tracelog.core.row_reader import RowReader, holds_nul
from tracelog.core.rows import Header, Meta, Row, row_type
from tracelog.core.stage import Batch, Drop
from tracelog.core.utf8 import clean_msgpack, name_replaced
from tracelog.core.wire import DECODE_ERRORS, Mint, Reader
from tracelog.errors import InvalidBodyError, InvalidEntryError

__all__ = [
    "CONTENT_TYPE",
    "HOLE",
    "VERSION",
    "Header",
    "Ids",
    "Meta",
    "Row",
    "decode_batch",
    "encode_batch",
    "encode_ids",
    "pack_id",
    "read_rows",
    "to_entry",
]

CONTENT_TYPE: Final = "application/vnd.tracelog.batch+msgpack"
VERSION: Final = 1
HOLE: Final = b"\xc0"
"""msgpack `nil`: the row of an entry that was given up."""


class _Split(msgspec.Struct, array_like=True):
    header: msgspec.Raw
    rows: list[msgspec.Raw]


@lru_cache(maxsize=8)
def _whole(limits: Limits) -> msgspec.msgpack.Decoder[Any]:
    """
    Return the decoder of a batch whose rows all need no straightening.
    """
    rows = GenericAlias(list, (row_type(limits) | None,))
    return msgspec.msgpack.Decoder(
        msgspec.defstruct("_Whole", (("header", Header), ("rows", rows)), array_like=True)
    )


_split = msgspec.msgpack.Decoder(_Split)
_header = msgspec.msgpack.Decoder(Header)
_encode = msgspec.msgpack.Encoder().encode


def encode_batch(header: Header, rows: list[bytes]) -> bytes:
    """
    Return the body for *rows*, each already encoded as msgpack (or `HOLE`).
    """
    return b"".join((b"\x92", _encode(header), b"\xdd", len(rows).to_bytes(4, "big"), *rows))


def decode_batch(data: bytes, *, now_ms: float, mint: Mint, limits: Limits = DEFAULT_LIMITS) -> Batch:
    """
    Return the batch that *data*, an inflated compact body, holds.

    Args:
        data: The msgpack.
        now_ms: Arrival, Unix milliseconds.
        mint: Where missing trace ids come from.
        limits: How many entries a body may hold, and the bounds of each.

    Raises:
        InvalidBodyError: When the header cannot be read, the version is unknown or there are too many rows.
    """
    header, rows, clean, repaired = _decode(data, limits)
    if header.v != VERSION or not header.source or not 0 <= header.seq <= LARGEST_COUNT - len(rows):
        raise InvalidBodyError(
            f"the compact batch says version {header.v}, source {header.source[:96]!r}, seq {header.seq}; "
            f"this server reads version {VERSION} with a source and a running number",
            reason="bad_version",
        )
    if len(rows) > limits.entries_compact:
        raise InvalidBodyError(
            f"the batch holds {len(rows):,} entries, over the limit of {limits.entries_compact:,}; "
            "send smaller batches",
            reason="too_many",
            status=413,
        )
    reader = RowReader(header, Reader(now_ms, mint, limits))
    batch = Batch(entries=[], places=[], source=reader.source, report=_report(header, limits))
    for index, row in enumerate(rows):
        if row is None:
            continue
        try:
            batch.entries.append(reader.read(header.seq + index, row, clean=clean))
            batch.places.append(index)
        except InvalidEntryError as error:
            who = reader.identify(header.seq + index)
            batch.drops.append(Drop(index, "rejected", error.reason, str(error), who))
    for entry in batch.entries if repaired else ():
        name_replaced(entry)
    return batch


def to_entry(header: Header, seq: int, row: Row) -> Entry:
    """
    Return the entry of *row*, number *seq* of the header's source, as its sender meant it.

    Raises:
        InvalidEntryError: When its trace id can name no trace.
    """
    return _own_rows(header).read(seq, _encode(row))


def read_rows(header: Header, rows: list[bytes]) -> list[Entry]:
    """
    Return the entries of *rows* as `encode_batch` takes them: what a sink inside the same process sees.

    Raises:
        InvalidEntryError: When a row was not made by `encode_batch`'s rules.
    """
    reader = _own_rows(header)
    return [reader.read(header.seq + index, row) for index, row in enumerate(rows) if row != HOLE]


_ANY_TIME_MS: Final = 1e14
"""A present so far ahead that no moment of a row lies absurdly beyond it: the clock is the sender's own."""


def _own_rows(header: Header) -> RowReader:
    mint = Mint(trace_id=lambda: "unknown", entry_id=lambda: f"{header.source}-?")
    return RowReader(header, Reader(_ANY_TIME_MS, mint, DEFAULT_LIMITS), any_time=True)


def _decode(data: bytes, limits: Limits) -> tuple[Header, list[Any], bool, bool]:
    """
    Return header and rows of *data*, whether the rows are known to be clean, and whether texts of the header
    had to be made readable.

    Rows come typed when all of them are straight, else each as the msgpack it is.
    """
    try:
        whole = _whole(limits).decode(data)
    except DECODE_ERRORS:
        pass  # some row is crooked: which, the split shows
    else:
        return whole.header, whole.rows, not holds_nul(whole.rows), False
    try:
        split = _split.decode(data)
        header, repaired = _read_header(bytes(split.header))
    except DECODE_ERRORS as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidBodyError(f"the body is no compact batch: {reason}", reason="bad_batch") from None
    return header, [None if bytes(raw) == HOLE else raw for raw in split.rows], False, repaired


def _read_header(data: bytes) -> tuple[Header, bool]:
    try:
        return _header.decode(data), False
    except UnicodeDecodeError:
        return _header.decode(clean_msgpack(data)), True


def _report(header: Header, limits: Limits) -> bytes | None:
    if header.report is None:
        return None
    return msgspec.json.encode(clean_object(header.report, limits, []))
