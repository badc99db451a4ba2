"""
OTLP in protobuf read with the messages of the `opentelemetry-proto` package, the extra `otlp`.
"""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracelog.core.clean import DEPTH_MARK
from tracelog.errors import InvalidBodyError
from tracelog.server.receivers.gather import shared
from tracelog.server.receivers.otlp_model import (
    Attributes,
    Group,
    Item,
    LogRecord,
    Span,
    SpanEvent,
    fitting,
    span_id_of,
    too_many_groups,
    trace_id_of,
)

_MORE: Final = (
    ("trace_state", "traceState"),
    ("dropped_attributes_count", "droppedAttributesCount"),
    ("dropped_events_count", "droppedEventsCount"),
    ("dropped_links_count", "droppedLinksCount"),
)
"""Fields of a span that are kept when they say something, and their names in JSON."""


def read(body: bytes, signal: str, *, most: int, depth: int) -> list[Item]:
    """
    Return the items of *body* in order, as `otlp_json.read` does.

    Raises:
        InvalidBodyError: When it is no such message.
    """
    reader = _Reader(depth, most)
    items: list[Item] = []
    for item in reader.logs(body) if signal == "logs" else reader.spans(body):
        items.append(item)
        if len(items) > most:
            break
    return items


class _Reader:
    """
    Reads with one bound on the depth of values, and one on the resources and scopes of a body.
    """

    def __init__(self, depth: int, most: int) -> None:
        self._depth = depth
        self._most = self._room = most

    def logs(self, body: bytes) -> Iterator[Item]:
        request = _parsed(ExportLogsServiceRequest(), body)
        for outer in request.resource_logs:
            about = self._shared(outer.resource)
            for middle in outer.scope_logs:
                group = self._group(about, middle.scope)
                for record in middle.log_records:
                    yield self._log_record(group, record)

    def spans(self, body: bytes) -> Iterator[Item]:
        request = _parsed(ExportTraceServiceRequest(), body)
        for outer in request.resource_spans:
            about = self._shared(outer.resource)
            for middle in outer.scope_spans:
                group = self._group(about, middle.scope)
                for span in middle.spans:
                    yield self._span(group, span)

    def attributes(self, pairs: Iterable[Any], depth: int | None = None) -> Attributes:
        depth = self._depth if depth is None else depth
        return {pair.key: self.value(pair.value, depth) for pair in pairs}

    def value(self, value: Any, depth: int) -> Any:
        """
        Return the plain value of an `AnyValue`.
        """
        name = value.WhichOneof("value")
        if name is None:
            return None
        found = getattr(value, name)
        if name == "array_value":
            return DEPTH_MARK if depth <= 0 else [self.value(one, depth - 1) for one in found.values]
        if name == "kvlist_value":
            return DEPTH_MARK if depth <= 0 else self.attributes(found.values, depth - 1)
        return base64.b64encode(found).decode() if name == "bytes_value" else found

    def _shared(self, of: Any) -> Attributes:
        """
        Return the attributes of a resource or scope.
        """
        self._room -= 1
        if self._room < 0:
            raise too_many_groups(self._most)
        return fitting(self.attributes(of.attributes))

    def _group(self, about: Attributes, scope: Any) -> Group:
        more = self._shared(scope)
        if scope.version:
            more["version"] = shared(scope.version)
        return Group(about, shared(scope.name), more)

    def _log_record(self, group: Group, record: Any) -> LogRecord:
        return LogRecord(
            group=group,
            time_ns=record.time_unix_nano or record.observed_time_unix_nano,
            observed_ns=record.observed_time_unix_nano,
            severity=record.severity_number,
            severity_text=record.severity_text,
            body=self.value(record.body, self._depth),
            attributes=self.attributes(record.attributes),
            trace_id=trace_id_of(record.trace_id),
            span_id=span_id_of(record.span_id),
            event_name=record.event_name,
        )

    def _span(self, group: Group, span: Any) -> Span:
        links = [self._link(link) for link in span.links]
        more: Attributes = {"links": links} if links else {}
        more |= {name: found for field, name in _MORE if (found := getattr(span, field))}
        return Span(
            group=group,
            trace_id=trace_id_of(span.trace_id),
            span_id=span_id_of(span.span_id),
            parent_id=span_id_of(span.parent_span_id),
            name=span.name,
            kind=span.kind,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            attributes=self.attributes(span.attributes),
            events=[
                SpanEvent(
                    time_ns=event.time_unix_nano,
                    name=event.name,
                    attributes=self.attributes(event.attributes),
                )
                for event in span.events
            ],
            status=span.status.code,
            status_message=span.status.message,
            more=more,
        )

    def _link(self, link: Any) -> Attributes:
        found: Attributes = {"trace_id": trace_id_of(link.trace_id), "span_id": span_id_of(link.span_id)}
        attributes = self.attributes(link.attributes)
        return found | {"attributes": attributes} if attributes else found


def _parsed(message: Any, body: bytes) -> Any:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise InvalidBodyError(
            f"the body is no OTLP request in protobuf: {error}", reason="bad_protobuf"
        ) from None
    return message
