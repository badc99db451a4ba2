"""
What all receivers of foreign languages share: raw fields become a batch, each item standing or falling alone.

A receiver says what an item means as the fields of one or more entries. Here they are straightened, named
and collected. Names are made from the body: who sends it again, because the answer was lost or to replay it,
makes duplicates and nothing else.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Final

from tracelog.core.clean import clean_text, plain_text, shorten
from tracelog.core.entry import Entry, Limits
from tracelog.core.stage import Batch, Drop
from tracelog.core.wire import Mint, Reader
from tracelog.errors import InvalidEntryError

MOST_HOPS: Final = 8
"""Forwarders that an entry may have passed. Honest chains have two or three; more is a ring."""

SHARED_CHARS: Final = 1_000
"""Characters of a value that many entries of a body share: a body writes it once, and each of thousands is
looked at. A field keeps less, and says that it was cut."""

Raw = dict[str, Any]
Make = Callable[[int, Any], list[Raw]]
"""From the place and the value of an item to the fields of its entries."""


class Names:
    """
    Ids made from a body: the same for the same bytes, and in the order of its items when sorted as text.
    """

    def __init__(self, body: bytes) -> None:
        self.digest = blake2b(body, digest_size=8).hexdigest()

    def entry(self, index: int, part: int) -> str:
        return f"{self.digest}-{index:05}-{part:05}"

    def trace(self, index: int) -> str:
        return self._hash(f"trace {index}", 16)

    def span(self, index: int) -> str:
        return self._hash(f"span {index}", 8)

    def _hash(self, text: str, size: int) -> str:
        return blake2b(f"{self.digest} {text}".encode(), digest_size=size).hexdigest()


class Gatherer:
    """
    One body on its way to a batch.

    Args:
        body: The inflated request body.
        now_ms: Arrival, Unix milliseconds.
        mint: Where ids come from that the body cannot give.
        limits: Bounds of each entry; at most `entries_compact` entries come from one body.
    """

    def __init__(self, body: bytes, *, now_ms: float, mint: Mint, limits: Limits) -> None:
        self.names = Names(body)
        self.limits = limits
        self._reader = Reader(now_ms, mint, limits)
        self._batch = Batch(entries=[], places=[])

    def gather(
        self, items: Iterable[Any], make: Make, settle: Callable[[list[Raw]], None] | None = None
    ) -> Batch:
        """
        Return the batch of *items*.

        Args:
            items: Decoded values; an `InvalidEntryError` among them is one that could not be decoded.
            make: Says what an item means; raises `InvalidEntryError` when it means nothing.
            settle: Sees the fields of all entries before any is straightened.
        """
        made: list[tuple[int, list[Raw]]] = []
        room = 2 * self.limits.entries_compact  # what is surely too much need not be understood first
        for index, item in enumerate(items):
            if isinstance(item, InvalidEntryError):
                self._drop(index, item)
                continue
            try:
                if room < 0:
                    raise self._too_many()
                raws = make(index, item)
            except InvalidEntryError as error:
                self._drop(index, error)
            else:
                room -= len(raws)
                made.append((index, raws))
        if settle is not None:
            settle([raw for _, raws in made for raw in raws])
        for index, raws in made:
            self._take(index, raws)
        return self._batch

    def _take(self, index: int, raws: list[Raw]) -> None:
        batch = self._batch
        try:
            self._check_room(len(raws))
            entries = [self._entry(index, part, raw) for part, raw in enumerate(raws)]
        except InvalidEntryError as error:
            self._drop(index, error)
        else:
            batch.entries.extend(entries)
            batch.places.extend([index] * len(entries))

    def _check_room(self, more: int) -> None:
        if len(self._batch.entries) + more > self.limits.entries_compact:
            raise self._too_many()

    def _too_many(self) -> InvalidEntryError:
        most = self.limits.entries_compact
        return InvalidEntryError(
            f"the body makes more than {most:,} entries; send smaller batches", reason="too_many"
        )

    def _entry(self, index: int, part: int, raw: Raw) -> Entry:
        if raw.get("timestamp") is not None:  # without a time, equal bytes may well be said twice
            raw.setdefault("id", self.names.entry(index, part))
            raw.setdefault("trace_id", self.names.trace(index))
        entry = self._reader.straighten(raw)
        if entry.hops is not None and entry.hops > MOST_HOPS:
            raise InvalidEntryError(
                f"the entry has passed {entry.hops} forwarders, so they form a ring; take one out",
                reason="loop",
            )
        return entry

    def _drop(self, index: int, error: InvalidEntryError) -> None:
        self._batch.drops.append(Drop(index, "rejected", error.reason, str(error)))


def object_of(item: Any, what: str) -> dict[str, Any]:
    """
    Return *item*, which must be a JSON object.

    Raises:
        InvalidEntryError: When it is not; *what* says in one word or two what it should have been.
    """
    if not isinstance(item, dict):
        raise InvalidEntryError(f"{what} must be a JSON object", reason="not_an_object")
    return item


def shared(value: Any) -> Any:
    """
    Return *value*, which goes into many entries of a body, as short as that allows.
    """
    if value is None or isinstance(value, int | float):
        return value
    return shorten(clean_text(plain_text(value)), SHARED_CHARS)


def plain(value: Any) -> dict[str, Any]:
    """
    Return *value* when it is an object, else an empty one: for parts that an item can be read without.
    """
    return value if isinstance(value, dict) else {}
