"""
What Convex, Cloudflare and OpenTelemetry send, and the receivers that read it.
"""

import itertools
import json
from typing import Any

from tracelog.core.entry import Entry, Limits, decode_entry, encode_entry
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.server.receivers import cloudflare, convex, otlp
from tracelog.server.receivers.aliases import Aliases

NOW = 1_763_812_800_000.0
NOW_NS = 1_763_812_800_000_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = "b7ad6b7169203331"
REQUEST = "493c2f142347ea8f"
JSON = "application/json"
PROTOBUF = "application/x-protobuf"

SECRET = "0123456789abcdef0123456789abcdef"
VECTOR = (
    b'[{"convex":{"deployment_name":"happy-animal-123","deployment_ref":null,"deployment_region":null,'
    b'"deployment_type":"dev","project_name":"App","project_slug":"app"},"message":"Convex connection test",'
    b'"timestamp":1715879172882,"topic":"verification"}]'
)
VECTOR_SIGNATURE = "sha256=91cb849883956eccd02130548baf61a44cc5422f22f0ce8f84f39e8ecf80bfcc"
"""What Convex sends when a stream is set up, and its signature under `SECRET`."""

DEPLOYMENT = {
    "deployment_name": "happy-animal-123",
    "deployment_type": "prod",
    "deployment_ref": None,
    "project_name": "App",
    "project_slug": "app",
    "deployment_region": "aws-eu-west-1",
}
FUNCTION = {
    "path": "messages:send",
    "type": "mutation",
    "cached": None,
    "request_id": REQUEST,
    "mutation_queue_length": 2,
    "mutation_retry_count": 0,
    "component_path": "billing",
}
USAGE = {
    "database_read_bytes": 1,
    "database_write_bytes": 2,
    "database_io_read_bytes": 3,
    "database_io_write_bytes": 4,
    "database_read_documents": 5,
    "database_write_documents": 6,
    "file_storage_read_bytes": 7,
    "file_storage_write_bytes": 8,
    "vector_storage_read_bytes": 9,
    "vector_storage_write_bytes": 10,
    "text_search_query_bytes": 11,
    "text_search_write_query_bytes": 12,
    "vector_search_query_bytes": 13,
    "vector_search_write_query_bytes": 14,
    "network_egress_bytes": 15,
    "memory_used_mb": 16.5,
    "action_memory_used_mb": None,
    "audit_log_egress_bytes": 17,
    "function_args_bytes": 18,
    "function_returns_bytes": None,
}


def event(topic: str, **fields: Any) -> dict[str, Any]:
    return {"topic": topic, "timestamp": NOW, "convex": DEPLOYMENT, **fields}


def console(message: Any = "'Sent message!'", level: str = "LOG", **fields: Any) -> dict[str, Any]:
    more = {"function": FUNCTION, "is_truncated": False, "system_code": None, **fields}
    return event("console", message=message, log_level=level, **more)


def execution(**fields: Any) -> dict[str, Any]:
    shape = {
        "function": FUNCTION,
        "execution_time_ms": 12.5,
        "user_execution_time_ms": 10.0,
        "status": "success",
        "error_message": None,
        "occ_info": None,
        "will_retry": False,
        "scheduler_info": {"job_id": "j1"},
        "run_reason": "httpApi",
        "usage": USAGE,
    }
    return event("function_execution", **(shape | fields))


COUNTS = {"num_running": 1, "num_queued": 2}
OTHERS = [
    event("verification", message="Convex connection test"),
    event("audit_log", audit_log_action="push_config", audit_log_metadata='{"modules":3}'),
    event("scheduler_stats", lag_seconds=0, num_running_jobs=3),
    event("scheduled_job_lag", lag_seconds=1.5),
    event(
        "current_storage_usage", total_document_size_bytes=9, total_system_table_document_size_bytes={"_m": 1}
    ),
    event(
        "concurrency_stats",
        query=COUNTS,
        mutation=COUNTS,
        action=COUNTS,
        node_action=COUNTS,
        http_action=COUNTS,
    ),
    event("storage_api_bandwidth", storage_id="s1", egress_bytes=4),
    event("log_stream_egress", egress_bytes=4),
    event("custom_audit", body={"who": "u1", "what": ["x"]}),
    event("a_topic_of_tomorrow", anything=[1]),
]
"""Every topic beside the two that speak of functions."""


