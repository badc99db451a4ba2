"""
The text of a console call, as every runtime with a `console` prints it. Pure. JavaScript has the same rules
in `text.js`; both are held to the same vectors.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tracelog.core.clean import plain_text

_SPECIFIER: Final = re.compile("%[sdifoOc%]")


def console_text(arguments: list[Any]) -> str:
    """
    Return what a console shows of *arguments*, the first of which may hold specifiers such as `%s` (WHATWG
    Console §2.2.1).
    """
    first = arguments[0] if arguments else ""
    if len(arguments) < 2 or not isinstance(first, str) or "%" not in first:
        return " ".join(map(_shown, arguments))
    rest = arguments[:0:-1]  # the next one last

    def put(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return _CONVERT[found[0]](rest.pop()) if rest else found[0]

    text = _SPECIFIER.sub(put, first)
    return " ".join([text, *map(_shown, reversed(rest))])


def _whole(value: Any) -> str:
    try:
        return str(math.trunc(float(value)))
    except (TypeError, ValueError, OverflowError):
        return "NaN"  # as a console writes what is no number


def _real(value: Any) -> str:
    try:
        return str(float(value))
    except (TypeError, ValueError, OverflowError):
        return "NaN"  # as above


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else plain_text([value])


_CONVERT: Final[Mapping[str, Callable[[Any], str]]] = {
    "%s": _shown,
    "%o": _shown,
    "%O": _shown,
    "%d": _whole,
    "%i": _whole,
    "%f": _real,
    "%c": lambda _style: "",
}
