"""
Requests with and without a trace, and whether a server must go on with it (W3C Trace Context §3.2).
"""

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"

CONTINUED = [
    [("traceparent", VALID)],
    [("Traceparent", f" {VALID} ")],
    [("traceparent", f"01-{TRACE}-{PARENT}-01-what-comes")],
    [("traceparent", VALID), ("tracestate", "a=1"), ("tracestate", "b=2")],
]

RESTARTED = [
    [],
    [("traceparent", f"ff-{TRACE}-{PARENT}-01")],
    [("traceparent", f"00-{'0' * 32}-{PARENT}-01")],
    [("traceparent", f"00-{TRACE}-{'0' * 16}-01")],
    [("traceparent", VALID.upper())],
    [("traceparent", VALID + "-more")],
    [("traceparent", VALID), ("traceparent", VALID)],
    [("traceparent", VALID[:-1]), ("tracestate", "a=1")],
    [("traceparent", "nonsense"), ("x-trace-id", TRACE)],
    [("traceparent", "")],
]
