"""
The administration of a server: its parts put together, and its addresses as one table.
"""

from collections.abc import Callable
from typing import Final

from starlette.routing import Route

from tracelog.config import ServerSettings
from tracelog.server.cleanup import Cleanup
from tracelog.server.controls import MUTES, ONE_MUTE, SWITCHES, Controls
from tracelog.server.guards import Guards
from tracelog.server.hooks import Hook
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


def desk(
    settings: ServerSettings, store: Store, ring: Keyring, ingest: Ingest, *, clock: Callable[[], float]
) -> tuple[Office, Hook, Watch]:
    """
    Return what knows the operators' word, what tells them, and what looks for them.

    Args:
        settings: Of the server.
        store: With the board.
        ring: Learns keys.
        ingest: Learns mutes, and stores rows about changes.
        clock: Returns Unix seconds.
    """

    def now_ms() -> float:
        return clock() * 1000.0

    board = store.board()
    office = Office(board, ring, ingest, capture=settings.page_capture, clock=now_ms)
    hook = Hook(
        settings.alert_url,
        settings.alert_secret,
        settings.alerts,
        board=board,
        clock=clock,
        faults=ingest.faults,
    )
    return office, hook, Watch(store, ingest, hook, clock=now_ms)


class Admin:
    """
    The endpoints of administration; *clock* returns Unix milliseconds.
    """

    def __init__(  # noqa: PLR0913 - the parts it puts together
        self,
        store: Store,
        office: Office,
        watch: Watch,
        ring: Keyring,
        mutes: Mutes,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._keys = Keys(office, ring, clock=clock)
        self._controls = Controls(office, mutes, clock=clock)
        self._cleanup = Cleanup(store, office, watch)

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
