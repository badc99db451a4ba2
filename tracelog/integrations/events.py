"""
An event dictionary of structlog as a line of ours; the standard library's handler meets them, too, where
structlog is set up to log through it.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

from tracelog.client.crash import Stack, asked_stack, current_error, note
from tracelog.client.foreign import Learner, Line, learn, level_of_number
from tracelog.client.odd import shown
from tracelog.core.levels import LEVEL_NAMES
from tracelog.core.times import to_milliseconds

SAID: Final = frozenset(
    (
        "event",
        "level",
        "logger",
        "timestamp",
        "exc_info",
        "exception",
        "stack_info",
        "stack",
        "positional_args",
        "_record",
        "_from_structlog",
    )
)
"""Keys of structlog's own processors that an entry has fields for; everything else is the entry's context."""


class Rendered(str):
    """
    A line that structlog has made of an event for the standard library, with that event.
    """

    __slots__ = ("event",)
    event: dict[str, Any]

    @classmethod
    def of(cls, line: str, event: dict[str, Any]) -> Self:
        rendered = cls(line)
        rendered.event = event
        return rendered


def read_event(event: Mapping[str, Any], level: str, logger: str) -> Line:
    """
    Return the line that *event* is.

    Args:
        event: What structlog's processors made of the call and the bound context; it is not changed.
        level: Of the method that was called; a level in the event wins.
        logger: The name of the logger; one in the event wins.
    """
    said = event.items()
    fields = {key if type(key) is str else shown(key): value for key, value in said if key not in SAID}
    line = Line(level=level, logger=logger, message=event.get("event", ""), fields=fields)
    if len(event) > len(fields) + 1 or "event" not in event:
        _add_said(line, event, fields)
    return line


def learn_event(client: Learner, called: tuple[Any, Any], event: Mapping[str, Any]) -> None:
    """
    Remember what *event* is like, where nothing about its names is odd.

    Args:
        client: Who ships such events.
        called: The name of the logger or None, and the method.
        event: As in `read_event`.
    """
    name, method = called
    is_plain = (
        type(method) is str and type(name) in {str, type(None)} and all(type(key) is str for key in event)
    )
    if is_plain and SAID.intersection(event) == {"event"}:
        learn(client, (name, method, *event), LEVEL_NAMES.get(method, "info"), name or "")


def _add_said(line: Line, event: Mapping[str, Any], fields: dict[str, Any]) -> None:
    """
    Add to *line* what processors before ours have said in *event*; what has no place in it goes to *fields*.
    """
    if not isinstance(event.get("level", ""), str | int):
        fields["level"] = event["level"]
    error = current_error(event.get("exc_info"))
    line.level = _level(event.get("level"), line.level)
    line.logger = event.get("logger") or line.logger
    line.args = _args(event.get("positional_args"))
    line.seconds = _seconds(event, fields)
    line.fault = None if error is None else note(error)
    line.stack = _stack(event, fields)


def _level(said: Any, level: str) -> str:
    if isinstance(said, str):
        return LEVEL_NAMES.get(said.lower(), level)
    return level_of_number(said) if isinstance(said, int) else level


def _args(said: Any) -> tuple[Any, ...]:
    return said if isinstance(said, tuple) else ()


def _seconds(event: Mapping[str, Any], fields: dict[str, Any]) -> float | None:
    """
    Return the event's time; one in a form of its own goes on as a field, so that nothing is lost.
    """
    said = event.get("timestamp")
    moment = None if said is None else to_milliseconds(said)
    if said is not None and moment is None:
        fields["timestamp"] = said
    return None if moment is None else moment / 1000.0


def _stack(event: Mapping[str, Any], fields: dict[str, Any]) -> Stack | None:
    """
    Return the stack of *event*: text that a processor wrote, or the caller's own where it is asked for.
    """
    for key in ("exception", "stack"):
        said = event.get(key)
        if isinstance(said, str):
            return asked_stack(said)
        if said is not None:
            fields[key] = said  # tracebacks as structures, by `dict_tracebacks`
    return asked_stack(event.get("stack_info"))