def tail(**fields: Any) -> dict[str, Any]:
    """
    Return a tail event of a request with a trace.
    """
    shape = {
        "scriptName": "edge",
        "entrypoint": "default",
        "scriptVersion": {"id": "v-1"},
        "outcome": "ok",
        "executionModel": "stateless",
        "truncated": False,
        "cpuTime": 3,
        "wallTime": 25,
        "eventTimestamp": NOW,
        "event": {
            "request": {
                "url": "https://shop.example.com/cart?item=1",
                "method": "POST",
                "headers": {"traceparent": f"00-{TRACE}-{PARENT}-01"},
                "cf": {"colo": "FRA"},
            },
            "response": {"status": 200},
        },
        "logs": [],
        "exceptions": [],
        "diagnosticsChannelEvents": [],
    }
    return shape | fields


def log(*arguments: Any, level: str = "log", at: float = NOW, **fields: Any) -> dict[str, Any]:
    return {"timestamp": at, "level": level, "message": list(arguments), **fields}


def logpush(**fields: Any) -> dict[str, Any]:
    shape = {
        "CPUTimeMs": 3,
        "WallTimeMs": 25,
        "DispatchNamespace": "",
        "Entrypoint": "default",
        "Event": {
            "RayID": "8f1e2d3c4b5a6978",
            "Request": {"URL": "https://shop.example.com/cart?item=1", "Method": "POST"},
            "Response": {"Status": 200},
        },
        "EventTimestampMs": int(NOW),
        "EventType": "fetch",
        "Exceptions": [],
        "Logs": [],
        "Outcome": "ok",
        "ScriptName": "edge",
        "ScriptTags": [],
        "ScriptVersion": {"ID": "v-1", "Tag": "", "Message": ""},
    }
    return shape | fields


def attributes(**pairs: Any) -> list[dict[str, Any]]:
    """
    Return OTLP attributes of texts; underscores in names stand for dots.
    """
    return [{"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in pairs.items()]


def logs_request(*records: dict[str, Any], resource: Any = None, scope: Any = None) -> dict[str, Any]:
    about = {"attributes": attributes(service_name="pay") if resource is None else resource}
    scopes = [{"scope": scope or {"name": "pay.bank"}, "logRecords": list(records)}]
    return {"resourceLogs": [{"resource": about, "scopeLogs": scopes}]}


def record(body: Any = "hello", **fields: Any) -> dict[str, Any]:
    value = {"stringValue": body} if isinstance(body, str) else body
    return {"timeUnixNano": str(NOW_NS), "severityNumber": 9, "body": value, **fields}


def spans_request(*spans: dict[str, Any], resource: Any = None) -> dict[str, Any]:
    about = {"attributes": attributes(service_name="pay") if resource is None else resource}
    return {
        "resourceSpans": [
            {"resource": about, "scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}]}
        ]
    }


def span(**fields: Any) -> dict[str, Any]:
    shape = {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "charge card",
        "kind": 3,
        "startTimeUnixNano": str(NOW_NS),
        "endTimeUnixNano": str(NOW_NS + 12_500_000),
        "status": {},
    }
    return shape | fields


def mint() -> Mint:
    traces, entries = itertools.count(1), itertools.count(1)
    return Mint(trace_id=lambda: f"{next(traces):032x}", entry_id=lambda: f"minted-{next(entries)}")


def as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


RECEIVERS = {
    "convex": lambda: convex.Receiver(Aliases()).receive,
    "cloudflare": lambda: cloudflare.receive,
    "logs": lambda: otlp.Receiver("logs", Aliases()).receive,
    "traces": lambda: otlp.Receiver("traces", Aliases()).receive,
}


def read(name: str, body: Any, content_type: str = JSON, limits: Limits | None = None) -> Batch:
    """
    Return the batch that the receiver *name* makes of *body*: bytes as they are, anything else as JSON.
    """
    receive = RECEIVERS[name]()
    return receive(as_bytes(body), content_type, now_ms=NOW, mint=mint(), limits=limits or Limits())


def entries(name: str, body: Any, content_type: str = JSON) -> list[Entry]:
    """
    Return the entries of *body*, none of which was refused, as a store would give them back.
    """
    batch = read(name, body, content_type)
    assert batch.drops == []
    return [decode_entry(encode_entry(entry)) for entry in batch.entries]


def one(name: str, body: Any, content_type: str = JSON) -> Entry:
    (entry,) = entries(name, body, content_type)
    return entry
