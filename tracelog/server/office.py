"""
What operators have told all servers of this store, as this process knows it, and the record of who did what.

The board is looked at every few seconds, so a key that was made or revoked, a switch or a mute counts in
every process within that time, and in the one that was asked at once.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from tracelog.core.entry import Entry
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.server.ingest import Ingest
from tracelog.server.keyring import Keyring, StoredKey
from tracelog.server.mutes import Mute
from tracelog.server.own import OWN_SYSTEM
from tracelog.stores import Board
from tracelog.stores.reference import ADMIN

KEY, MUTE, CAPTURE, OPENED = "key/", "mute/", "switch/capture", "opened"
"""Names on the board, or how they begin."""

LOOK_S: Final = 1.0
"""A store that does not answer within it is looked at again later; no request waits longer for the board."""

DETAIL: Final = 500
"""Characters of one value of a record: what people type may be long."""

OF_READING: Final = frozenset({"pins", "import"})
"""Changes that readers make while they look for something: no row of theirs among what they read."""

T = TypeVar("T", bound=msgspec.Struct)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """
    That somebody changed something.

    Attributes:
        at_ms: When, Unix milliseconds.
        what: Such as `cleanup.emergency`.
        who: Name of the key, `local` where none is needed.
        detail: What exactly; never a token.
    """

    at_ms: float
    what: str
    who: str
    detail: dict[str, Any] = {}


class Office:
    """
    The board as one process sees it.

    Args:
        board: Of the store.
        ring: Learns the keys.
        ingest: Its mutes learn, and it stores the rows that tell of changes.
        capture: What the settings say of the switch for pages.
        clock: Returns Unix milliseconds.

    Attributes:
        keys: That the store keeps, by id.
        capture: Whether pages shall capture; *said* whether somebody switched it.
        changes: Grows with each change on the board and each record made here: then a page has to look again.
    """

    def __init__(
        self, board: Board, ring: Keyring, ingest: Ingest, *, capture: bool, clock: Callable[[], float]
    ) -> None:
        self.board = board
        self.keys: dict[str, StoredKey] = {}
        self.capture = capture
        self.said: bool | None = None
        self.changes = 0
        self._default = capture
        self._ring = ring
        self._ingest = ingest
        self._faults: Faults = ingest.faults
        self._clock = clock
        self._seen: dict[str, bytes] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()

    @property
    def is_known(self) -> bool:
        """
        Whether the board was read at all: before that nobody can say which keys there are.
        """
        return self._seen is not None

    async def refresh(self) -> None:
        """
        Read the board and act upon what is new.

        Raises:
            StoreUnavailableError: When it cannot be read now; what was known still counts.
        """
        try:
            async with asyncio.timeout(max(LOOK_S, self.board.every_s)), self._reading:
                found = await self.board.read()
                if found != self._seen:  # within the lock, or the earlier of two looks could be learnt last
                    self._learn(found)
                    self._seen = found
                    self.changes += 1
        except TimeoutError as error:
            raise StoreUnavailableError("the store does not tell which keys there are") from error

    async def begin(self) -> None:
        """
        Read the board, if the store is there, and look at it from now on.
        """
        with suppress(StoreUnavailableError):  # it is asked again before anything is read
            await self.refresh()
        self._looking = asyncio.get_running_loop().create_task(self._look())

    def end(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def put(self, name: str, value: Any) -> None:
        """
        Put *value* as JSON for all servers to see, and see it here at once.
        """
        await self.board.put(name, msgspec.json.encode(value))
        await self.refresh()

    async def take(self, name: str) -> bool:
        """
        Take something away, likewise; return whether it was there.
        """
        was_there = await self.board.take(name)
        await self.refresh()
        return was_there

    async def record(self, what: str, who: str, detail: Mapping[str, Any]) -> None:
        """
        Note that *who* changed *what*, in the audit and, unless it belongs to reading, as a row that every
        reader of logs finds.

        Raises:
            StoreUnavailableError: When the audit cannot be written.
        """
        shown = {name: _short(value) for name, value in detail.items() if value is not None}
        said = Record(at_ms=self._clock(), what=what, who=who, detail=shown)
        await self.board.note(msgspec.json.encode(said))
        self.changes += 1
        if what not in OF_READING:
            self._ingest.say(_row(said))

    async def records(self, limit: int) -> list[Record]:
        """
        Return what was changed last, the latest first.
        """
        return list(_read_all(Record, await self.board.notes(limit)))

    def _learn(self, found: Mapping[str, bytes]) -> None:
        self.keys = {key.id: key for key in _read_all(StoredKey, _under(KEY, found))}
        self._ring.learn([key.known for key in self.keys.values()], opened=OPENED in found)
        self._ingest.mutes.learn(_read_all(Mute, _under(MUTE, found)))
        self.said = found[CAPTURE] == b"true" if CAPTURE in found else None
        self.capture = self._default if self.said is None else self.said

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self.board.every_s)
            try:
                await self.refresh()
            except StoreUnavailableError:
                continue  # health tells of it
            except Exception as error:  # what somebody else wrote there must not end the looking
                self._faults.tell(error)


def new_id() -> str:
    """
    Return a name for something new on the board.
    """
    return os.urandom(5).hex()


def _row(said: Record) -> Entry:
    what = ", ".join(f"{name} {value}" for name, value in said.detail.items())
    return Entry(
        id=f"admin-{new_id()}-{int(said.at_ms)}",
        trace_id=ADMIN,
        timestamp=said.at_ms,
        system=OWN_SYSTEM,
        level="warn" if said.what.startswith("cleanup.emergency") else "info",
        message=f"{said.what} by {said.who}{': ' if what else ''}{what}",
        origin="server",
        received_at=said.at_ms,
        context={"what": said.what, "who": said.who, **said.detail},
    )


def _under(start: str, found: Mapping[str, bytes]) -> list[bytes]:
    return [value for name, value in found.items() if name.startswith(start)]


def _read_all(kind: type[T], raws: Iterable[bytes]) -> Iterable[T]:
    """
    Yield what can be read as *kind*; a newer server may have written what this one does not know.
    """
    for raw in raws:
        with suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(raw, type=kind)


def _short(value: Any) -> Any:
    return value[:DETAIL] if isinstance(value, str) else value
