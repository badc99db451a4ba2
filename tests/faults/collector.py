"""
The other end of the peers: what they send, read by the formats they document, and counted.

Sentry: https://develop.sentry.dev/sdk/data-model/envelopes/ with items `log` and `client_report`; OpenTelemetry:
OTLP/HTTP with protobuf. Neither is tracelog's code.
"""

import gzip
import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.faults.door import Answer

ENTRY = "log_item"
"""Sentry's category of log entries; `log_byte` counts their bytes."""


class Collector:
    """
    Receives what a peer sends.

    Attributes:
        received: How often each id came.
        reported: How many entries the peer says it has lost.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.reported = 0
        self._counting = threading.Lock()

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        data = unpacked(headers.get("content-encoding", ""), body)
        with self._counting:
            if path == "/v1/logs":
                self._otlp(data)
                return Answer(200, {"Content-Type": "application/x-protobuf"}, b"")
            for kind, item in envelope(data):
                self._sentry(kind, item)
        return Answer(200, {"Content-Type": "application/json"}, b"{}")

    def _otlp(self, data: bytes) -> None:
        asked = ExportLogsServiceRequest.FromString(data)
        for resource in asked.resource_logs:
            for scope in resource.scope_logs:
                self.received.update(record.body.string_value for record in scope.log_records)

    def _sentry(self, kind: str, item: dict[str, Any]) -> None:
        if kind == "log":
            self.received.update(each["body"] for each in item["items"])
        if kind == "client_report":
            lost = [each for each in item["discarded_events"] if each["category"] == ENTRY]
            self.reported += sum(each["quantity"] for each in lost)


def unpacked(encoding: str, body: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def envelope(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield the kind and content of each item of an envelope: a line of JSON, then so many bytes or one line.
    """
    at = data.index(b"\n") + 1
    while at < len(data):
        end = data.index(b"\n", at)
        header = json.loads(data[at:end])
        length = header.get("length")
        stop = end + 1 + length if length is not None else (data + b"\n").index(b"\n", end + 1)
        yield header["type"], json.loads(data[end + 1 : stop])
        at = stop + 1
