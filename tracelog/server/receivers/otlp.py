"""
OTLP/HTTP: logs and traces of any OpenTelemetry SDK, Collector or platform become entries.

After the OTLP specification 1.11. JSON is read by `otlp_json.py`; protobuf by `otlp_protobuf.py`, which needs
the extra `otlp` and is loaded by the first body that needs it.
"""

from collections.abc import Callable
from typing import Any, Final

from tracelog.core.entry import Limits
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import InvalidBodyError
from tracelog.server.receivers import otlp_json
from tracelog.server.receivers.aliases import Aliases
from tracelog.server.receivers.convex import settle
from tracelog.server.receivers.gather import Gatherer, Raw
from tracelog.server.receivers.items import check_type
from tracelog.server.receivers.otlp_entries import log_entries, span_entries
from tracelog.server.receivers.otlp_model import Item

PROTOBUF: Final = ("application/x-protobuf", "application/protobuf")
JSON: Final = ("application/json", "application/x-ndjson", "application/jsonl")

Read = Callable[..., list[Item]]


class Receiver:
    """
    Reads requests for one signal.

    Args:
        signal: `logs` or `traces`.
        aliases: What earlier bodies told about the requests of Convex, whose events come this way, too.
    """

    def __init__(self, signal: str, aliases: Aliases) -> None:
        self._signal = signal
        self._aliases = aliases
        self._make = log_entries if signal == "logs" else span_entries

    def receive(self, body: bytes, content_type: str, *, now_ms: float, mint: Mint, limits: Limits) -> Batch:
        """
        Return the entries of an inflated request: one for each log record, or one for each span and each of
        its events.

        Raises:
            InvalidBodyError: When the body as a whole cannot be read; single bad items are drops of the
                batch.
        """
        items = _items(body, content_type, self._signal, limits)
        gatherer = Gatherer(body, now_ms=now_ms, mint=mint, limits=limits)
        make: Callable[[Any], list[Raw]] = self._make
        return gatherer.gather(
            items,
            lambda _index, item: make(item),
            lambda raws: settle(raws, self._aliases, gatherer.names.digest),
        )


def open_protobuf() -> Read:
    """
    Return the reader of protobuf.

    Raises:
        InvalidBodyError: When the extra is not installed (415): the sender can be told to send JSON.
    """
    try:
        from tracelog.server.receivers.otlp_protobuf import read  # noqa: PLC0415 - optional, and loaded late
    except ImportError:
        raise InvalidBodyError(
            "this server cannot read protobuf; send application/json, or install its extra otlp",
            reason="content_type",
            status=415,
        ) from None
    return read


def _items(body: bytes, content_type: str, signal: str, limits: Limits) -> list[Any]:
    media = check_type(content_type, (*PROTOBUF, *JSON))
    most = limits.entries_compact  # what the Collector sends at once, 8,192, cannot be sent in smaller parts
    if not body:  # a message without fields, which protobuf writes as nothing
        return []
    read = open_protobuf() if media in PROTOBUF else otlp_json.read
    items = read(body, signal, most=most, depth=limits.depth)
    if len(items) > most:
        raise InvalidBodyError(
            f"the body holds more than {most:,} items; send smaller batches", reason="too_many", status=413
        )
    return items
