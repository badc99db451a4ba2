"""
An OTLP request for logs in protobuf, made of the plain objects of its JSON form (`otlp_json.logs_tree`).

The messages are those of the `opentelemetry-proto` package, the extra `otlp`: whoever loads this file needs
it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

LARGEST_INT: Final = 2**63 - 1
"""`int64` of AnyValue; a larger number is written as text."""


def write(tree: Mapping[str, Any]) -> bytes:
    """
    Return the request *tree* in protobuf.
    """
    request = ExportLogsServiceRequest()
    for resource in tree["resourceLogs"]:
        outer = request.resource_logs.add()
        outer.resource.attributes.extend(_pairs(resource["resource"]["attributes"]))
        for scope in resource["scopeLogs"]:
            middle = outer.scope_logs.add()
            middle.scope.name = scope["scope"].get("name", "")
            middle.log_records.extend(map(_record, scope["logRecords"]))
    data: bytes = request.SerializeToString()
    return data


def read_answer(body: bytes) -> tuple[int, str]:
    """
    Return how many records an answer says were rejected, and why.

    Raises:
        ValueError: When it is no such answer.
    """
    answer = ExportLogsServiceResponse()
    try:
        answer.ParseFromString(body)
    except Exception as error:  # of protobuf, which ships no types to name
        raise ValueError(f"no answer to an OTLP request: {error}") from error
    return answer.partial_success.rejected_log_records, answer.partial_success.error_message


def _record(said: Mapping[str, Any]) -> LogRecord:
    return LogRecord(
        time_unix_nano=int(said["timeUnixNano"]),
        observed_time_unix_nano=int(said.get("observedTimeUnixNano", 0)),
        severity_number=said["severityNumber"],
        severity_text=said["severityText"],
        body=_value(said["body"]),
        attributes=_pairs(said["attributes"]),
        trace_id=bytes.fromhex(said.get("traceId", "")),
        span_id=bytes.fromhex(said.get("spanId", "")),
    )


def _pairs(pairs: Iterable[Mapping[str, Any]]) -> list[KeyValue]:
    return [KeyValue(key=pair["key"], value=_value(pair["value"])) for pair in pairs]


def _value(said: Mapping[str, Any]) -> AnyValue:
    for name, value in said.items():
        return _WRITERS[name](value)
    return AnyValue()


def _whole(digits: str) -> AnyValue:
    number = int(digits)
    fits = -LARGEST_INT <= number <= LARGEST_INT
    return AnyValue(int_value=number) if fits else AnyValue(string_value=digits)


_WRITERS: Final[Mapping[str, Callable[[Any], AnyValue]]] = {
    "stringValue": lambda value: AnyValue(string_value=value),
    "boolValue": lambda value: AnyValue(bool_value=value),
    "intValue": _whole,
    "doubleValue": lambda value: AnyValue(double_value=value),
    "arrayValue": lambda value: AnyValue(array_value=ArrayValue(values=map(_value, value["values"]))),
    "kvlistValue": lambda value: AnyValue(kvlist_value=KeyValueList(values=_pairs(value["values"]))),
}
