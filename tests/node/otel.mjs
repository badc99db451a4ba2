/**
 * A program with the OpenTelemetry SDK as it comes, traces as JSON and logs as protobuf, sent to the server that it is given.
 */

import { setTimeout } from "node:timers/promises";

import { SpanStatusCode, context, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const url = process.argv[2];
const resource = defaultResource().merge(resourceFromAttributes({ "service.name": "js-pay", "deployment.environment.name": "test" }));
const traces = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))] });
traces.register();
const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/v1/logs` }) })] });

const tracer = trace.getTracer("shop");
const logger = logs.getLogger("shop.pay");
await tracer.startActiveSpan("POST /pay", async (outer) => {
  logger.emit({ severityNumber: SeverityNumber.INFO, body: "paying", attributes: { "user.id": "u7" }, context: context.active() });
  await tracer.startActiveSpan("ask bank", async (inner) => {
    const error = new TypeError("card declined");
    inner.recordException(error);
    inner.setStatus({ code: SpanStatusCode.ERROR, message: "declined" });
    await setTimeout(5); // records have whole milliseconds, spans finer ones
    logger.emit({ severityNumber: SeverityNumber.ERROR, severityText: "ERROR", body: "bank refused", context: context.active() });
    inner.end();
  });
  outer.end();
  console.log(outer.spanContext().traceId);
});
await logs.shutdown();
await traces.shutdown();
