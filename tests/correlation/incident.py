"""
One incident as literal data: a checkout that fails because a database statement in the billing service times out.

A page, a worker, a Convex backend and a Python service; each logs by its own clock. The browser floods, the worker's
and the backend's line hold the same bearer token, 37 browser entries were refused by a quota.
"""

from tracelog.core.entry import Entry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
START = 1_772_635_201_840.0  # 2026-03-04 14:40:01.840 UTC
PAGE, FETCH, WORKER, CONVEX, CHARGE, QUERY = (f"{n:016x}" for n in range(0xA1, 0xA7))
TOKEN = "[REDACTED:bearer:9c41ab]"

ROWS = (
    # source, seq, ms, system, level, message, span, parent, duration, more
    ("tab-1", 0, 0, "browser", "info", "click Buy", PAGE, None, None, {"user_id": "u-81"}),
    (
        "tab-1",
        1096,
        2160,
        "browser",
        "error",
        "POST /checkout 500",
        FETCH,
        None,
        None,
        {"context": {"status": 500}},
    ),
    ("tab-1", 1097, 2, "browser", "info", "POST /checkout", FETCH, PAGE, 2166, {}),
    (
        "tab-1",
        1098,
        2168,
        "browser",
        "error",
        "Uncaught (in promise) Error: checkout failed",
        PAGE,
        None,
        None,
        {
            "error": {"type": "Error", "message": "checkout failed"},
            "stack": "Error: checkout failed\n    at buy (shop.js:41:11)",
        },
    ),
    ("tab-1", 1099, 2170, "browser", "info", "toast shown: Something went wrong", PAGE, None, None, {}),
    (
        "tab-1",
        1100,
        900,
        "browser",
        "debug",
        "mousemove 311,92",
        PAGE,
        None,
        None,
        {"kind": "suppressed", "count": 37, "last_timestamp": START + 1600, "why": "system_quota"},
    ),
    ("edge-7", 0, 33, "worker", "info", f"session ok, {TOKEN}", WORKER, None, None, {}),
    ("edge-7", 1, 38, "worker", "debug", "cache miss: cart:u-81", WORKER, None, None, {}),
    ("edge-7", 2, 2121, "worker", "error", "convex call failed with status 500", WORKER, None, None, {}),
    ("edge-7", 3, 31, "worker", "info", "route /checkout", WORKER, FETCH, 2098, {}),
    ("cvx-3", 0, 64, "convex", "log", "orders:place cart of 3 items, 12.50 EUR", CONVEX, None, None, {}),
    (
        "cvx-3",
        1,
        2104,
        "convex",
        "error",
        "charge request failed: upstream returned 502",
        CONVEX,
        None,
        None,
        {},
    ),
    ("cvx-3", 2, 62, "convex", "info", "orders:place", CONVEX, WORKER, 2047, {}),
    (
        "billing-4",
        0,
        85,
        "backend",
        "info",
        "charging card",
        CHARGE,
        None,
        None,
        {"context": {"amount": 12.5, "authorization": TOKEN}},
    ),
    (
        "billing-4",
        1,
        88,
        "backend",
        "info",
        "UPDATE orders SET state = 'charged' WHERE id = $1",
        QUERY,
        CHARGE,
        1993,
        {},
    ),
    (
        "billing-4",
        2,
        2081,
        "backend",
        "error",
        "psycopg.OperationalError: canceling statement due to statement timeout",
        CHARGE,
        None,
        None,
        {
            "error": {
                "type": "psycopg.OperationalError",
                "message": "canceling statement due to statement timeout",
                "cause": {"type": "QueryCanceled", "message": "statement timeout after 2000 ms"},
            }
        },
    ),
    ("billing-4", 3, 84, "backend", "info", "POST /charge", CHARGE, CONVEX, 2004, {}),
)

SERVICES = {"browser": "shop", "worker": "edge", "convex": "orders", "backend": "billing"}
FLOOD = 1_090


def incident() -> list[Entry]:
    """
    Return the entries of the incident, in no useful order.
    """
    entries = [_entry(*row) for row in ROWS]
    entries += [
        _entry(
            "tab-1",
            1 + n,
            40 + n * 1.9,
            "browser",
            "debug",
            f"render loop: effect run {n}",
            PAGE,
            None,
            None,
            {},
        )
        for n in range(FLOOD)
    ]
    return sorted(entries, key=lambda entry: entry.id[::-1])


def _entry(source, seq, ms, system, level, message, span, parent, duration, more) -> Entry:
    return Entry(
        id=f"{source}-{seq}",
        trace_id=TRACE,
        timestamp=START + ms,
        system=system,
        service=SERVICES[system],
        level=level,
        message=message,
        span_id=span,
        parent_id=parent,
        duration_ms=duration,
        source=source,
        seq=seq,
        **more,
    )
