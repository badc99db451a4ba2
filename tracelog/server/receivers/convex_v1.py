"""
Events of Convex log streams set up before May 2024 (schema V1), told in the words of V2.

They name no request and no deployment. What V2 has no word for keeps its own name.
"""

from collections.abc import Mapping
from typing import Any, Final

TOPICS: Final = {"_execution_record": "function_execution"}
"""Topics that were renamed; the others lost their underscore only."""

FUNCTION: Final = {
    "_functionPath": "path",
    "_functionType": "type",
    "_functionCached": "cached",
}
RENAMED: Final = {"executionTimeMs": "execution_time_ms", "reason": "error_message", "logLevel": "log_level"}


def is_v1(event: Mapping[str, Any]) -> bool:
    """
    Whether *event* is of schema V1: its topic has an underscore before its name.
    """
    return "_topic" in event and "topic" not in event


def translate(event: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return *event* in the shape of schema V2.
    """
    topic = event["_topic"]
    if isinstance(topic, str):
        topic = TOPICS.get(topic, topic.removeprefix("_"))
    function: dict[str, Any] = {}
    said: dict[str, Any] = {"topic": topic, "timestamp": event.get("_timestamp"), "schema": "v1"}
    for key, value in event.items():
        if key in FUNCTION:
            function[FUNCTION[key]] = value
        elif key not in {"_topic", "_timestamp"}:
            said[RENAMED.get(key, key)] = value
    if function:
        said["function"] = function
    if topic == "function_execution" and "status" not in said:
        said["status"] = "failure" if said.get("error_message") else "success"
    return said
