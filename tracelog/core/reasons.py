"""
Why entries end otherwise than stored: every reason that tracelog itself gives, by outcome, with its meaning.

The one table of them. `docs/life-of-an-entry.md` shows it, and tests hold both against the code. A foreign
server or sink may name others; they are counted under their own names, up to `ledger.REASONS` of them.
"""

from collections.abc import Mapping
from typing import Final

MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "dropped": {
        "queue_overflow": "the queue was full, and this was of the lowest level in it",
        "before_send": "the hook returned None",
        "before_send_error": "the hook raised, or returned what is no entry",
        "redact_failed": "it could not be shown to be free of secrets",
        "pipeline_error": "a stage of the background thread failed on the rows it had in hand",
        "encode": "a value in it cannot be written, or not be read again",
        "invalid": "no row can hold it, such as one with a span id that is none",
        "reentrant": "it was logged by a sink or hook, on the shipping thread: it would follow itself",
        "retry_expired": "nobody took its batch for `retry_for` seconds",
        "sink_error": "a sink failed in a way of its own",
        "spool_full": "the spool had reached its bound, and this was the oldest in it",
        "spool_expired": "it waited in the spool for `spool_age` seconds",
        "spool_damaged": "its place in the spool cannot be read any more",
        "shutdown": "it was not delivered when the program ended",
        "after_close": "it was logged after `shutdown()`",
        "crashed": "its process was killed with it in hand; the next one told so",
    },
    "rejected": {
        "missing_message": "it has no message",
        "bad_trace_id": "its trace id can name no trace",
        "bad_json": "it is no valid JSON",
        "not_an_object": "it is JSON, but no object",
        "too_large": "it is larger than the other end takes",
        "too_deep": "it is nested more deeply than can be read",
        "bad_row": "it is no row of a compact batch",
        "no_topic": "it is no event of a Convex log stream",
        "no_event": "it is neither a Cloudflare tail event nor a Logpush record",
        "bad_span": "it is a span without its ids",
        "bad_attributes": "its OTLP attributes are no list of keys and values",
        "bad_number": "a number of its OTLP item is none",
        "loop": "it passed too many forwarders, or tells of its own delivery",
        "too_many": "its item holds more than one request may",
        "store_refused": "a key of its trace in the store holds something else",
        "invalid": "it was refused without a reason",
        "unanswered": "the answer counts fewer entries than were sent",
        "http_<status>": "the server refused the batch with this status",
        "sink_refused": "the sink refused the batch without a reason",
        "wrong_type": "in Redis the trace's key holds something else",
        "redis_permission": "the Redis user may not write",
        "redis_cluster": "the sink cannot write to a Redis cluster",
        "redis_refused": "Redis refused the write",
        "no_stream": "the process has no console",
        "stream_closed": "the console or stream was closed",
        "terminal_full": "the terminal took no more when it was to be shown there",
    },
    "suppressed": {
        "noise": "a noise pattern matches it",
        "muted": "an operator has muted its source or system for a while",
        "loop": "the same entry repeats too fast; a summary counts it",
        "loop_template": "entries of its form come too fast; a summary counts it",
        "sampled": "its trace is not in the sample",
        "rate": "its source says too much in this minute",
        "echo": "its trace has just stored the same several times, from several systems",
        "shown_elsewhere": "the program shows it at the console already, by its logging library",
        "too_fast": "the console had shown 500 lines in this second",
    },
    "limited": {
        "system_quota": "its system has stored all that it may in this hour",
        "critical_quota": "critical traces have stored all they may in this hour",
        "budget": "the month's budget has no room for entries of its kind",
        "trace_quota": "its trace has stored all that one trace may in its window",
        "trace_size": "its trace holds as many bytes as one trace may",
        "withheld": "the server had said that its quota is used up; the client did not send it",
    },
}
"""By outcome and reason, in the order in which an entry meets them."""
