"""
What a log call does on the calling thread: one straight function.

It takes no lock, makes no system call but the clock's, and leaves nothing in the queue that the garbage
collector would have to look at: an entry is `bytes`, encoded at once, which is cheaper than checking whether
its values could change later. What happens to the rows afterwards is the literal list of `background.py`.
"""

import time
from collections.abc import Callable, Mapping
from gc import is_tracked
from typing import Any, Final

import msgspec

from tracelog.client.context import PLACE, root
from tracelog.client.crash import Fault, Stack, asked_stack, current_error, note
from tracelog.client.gate import SLOT, Gate
from tracelog.client.hop import MUTED, Trace
from tracelog.client.interrupts import is_from_outside
from tracelog.client.named import with_names
from tracelog.client.odd import FIELDS_BYTES, TEXT_CHARS, encode, encode_fields, encode_odd, name_of, say
from tracelog.core.entry import LEVELS, NAME_CHARS, RANK

LogCall = Callable[..., None]

SPECIAL: Final = frozenset({"exc_info", "stack_info"})
"""Fields that ask for an exception or a stack, by the names the standard library gave them."""

LEVEL_INDEX: Final = {level: index for index, level in enumerate(LEVELS)}

HUGE: Final = FIELDS_BYTES
"""A row beyond this is built again, with its long texts cut: what waits is bounded by bytes, too."""

LATE_BYTES: Final = 1024
"""What an exception noted for later is counted as: ten frames and what Python keeps around them."""


UNSAID: Final = object()
"""No message was given: it may stand under `event`, as structlog calls it, or there is none."""


def build_call(gate: Gate, level: str, logger: str, bound: Mapping[str, Any]) -> LogCall:
    """
    Return the function that logs at *level* for *logger*, with *bound* fields encoded once.
    """
    rank = RANK[level]
    meta = encode_meta(level, logger, bound)
    queue = gate.queue
    append = queue.append
    place = PLACE.get
    now = time.time

    def call(message: Any = UNSAID, /, *args: Any, **fields: Any) -> None:
        if len(queue) >= gate.high_water and gate.full(rank):  # bounded, lowest level first: `Shipper.full`
            return
        trace = place() or root()
        try:
            if (
                args
                or type(message) is not str
                or len(message) > TEXT_CHARS
                or "exc_info" in fields
                or "stack_info" in fields
            ):
                if message is UNSAID:
                    message = fields.pop("event", "")
                log_special(gate, (meta, trace.raw), say(message, args), fields)
                return
            # the snapshot: what changes later does not show
            said = with_names(fields) if is_tracked(fields) else fields
            row = encode((now(), meta, trace.raw, message, said or None))
        except BaseException as error:  # values that cannot be encoded as they are, or no place to log at
            if is_from_outside(error):
                raise
            log_odd(gate, meta, trace, (message, fields))
            return
        if len(row) > SLOT:
            if len(row) > HUGE:
                log_odd(gate, meta, trace, (message, fields))
                return
            gate.put(row, len(row))
            return
        append(row)
        next(gate.tick)  # exact even after a SIGKILL: `cells.py`

    return call


def nothing(_message: Any = None, /, *_args: Any, **_fields: Any) -> None:
    """
    What a call below the level is: it costs no more than building its keyword arguments.
    """


class LateRow:
    """
    A row whose stack text the background thread still has to write.
    """

    __slots__ = ("extra", "fault", "parts", "stack")

    def __init__(
        self, parts: tuple[Any, ...], extra: dict[str, Any], fault: Fault | None, stack: Stack | None = None
    ) -> None:
        self.parts = parts
        self.extra = extra
        self.fault = fault
        self.stack = stack

    def encode(self) -> bytes:
        extra = dict(self.extra)
        if self.stack is not None:
            extra["stack"] = self.stack.text()
        if self.fault is not None:
            extra["error"] = self.fault.error()
            extra["stack"] = self.fault.text()
        return encode((*self.parts, extra))


def encode_meta(level: str, logger: Any = "", bound: Mapping[str, Any] | None = None) -> msgspec.Raw:
    """
    Return what a logger says in every call, ready to be placed in a row.
    """
    name = name_of(logger, NAME_CHARS)
    return msgspec.Raw(encode((LEVEL_INDEX[level], name, encode_fields(bound) if bound else None)))


def log_special(gate: Gate, head: tuple[msgspec.Raw, msgspec.Raw], text: str, fields: dict[str, Any]) -> None:
    """
    Queue a call with format arguments, an exception, a stack, or a message that is no plain text.
    """
    error = current_error(fields.get("exc_info"))
    stack = asked_stack(fields.get("stack_info"))
    plain = encode_fields({name: value for name, value in fields.items() if name not in SPECIAL})
    parts = (time.time(), *head, text, plain)
    if error is None and stack is None:
        row = encode(parts)
        gate.put(row, len(row))
        return
    late = LateRow(parts, {}, None if error is None else note(error), stack)
    gate.put(late, LATE_BYTES + len(text) + len(plain))


def log_odd(gate: Gate, meta: msgspec.Raw, trace: Trace, said: tuple[Any, dict[str, Any]]) -> None:
    """
    Queue a call that msgpack refuses as it is, or that is huge: half characters, cycles, numbers without end.

    What a sink or hook logs on the shipping thread ends here, counted: it would be shipped for ever.
    """
    if trace is MUTED:
        gate.drops.count("reentrant")
        return
    message, fields = said
    plain = encode_odd({name: value for name, value in fields.items() if name not in SPECIAL})
    row = encode((time.time(), meta, trace.raw, say(message, ()), plain))
    gate.put(row, len(row))
