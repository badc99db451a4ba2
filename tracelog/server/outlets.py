"""
An archive as a processor sees it: asked for one batch at a time, left alone after a failure, never waited for
long.

Whatever an archive does, raise what it likes or never return, costs its own batches time and nothing else.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from tracelog.errors import StoreUnavailableError
from tracelog.server.archiving import Account, Archive
from tracelog.server.faults import Faults
from tracelog.stores.queues import Queue

PATIENCE_S: Final = 10.0
"""A processor waits so long for an archive that is well: as long as one request may take. Then it goes on to
the next batch, without that archive."""

DOUBT_S: Final = 1.0
"""The same after a failure: a refusal comes at once, and who hangs shall not hold up the live view again."""

HUNG_S: Final = 300.0
"""What takes so long never ends: longer than the largest batch in single requests with all their tries."""

REST_S: Final = 5.0
"""After an exception that does not say when to come again."""

LONGEST_REST_S: Final = 300.0
"""Whatever an archive asks for; a queue holds an hour or two of a busy server."""


class Outlet:
    """
    One archive.

    Args:
        archive: Where rows go.
        queue: Counts what became of them, for all processors of the store.
        faults: Told what goes wrong.
        clock: Returns monotonic seconds.
    """

    def __init__(self, archive: Archive, queue: Queue, faults: Faults, *, clock: Callable[[], float]) -> None:
        self._archive = archive
        self._queue = queue
        self._faults = faults
        self._clock = clock
        self._is_busy = False
        self._is_well = True
        self._rests_until = 0.0

    @property
    def is_free(self) -> bool:
        """
        Whether it may be given a batch now.
        """
        return not self._is_busy and self._clock() >= self._rests_until

    @property
    def patience_s(self) -> float:
        """
        How long a processor waits for it before it goes on.
        """
        return PATIENCE_S if self._is_well else DOUBT_S

    async def give(self, batch_id: str, rows: Sequence[Any]) -> bool:
        """
        Give the archive *rows*; return whether it has them.

        Raises:
            StoreUnavailableError: When that cannot be counted; then the batch comes again.
        """
        account = Account(self._archive)
        self._is_busy = True
        try:
            async with asyncio.timeout(HUNG_S):
                await self._archive.store(batch_id, rows)
        except Exception as error:  # an operator's own archive may raise anything
            self._faults.tell(error)
            wait_s = error.retry_after if isinstance(error, StoreUnavailableError) else REST_S
            self._rests_until = self._clock() + min(wait_s, LONGEST_REST_S)
            self._is_well = False
        else:
            self._is_well = True
        finally:
            self._is_busy = False
        kept = self._is_well
        if counts := account.of(len(rows), kept=kept):
            await self._queue.count(counts)
        return kept
