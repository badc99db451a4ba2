"""
What a server looks at once a minute for the operator: whether the store is well, and what yesterday cost.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

from tracelog.core.budget import DAY_MS, Alert
from tracelog.core.entry import Entry
from tracelog.errors import StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.server.hooks import Hook, Notice
from tracelog.server.ingest import Ingest
from tracelog.server.limits_view import days_of
from tracelog.server.own import OWN_SYSTEM
from tracelog.stores import Store
from tracelog.stores.reference import ALERTS

EVERY_S: Final = 60.0

BILLED_LOOKS: Final = 30
"""Where looks are billed it looks more seldom: once in so many looks at the board."""

TRACE: Final = ALERTS
"""Of rows that tell what is noticed; the budget has traces of its own."""

MOST_WARNINGS: Final = 100
"""Kinds of warning remembered. There are few; the bound keeps a strange store from growing the memory."""

_DIGITS: Final = re.compile(r"[0-9][0-9,.]*")


class Watch:
    """
    Looks, and tells the hook.

    Args:
        store: That is looked at.
        ingest: Whose gate knows the days.
        hook: Where notices go.
        clock: Returns Unix milliseconds.
    """

    def __init__(self, store: Store, ingest: Ingest, hook: Hook, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._ingest = ingest
        self._faults: Faults = ingest.faults
        self._hook = hook
        self._clock = clock
        self._every_s = max(EVERY_S, BILLED_LOOKS * store.board().every_s)
        self._was_ok: bool | None = None
        self._away_since = 0.0
        self._warned: set[str] | None = None
        self._told_day = -1
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """
        Look from now on, if that is wanted.
        """
        if self._looking is None and (self._hook.wants("store") or self._hook.wants("day")):
            self._looking = asyncio.get_running_loop().create_task(self._every())

    def end(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def budget(self, change: Alert) -> None:
        """
        Tell of a new level of the month's budget; every server that sees it tells under the same id.
        """
        data = {"level": change.level, "was": change.was, "used": change.used, "writes": change.writes}
        self._tell(change.id, "budget", change.severity, change.message, data)

    def admin(self, what: str, who: str, data: dict[str, Any]) -> None:
        """
        Tell of what an operator emptied.
        """
        self._tell(f"{what}-{int(self._clock())}", "admin", "warn", f"{what} by {who}", data)

    async def look(self) -> None:
        """
        Look once.
        """
        if self._hook.wants("store"):
            self._compare(await self._store.health())
        if self._hook.wants("day"):
            await self._yesterday()

    def _compare(self, health: dict[str, Any]) -> None:
        """
        Tell what has changed since the last look: whether the store is well, and new kinds of warning.
        """
        is_ok, now_ms = bool(health.get("ok")), self._clock()
        bucket = int(now_ms // 600_000)
        if not is_ok and self._was_ok is not False:
            self._away_since = now_ms
            said = f"the store is not well: {health.get('cause')}"
            self._tell(f"store-away-{bucket}", "store", "error", said)
        elif is_ok and self._was_ok is False:
            away_s = round((now_ms - self._away_since) / 1000)
            said = f"the store is well again; it was not for {away_s:,} s"
            self._tell(f"store-ok-{bucket}", "store", "info", said, {"away_s": away_s})
            self._row(f"store-ok-{bucket}", "warn", said)
        self._was_ok = is_ok
        self._warn(list(map(str, health.get("warnings") or ())), bucket)

    def _warn(self, warnings: list[str], bucket: int) -> None:
        """
        Tell new kinds of warning; those of the first look make no row, for every start would make the same.
        """
        first = self._warned is None
        known = self._warned = self._warned or set()
        for warning in warnings:
            kind = _DIGITS.sub("#", warning)
            if kind in known or len(known) >= MOST_WARNINGS:
                continue
            known.add(kind)
            name = f"store-warning-{_name(kind)}-{bucket}"
            self._tell(name, "store", "warn", warning)
            if not first:
                self._row(name, "warn", warning)

    async def _yesterday(self) -> None:
        """
        Tell what the last whole day stored and cost, once.
        """
        keeper = self._ingest.gatekeeper
        if keeper is None or int(self._clock() // DAY_MS) - 1 == self._told_day:
            return
        try:
            held = await keeper.gate.status()
        except StoreUnavailableError:
            return  # the next look asks again
        day = self._told_day = held.now_ms // DAY_MS - 1  # days are the store's; ours may begin before
        for report in days_of(held, keeper.settings, only=day):
            said = (
                f"{report['day']}: {report['writes']:,} rows stored for ${report['usd']:.2f}; "
                f"the month stands at {report['month_used']:,} ({report['level']})"
            )
            self._tell(f"day-{report['day']}", "day", "info", said, report)
            self._row(f"day-{report['day']}", "info", said, report)

    def _tell(
        self, name: str, kind: str, severity: str, message: str, data: dict[str, Any] | None = None
    ) -> None:
        at_ms = self._clock()
        self._hook.tell(
            Notice(id=name, kind=kind, severity=severity, message=message, at_ms=at_ms, data=data or {})
        )

    def _row(self, name: str, level: str, message: str, data: dict[str, Any] | None = None) -> None:
        """
        Store a row that tells it; all servers tell it under one id, so there is one.
        """
        now_ms = self._clock()
        self._ingest.say(
            Entry(
                id=name,
                trace_id=TRACE,
                timestamp=now_ms,
                system=OWN_SYSTEM,
                level=level,
                message=message,
                origin="server",
                received_at=now_ms,
                context=data,
            )
        )

    async def _every(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:  # of one look, and not of all that follow
                self._faults.tell(error)
            await asyncio.sleep(self._every_s)


def _name(text: str) -> str:
    """
    Return *text* as a part of an id.
    """
    return re.sub(r"[^a-z]+", "-", text.lower()).strip("-")[:60]
