"""
Colours of the terminal: one hue for each system, red for errors and nothing else.

The same four hues as on the pages and in exports. None carries a meaning alone: names and marks say the same.
"""

from collections.abc import Mapping
from typing import Final

STYLES: Final[Mapping[str, str]] = {
    "": "",
    "dim": "2",
    "bold": "1",
    "ok": "32",
    "warn": "33",
    "error": "31",
    "failure": "1;31",
    "browser": "38;5;33",
    "worker": "38;5;172",
    "convex": "38;5;35",
    "backend": "38;5;135",
    "other": "38;5;37",
}
"""SGR codes (ECMA-48) by style; the hues are readable on dark and on light ground."""

LEVEL_STYLE: Final[Mapping[str, str]] = {
    "debug": "dim",
    "warn": "warn",
    "error": "error",
    "fatal": "failure",
}
"""The style of what was logged at a level; levels that are not here have none."""


def system_style(system: str) -> str:
    """
    Return the style of *system*: its own hue, or the one that all others share.
    """
    return system if system in {"browser", "worker", "convex", "backend"} else "other"


def paint(text: str, style: str, *, color: bool) -> str:
    """
    Return *text* in *style*, a name in `STYLES`; as it is without *color* or when there is nothing to paint.
    """
    code = STYLES[style]
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text
