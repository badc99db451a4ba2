"""
Headers of whatever make a caller has, with the trace written into them.

What can be changed is changed in place and handed back: mappings and lists of pairs. What cannot be, such as
a tuple or a read-only view, is left alone, and a new dict has it with the trace added.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from tracelog.client.interrupts import is_from_outside

TRACE_HEADERS: Final = frozenset({"traceparent", "tracestate", "x-trace-id"})
"""What is replaced, however it is spelt: two `traceparent` are none at all (W3C Trace Context §3.2)."""

CARRIED: Final = (*sorted(TRACE_HEADERS), "baggage")
"""All that a trace travels in. Entries of `baggage` that others wrote stay beside ours."""


def write_into(carrier: Any, added: Mapping[str, str]) -> Any:
    """
    Return *carrier*, or a new dict of it, with the headers *added*. Never raises.

    Args:
        carrier: A mapping of names, or pairs of names and values; None for a new dict.
        added: Headers of the current trace; with none nothing is replaced either.
    """
    if carrier is None:
        return dict(added)
    try:
        return _written(carrier, added, (TRACE_HEADERS | added.keys()) if added else frozenset())
    except BaseException as error:  # no headers at all, or such as nobody may write: it goes on without them
        if is_from_outside(error):
            raise
        return dict(added)


def _written(carrier: Any, added: Mapping[str, str], replaced: frozenset[str]) -> Any:
    if isinstance(carrier, list):
        return _in_list(carrier, added, replaced)
    if hasattr(carrier, "keys") and hasattr(carrier, "__setitem__") and hasattr(carrier, "__delitem__"):
        with suppress(Exception):  # a mapping that does not let itself be changed after all is copied, below
            return _in_mapping(carrier, added, replaced)
    kept = {_text(name): value for name, value in _pairs(carrier) if _text(name).lower() not in replaced}
    return {**kept, **added}


def _in_mapping(carrier: Any, added: Mapping[str, str], replaced: frozenset[str]) -> Any:
    for name in [name for name in dict.fromkeys(carrier.keys()) if _text(name).lower() in replaced]:
        with suppress(KeyError):  # where case does not matter, another spelling went with the first
            del carrier[name]
    for name, value in added.items():
        carrier[name] = value
    return carrier


def _in_list(carrier: list[Any], added: Mapping[str, str], replaced: frozenset[str]) -> list[Any]:
    """
    Write pairs of the make that the list has: ASGI's are bytes.
    """
    kept = [pair for pair in carrier if _text(pair[0]).lower() not in replaced]
    as_bytes = bool(carrier) and isinstance(carrier[0][0], bytes)
    ours: list[Any] = [
        (name.encode("latin-1"), value.encode("latin-1")) if as_bytes else (name, value)
        for name, value in added.items()
    ]
    carrier[:] = kept + ours
    return carrier


def _pairs(carrier: Any) -> Iterator[tuple[Any, Any]]:
    yield from carrier.items() if hasattr(carrier, "items") else carrier


def _text(name: Any) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)
