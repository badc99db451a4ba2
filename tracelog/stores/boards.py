"""
What a board is in a store: where operators tell all servers something, and where stands who changed what.

Obligations, held by one test class over every kind:

* What was put is read by every server of the store from then on, until it is taken away.
* Neither time nor `clear` removes it: emptied logs lock nobody out and hide nobody's tracks.
* Of the audit the latest `MOST_NOTES` lines are kept.
* Of all servers that claim a name one gets it, for as long as it asked; one that was done stays done.
* What cannot be done now raises `StoreUnavailableError`; it may have been done, and may be done again.
"""

from typing import Final, Literal, Protocol

MOST_NOTES: Final = 1_000
"""Lines of the audit: months of what people change, a few hundred kilobytes."""

Claim = Literal["ours", "theirs", "done"]


class Board(Protocol):
    """
    What operators have said; the obligations stand at the top of this file.
    """

    every_s: float
    """How often a server looks: so long it takes until all know. Where looking is billed it is seldom."""

    async def read(self) -> dict[str, bytes]:
        """
        Return everything that was put, by name.
        """
        ...

    async def put(self, name: str, value: bytes) -> None:
        """
        Put *value*, JSON, whatever stood there before.
        """
        ...

    async def take(self, name: str) -> bool:
        """
        Take away what stands under *name*, and return whether there was something.
        """
        ...

    async def note(self, line: bytes) -> None:
        """
        Add *line*, JSON, to the audit.
        """
        ...

    async def notes(self, limit: int) -> list[bytes]:
        """
        Return the last lines of the audit, the latest first.
        """
        ...

    async def claim(self, name: str, ttl_s: int) -> Claim:
        """
        Ask to be the one who does what *name* stands for, within the next *ttl_s* seconds.
        """
        ...

    async def done(self, name: str, ttl_s: int) -> None:
        """
        Note that it was done; nobody gets the claim for *ttl_s* seconds.
        """
        ...
