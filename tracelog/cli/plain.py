"""
One line of another program's output, or a line with its stack trace, read as an entry. Pure.

A JSON object is an entry with all its fields; anything else is a message whose level and trace are looked for
where loggers put them. What is only paint (colours of a terminal) is taken out of the message.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from tracelog.cli.joined import Said
from tracelog.cli.platforms import Platforms
from tracelog.core.entry import Entry, is_trace_id
from tracelog.core.headers import parse_traceparent
from tracelog.core.levels import LEVEL_NAMES
from tracelog.core.numbers import decode_any
from tracelog.core.wire import DECODE_ERRORS, Reader
from tracelog.errors import InvalidEntryError

_PAINT: Final = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)")
"""Control sequences of ECMA-48: colours, cursor movements, and window titles."""

_WORDLESS: Final = re.compile(r"[\W\d_]+")
"""What changes while a program shows how far it is: numbers, signs, the blocks of a bar."""

_HEAD: Final = 120
"""Characters in which a logger's prefix stands; a level named further on belongs to the text."""

_WORDS: Final = "|".join(sorted(LEVEL_NAMES, key=len, reverse=True))
_SHOUTED: Final = "|".join(word.upper() for word in sorted(LEVEL_NAMES, key=len, reverse=True))

_LEVELS: Final = (
    re.compile(rf"\b(?i:level|lvl|severity|levelname)[\"']?\s*[=:]\s*[\"']?(?P<word>(?i:{_WORDS}))\b"),
    re.compile(rf"[\[<(](?P<word>(?i:{_WORDS}))\s*[\]>)]"),
    re.compile(rf"^\W*(?P<word>(?i:{_WORDS}))\s?[:|\]]"),
    re.compile(rf"^(?:(?:\S*\d\S*|\[[^\]]*\]|[A-Z][a-z]{{2}}|[|-])\s+){{0,6}}(?P<word>{_SHOUTED})\b"),
)
"""Where a level is named: as a field, in brackets, before a colon, in capitals behind date, time and
thread."""

_TELLING: Final = (
    (re.compile(r"^F\d{4} \d\d:|^panic: |^fatal error: "), "fatal"),
    (
        re.compile(r"^E\d{4} \d\d:|^Traceback \(most recent call last\)|^Uncaught |^npm (?:ERR!|error) "),
        "error",
    ),
    (re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception)(?:: |$)"), "error"),
    (
        re.compile(r"^W\d{4} \d\d:|^npm (?:WARN|warn) |^\S*:\d+: \w*Warning: |^\(node:\d+\) \w*Warning: "),
        "warn",
    ),
)
"""Lines that name no level and yet say it: crashes, tracebacks, warnings of Python and Node, klog's
letters."""

_TRACEPARENT: Final = re.compile(r"\b([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})\b")
_TRACE_ID: Final = re.compile(
    r"\b(?i:trace[_.-]?id|x-trace-id|traceId)[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9_.:-]{1,128})"
)
_SENTENCE_END: Final = ".:-"
"""Allowed in a trace id, but at its end they belong to the sentence around it."""


def read_said(said: Said, reader: Reader, platforms: Platforms) -> Iterator[Entry]:
    """
    Yield the entry of what was *said*, or nothing for a blank line; several where it is an event of a
    platform.

    Args:
        said: A line without its line end, or one with its stack trace.
        reader: What all lines share: the time of arrival, and the trace of lines that name none.
        platforms: Reads what the command lines of Convex and Cloudflare print.
    """
    line = said.text
    if line.lstrip()[:1] == "{" and (raw := _object(line)) is not None:
        known = platforms.entries(raw, reader)
        if known is not None:
            yield from known
            return
        try:
            yield reader.straighten(raw if said.service is None else {"service": said.service, **raw})
        except InvalidEntryError:
            pass  # an object without a message is no entry of ours: it is text, below
        else:
            return
    text = _last_states(_PAINT.sub("", line)).rstrip()
    if text:
        trace_id, parent_id = trace_of(text)
        fields = {"message": text, "level": level_of(text), "trace_id": trace_id, "parent_id": parent_id}
        fields |= {"service": said.service, "timestamp": said.time}
        yield reader.straighten(fields | _trace_fields(said))


def _last_states(text: str) -> str:
    """
    Return what stays of a line that was written over itself, as progress is: of states that follow each other
    in the same words the last, each on a line of its own.
    """
    if "\r" not in text:
        return text
    kept: dict[int, str] = {}
    words = None
    for state in filter(str.strip, text.split("\r")):
        before, words = words, _WORDLESS.sub("", state)
        kept[len(kept) - (words == before)] = state.rstrip()
    return "\n".join(kept.values())


def _trace_fields(said: Said) -> dict[str, Any]:
    """
    Return what a stack trace adds: itself, what was raised, and a level if its line names none.
    """
    if said.stack is None:
        return {}
    fields: dict[str, Any] = {"stack": _PAINT.sub("", said.stack)}
    if (level := level_of(_PAINT.sub("", said.text))) == "info":
        level = "error"
    if said.raised is not None:
        fields["error"] = dict(zip(("type", "message"), said.raised, strict=True))
    return fields | {"level": level}


def level_of(text: str) -> str:
    """
    Return the level that a line of plain *text* names or shows; `info` when it does neither.
    """
    head = text[:_HEAD]
    for pattern in _LEVELS:
        if found := pattern.search(head):
            return LEVEL_NAMES[found["word"].lower()]
    return next((level for pattern, level in _TELLING if pattern.search(head)), "info")


def trace_of(text: str) -> tuple[str | None, str | None]:
    """
    Return the trace id that *text* names, and the hop when it names a whole `traceparent`.
    """
    for found in _TRACEPARENT.finditer(text):
        if (parent := parse_traceparent(found[1])) is not None:
            return parent.trace_id, parent.parent_id
    for found in _TRACE_ID.finditer(text):
        trace_id = found[1].rstrip(_SENTENCE_END)
        if is_trace_id(trace_id):
            return trace_id, None
    return None, None


def _object(line: str) -> dict[str, Any] | None:
    try:
        raw = decode_any(line.encode())
    except DECODE_ERRORS:
        return None
    if not isinstance(raw, dict):
        return None
    parent = parse_traceparent(raw["traceparent"]) if isinstance(raw.get("traceparent"), str) else None
    if parent is not None:
        raw.setdefault("trace_id", parent.trace_id)
        raw.setdefault("parent_id", parent.parent_id)
    return raw
