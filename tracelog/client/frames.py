"""
What the variables of an exception's frames held, on request (`capture=["locals"]`).

They are read when the exception is noted, since they go on changing, and shown like its traceback, below the
line of their frame; secrets in them are replaced like those in any text.
"""

import weakref
from itertools import islice
from reprlib import Repr
from types import BuiltinFunctionType, FunctionType, ModuleType, TracebackType
from typing import Any, Final

from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import shown

FRAMES_MOST: Final = 8
"""Innermost frames that are shown: those nearest to what went wrong."""

NAMES_MOST: Final = 20
"""Variables of one frame."""

ITEMS_MOST: Final = 1000
"""A larger collection is told by its size alone: even to begin with it may mean to sort it."""

TEXT_CHARS: Final = 200
"""Of one text: two lines of a terminal."""

LINE_CHARS: Final = 2_000
"""Of one variable with all its parts."""

_WANTED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def attend(client: object, *, wanted: bool) -> None:
    """
    Read variables from now on while *client* lives, when that is *wanted*.

    It holds for all clients of the process: a record of the standard library is noted before it is known who
    will ship it.
    """
    (_WANTED.add if wanted else _WANTED.discard)(client)


def is_wanted() -> bool:
    """
    Whether some client wants variables.
    """
    return len(_WANTED) > 0


def variables(traceback: TracebackType, frames: int) -> list[list[str]]:
    """
    Return the lines about the variables of the last of the *frames* that *traceback* begins with. Never
    raises.
    """
    node: TracebackType | None = traceback
    for _ in range(frames - FRAMES_MOST):
        node = node and node.tb_next
    told = []
    while node is not None:
        told.append(_lines(node.tb_frame.f_locals))
        node = node.tb_next
    return told


def _lines(variables: dict[str, Any]) -> list[str]:
    pairs = [(name, value) for name, value in list(variables.items()) if not isinstance(value, _CODE)]
    lines = [f"{shown(name)} = {_value(value)}" for name, value in islice(pairs, NAMES_MOST)]
    hidden = len(pairs) - NAMES_MOST
    return [*lines, f"… {hidden} more variables"] if hidden > 0 else lines


def _value(value: Any) -> str:
    try:
        text = shown(_SHORT.repr(value)).replace("\n", " ")
    except BaseException as error:
        if is_from_outside(error):
            raise
        return f"<repr failed: {type(value).__name__}, {type(error).__name__}>"
    return text if len(text) <= LINE_CHARS else _sized(value, len(text))


def _sized(value: Any, size: int) -> str:
    return f"<{type(value).__name__} of {size:,} characters>"


class _Short(Repr):
    """
    Values with their parts, as far as these are short. Nothing is cut: half a secret is not known as one.
    """

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, _COLLECTIONS) and len(x) > ITEMS_MOST:
            return f"<{type(x).__name__} of {len(x):,} items>"
        return super().repr1(x, level)

    def repr_str(self, x: str, _level: int) -> str:
        return repr(x) if len(x) <= TEXT_CHARS else _sized(x, len(x))

    def repr_bytes(self, x: bytes, _level: int) -> str:
        return repr(x) if len(x) <= TEXT_CHARS else _sized(x, len(x))

    def repr_instance(self, x: Any, _level: int) -> str:
        try:
            text = shown(repr(x))
        except BaseException as error:
            if is_from_outside(error):
                raise
            return f"<repr failed: {type(x).__name__}, {type(error).__name__}>"
        return text if len(text) <= TEXT_CHARS else _sized(x, len(text))


_COLLECTIONS: Final = (list, tuple, set, frozenset, dict)
_CODE: Final = (ModuleType, FunctionType, BuiltinFunctionType, type)
"""What a frame holds of the program itself."""

_SHORT: Final = _Short()
_SHORT.maxlevel = 3
