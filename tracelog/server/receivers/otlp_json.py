"""
OTLP/JSON read: lowerCamelCase names, ids in hexadecimal, 64-bit numbers as text; unknown names are skipped.

`protobuf.json_format` cannot be used: it takes the ids for base64 and refuses unknown names.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tracelog.core.clean import DEPTH_MARK
from tracelog.errors import InvalidBodyError, InvalidEntryError
from tracelog.server.receivers.gather import object_of, shared
from tracelog.server.receivers.items import read_items
from tracelog.server.receivers.otlp_model import (
    Attributes,
    Group,
    Item,
    LogRecord,
    Span,
    SpanEvent,
    fitting,
    integer,
    span_id_of,
    too_many_groups,
    trace_id_of,
)

Object = Mapping[str, Any]

NAMES: Final = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "traces": ("resourceSpans", "scopeSpans", "spans"),
}
"""How the three levels of a request are called, for each signal."""

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES: Final = ("UNSET", "OK", "ERROR")
"""Names of enumerations, which some senders write instead of their numbers."""

_MORE: Final = (
    "traceState",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
)


def read(body: bytes, signal: str, *, most: int, depth: int) -> list[Item]:
    """
    Return the items of *body* in order: one request, or one a line as the Collector writes files.

    Args:
        body: JSON.
        signal: `logs` or `traces`.
        most: Items that a body may hold; one more is read, so that the caller can tell.
        depth: How deep attribute values may be nested.

    Raises:
        InvalidBodyError: When it is no request of that signal.
    """
    reader = _Reader(depth, most)
    make = reader.log_record if signal == "logs" else reader.span
    items: list[Item] = []
    for request in read_items(body, most):
        if isinstance(request, InvalidEntryError):
            raise InvalidBodyError(f"the body is no OTLP request: {request}", reason=request.reason)
        for group, values in reader.walk(request, signal):
            items.append(_made(make, group, values))
            if len(items) > most:
                return items
    return items


def _made(make: Callable[[Group, Object], Item], group: Group, values: Any) -> Item:
    try:
        return make(group, object_of(values, "an item"))
    except InvalidEntryError as error:
        return error


class _Reader:
    """
    Reads with one bound on the depth of values, and one on the resources and scopes of a body.
    """

    def __init__(self, depth: int, most: int) -> None:
        self._depth = depth
        self._most = self._room = most

    def walk(self, request: Any, signal: str) -> Iterator[tuple[Group, Any]]:
        """
        Yield every item of *request* with what its scope shares.
        """
        outer, middle, inner = NAMES[signal]
        other = NAMES["traces" if signal == "logs" else "logs"][0]
        if not isinstance(request, dict) or (other in request and outer not in request):
            raise InvalidBodyError(
                f"the body is no OTLP request for {signal}; it needs {outer}", reason="not_otlp"
            )
        for resource in _objects(request, outer):
            about = self._shared(_object(resource, "resource"))
            for scope in _objects(resource, middle):
                group = self._group(about, _object(scope, "scope"))
                for item in _list(scope, inner):
                    yield group, item

    def log_record(self, group: Group, values: Object) -> LogRecord:
        return LogRecord(
            group=group,
            time_ns=integer(values, "timeUnixNano") or integer(values, "observedTimeUnixNano"),
            observed_ns=integer(values, "observedTimeUnixNano"),
            severity=_number(values.get("severityNumber")),
            severity_text=_text(values.get("severityText")),
            body=self.value(values.get("body"), self._depth),
            attributes=self.attributes(values.get("attributes")),
            trace_id=trace_id_of(values.get("traceId")),
            span_id=span_id_of(values.get("spanId")),
            event_name=_text(values.get("eventName")),
        )

    def span(self, group: Group, values: Object) -> Span:
        status = _object(values, "status")
        links = [self._link(link) for link in _objects(values, "links")]
        more: Attributes = {"links": links} if links else {}
        more |= {name: values[name] for name in _MORE if values.get(name)}
        return Span(
            group=group,
            trace_id=trace_id_of(values.get("traceId")),
            span_id=span_id_of(values.get("spanId")),
            parent_id=span_id_of(values.get("parentSpanId")),
            name=_text(values.get("name")),
            kind=_enum(values.get("kind"), KINDS),
            start_ns=integer(values, "startTimeUnixNano"),
            end_ns=integer(values, "endTimeUnixNano"),
            attributes=self.attributes(values.get("attributes")),
            events=[self._event(event) for event in _objects(values, "events")],
            status=_enum(status.get("code"), STATUSES),
            status_message=_text(status.get("message")),
            more=more,
        )

    def attributes(self, values: Any, depth: int | None = None) -> Attributes:
        """
        Return the pairs of a list of `{"key", "value"}`.

        Raises:
            InvalidEntryError: When *values* is no such list.
        """
        depth = self._depth if depth is None else depth
        found: Attributes = {}
        for pair in values if isinstance(values, list) else [] if values is None else [values]:
            if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
                raise InvalidEntryError(
                    'attributes must be a list of {"key": …, "value": …}', reason="bad_attributes"
                )
            found[pair["key"]] = self.value(pair.get("value"), depth)
        return found

    def value(self, value: Any, depth: int) -> Any:
        """
        Return the plain value of an `AnyValue`.
        """
        if not isinstance(value, dict):
            return value
        if depth <= 0:
            return DEPTH_MARK
        for name, item in value.items():
            if name in _PLAIN and item is not None:
                return _whole(item) if name == "intValue" else item
            if name == "arrayValue" and isinstance(item, dict):
                return [self.value(one, depth - 1) for one in _list(item, "values")]
            if name == "kvlistValue" and isinstance(item, dict):
                return self.attributes(item.get("values"), depth - 1)
        return None

    def _shared(self, resource: Object) -> Attributes:
        self._enter()
        return fitting(self._checked(resource.get("attributes")))

    def _enter(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise too_many_groups(self._most)

    def _group(self, about: Attributes, scope: Object) -> Group:
        self._enter()
        more = fitting(self._checked(scope.get("attributes")))
        if _text(scope.get("version")):
            more["version"] = shared(scope["version"])
        return Group(about, shared(_text(scope.get("name"))), more)

    def _checked(self, values: Any) -> Attributes:
        """
        Return attributes that all items share: where they are bad, so is the whole request.
        """
        try:
            return self.attributes(values)
        except InvalidEntryError as error:
            raise InvalidBodyError(str(error), reason=error.reason) from None

    def _event(self, values: Object) -> SpanEvent:
        return SpanEvent(
            time_ns=integer(values, "timeUnixNano"),
            name=_text(values.get("name")),
            attributes=self.attributes(values.get("attributes")),
        )

    def _link(self, values: Object) -> Attributes:
        link: Attributes = {
            "trace_id": trace_id_of(values.get("traceId")),
            "span_id": span_id_of(values.get("spanId")),
        }
        attributes = self.attributes(values.get("attributes"))
        return link | {"attributes": attributes} if attributes else link


_PLAIN: Final = frozenset({"stringValue", "boolValue", "intValue", "doubleValue", "bytesValue"})


def _whole(value: Any) -> Any:
    """
    Return a 64-bit number that came as text; what is no number stays what it is.
    """
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    return int(value) if digits.isascii() and digits.isdecimal() and len(digits) <= 20 else value


def _list(values: Object, name: str) -> list[Any]:
    found = values.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidBodyError(f"{name} must be a list", reason="not_otlp")
    return found


def _objects(values: Object, name: str) -> list[Object]:
    found = _list(values, name)
    if not all(isinstance(one, dict) for one in found):
        raise InvalidBodyError(f"{name} must be a list of objects", reason="not_otlp")
    return found


def _object(values: Object, name: str) -> Object:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    if isinstance(value, str):  # the name of an enumeration, such as SEVERITY_NUMBER_WARN2
        return _severity(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _severity(name: str) -> int:
    word = name.removeprefix("SEVERITY_NUMBER_")[:8]
    base = _SEVERITIES.get(word.rstrip("234"))
    return 0 if base is None else base + (int(word[-1]) - 1 if word[-1] in "234" else 0)


_SEVERITIES: Final = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}


def _enum(value: Any, names: tuple[str, ...]) -> int:
    """
    Return the number of an enumeration, given as number or by its name with any prefix; 0 when it is neither.
    """
    if isinstance(value, str):
        word = value.rpartition("_")[2]
        return names.index(word) if word in names else 0
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
