"""
What a sink is: a callable that takes a parcel and says what became of it.

Obligations of a sink:

* It is called on the client's one background thread only, never by two threads at once.
* It returns a `Receipt` when the parcel reached its end, and keeps no reference to the parcel.
* It raises `SinkUnavailableError` when trying again may help: the same parcel comes back later, with the same
  entry ids, so a sink that writes must tolerate entries it has already taken.
* It raises `SinkRefusedError` when trying again cannot help, `ParcelTooLargeError` when half of it might.
* It returns within its own time limit whatever the other end does, and it never logs through tracelog.
* What it gets is redacted already. A parcel may be empty: then its header carries a report and nothing else.
* It can be used again after `close`: a forked child closes what it inherited and opens its own.

One whose other end has limits of its own may have an attribute `guarded = True`: while that end refuses most
of what it is sent, the client holds back what it would refuse, and tells of it in `Told` parcels.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from tracelog.core.compact import CONTENT_TYPE, HOLE, Header, encode_batch, read_rows
from tracelog.core.entry import Entry
from tracelog.errors import InvalidEntryError, SinkRefusedError


class ParcelTooLargeError(SinkRefusedError):
    """
    The other end takes smaller batches only; the shipper halves the parcel.
    """

    reason = "too_large"


class Parcel:
    """
    Entries on their way to one sink: a header and rows of the compact batch.

    Attributes:
        header: What all rows share; `header.seq` numbers the first.
        rows: Encoded rows, `HOLE` where an entry was given up.
        memo: The sink's own form of this parcel, kept for the next try.
        content_type: Of *body*.
    """

    __slots__ = ("_entries", "_unreadable", "header", "memo", "rows")

    content_type: str = CONTENT_TYPE

    def __init__(self, header: Header, rows: list[bytes]) -> None:
        self.header = header
        self.rows = rows
        self.memo: Any = None
        self._entries: list[Entry] | None = None
        self._unreadable: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def kept(self) -> int:
        """
        How many entries there are: the rows without the holes.
        """
        return len(self.rows) - self.rows.count(HOLE)

    @property
    def body(self) -> bytes:
        """
        The uncompressed compact batch.
        """
        return encode_batch(self.header, self.rows)

    @property
    def entries(self) -> list[Entry]:
        """
        The entries of the rows that can be read, decoded once.
        """
        if self._entries is None:
            try:
                self._entries = read_rows(self.header, self.rows)
            except InvalidEntryError:  # one of them: the others are worth the slow way
                self._entries = list(self._read_apart())
        return self._entries

    @property
    def unreadable(self) -> dict[str, int]:
        """
        How many rows are no entry, such as those whose trace id can name no trace, by reason.

        Known once `entries` was asked for.
        """
        return dict(self._unreadable)

    def _read_apart(self) -> Iterator[Entry]:
        for index, row in enumerate(self.rows):
            header = msgspec.structs.replace(self.header, seq=self.header.seq + index)
            try:
                yield from read_rows(header, [row])
            except InvalidEntryError as error:
                self._unreadable[error.reason] += 1


class Told(Parcel):
    """
    Rows about entries that are counted already: complete, and with ids of their own, which no compact batch
    can say. They are JSON, and count as no entries. Only a sink that is `guarded` gets such a parcel.

    Args:
        header: Of the client; its running number says nothing here.
        entries: The rows.
    """

    __slots__ = ()

    content_type = "application/json"

    def __init__(self, header: Header, entries: list[Entry]) -> None:
        super().__init__(header, [])
        self._entries = entries

    @property
    def body(self) -> bytes:
        return msgspec.json.encode(self._entries)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of a parcel's entries; the rest of them, if any, counts as stored.

    Attributes:
        duplicate: How many were stored by an earlier try.
        suppressed: Entries not kept, by reason; so *limited* and *rejected*.
        hold_s: Seconds during which the other end has room for errors only; 0 when it did not say so.
        silent: Whether the other end took the parcel without a word on what became of its entries.
        remaining: Rows that it has room for; None when it did not say so.
    """

    duplicate: int = 0
    suppressed: dict[str, int] = {}
    limited: dict[str, int] = {}
    rejected: dict[str, int] = {}
    hold_s: float = 0.0
    silent: bool = False
    remaining: int | None = None


class Sink(Protocol):
    """
    A place where entries go; the obligations stand at the top of this file.
    """

    def __call__(self, parcel: Parcel) -> Receipt: ...

    def close(self) -> None:
        """
        Let go of connections and files, on any thread: after the last parcel, and in a forked child.
        """
        ...
