"""
Our own language: JSON (one object, array, NDJSON, a page's parcel) and the compact batch, told apart by
content type and content.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracelog.core.clean import clean_object, clean_text, shorten
from tracelog.core.compact import CONTENT_TYPE, decode_batch
from tracelog.core.entry import SOURCE_CHARS, Limits
from tracelog.core.stage import Batch
from tracelog.core.utf8 import clean_json
from tracelog.core.wire import DECODE_ERRORS, Mint, decode_json
from tracelog.errors import InvalidBodyError

Decoder = Callable[..., Batch]

PARCEL: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"report"[ \t\r\n]*:')
"""How the JSON of a parcel begins; no entry has a field of that name."""


class Parcel(msgspec.Struct):
    """
    Entries with the ledger of the page that sends them, which has no other way to tell what it lost.

    Attributes:
        report: The sender's cumulative ledger, as `tracelog.stats()` shows it.
        source: For whom it speaks.
        entries: A JSON array of entries, perhaps an empty one.
    """

    report: dict[str, Any]
    source: str
    entries: msgspec.Raw


_parcel: Final = msgspec.json.Decoder(Parcel)


def decode_text(data: bytes, *, now_ms: float, mint: Mint, limits: Limits) -> Batch:
    """
    Return the entries of JSON in any of its forms.

    Raises:
        InvalidBodyError: When it is none of them.
    """
    if PARCEL.match(data) is None:
        return decode_json(data, now_ms=now_ms, mint=mint, limits=limits)
    parcel = _open(data)
    batch = decode_json(bytes(parcel.entries), now_ms=now_ms, mint=mint, limits=limits)
    batch.single = False
    batch.source = shorten(clean_text(parcel.source), SOURCE_CHARS)
    batch.report = msgspec.json.encode(clean_object(parcel.report, limits, []))
    return batch


DECODERS: Final[dict[str, Decoder]] = {
    "": decode_text,
    "application/json": decode_text,
    "application/x-ndjson": decode_text,
    "application/ndjson": decode_text,
    "application/jsonl": decode_text,
    "application/json-seq": decode_text,
    "text/plain": decode_text,
    "application/x-www-form-urlencoded": decode_text,
    "application/octet-stream": decode_text,
    CONTENT_TYPE: decode_batch,
}
"""`text/plain` is what a beacon sends without a preflight, form-urlencoded what curl's `-d` says of any
body."""


def _open(data: bytes) -> Parcel:
    """
    Return the parcel of *data*, its texts repaired where they are no Unicode: a page may cut a letter in two.
    """
    try:
        return _parcel.decode(data)
    except DECODE_ERRORS:
        pass  # some text in it may be broken, which must not cost the others
    try:
        return _parcel.decode(clean_json(data)[0])
    except DECODE_ERRORS as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidBodyError(
            f'the body is no parcel {{"report": {{…}}, "source": "…", "entries": […]}}: {reason}',
            reason="bad_parcel",
        ) from None


def receive(body: bytes, content_type: str, *, now_ms: float, mint: Mint, limits: Limits) -> Batch:
    """
    Return the entries of an inflated request body.

    Raises:
        InvalidBodyError: When the content type is none of ours or the body cannot be read.
    """
    name, _, parameters = content_type.partition(";")
    decoder = DECODERS.get(name.strip().lower())
    if decoder is None or "utf-16" in parameters.lower() or "utf-32" in parameters.lower():
        raise InvalidBodyError(
            f"content type {content_type[:100]!r} is not understood; "
            f"send application/json, application/x-ndjson or {CONTENT_TYPE}, in UTF-8",
            reason="content_type",
            status=415,
        )
    return decoder(body, now_ms=now_ms, mint=mint, limits=limits)
