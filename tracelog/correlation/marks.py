"""
Secrets that were replaced, and where the same one was seen: the tag in the mark tells without telling the
secret.

Redaction puts `[REDACTED:rule:tag]` in the place of a secret; equal secrets get equal tags.
"""

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from tracelog.correlation.line import Line

_MARK: Final = re.compile(rb"\[REDACTED:([A-Za-z0-9_.-]{1,64})(?::([A-Za-z0-9]{1,64}))?\]")
_encoder: Final = msgspec.json.Encoder()

_texts = attrgetter("message", "context", "error", "stack", "user_id", "logger")
"""What of an entry may hold text of a program; to write ids, times and numbers, too, would double the cost."""

_AT_ONCE: Final = 256
"""Entries encoded together: most have no mark, and one look at many of them is cheaper than many looks."""


class Secret(msgspec.Struct):
    """
    One secret: how often it was replaced, in which systems, and the entries that had it (at most *ENTRIES*).
    """

    rule: str
    tag: str | None
    times: int = 0
    systems: list[str] = []
    entries: list[str] = []

    @property
    def name(self) -> str:
        return f"{self.rule}:{self.tag}" if self.tag else self.rule


ENTRIES: Final = 20
"""Entries named for one secret; a token in every line of a trace is told by its number."""


def find_secrets(lines: Sequence[Line]) -> list[Secret]:
    """
    Return the secrets replaced in *lines*, in the order of their first appearance. Every text of theirs is
    looked at.
    """
    found: dict[tuple[bytes, bytes | None], Secret] = {}
    for begin in range(0, len(lines), _AT_ONCE):
        batch = lines[begin : begin + _AT_ONCE]
        if b"[REDACTED:" in _written([_texts(line.entry) for line in batch]):
            for line in batch:
                for mark in _MARK.finditer(_written(_texts(line.entry))):
                    _note(found, mark, line)
    return list(found.values())


def _written(texts: object) -> bytes:
    try:
        return _encoder.encode(texts)
    except UnicodeEncodeError:  # half characters, which no receiver lets in, but a test or a caller might
        return repr(texts).encode(errors="backslashreplace")


def _note(found: dict[tuple[bytes, bytes | None], Secret], mark: re.Match[bytes], line: Line) -> None:
    rule, tag = mark.groups()
    if (secret := found.get((rule, tag))) is None:
        secret = found[rule, tag] = Secret(rule.decode(), tag.decode() if tag else None, 0, [], [])
    secret.times += line.entry.weight
    if line.system not in secret.systems:
        secret.systems.append(line.system)
    if len(secret.entries) < ENTRIES and line.id not in secret.entries[-1:]:
        secret.entries.append(line.id)
