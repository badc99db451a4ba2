"""
Heat on duty: once a second this process tells the store which forms it met most, and hears what all have met.

Nothing waits for it. While the store is away each process folds by what it has met itself.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tracelog.core.breaker import Breaker
from tracelog.core.fold import Templates
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.heat import Warmth
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.stores import Store

EVERY_S: Final = 1.0
"""Between two askings: a tenth of the window in which a form becomes hot."""

HOTTEST: Final = 64
"""Forms told of at a time. What is hot in all servers together is among the hottest of one of few."""

ASK_S: Final = 2.0
"""What takes longer is given up, so that the next asking finds nothing under way."""


class SharedHeat:
    """
    Between the templates of this process and those of all.

    Args:
        store: Shared by all processes.
        settings: Of the guard, the same in all.
        templates: Of the guard.
        faults: Told what goes wrong here.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: GuardSettings,
        templates: Templates,
        faults: Faults,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heat = store.heat(settings.hot_window_s)
        self._above = settings.hot_above
        self._templates = templates
        self._clock = clock
        self._faults = faults
        self._breaker = Breaker()
        self._next = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._totals: Mapping[str, Warmth] = {}

    def look(self) -> None:
        """
        Begin to ask the store if that is due, there is something to tell, and it is not known to be away.

        What was met while it is not asked is told to nobody: it would count for a time that is over.
        """
        now = self._clock()
        if now < self._next or self._asking is not None:
            return
        self._next = now + EVERY_S
        posted = self._templates.hottest(HOTTEST)
        if posted and self._breaker.allows(now):
            self._asking = asyncio.get_running_loop().create_task(self._ask(posted))
            self._asking.add_done_callback(self._done)

    async def end(self) -> None:
        """
        Ask no more.
        """
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def view(self) -> list[dict[str, Any]]:
        """
        Return the forms that all servers were found to have met too often, for a status page.
        """
        hot = [(form, warmth) for form, warmth in self._totals.items() if warmth.n > self._above]
        return [{"form": form, "count": warmth.n, "systems": [*warmth.systems]} for form, warmth in hot]

    async def _ask(self, posted: Mapping[str, Warmth]) -> None:
        try:
            async with asyncio.timeout(ASK_S):
                self._totals = await self._heat.share(posted)
        except (StoreUnavailableError, TimeoutError) as error:
            self._breaker.failed(self._clock())
            self._totals = {}
            self._faults.tell(error)
            return
        self._breaker.succeeded()
        self._templates.warm(self._totals, self._clock())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._breaker.failed(self._clock())  # a fault in a store: it is told, and its breaker rests
            self._faults.tell(error)
