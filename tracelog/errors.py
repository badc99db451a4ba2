"""
Every exception of tracelog, in one tree.

    TracelogError
    ├── ConfigError           a setting is wrong; names the setting
    ├── InvalidEntryError     one entry cannot be taken; its batch goes on
    ├── InvalidBodyError      a request body cannot be read at all
    ├── AccessError           host, origin or key refused
    ├── UnknownReferenceError a trace reference names nothing, or too much
    │   └── GoneTraceError      the trace was here and is no more
    ├── PinRefusedError       as much is pinned as may be
    ├── RefusedChangeError    what an operator asked for cannot be, as things stand
    ├── QuerySyntaxError      a search cannot be read
    ├── StoreUnavailableError the store cannot take or give data now; try again
    │   └── PartlyStoredError   some traces of a call were stored, others were not (`stores/base.py`)
    ├── SinkUnavailableError  a sink cannot take a batch now; try again
    └── SinkRefusedError      a sink will never take this batch
        └── ParcelTooLargeError it would take a smaller one (`sinks/base.py`)

Each carries what its handler needs: a *status* for HTTP, a machine-readable *reason* and, where waiting
helps, *retry_after* in seconds. The logging calls of a program raise none of them.
"""

from collections.abc import Mapping
from typing import Any


class TracelogError(Exception):
    """
    Base of all. The message is one sentence: what was wrong, where, and what to do.
    """

    status = 500
    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.reason
        self.status = status or self.status


class ConfigError(TracelogError):
    reason = "config"


class InvalidEntryError(TracelogError):
    status = 400
    reason = "invalid"


class InvalidBodyError(TracelogError):
    status = 400
    reason = "invalid_body"


class AccessError(TracelogError):
    status = 403
    reason = "forbidden"


class UnknownReferenceError(TracelogError):
    status = 404
    reason = "unknown_trace"


class GoneTraceError(UnknownReferenceError):
    """
    The trace was here and is no more; *gone* is what is still known of it.
    """

    status = 410
    reason = "expired"

    def __init__(
        self, message: str, *, reason: str | None = None, gone: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.gone = dict(gone or {})


class PinRefusedError(TracelogError):
    status = 409
    reason = "pins_full"


class RefusedChangeError(TracelogError):
    """
    What an operator asked for cannot be, as things stand.
    """

    reason = "refused"
    status = 409


class QuerySyntaxError(TracelogError):
    status = 400
    reason = "query"


class StoreUnavailableError(TracelogError):
    status = 503
    reason = "store_unavailable"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkUnavailableError(TracelogError):
    status = 503
    reason = "sink_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SinkRefusedError(TracelogError):
    status = 400
    reason = "sink_refused"
