"""
The OpenTelemetry SDK for Python as it comes, with its protobuf exporters, and the server that it sends to.
"""

import time

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.server.running import Running


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_an_unmodified_sdk_reads_well_in_a_report(compression):
    """
    Spans and records, packed or not, are one trace with parents right; the report names the exception behind the failed span.
    """
    with Running() as running:
        base = f"http://127.0.0.1:{running.port}"
        resource = Resource.create({"service.name": "py-pay", "service.version": "7"})
        traces = TracerProvider(resource=resource)
        traces.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces", compression=compression))
        )
        logs = LoggerProvider(resource=resource)
        logs.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(f"{base}/v1/logs", compression=compression))
        )
        tracer, logger = traces.get_tracer("shop"), logs.get_logger("shop.pay")
        with tracer.start_as_current_span("POST /pay") as outer:
            logger.emit(
                LogRecord(timestamp=time.time_ns(), severity_number=SeverityNumber.WARN, body="bank is slow")
            )
            with pytest.raises(ValueError), tracer.start_as_current_span("ask bank"):  # noqa: PT011 - the SDK's span sees it pass
                raise ValueError("card declined")
        logs.shutdown()
        traces.shutdown()
        trace_id = f"{outer.get_span_context().trace_id:032x}"
        stored = running.get(f"/api/v1/traces/{trace_id}").json["entries"]
        entries = {entry["message"]: entry for entry in stored}
        served, asked, slow = entries["POST /pay"], entries["ask bank"], entries["bank is slow"]
        assert asked["parent_id"] == slow["span_id"] == served["span_id"]
        assert (slow["level"], slow["logger"], slow["service"], slow["release"]) == (
            "warn",
            "shop.pay",
            "py-pay",
            "7",
        )
        assert (asked["level"], served["level"]) == ("error", "info")
        report = running.get(f"/api/v1/traces/{trace_id}/report").json
        root = next(entry for entry in stored if entry["id"] == report["chains"][0]["root"])
        assert root["error"] == {"type": "ValueError", "message": "card declined"}
        assert "raise ValueError" in root["stack"]
