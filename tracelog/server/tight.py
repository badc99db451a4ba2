"""
JavaScript without the spaces that it does not need: those beside punctuation, on the same line.

Lines stay, so the map of lines and where the engine ends statements by itself stay as well. What stands in
strings, templates and regular expressions is not touched, nor is anything around `+` and `-`: `a - -b` needs
its space. A test compares the tokens of what is served with those of the modules.
"""

import re
from typing import Final

_KEPT: Final = r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"""
"""Strings and templates; a template within another one is written apart in our modules."""

_PATTERN: Final = r"(?<=[(,=:\[!&|?{};\n ])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*"
"""A regular expression: what is divided has a space behind its stroke."""

_SPACED: Final = re.compile(rf"({_KEPT}|{_PATTERN})|[ ]*([=*<>!&|?:,;(){{}}\[\]]+)[ ]*")


def tight(text: str) -> str:
    """
    Return the JavaScript *text*, formatted as our modules are, without spaces beside punctuation.
    """
    return _SPACED.sub(lambda found: found[1] or found[2], text)
