"""
What a program logs, caught in memory: for asserting on, and for reading when a test failed.

    with tracelog.testing.capture() as logs:
        place_order()
    logs.expect("level:info charged")
    assert not logs.find("level:error")
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, overload

import msgspec

from tracelog.client.client import Client
from tracelog.client.default import default
from tracelog.config import client_settings
from tracelog.core.entry import Entry
from tracelog.core.query import parse
from tracelog.correlation.words import plural
from tracelog.render.answer import BYTES_PER_TOKEN, LEAST_TOKENS, NONCE_BYTES, size
from tracelog.render.reported import correlate
from tracelog.render.text import clean
from tracelog.sinks.memory import MemorySink

FLUSH_S: Final = 2.0
"""Longest wait for what was logged before; in memory it takes a millisecond."""

LOOK_S: Final = 0.01
"""Between two looks at what other threads log meanwhile."""

NOTE: Final = 8
"""Tokens kept for the line that counts traces beyond the budget."""

SHOWN: Final = 20
"""Entries that a failed expectation shows: the last ones."""


class Captured(Sequence[Entry]):
    """
    The entries logged since the beginning, oldest first, redacted and cut as any sink gets them.

    Args:
        client: Who logs.
        sink: Where its entries are caught.
    """

    def __init__(self, client: Client, sink: MemorySink) -> None:
        self._client = client
        self._sink = sink
        self._is_over = False

    @property
    def entries(self) -> list[Entry]:
        """
        All of them, with what was logged up to now.
        """
        if not self._is_over:
            self._client.flush(FLUSH_S)
        return list(self._sink.entries)

    @property
    def messages(self) -> list[str]:
        return [entry.message for entry in self.entries]

    def find(self, query: str) -> list[Entry]:
        """
        Return the entries that *query* matches, in the search language: `level:error "card declined"`.

        Raises:
            QuerySyntaxError: When it is none.
        """
        matches = parse(query)
        return [entry for entry in self.entries if matches(entry)]

    def expect(self, query: str) -> Entry:
        """
        Return the first entry that *query* matches.

        Raises:
            AssertionError: When there is none; it shows what was logged instead.
        """
        return self.wait_for(query, timeout=0.0)

    def wait_for(self, query: str, *, timeout: float = 5.0) -> Entry:
        """
        Return the first entry that *query* matches, waiting *timeout* seconds for other threads to log it.

        Raises:
            AssertionError: When none came; it shows what was logged instead.
        """
        deadline = time.monotonic() + timeout
        while not (found := self.find(query)):
            if time.monotonic() >= deadline:
                raise AssertionError(f"no entry matches {query!r}; {self._shown()}")
            time.sleep(LOOK_S)
        return found[0]

    def brief(self, budget: int | None = None) -> str:
        """
        Return the traces that were logged as Markdown, failed first, in at most *budget* tokens together.
        """
        return brief_of(self.entries, budget)

    def end(self) -> None:
        """
        Take no more entries; those there are can still be read.
        """
        self._client.flush(FLUSH_S)
        self._is_over = True

    def _shown(self) -> str:
        lines = [f"  {entry.level:<5} {clean(entry.message)}" for entry in self.entries]
        if not lines:
            return "nothing was logged"
        left_out = [f"  … {len(lines) - SHOWN} before"] if len(lines) > SHOWN else []
        return "\n".join(["what was logged:", *left_out, *lines[-SHOWN:]])

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self.entries[index]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __repr__(self) -> str:
        return f"<{len(self)} captured entries>"


def by_trace(entries: Iterable[Entry]) -> list[list[Entry]]:
    """
    Return *entries* by their traces, failed ones first.
    """
    traces: dict[str, list[Entry]] = {}
    for entry in entries:
        traces.setdefault(entry.trace_id, []).append(entry)
    return sorted(traces.values(), key=lambda trace: not any(entry.is_error for entry in trace))


def brief_of(entries: Iterable[Entry], budget: int | None = None) -> str:
    """
    Return the traces of *entries* as Markdown, failed first, in at most *budget* tokens together.
    """
    traces = by_trace(entries)
    nonce, told = secrets.token_hex(NONCE_BYTES), ""
    for n, trace in enumerate(traces):
        left = None if budget is None else budget - -(-size(told) // BYTES_PER_TOKEN) - NOTE
        if left is not None and n and left < LEAST_TOKENS:
            return f"{told}\n{plural(len(traces) - n, 'more trace')}\n"
        told += ("\n" if told else "") + correlate(trace).to_markdown(left, nonce=nonce)
    return told


@contextmanager
def capture(*, client: Client | None = None, **settings: Any) -> Iterator[Captured]:
    """
    Catch what is logged in the block, and only there: nothing reaches the client's own sinks.

    Afterwards the client goes on as before. It is one block a client at a time; a block in a block catches
    what is logged in the inner one.

    Args:
        client: Whose entries; those of the default client when None.
        settings: Of the client within the block, such as `level="warn"`; else those it has, from debug on.

    Raises:
        ConfigError: When a setting is wrong.
    """
    client = client or default()
    before, sink = client.settings, MemorySink()
    given = client_settings(settings)
    wanted = {"level": "debug", "console": "off", **{name: getattr(given, name) for name in settings}}
    client.apply(msgspec.structs.replace(before, **wanted, enabled=True, sinks=(sink,)))
    captured = Captured(client, sink)
    try:
        yield captured
    finally:
        captured.end()
        client.apply(before)


@contextmanager
def expect_no_errors(*, client: Client | None = None, allow: str = "") -> Iterator[Captured]:
    """
    Fail when the block logs an error.

    Args:
        client: Whose entries; those of the default client when None.
        allow: A search whose matches are expected, such as `"card declined"`.

    Raises:
        AssertionError: After the block; it shows the brief of what failed.
    """
    with capture(client=client) as logs:
        yield logs
    expected = {entry.id for entry in logs.find(allow)} if allow else set()
    errors = [entry for entry in logs if entry.is_error and entry.id not in expected]
    if errors:
        first = errors[0].message
        counted = "1 error was logged" if len(errors) == 1 else f"{len(errors):,} errors were logged"
        raise AssertionError(f"{counted}, the first {first!r}\n\n{logs.brief()}")
