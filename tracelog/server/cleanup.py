"""
Clean-up, a closer look at the store, and the audit, over HTTP.
"""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.errors import RefusedChangeError
from tracelog.server.asked import number
from tracelog.server.asked_body import told
from tracelog.server.guards import change
from tracelog.server.office import Office
from tracelog.server.watch import Watch
from tracelog.stores import Store
from tracelog.stores.boards import MOST_NOTES

CONFIRM: Final = "delete all logs"
"""What must be typed to empty the store."""


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """
    A clean-up as it is asked for.
    """

    mode: str
    dry_run: bool = False
    confirm: str | None = None


class Cleanup:
    """
    The endpoints over *store*.

    Args:
        store: That is looked after.
        office: With the audit.
        watch: Tells of an emergency.
    """

    def __init__(self, store: Store, office: Office, watch: Watch) -> None:
        self._watch = watch
        self._store = store
        self._office = office

    async def clean(self, request: Request) -> Response:
        """
        Remove what is left over (`safe`) or everything (`emergency`); with `dry_run` only say what.
        """
        wanted = await told(request, Wanted)
        if wanted.mode == "safe":
            return await self._safe(request, dry_run=wanted.dry_run)
        if wanted.mode != "emergency":
            raise RefusedChangeError(
                f"mode is safe or emergency, not {wanted.mode[:20]!r}", reason="mode", status=400
            )
        if not wanted.dry_run and wanted.confirm != CONFIRM:
            raise RefusedChangeError(
                f'this deletes every log of every system; say "confirm": "{CONFIRM}" to mean it',
                reason="confirm",
                status=400,
            )
        return await self._emergency(request, dry_run=wanted.dry_run)

    async def _safe(self, request: Request, *, dry_run: bool) -> Response:
        found = msgspec.to_builtins(await self._store.clean(dry_run=dry_run))
        if not dry_run:
            change(request, "cleanup.safe", **found)
        return _json({"success": True, "mode": "safe", "dry_run": dry_run, **found})

    async def _emergency(self, request: Request, *, dry_run: bool) -> Response:
        looked = await self._store.examine()
        found = {name: looked[name] for name in ("traces", "entries", "pins", "sources", "size_bytes")}
        if not dry_run:
            who = request.state.who
            await self._office.record("cleanup.emergency.begun", who, found)  # known whatever happens next
            await self._store.clear()
            self._watch.admin("cleanup.emergency", who, found)
            change(request, "cleanup.emergency", **found)
        return _json({"success": True, "mode": "emergency", "dry_run": dry_run, **found})

    async def store(self, _request: Request) -> Response:
        """
        Tell all that can be found out about the store, and what to do about it.
        """
        return _json(await self._store.examine())

    async def audit(self, request: Request) -> Response:
        """
        Tell who changed what, the latest first.
        """
        limit = number(request, "limit", 100, most=MOST_NOTES)
        return _json({"records": await self._office.records(limit), "most": MOST_NOTES})


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
