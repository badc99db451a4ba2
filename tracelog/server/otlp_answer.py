"""
Answers that OTLP exporters understand, in the language they asked in: JSON or protobuf.

The two messages that are needed, `ExportPartialSuccess` and `google.rpc.Status`, are a number and a text
each, so writing them needs no library.
"""

from typing import Final

import msgspec

from tracelog.core.stage import Batch
from tracelog.server.answers import Answer
from tracelog.server.receivers.otlp import PROTOBUF

REJECTED: Final = {"logs": "rejectedLogRecords", "traces": "rejectedSpans"}
CODES: Final = {
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    405: 12,
    408: 4,
    413: 8,
    415: 3,
    421: 7,
    429: 8,
    500: 13,
    503: 14,
}
"""HTTP status and the nearest code of google.rpc.Code; any other is 2, unknown."""

KEPT: Final = frozenset({"suppressed", "duplicate"})
"""Outcomes of entries that are accounted for: nothing that the sender could do better."""

TOLD: Final = 3
"""Reasons that an answer spells out; the counts are complete."""

_LENGTH_DELIMITED: Final = 2


def wants_protobuf(content_type: str) -> bool:
    """
    Whether a request of *content_type* is to be answered in protobuf.
    """
    return content_type.partition(";")[0].strip().lower() in PROTOBUF


def translate(answer: Answer, batch: Batch | None, *, signal: str, protobuf: bool) -> tuple[bytes, bytes]:
    """
    Return our *answer* as an OTLP exporter expects it: content type and body.

    Args:
        answer: What a sender of our own language would be told.
        batch: What became of its items, when it was taken.
        signal: `logs` or `traces`.
        protobuf: Whether to write protobuf, else JSON.
    """
    kind = PROTOBUF[0].encode() if protobuf else b"application/json"
    if answer.status != 200:
        text, code = _error_of(answer), CODES.get(answer.status, 2)
        if protobuf:
            return kind, _message(code, text)
        return kind, msgspec.json.encode({"code": code, "message": text})
    lost = {drop.index: drop for drop in batch.drops if drop.outcome not in KEPT} if batch else {}
    if not lost:
        return kind, b"" if protobuf else b"{}"
    reasons = [f"item {index}: {drop.error}" for index, drop in sorted(lost.items())[:TOLD]]
    text = "; ".join(reasons)
    if protobuf:
        partial = _message(len(lost), text)
        return kind, _head(1, _LENGTH_DELIMITED) + _varint(len(partial)) + partial
    partial_json = {REJECTED[signal]: str(len(lost)), "errorMessage": text}
    return kind, msgspec.json.encode({"partialSuccess": partial_json})


def _error_of(answer: Answer) -> str:
    said = msgspec.json.decode(answer.body)
    return str(said.get("error", "refused")) if isinstance(said, dict) else "refused"


def _message(number: int, text: str) -> bytes:
    """
    Return the protobuf message whose field 1 is *number* and whose field 2 is *text*.
    """
    data = text.encode("utf-8", "replace")
    return _head(1, 0) + _varint(number) + _head(2, _LENGTH_DELIMITED) + _varint(len(data)) + data


def _head(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
