"""
Lines that a program hands to another logging library, taken into the queue as if they were our own.

What differs from a log call: the line comes with its moment, its logger and perhaps the hop and the exception
of another thread. Redaction, folding and delivery are those of `pipeline.py`, and so are the bounds.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tracelog.client.context import PLACE, root
from tracelog.client.crash import Fault, Stack
from tracelog.client.default import default
from tracelog.client.gate import SLOT, Gate
from tracelog.client.hop import Trace
from tracelog.client.interrupts import is_from_outside
from tracelog.client.named import with_names
from tracelog.client.odd import TEXT_CHARS, encode, encode_fields, encode_odd, say, shown
from tracelog.client.pipeline import HUGE, LATE_BYTES, LateRow, encode_meta
from tracelog.core.entry import RANK

if TYPE_CHECKING:
    from tracelog.client.client import Client

_LEVELS: Final = {10: "debug", 20: "info", 30: "warn", 40: "error", 50: "fatal"}
NUMBERS: Final = ((50, "fatal"), (40, "error"), (30, "warn"), (20, "info"))
"""Least numbers of the standard library's levels, which loguru and structlog share."""

METAS_MOST: Final = 1024
"""Pairs of level and logger kept encoded: who names a logger after each object must not fill the memory."""

KNOWN_MOST: Final = 4096
"""Forms of plain lines that are remembered, some 300 bytes each: more than a program has calls."""

_METAS: Final[dict[tuple[str, str], msgspec.Raw]] = {}
_NONE: Final[Mapping[str, Any]] = {}


class Host(Protocol):
    """
    What a line needs of its client.
    """

    @property
    def gate(self) -> Gate: ...

    def is_enabled_for(self, level: str, logger: str = "") -> bool: ...


class Learner(Host, Protocol):
    """
    A client that remembers lines.
    """

    def locates(self) -> bool:
        """
        Whether calls say where they stand in the code.
        """

    @property
    def known(self) -> dict[Any, msgspec.Raw]:
        """
        What drop-ins have seen to be plain, and its level and logger as a row has them; see `learn`.
        Another dict after each change of settings.
        """


class Line(msgspec.Struct, kw_only=True, gc=False):
    """
    One line of another library.

    Attributes:
        level: One of ours.
        logger: The name of who logged it.
        message: Text, or whatever stands for it; *args* are applied to it as the standard library does.
        fields: The entry's context.
        seconds: Unix time; None for now.
        place: The hop it belongs to; None for the current one.
        fault: The exception that came with it, noted.
        stack: A stack without an exception.
    """

    level: str
    logger: str = ""
    message: Any = ""
    args: tuple[Any, ...] = ()
    fields: Mapping[str, Any] = _NONE
    seconds: float | None = None
    place: Trace | None = None
    fault: Fault | None = None
    stack: Stack | None = None


def log_line(client: Host, line: Line) -> None:
    """
    Queue *line*, when its level is logged and there is room. Never raises.

    What a sink or hook logs on the shipping thread ends here, counted: it would be shipped for ever.
    """
    level = line.level
    if not client.is_enabled_for(level, shown(line.logger)):
        return
    gate = client.gate
    ids = getattr(line.place or PLACE.get() or root(), "raw", None)
    if ids is None:  # the place of sinks and hooks, here or in the process that this line comes from
        gate.drops.count("reentrant")
        return
    if len(gate.queue) >= gate.high_water and gate.full(RANK[level]):
        return
    seconds = line.seconds if type(line.seconds) is float else time.time()
    head = (seconds, _meta(level, line.logger), ids, _text(line.message, line.args))
    if line.fault is None and line.stack is None:
        _queue(gate, head, line.fields)
        return
    plain = encode_fields(line.fields)
    gate.put(LateRow((*head, plain), {}, line.fault, line.stack), LATE_BYTES + len(head[3]) + len(plain))


def learn(client: Learner, key: Any, level: str, logger: str) -> None:
    """
    Remember lines of *key*, which says all there is to check, as plain ones at *level* of *logger*.

    With it the next one needs no `Line`: the drop-in queues it in one step.
    """
    known = client.known  # first: what is learnt by old settings must not go into the new dict
    if not client.locates() and client.is_enabled_for(level, logger):
        if len(known) >= KNOWN_MOST:
            known.clear()
        known[key] = _meta(level, logger)


def put_long(gate: Gate, row: bytes, text: str) -> bool:
    """
    Queue *row*, which holds *text* and needs more than one slot; say False when one of the two is to be cut.
    """
    if len(row) > HUGE or len(text) > TEXT_CHARS:
        return False
    gate.put(row, len(row))
    return True


def lost(client: Host) -> None:
    """
    Count a line that could not be read, so that its loss shows.
    """
    client.gate.drops.count("invalid")


def level_of_number(number: Any) -> str:
    """
    Return our level for a *number* of the standard library's `logging`; what is no number counts as info.
    """
    level = _LEVELS.get(number) if type(number) is int else "info"
    return level or next((name for least, name in NUMBERS if number >= least), "debug")


def chosen(client: "Client | None") -> "Callable[[], Client]":
    """
    Return who gives *client*, or the default one of the moment where none is given.
    """
    return default if client is None else lambda: client


def _text(message: Any, args: tuple[Any, ...]) -> str:
    if not args and type(message) is str and len(message) <= TEXT_CHARS:
        return message
    return say(message, args)


def _meta(level: str, logger: Any) -> msgspec.Raw:
    name = logger if type(logger) is str else shown(logger)
    meta = _METAS.get((level, name))
    if meta is None:
        if len(_METAS) >= METAS_MOST:
            _METAS.clear()
        meta = _METAS[level, name] = encode_meta(level, name or None)
    return meta


def _queue(gate: Gate, head: tuple[float, msgspec.Raw, msgspec.Raw, str], fields: Mapping[str, Any]) -> None:
    try:
        row = encode((*head, with_names(fields) or None))
    except BaseException as error:  # half characters, cycles, numbers without end
        if is_from_outside(error):
            raise
        row = _odd(head, fields)
    if len(row) > SLOT:
        row = row if len(row) <= HUGE else _odd(head, fields)
        gate.put(row, len(row))
        return
    gate.queue.append(row)
    next(gate.tick)


def _odd(head: tuple[float, msgspec.Raw, msgspec.Raw, str], fields: Mapping[str, Any]) -> bytes:
    return encode((*head[:3], say(head[3], ()), encode_odd(fields)))
