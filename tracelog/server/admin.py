"""
The administration of a server: its parts put together, and its addresses as one table.
"""

from collections.abc import Callable
from typing import Any, Final

from starlette.routing import Route

from tracelog.config import ServerSettings
from tracelog.core.budget import Alert
from tracelog.server.cleanup import Cleanup
from tracelog.server.controls import MUTES, ONE_MUTE, SWITCHES, Controls
from tracelog.server.guards import Guards
from tracelog.server.hooks import Hook, Notice
from tracelog.server.ingest import Ingest
from tracelog.server.keyring import Keyring
from tracelog.server.keys import LIST, ONE, Keys
from tracelog.server.mutes import Mutes
from tracelog.server.office import Office
from tracelog.server.watch import Watch
from tracelog.stores import Store

CLEANUP: Final = "/api/v1/cleanup"
AUDIT: Final = "/api/v1/audit"
STORE: Final = "/api/v1/health/store"

LAST_WORD_S: Final = 1.0
"""Seconds that alerts on their way get when the server stops; another server, or the next start, sends those
that took longer."""


class Desk:
    """
    What knows the operators' word, what tells them, and what looks for them.

    Args:
        settings: Of the server.
        store: With the board.
        ring: Learns keys.
        ingest: Learns mutes, and stores rows about changes.
        clock: Returns Unix seconds.
        on_alert: Called once with each change of the budget's level that this server sees.
        on_notice: Called with everything of the kinds that `alerts` lists, as the address is told it.
    """

    def __init__(  # noqa: PLR0913 - what operators speak to, and who is told
        self,
        settings: ServerSettings,
        store: Store,
        ring: Keyring,
        ingest: Ingest,
        *,
        clock: Callable[[], float],
        on_alert: Callable[[Alert], None] | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:

        def now_ms() -> float:
            return clock() * 1000.0

        board = store.board()
        self._now_ms = now_ms
        self._mutes = ingest.mutes
        self._on_alert = on_alert
        self.office = Office(board, ring, ingest, capture=settings.page_capture, clock=now_ms)
        self.hook = Hook(
            settings.alert_url,
            settings.alert_secret,
            settings.alerts,
            board=board,
            clock=clock,
            faults=ingest.faults,
            heard=on_notice,
        )
        self.watch = Watch(store, ingest, self.hook, clock=now_ms)

    async def begin(self) -> None:
        """
        Learn what was said so far, and look for more from now on.
        """
        await self.office.begin()
        self.watch.begin()

    async def end(self) -> None:
        """
        Look no more; what waits to be sent gets a moment.
        """
        self.office.end()
        self.watch.end()
        await self.hook.end(LAST_WORD_S)

    def budget(self, change: Alert) -> None:
        """
        Tell everybody who wants to know that the budget has another level.
        """
        self.watch.budget(change)
        if self._on_alert is not None:
            self._on_alert(change)

    def view(self) -> dict[str, Any]:
        """
        Return what operators have said, for the status.
        """
        mutes = self._mutes.at(self._now_ms())
        return {
            "switches": {"capture": self.office.capture},
            "mutes": len(mutes),
            "alerts": self.hook.view(),
            "changes": self.office.changes,
        }


class Admin:
    """
    The endpoints of administration; *clock* returns Unix milliseconds.
    """

    def __init__(
        self, store: Store, desk: Desk, ring: Keyring, mutes: Mutes, *, clock: Callable[[], float]
    ) -> None:
        self._keys = Keys(desk.office, ring, clock=clock)
        self._controls = Controls(desk.office, mutes, clock=clock)
        self._cleanup = Cleanup(store, desk.office, desk.watch)

    def routes(self, guards: Guards) -> list[Route]:
        """
        Return a route for each address and right: what changes something is never done by GET.
        """
        keys, controls, cleanup = self._keys, self._controls, self._cleanup
        return [
            Route(LIST, guards.reading(keys.listed, right="admin"), methods=["GET"]),
            Route(LIST, guards.changing(keys.make, "keys.create"), methods=["POST"]),
            Route(ONE, guards.changing(keys.revoke, "keys.revoke"), methods=["DELETE"]),
            Route(SWITCHES, guards.reading(controls.switches, tells=False), methods=["GET"]),
            Route(SWITCHES, guards.changing(controls.switches, "switches"), methods=["POST"]),
            Route(MUTES, guards.reading(controls.muted, tells=False), methods=["GET"]),
            Route(MUTES, guards.changing(controls.muted, "mutes.begin"), methods=["POST"]),
            Route(ONE_MUTE, guards.changing(controls.unmute, "mutes.end"), methods=["DELETE"]),
            Route(CLEANUP, guards.changing(cleanup.clean, ""), methods=["POST"]),
            Route(AUDIT, guards.reading(cleanup.audit, right="admin"), methods=["GET"]),
            Route(STORE, guards.reading(cleanup.store, tells=False), methods=["GET"]),
        ]
