"""
Secrets that were replaced, and where the same one was seen: the tag in the mark tells without telling the
secret.

Redaction puts `[REDACTED:rule:tag]` in the place of a secret; equal secrets get equal tags.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.correlation.line import Line

_BEGINNING: Final = b"[REDACTED:"
_MARK: Final = re.compile(rb"\[REDACTED:([A-Za-z0-9_.-]{1,64})(?::([A-Za-z0-9]{1,64}))?\]")
_encoder: Final = msgspec.msgpack.Encoder()

_AT_ONCE: Final = 256
"""Entries written out together: most have no mark, and one look at many is cheaper than many looks."""


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


def find_secrets(entries: Sequence[Entry], lines: Iterable[Line]) -> list[Secret]:
    """
    Return the secrets that were replaced, in the order of their first appearance.

    Args:
        entries: All entries, best in the order in which they lie in memory: every text of each is looked at.
        lines: The same in the order of the timeline.
    """
    marked: set[str] = set()
    for begin in range(0, len(entries), _AT_ONCE):
        batch = entries[begin : begin + _AT_ONCE]
        if _BEGINNING in _written(batch):
            marked.update(entry.id for entry in batch if _BEGINNING in _written([entry]))
    found: dict[tuple[bytes, bytes | None], Secret] = {}
    for line in lines if marked else ():
        if line.id in marked:
            for mark in _MARK.finditer(_written([line.entry])):
                _note(found, mark, line)
    return list(found.values())


def _written(entries: Sequence[Entry]) -> bytes:
    """
    Return every text of *entries*; MessagePack has them unescaped and at the least cost.
    """
    try:
        return _encoder.encode(entries)
    except (UnicodeEncodeError, OverflowError):  # half characters and giant numbers: no receiver lets them in
        return repr(entries).encode(errors="backslashreplace")


def _note(found: dict[tuple[bytes, bytes | None], Secret], mark: re.Match[bytes], line: Line) -> None:
    rule, tag = mark.groups()
    if (secret := found.get((rule, tag))) is None:
        secret = found[rule, tag] = Secret(rule.decode(), tag.decode() if tag else None, 0, [], [])
    secret.times += line.entry.weight
    if line.system not in secret.systems:
        secret.systems.append(line.system)
    if len(secret.entries) < ENTRIES and line.id not in secret.entries[-1:]:
        secret.entries.append(line.id)
