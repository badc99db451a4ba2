"""
Modules of `tracelog/js` joined into one file for pages, with a map that leads back to them.

The modules run as they are in any engine. A page gets them in one request, without comments and needless
spaces, inside one function: they share its scope, so names at the top of our modules are unique (a test holds
that). The source map marks all of them as ignored, which is what debuggers step over.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from tracelog.core.redact_rules import RULES_FILE
from tracelog.server.tight import tight

FOLDER: Final = RULES_FILE.parents[1] / "js"

_COMMENT: Final = re.compile(r"/\*\*.*?\*/ ?|^[ \t]*//[^\n]*", re.DOTALL | re.MULTILINE)
"""Comments of our modules stand on lines of their own."""

_IMPORT: Final = re.compile(r'^import ([^;]*?) from "([^"]+)"(?: with \{ type: "json" \})?;', re.MULTILINE)
_FACE: Final = re.compile(r"^export (?:default api|const \{ ([^}]*) \} = api);", re.MULTILINE)
"""What `browser.js` offers to other modules; the file that is served offers a global instead."""

_HEAD: Final = """/**
 * `{}` of tracelog and the modules that it is made of, in one file. Do not edit it: fetch it anew.
 */

"""

_EXPORT: Final = re.compile(r"^export ", re.MULTILINE)
_TYPES: Final = re.compile(r"^ \*(?: \n \*)? @import [^\n]*\n", re.MULTILINE)
"""Types of other modules, which stand in the same file once they are joined."""

_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Line(NamedTuple):
    """
    One line that is served, with the module and the line in it (from 0) that it is from.
    """

    text: str
    module: str = ""
    number: int = 0


def bundle(entry: str, data: Callable[[], Any]) -> list[Line]:
    """
    Return the lines of one script made of the module *entry* and of all that it imports, each once.

    Args:
        entry: Name of its file.
        data: Returns what an import of JSON stands for.
    """
    lines = [line for module in dict.fromkeys(_in_order(entry)) for line in _lines(module, data)]
    return [Line("(() => {"), Line('"use strict";'), *lines, Line("})();")]


def module(entry: str, data: Callable[[], Any]) -> str:
    """
    Return one module made of the module *entry* and of all that it imports, which exports what *entry* does.

    Comments stay: it is read in the project that takes it, and its types are in them.
    """
    texts = []
    for name in dict.fromkeys(_in_order(entry)):
        text = _TYPES.sub("", _IMPORT.sub(_inlined(data), source(name)))
        texts.append((text if name == entry else _EXPORT.sub("", text)).strip("\n"))
    return _HEAD.format(entry) + "\n\n".join(texts) + "\n"


def exported(entry: str) -> str:
    """
    Return the names that the module *entry* exports of the client's interface, parted by commas.
    """
    return str(next(filter(None, _FACE.findall(source(entry)))))


def text_of(lines: list[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def map_of(lines: list[Line]) -> str:
    """
    Return the source map of *lines* (ECMA-426), line by line.
    """
    modules = list(dict.fromkeys(line.module for line in lines if line.module))
    mappings, last = [], Line("", modules[0])
    for line in lines:
        if not line.module:
            mappings.append("")
            continue
        steps = modules.index(line.module) - modules.index(last.module), line.number - last.number
        mappings.append("".join(map(_vlq, (0, *steps, 0))))
        last = line
    said = {
        "version": 3,
        "file": "tracelog.js",
        "sources": modules,
        "sourcesContent": [source(module) for module in modules],
        "ignoreList": list(range(len(modules))),
        "mappings": ";".join(mappings),
    }
    return json.dumps(said)


@cache
def bare(text: str) -> str:
    """
    Return the module *text* without comments; every line keeps its number.
    """
    return _COMMENT.sub(_blank, text)


def source(module: str) -> str:
    """
    Return the text of the file *module*.
    """
    return FOLDER.joinpath(module).read_text(encoding="utf-8")


def _in_order(module: str) -> Iterator[str]:
    """
    Return the modules that *module* needs, those first that others need, and itself.
    """
    for _, file in _IMPORT.findall(source(module)):
        if file.endswith(".js"):
            yield from _in_order(file.removeprefix("./"))
    yield module


def _lines(module: str, data: Callable[[], Any]) -> Iterator[Line]:
    text = _IMPORT.sub(_inlined(data), bare(source(module)))
    text = tight(_EXPORT.sub("", _FACE.sub(_blank, text)))
    for number, line in enumerate(text.split("\n")):
        if line.strip():
            yield Line(line.strip(), module, number)


def _inlined(data: Callable[[], Any]) -> Callable[[re.Match[str]], str]:
    """
    Return what stands where an import stood: the JSON itself, or nothing.
    """

    def inline(found: re.Match[str]) -> str:
        name, file = found.groups()
        if file.endswith(".js"):
            return _blank(found)
        return f"const {name} = {json.dumps(data(), separators=(',', ':'))};"

    return inline


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _vlq(number: int) -> str:
    """
    Return *number* in base 64, low digits first, its sign lowest (ECMA-426 section 6.2).
    """
    rest, digits = abs(number) << 1 | (number < 0), ""
    while rest > 31:
        digits += _DIGITS[rest & 31 | 32]
        rest >>= 5
    return digits + _DIGITS[rest]
