"""
Values of a page as its browser describes them from afar, as text. Pure.

After `RemoteObject`, `ObjectPreview` and `StackTrace` of the Chrome DevTools Protocol: a preview shows one
level of an object and its first members, as the console does before somebody opens it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tracelog.core.console import console_text

Remote = Mapping[str, Any]

TEXT_CHARS: Final = 100_000
"""Of one text: more than the 64 KiB that are kept, so that what is cut here would not have been seen."""

ARGUMENTS: Final = 100
FRAMES: Final = 200
"""Arguments of a call and frames of a stack: more is data, or recursion."""

_FUNCTION: Final = re.compile(r"(?:async )?(?:function\*?|class)\s+([\w$]+)")
_FRAMES: Final = re.compile(r"\n\s+at ")
_NAMED: Final = re.compile(r"([\w$.]{1,128}): ")
_OPEN: Final = {"array": ("[", "]"), "typedarray": ("[", "]")}
_HIDDEN: Final = frozenset({"buffer", "byteLength", "byteOffset", "length", "size"})
"""Members of lists and maps that say what the others show."""


class Thrown(NamedTuple):
    """
    What an entry says of an error, its cause included: the field *error*, and the *stack*.
    """

    error: dict[str, Any]
    stack: str


def call_text(arguments: Sequence[Remote]) -> str:
    """
    Return what the console shows of a call with *arguments*.
    """
    shown = [text_of(argument) for argument in arguments[:ARGUMENTS]]
    if len(shown) > 1 and arguments[0].get("type") == "string":
        return console_text(shown)[:TEXT_CHARS]
    return " ".join(shown)[:TEXT_CHARS]


def text_of(value: Remote) -> str:
    """
    Return *value* as the console shows an argument: texts as they are.
    """
    kind = str(value.get("subtype") or value.get("type"))
    if kind == "string":
        return str(value.get("value", ""))[:TEXT_CHARS]
    names = ("description", "unserializableValue", "value")
    described = next((str(value[name]) for name in names if value.get(name)), "")
    if kind in _SHOWN:
        return _SHOWN[kind](described)
    preview = value.get("preview")
    return described or kind if preview is None else _preview(preview, described)


def thrown(value: Remote) -> Thrown:
    """
    Return what was thrown as its type, message and stack, with the cause that its preview tells.
    """
    if value.get("subtype") != "error":
        text = text_of(value)
        kind = str(value.get("className") or value.get("type") or "object")
        return Thrown({"type": kind, "message": text}, "")
    described = str(value.get("description") or "")[:TEXT_CHARS]
    error = _error(described, str(value.get("className") or "Error"))
    members = plain_list(plain_map(value.get("preview")).get("properties"))
    cause = next((item for item in members if item.get("name") == "cause"), None)
    stack = described
    if cause is not None:
        text = str(cause.get("value", ""))
        error["cause"] = _error(text, str(cause.get("type", "object")))
        stack += f"\nCaused by: {text}"
    return Thrown(error, stack)


def find_error(arguments: Sequence[Remote]) -> Thrown | None:
    """
    Return the first error among *arguments*.
    """
    found = next((value for value in arguments[:ARGUMENTS] if value.get("subtype") == "error"), None)
    return None if found is None else thrown(found)


def stack_text(stack: Any) -> str:
    """
    Return the frames of a `StackTrace` as Chromium writes a stack, those that led to it asynchronously below.
    """
    lines: list[str] = []
    lead = ""
    while isinstance(stack, dict) and len(lines) < FRAMES:
        lines += [f"    at {lead}{place}" for place in map(_place, plain_list(stack.get("callFrames")))]
        stack, lead = stack.get("parent"), "async "
    return "\n".join(lines[:FRAMES])


def first_place(stack: Any) -> str | None:
    """
    Return address, line and column of the code that spoke.
    """
    frames = plain_list(plain_map(stack).get("callFrames"))
    return _where(frames[0]) if frames else None


def plain_number(value: Any) -> float:
    """
    Return *value* when it is a number that a clock or a line can have, else 0.
    """
    return float(value) if isinstance(value, int | float) and abs(value) < 2.0**53 else 0.0


def plain_map(value: Any) -> dict[str, Any]:
    """
    Return *value* when it is an object, else an empty one.
    """
    return value if isinstance(value, dict) else {}


def plain_list(value: Any) -> list[dict[str, Any]]:
    """
    Return the objects in *value* when it is a list.
    """
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _error(described: str, kind: str) -> dict[str, Any]:
    head = _FRAMES.split(described, maxsplit=1)[0]
    named = _NAMED.match(head)
    if named is None:
        return {"type": kind, "message": "" if head == kind else head}
    return {"type": named[1], "message": head[named.end() :]}


def _place(frame: Mapping[str, Any]) -> str:
    name, where = frame.get("functionName"), _where(frame)
    return f"{name} ({where})" if name else where


def _where(frame: Mapping[str, Any]) -> str:
    line, column = (int(plain_number(frame.get(name))) + 1 for name in ("lineNumber", "columnNumber"))
    return f"{frame.get('url') or '<anonymous>'}:{line}:{column}"


def _preview(preview: Remote, described: str) -> str:
    subtype = preview.get("subtype")
    left, right = _OPEN.get(str(subtype), ("{", "}"))
    members = [*_members(preview, is_list=subtype in _OPEN), *_entries(preview)]
    if preview.get("overflow"):
        members.append("…")
    name = "" if described == "Object" or subtype == "array" else f"{described} "
    if not members and name and left == "{":
        return described
    return f"{name}{left}{', '.join(members)}{right}"


def _members(preview: Remote, *, is_list: bool) -> Iterator[str]:
    has_entries = "entries" in preview
    for item in plain_list(preview.get("properties")):
        name = str(item.get("name", ""))
        if (is_list or has_entries) and (name in _HIDDEN or name.startswith("Symbol(")):
            continue
        yield _member(item) if is_list and name.isdigit() else f"{name}: {_member(item)}"


def _entries(preview: Remote) -> Iterator[str]:
    for item in plain_list(preview.get("entries")):
        value = _entry(plain_map(item.get("value")))
        yield f"{_entry(plain_map(item['key']))} => {value}" if "key" in item else value


def _entry(value: Remote) -> str:
    described = str(value.get("description", ""))
    if value.get("type") == "string":
        return f"'{described}'"
    return (
        _preview(value, described) if value.get("type") == "object" and value.get("properties") else described
    )


def _member(item: Remote) -> str:
    kind, value = item.get("type"), str(item.get("value", ""))
    if "valuePreview" in item:
        return _preview(plain_map(item["valuePreview"]), value)
    if kind == "string":
        return f"'{value}'"
    if kind == "accessor":
        return "[getter]"
    if kind == "function":
        return "[function]"
    return "{…}" if kind == "object" and value == "Object" else value


def _function(described: str) -> str:
    named = _FUNCTION.match(described)
    return f"[function {named[1] if named else ''}]"


_SHOWN: Final[Mapping[str, Callable[[str], str]]] = {
    "undefined": lambda _: "undefined",
    "null": lambda _: "null",
    "boolean": lambda described: "true" if described else "false",
    "number": lambda described: described or "0",
    "function": _function,
    "date": str,
    "regexp": str,
    "error": lambda described: _FRAMES.split(described, maxsplit=1)[0],
    "node": lambda described: f"<{described}>",
}
"""Kinds of values that are not shown by their preview."""
