"""
Lines of other logging libraries that a program shows already, so that its console need not show them again.

An entry does not say which library it comes from; the name of its logger does, since a library's loggers are
noted when they are first heard. A name that the program uses with `tracelog.get_logger`, too, is nobody's:
a line that is shown twice does less harm than one that is not shown.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tracelog.core.entry import Entry

Shows = Callable[[str, str], bool]
"""Says of a logger's name and a level of ours whether such lines are shown without us."""

NAMES_MOST: Final = 4096
"""Names noted; beyond it, a line may be shown twice."""

_heard: Final[dict[str, Shows]] = {}
_own: Final[set[str]] = set()


def hear(name: str, shows: Shows) -> None:
    """
    Note that a library's logger called *name* logs through us, and who knows whether its lines are *shown*.
    """
    if len(_heard) < NAMES_MOST or name in _heard:
        _heard[name] = shows


def speak(name: str) -> None:
    """
    Note that a logger of ours is called *name*.
    """
    if len(_own) < NAMES_MOST and type(name) is str:  # a name can be anything that was handed to `get_logger`
        _own.add(name)


def is_shown(entry: Entry) -> bool:
    """
    Whether the program shows *entry* by a logging library's own means. What closes a hop is always ours.
    """
    name = entry.logger or ""
    shows = _heard.get(name)
    if shows is None or entry.duration_ms is not None or name in _own:
        return False
    with suppress(Exception):  # handlers and streams of the program's own: they may raise anything
        return shows(name, entry.level)
    return False


def is_console(stream: Any) -> bool:
    """
    Whether what is written to *stream* is seen where standard error is: at the terminal, or by who runs us.
    """
    with suppress(Exception):  # as above: one that is closed, or that says nothing of itself
        if sys.stderr.isatty():
            return bool(stream.isatty())
        return stream is sys.stderr or stream is sys.stdout or stream.fileno() in {1, 2}
    return False
