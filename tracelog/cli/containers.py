"""
Lines of containers without what their logs put around them. Pure.

`docker compose logs` names the service before each line, `docker logs --timestamps` and `kubectl logs
--timestamps` the time, and Docker's files (`json-file`) wrap each line into an object.
"""

import re
from typing import Any, Final, NamedTuple

from tracelog.core.numbers import decode_any
from tracelog.core.wire import DECODE_ERRORS

_SERVICE: Final = re.compile(r"([a-z0-9][\w.-]{0,127}) {2,}\| ?")
"""Compose puts two spaces at least behind the longest name, which a table of somebody's own seldom has."""

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) ?")
"""Nanoseconds, always nine digits of them: no program's own logger writes so."""

_WRAPPED: Final = frozenset({"log", "stream", "time"})


class Line(NamedTuple):
    """
    A line as the program in the container wrote it.

    Attributes:
        text: Without line end.
        service: Who wrote it, where that is said.
        time: When, as RFC 3339, where that is said.
    """

    text: str
    service: str | None = None
    time: str | None = None


def unwrapped(line: str) -> Line:
    """
    Return what stands in *line*.
    """
    if line.startswith('{"log":'):
        return _from_file(line)
    service = _SERVICE.match(line)
    rest = line if service is None else line[service.end() :]
    time = _TIME.match(rest)
    if time is not None:
        rest = rest[time.end() :]
    return Line(rest, service and service[1], time and time[1])


def _from_file(line: str) -> Line:
    try:
        wrapped: Any = decode_any(line.encode())
    except DECODE_ERRORS:
        return Line(line)
    if not isinstance(wrapped, dict) or not wrapped.keys() >= _WRAPPED:
        return Line(line)
    return Line(str(wrapped["log"]).rstrip("\r\n"), None, str(wrapped["time"]))
