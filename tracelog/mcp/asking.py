"""
How the tools ask: the server's endpoints behind a protocol, and their JSON as values.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from tracelog.core.entry import Entry, decode_entry
from tracelog.core.wire import DECODE_ERRORS

T = TypeVar("T")

PAGE: Final = 1_000
"""Entries that the server gives at a time."""


class NoAnswerError(Exception):
    """
    The server did not answer, or refused.

    Args:
        sentence: What was wrong and what to do.
        down: Whether nobody answered at all.
    """

    def __init__(self, sentence: str, *, down: bool) -> None:
        super().__init__(sentence)
        self.down = down


class Ask(Protocol):
    """
    One server.
    """

    def get(self, path: str, **options: str | float | None) -> bytes:
        """
        Return the body of the answer to `GET path?options`.

        Raises:
            NoAnswerError: When there is none, or one that refuses.
        """
        ...

    def post(self, path: str, value: Any) -> bytes:
        """
        Return the body of the answer to `POST path` with *value* as JSON.

        Raises:
            NoAnswerError: As `get`.
        """
        ...


class Gone(msgspec.Struct):
    """
    A trace that had entries and has none any more.
    """

    entries: int
    why: str


class Page(msgspec.Struct):
    """
    A page of a search, latest arrival first; *missing* are traces that went since the page before.
    """

    entries: list[msgspec.Raw]
    cursor: str | None = None
    missing: list[Gone] = []


class Stored(msgspec.Struct):
    """
    A trace with its entries; *complete* as far as the store knows.
    """

    trace_id: str
    entries: list[msgspec.Raw]
    complete: bool = True
    evicted: int = 0
    unreadable: int = 0


class Summary(msgspec.Struct):
    """
    One trace of a list.
    """

    trace_id: str
    first_ms: float
    last_ms: float
    entries: int
    errors: int
    systems: list[str]
    title: str


class Listed(msgspec.Struct):
    """
    A page of traces.
    """

    traces: list[Summary]
    cursor: str | None = None


class Pattern(msgspec.Struct):
    """
    What is said, by its form, and the trace in which it was first seen.
    """

    level: str
    first_trace: str


class Patterns(msgspec.Struct):
    """
    The patterns of a search, errors first; *whole* when nothing older is stored that was not looked at.
    """

    patterns: list[Pattern]
    more: bool = False
    whole: bool = False


def read(ask: Ask, path: str, kind: type[T], **options: str | float | None) -> T:
    """
    Return the answer to `GET path?options` as *kind*.

    Raises:
        NoAnswerError: When it is nothing like it.
    """
    try:
        return msgspec.json.decode(ask.get(path, **options), type=kind)
    except DECODE_ERRORS as error:
        raise NoAnswerError(
            "what answers there is no tracelog server; check TRACELOG_URL", down=True
        ) from error


def trace_path(ref: str) -> str:
    """
    Return the path of the trace that *ref* means.
    """
    return f"/api/v1/traces/{quote(ref, safe='')}"


def entries_of(raws: list[msgspec.Raw]) -> Iterator[Entry]:
    """
    Yield the entries of a page; a row that is none is counted by the server as unreadable.
    """
    for raw in raws:
        yield decode_entry(bytes(raw))


def arrived(entry: Entry) -> float:
    """
    Return when *entry* arrived, Unix milliseconds, by the server's clock where it said so.
    """
    return entry.timestamp if entry.received_at is None else entry.received_at
