"""
The server as one ASGI app: the hot path of ingestion in front, everything else as a table of routes.

`POST /log` is answered without the framework's request and response objects, which cost more than storing an
entry does. The app can be mounted in another one; `run.py` serves it alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route

from tracelog.config import ServerSettings, redact_settings, server_settings
from tracelog.core.budget import Alert
from tracelog.core.redact import Redactor
from tracelog.errors import ConfigError, TracelogError
from tracelog.server.access import Access
from tracelog.server.admin import Admin, Desk
from tracelog.server.agents import PATH as AGENTS
from tracelog.server.agents import Off, open_agents
from tracelog.server.archiving import Archive
from tracelog.server.compare import Compare
from tracelog.server.doors import House
from tracelog.server.guards import Guards, not_found, wrong_method
from tracelog.server.health import Health
from tracelog.server.hooks import Notice
from tracelog.server.imports import Import
from tracelog.server.ingest import Ingest
from tracelog.server.log import INGEST_PATHS, LogEndpoint
from tracelog.server.mint import new_mint
from tracelog.server.overview import Overview
from tracelog.server.pins import LIST, ONE, Pins
from tracelog.server.processing import Processing
from tracelog.server.pulse import Pulse
from tracelog.server.query import Query
from tracelog.server.scripts import Pages
from tracelog.server.web import web
from tracelog.server.webhooks import doors
from tracelog.stores import Store, open_store

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class App:
    """
    The ASGI callable.

    Args:
        settings: Of the server.
        store: Where entries are; opened from the settings when not given.
        clock: Returns Unix seconds.
        on_alert: Called once with each change of the budget's level that this server sees.
        on_notice: Called with each notice of a kind that `alerts` lists.
        archives: Where the processor inside writes to, besides those that the settings name.
    """

    def __init__(  # noqa: PLR0913 - what is served, and who is told
        self,
        settings: ServerSettings,
        *,
        store: Store | None = None,
        clock: Callable[[], float] = time.time,
        on_alert: Callable[[Alert], None] | None = None,
        on_notice: Callable[[Notice], None] | None = None,
        archives: Sequence[Archive] = (),
    ) -> None:
        def now_ms() -> float:
            return clock() * 1000.0

        self.settings = settings
        self.store = store or open_store(settings.store, ttl_s=settings.ttl_s)
        self.access = Access(settings, clock=clock)
        self._begun = False
        self._beginning = asyncio.Lock()
        self.ingest = Ingest(
            settings,
            self.store,
            redactor=Redactor(redact_settings(settings.redact)),
            clock=now_ms,
            mint=new_mint(),
            on_alert=self._alert,
        )
        self.faults = self.ingest.faults
        ring = self.access.ring
        self.desk = Desk(
            settings, self.store, ring, self.ingest, clock=clock, on_alert=on_alert, on_notice=on_notice
        )
        house = House(settings, self.access, self.ingest, self.store, now_ms, new_mint())
        self.log = LogEndpoint(settings, self.access, self.ingest, self.faults)
        self.processing = Processing(
            settings, self.store.queue(), self.faults, archives=archives, clock=now_ms
        )
        self.live = self.processing.live
        ring.on_loss = self.hurry
        self.health = Health(
            self.store, self.ingest, self.desk.view, clock=clock, processing=self.processing.view
        )
        self.pulse = Pulse(self.health.shown, self.faults, every_s=self.desk.office.board.every_s)
        self.query = Query(self.store, clock=now_ms, untold=self.ingest.untold)
        self.compare = Compare(self.store, clock=now_ms, mint=new_mint())
        self.imports = Import(
            self.store, self.ingest.redactor, clock=now_ms, mint=new_mint(), limits=settings.limit
        )
        self.pins = Pins(self.store, settings.pins)
        self.overview = Overview(self.store, clock=now_ms)
        self.pages = Pages(lambda: self.desk.office.capture)
        self.admin = Admin(self.store, self.desk, ring, self.ingest.mutes, clock=now_ms)
        self.agents = open_agents(self.access, self) if settings.mcp else None
        self._guards = Guards(self.access, self.faults, self.ingest.catch_up, self.desk.office)
        self._routes = Starlette(
            routes=[*self._table(self._guards), *(Route(path, door) for path, door in doors(house).items())],
            exception_handlers={404: not_found, 405: wrong_method},
        )
        self._routes.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(receive, send)
            return
        if not self._begun and not await self._begin(scope, receive, send):
            return
        if kind == "http" and path_within(scope) in INGEST_PATHS:
            await self.log(scope, receive, send)
        else:
            await self._routes(scope, receive, send)

    def _table(self, guards: Guards) -> list[Route]:
        """
        Return every route but ingestion's.
        """
        return [
            Route("/healthz", guards.answering(self.health.alive)),
            Route("/readyz", guards.answering(self.health.ready)),
            Route("/metrics", guards.reading(self.health.metrics, tells=False)),
            Route("/api/v1/status", self.pages.or_status(guards.reading(self.health.status))),
            Route("/api/v1/status/live", guards.reading(self.pulse.events, tells=False)),
            Route("/api/v1/live", guards.reading(self.live.events, tells=False)),
            Route("/api/v1/ledger", guards.reading(self.query.ledger)),
            Route("/api/v1/traces", guards.reading(self.query.traces)),
            Route("/api/v1/traces/{ref}", guards.reading(self.query.trace)),
            Route("/api/v1/traces/{ref}/report", guards.reading(self.query.report)),
            Route("/api/v1/traces/{ref}/export", guards.reading(self.query.export)),
            Route("/api/v1/search", guards.reading(self.query.search)),
            Route("/api/v1/diff", guards.reading(self.compare.diff)),
            Route("/api/v1/marks", guards.reading(self.compare.mark, tells=False), methods=["POST"]),
            Route("/api/v1/import", guards.changing(self.imports.take, "import"), methods=["POST"]),
            Route(LIST, guards.reading(self.pins.listed)),
            Route(ONE, guards.changing(self.pins.change, "pins"), methods=["POST", "DELETE"]),
            Route("/api/v1/statistics", guards.reading(self.overview.statistics)),
            Route("/api/v1/patterns", guards.reading(self.overview.patterns)),
            *self.admin.routes(guards),
            *self.pages.routes(),
            *web(guards.answering, self.access),
            Route(AGENTS, self.agents or Off()),
        ]

    async def start(self) -> None:
        """
        Open the store. Where the app is mounted and no lifespan reaches it, the first request does.
        """
        async with self._beginning:
            if not self._begun:
                await self.store.start()
                await self.desk.begin()
                self._begun = True
                await self.processing.begin()
                self.health.started()

    async def stop(self) -> None:
        """
        Refuse new entries, finish what was taken, close the store.
        """
        self.health.stopping()
        self.end_streams()
        await self.desk.end()
        if self.agents is not None:
            await self.agents.stop()
        with suppress(TimeoutError):  # a store that hangs must not hold up the stop
            async with asyncio.timeout(max(1.0, self.settings.stop_timeout)):
                await self.ingest.drain()
        await self.processing.end()
        await self.store.close()

    def hurry(self) -> None:
        """
        End every stream that is read: its readers come again, if they may and there is a server.
        """
        self.live.hurry()
        self.pulse.hurry()

    def end_streams(self) -> None:
        """
        End every stream for good: the server stops, and would wait for one that begins now.
        """
        self.live.stop()
        self.pulse.stop()

    def _alert(self, change: Alert) -> None:
        self.desk.budget(change)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """
        Open the store for the first request; answer it when that fails.
        """
        try:
            await self.start()
        except Exception as error:
            if scope["type"] == "http":
                await self._guards.explain(error)(scope, receive, send)
            return False
        return True

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except TracelogError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(
    settings: ServerSettings | None = None,
    *,
    store: Store | str | None = None,
    on_alert: Callable[[Alert], None] | None = None,
    on_notice: Callable[[Notice], None] | None = None,
    archives: Sequence[Archive] = (),
    **given: Any,
) -> App:
    """
    Return the server as an ASGI app, to serve or to mount.

    Args:
        settings: Resolved settings; else they are resolved from *given*, environment and pyproject.toml.
        store: A store to use instead of the one that the settings name, or the URL of one.
        on_alert: Called once with each change of the budget's level that this server sees.
        on_notice: Called with each notice of a kind that `alerts` lists.
        archives: Where processed rows go, besides those that the settings name.
        given: Keyword arguments of `ServerSettings`.

    Raises:
        ConfigError: When a setting is wrong.
    """
    if settings is not None and not isinstance(settings, ServerSettings):
        raise ConfigError(
            f"create_app: settings must be ServerSettings, not {type(settings).__name__}; "
            "give a mapping of settings as keywords, create_app(**settings)"
        )
    if isinstance(store, str):
        given["store"], store = store, None
    if settings is None:
        settings = server_settings(given)
    elif given:
        settings = msgspec.structs.replace(settings, **given)
    return App(settings, store=store, on_alert=on_alert, on_notice=on_notice, archives=archives)


def path_within(scope: Scope) -> str:
    """
    Return the path of a request within this app, which may be mounted below another one (ASGI: `root_path`).
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
