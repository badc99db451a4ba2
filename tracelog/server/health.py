"""
How the server is: alive, ready and why not, and the status that pages and terminal show.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.errors import StoreUnavailableError
from tracelog.server.ingest import Ingest
from tracelog.server.limits_view import limits_view
from tracelog.server.metrics import CONTENT_TYPE, exposition
from tracelog.server.totals import read_ledger
from tracelog.stores import Store

MOST_SYSTEMS: Final = 100
"""Systems that the status names."""


_APART: Final = frozenset({"sources", "redacted"})
"""Parts of the ledger that the status shows elsewhere."""


class Health:
    """
    The endpoints of operation.

    Args:
        store: That is told of; *ingest* likewise.
        told: Returns what else the status shows.
        clock: Returns Unix seconds.
        processing: Returns how that is going.
    """

    def __init__(
        self,
        store: Store,
        ingest: Ingest,
        told: Callable[[], Mapping[str, Any]],
        *,
        clock: Callable[[], float],
        processing: Callable[[], Awaitable[dict[str, Any] | None]],
    ) -> None:
        self._processing = processing
        self._told = told
        self._faults = ingest.faults
        self._store = store
        self._ingest = ingest
        self._clock = clock
        self._since = clock()
        self._phase = "starting"

    def now_ms(self) -> float:
        return self._clock() * 1000.0

    def started(self) -> None:
        self._phase = "ready"
        self._since = self._clock()

    def stopping(self) -> None:
        self._phase = "stopping"

    async def alive(self, _request: Request) -> Response:
        """
        Whether the process answers; says nothing about the store.
        """
        return _json({"ok": True})

    async def ready(self, _request: Request) -> Response:
        """
        Whether entries can be taken now, and if not, why.
        """
        store = await self._store.health()
        phase = None if self._phase == "ready" else f"the server is {self._phase}"
        away = None if store.get("ok") else str(store.get("cause") or "the store does not answer")
        parts = {"server": _part(phase), "store": _part(away)}
        cause = away or phase
        shown = {"ready": cause is None, "cause": cause, "parts": parts}
        return _json(shown, 200 if cause is None else 503)

    async def _ledger(self, now_ms: float) -> dict[str, Any] | None:
        """
        Return the ledger over all sources, None while the store cannot tell.
        """
        try:
            return await read_ledger(self._store, now_ms)
        except StoreUnavailableError:
            return None

    async def status(self, _request: Request) -> Response:
        """
        Everything that is known about the server, its store and its sources.
        """
        return _json(await self.shown())

    async def metrics(self, _request: Request) -> Response:
        """
        The same for Prometheus. Who scrapes every few seconds must not make rows, so nothing is told for it.
        """
        return Response(exposition(await self.shown()), media_type=CONTENT_TYPE)

    async def shown(self) -> dict[str, Any]:
        """
        Return what the status, its stream and metrics show.
        """
        now_ms = self._clock() * 1000.0
        ledger = await self._ledger(now_ms)
        return {
            "phase": self._phase,
            "uptime_s": round(self._clock() - self._since, 3),
            "now": now_ms,
            "store": await self._store.health(),
            "systems": _systems((ledger or {"sources": {}})["sources"].values()),
            "faults": self._faults.total,
            "heard": self._ingest.hearing.view(),
            **self._told(),
            "redacted": ledger and ledger["redacted"],
            "redacted_here": dict(self._ingest.redactor.counts),
            "ledger": ledger and {name: ledger[name] for name in ledger if name not in _APART},
            "processing": await self._processing(),
            **await limits_view(self._ingest.gatekeeper, self._ingest.shield, self._ingest.heat),
        }


def _systems(sources: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """
    Return who was heard when, the systems heard last; a sender may make up any number of them.
    """
    systems: dict[str, dict[str, Any]] = {}
    for source in sources:
        for system in source["systems"]:
            seen = systems.setdefault(system, {"sources": 0, "last_seen": 0.0})
            seen["sources"] += source.get("sources", 1)
            seen["last_seen"] = max(seen["last_seen"], source["last_seen"])
    latest = sorted(systems, key=lambda system: -systems[system]["last_seen"])[:MOST_SYSTEMS]
    return {system: systems[system] for system in latest}


def _part(cause: str | None) -> dict[str, Any]:
    return {"ok": cause is None, "cause": cause}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
