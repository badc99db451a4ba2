"""
Where a log call stands in the code, on request: it costs a call about a microsecond more.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from tracelog.client.odd import shown

FIELD: Final = "code"
"""The field of an entry that says it, in the form in which editors and terminals open a place."""

_OWN: Final = ("tracelog.", "structlog.")
"""Packages between a call and whoever asks where it stands."""


def located(call: Callable[..., None]) -> Callable[..., None]:
    """
    Return *call* so that its entries say from where it was called, unless the program says it itself.
    """

    def at(*args: Any, **fields: Any) -> None:
        if FIELD not in fields:
            fields[FIELD] = calling()
        call(*args, **fields)

    return at


def calling() -> str:
    """
    Return where the program called a logger from, such as `shop/cart.py:42 in add`.
    """
    frame: Any = sys._getframe(2)  # noqa: SLF001 - the documented way to look at one's own stack
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_OWN):
        frame = frame.f_back
    if frame is None:
        return ""
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"


def place_in(file: Any, line: Any, function: Any) -> str:
    """
    Return the place as text, whatever a program has put into a record.
    """
    return f"{shown(file)}:{shown(line)} in {shown(function)}"
