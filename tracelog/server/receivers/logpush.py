"""
Records of the Logpush dataset `workers_trace_events`, told in the words of tail events.

Logpush writes the same facts with capitals: `ScriptName`, `Logs[{Level, Message, TimestampMs}]`. What stands
inside a message is the program's own and stays as it is.
"""

from collections.abc import Mapping
from typing import Any, Final

NAMES: Final = {
    "CPUTimeMs": "cpuTime",
    "WallTimeMs": "wallTime",
    "EventTimestampMs": "eventTimestamp",
    "TimestampMs": "timestamp",
    "ScheduledTimeMs": "scheduledTime",
    "URL": "url",
    "ID": "id",
    "RPCMethod": "rpcMethod",
}
"""Fields that differ by more than their first letter."""

_SIGNS: Final = frozenset({"EventTimestampMs", "ScriptName", "Outcome", "EventType", "Logs", "Event"})


def is_logpush(item: Mapping[str, Any]) -> bool:
    """
    Whether *item* is a Logpush record and no tail event.
    """
    return bool(item.keys() & _SIGNS)


def as_tail(record: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return *record* in the shape of a tail event; whatever is not known keeps its value.
    """
    item = _renamed(record)
    for name in ("logs", "exceptions"):
        if isinstance(item.get(name), list):
            item[name] = [_renamed(one) if isinstance(one, dict) else one for one in item[name]]
    if isinstance(item.get("scriptVersion"), dict):
        item["scriptVersion"] = _renamed(item["scriptVersion"])
    if isinstance(item.get("event"), dict):
        event = _renamed(item["event"])
        for name in ("request", "response"):
            if isinstance(event.get(name), dict):
                event[name] = _renamed(event[name])
        item["event"] = event
    return item


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {NAMES.get(key) or key[:1].lower() + key[1:]: value for key, value in values.items()}
