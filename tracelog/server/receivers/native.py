"""
Our own language: JSON (one object, array, NDJSON) and the compact batch, told apart by content type and
content.
"""

from collections.abc import Callable
from typing import Final

from tracelog.core.compact import CONTENT_TYPE, decode_batch
from tracelog.core.entry import Limits
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint, decode_json
from tracelog.errors import InvalidBodyError

Decoder = Callable[..., Batch]

DECODERS: Final[dict[str, Decoder]] = {
    "": decode_json,
    "application/json": decode_json,
    "application/x-ndjson": decode_json,
    "application/ndjson": decode_json,
    "application/jsonl": decode_json,
    "application/json-seq": decode_json,
    "text/plain": decode_json,
    "application/x-www-form-urlencoded": decode_json,
    "application/octet-stream": decode_json,
    CONTENT_TYPE: decode_batch,
}
"""`text/plain` is what a beacon sends without a preflight, form-urlencoded what curl's `-d` says of any
body."""


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
