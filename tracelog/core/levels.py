"""
A level as any logger writes it, read as one of ours.

Words and numbers are rows of tables; what stands in no table means no level.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracelog.core.entry import LEVELS

LEVEL_NAMES: Final[Mapping[str, str]] = {
    **{name: name for name in LEVELS},
    "trace": "debug",
    "verbose": "debug",
    "fine": "debug",
    "notice": "info",
    "information": "info",
    "success": "info",
    "default": "info",
    "warning": "warn",
    "err": "error",
    "severe": "error",
    "exception": "error",
    "critical": "fatal",
    "crit": "fatal",
    "alert": "fatal",
    "emerg": "fatal",
    "emergency": "fatal",
    "panic": "fatal",
}
"""Words of other loggers (syslog, java.util.logging, console, Python) and the level they mean."""

OTEL_SEVERITY: Final = (
    "info",
    *("debug",) * 8,
    *("info",) * 4,
    *("warn",) * 4,
    *("error",) * 4,
    *("fatal",) * 4,
)
"""Severity numbers 0 to 24 of the OpenTelemetry logs data model; 0 means unspecified."""

SYSLOG_SEVERITY: Final = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")
"""Severities 0 to 7 of RFC 5424, read only from fields with syslog's names: `level: 3` is OpenTelemetry's."""

NUMBERED_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "level": OTEL_SEVERITY,
    "severity": OTEL_SEVERITY,
    "severity_number": OTEL_SEVERITY,
    "severityNumber": OTEL_SEVERITY,
    "priority": SYSLOG_SEVERITY,
    "PRIORITY": SYSLOG_SEVERITY,
    "syslog_severity": SYSLOG_SEVERITY,
}
"""Which numbers a field holds."""

_WORD_CHARS: Final = 32
"""Longer than any level's name: what goes beyond it is not looked up."""


def level_of(field: str, value: Any) -> str | None:
    """
    Return the level that *value* means in a field called *field*, or None when it means none.

    Args:
        field: Name of the field, which decides whose numbers it holds.
        value: A word in any case, OpenTelemetry's `WARN3` included, a number, or a number as text.
    """
    if isinstance(value, str):
        word = value.strip().lower() if len(value) <= _WORD_CHARS else ""
        if word.isdecimal():
            return level_of(field, int(word))
        return LEVEL_NAMES.get(word) or LEVEL_NAMES.get(word.rstrip("234"))
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    table = NUMBERED_LEVELS.get(field, ())
    return table[int(value)] if 0 <= value < len(table) else None
