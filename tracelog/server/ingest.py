"""
What happens to the entries of a request, in order: the literal list of the server.

    receive → stamp → seal (redact, cut) → mute → judge (noise, fold, sample, adapt) → release → lighten
            → commit (quotas, write) → refuse → note → answer

Every entry that does not reach the store is a drop with a reason, answered to its sender and counted once.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from tracelog.config import ServerSettings
from tracelog.core.budget import Alert
from tracelog.core.entry import Entry
from tracelog.core.prints import NO_PRINT
from tracelog.core.redact import Redactor
from tracelog.core.stage import Batch
from tracelog.core.wire import Mint
from tracelog.errors import StoreUnavailableError
from tracelog.server.access import Sender
from tracelog.server.answers import Answer, Room, answer, refusals
from tracelog.server.commit import Committer
from tracelog.server.counts import Counts, is_counted, refused_of
from tracelog.server.faults import Faults
from tracelog.server.gate import Gatekeeper
from tracelog.server.heard import Hearing
from tracelog.server.heat import SharedHeat
from tracelog.server.mutes import Mutes
from tracelog.server.own import OwnRows, nobodys
from tracelog.server.receivers import native
from tracelog.server.seal import seal
from tracelog.server.shield import Shield
from tracelog.server.stamp import lighten, stamp
from tracelog.stores import DUPLICATE, NOT_NOW, STORED, Fates, Row, Store


class Taken(NamedTuple):
    """
    A request on its way into the store.

    Attributes:
        batch: Its entries and drops.
        now_ms: Arrival.
        stored: What the store will say of each row; None when there is nothing to store.
        rows: Of the batch; *context* are rows of the server's own that stand before them.
    """

    batch: Batch
    now_ms: float
    stored: "asyncio.Future[Fates] | None"
    rows: list[Row]
    context: Sequence[Row] = ()


class Ingest:
    """
    The path of entries into the store.

    Args:
        settings: Of the server.
        store: Where entries end.
        redactor: The same rules that clients apply, applied again: a client may be old or no client of ours.
        clock: Returns Unix milliseconds.
        mint: Where missing ids come from.
        on_alert: Called once with each change of the budget's level that this server sees.

    Attributes:
        shield: What decides about entries before the store is asked; None without limits.
        gatekeeper: Asks the store's quotas; None without limits.
        mutes: What operators do not want to hear.
        heat: Shares with other servers what repeats; None without limits.
    """

    def __init__(  # noqa: PLR0913 - where from, where to, and what time it is
        self,
        settings: ServerSettings,
        store: Store,
        *,
        redactor: Redactor,
        clock: Callable[[], float],
        mint: Mint,
        on_alert: Callable[[Alert], None] | None = None,
    ) -> None:
        self.redactor = redactor
        self.faults = Faults()
        self.mutes = Mutes()
        self.hearing = Hearing()
        self.shield: Shield | None = None
        self.gatekeeper: Gatekeeper | None = None
        self.heat: SharedHeat | None = None
        self._settings = settings
        self._clock = clock
        self._mint = mint
        self._counts = Counts(store, self.faults)
        self._own: OwnRows | None = None
        self._on_alert = on_alert
        if settings.limits:
            self.shield = Shield(settings.guard, clock=time.monotonic)
            self.heat = SharedHeat(store, settings.guard, self.shield.guard.templates, self.faults)
            self.gatekeeper = Gatekeeper(
                store.gate(settings.quota),
                settings.quota,
                clock=time.monotonic,
                wall_ms=clock,
                tell=self._alert,
                timeout_s=store.gate_timeout_s,
            )
            self._committer = Committer(store, self.faults, settings.trace_quota, self.gatekeeper)
            self._own = OwnRows(self.shield, self._committer, clock=clock, faults=self.faults)
        else:
            self._committer = Committer(store, self.faults)

    def begin(
        self, body: bytes, content_type: str, sender: Sender, *, trace_id: str | None = None
    ) -> "Taken":
        """
        Take an inflated request body and hand what can be kept to the store; `end` gives the answer.

        Args:
            body: As it was before compression.
            content_type: Of the request.
            sender: Who sends.
            trace_id: Of entries that name none; a new one each when None.

        Raises:
            InvalidBodyError: When the body cannot be read at all.
            StoreUnavailableError: When the store cannot take more now.
        """
        now_ms = self._clock()
        mint = self._mint
        if trace_id is not None:
            mint = msgspec.structs.replace(mint, trace_id=lambda: trace_id)
        batch = native.receive(body, content_type, now_ms=now_ms, mint=mint, limits=self._settings.limit)
        return self.begin_batch(batch, sender, now_ms)

    def begin_batch(self, batch: Batch, sender: Sender, now_ms: float) -> "Taken":
        """
        Take a *batch* that came at *now_ms*, whatever language it came in; `end` gives the answer.

        Raises:
            StoreUnavailableError: When the store cannot take more now.
        """
        stamp(batch, sender, now_ms)
        sealed, size = seal(batch.entries, self.redactor, self._settings.limit)
        self.hearing.note(batch.entries, now_ms)
        rows, muted = self.mutes.take(batch, list(zip(batch.entries, sealed, strict=True)), now_ms)
        classes, prints = None, None
        if self.shield is not None and self._own is not None:
            self._own.begin(self._look)
            self.shield.mute(muted)
            classes, prints, rows = self.shield.judge(batch, rows, sender)
            size = sum([len(body) for _, body in rows])
        context = self._context(rows, classes)
        are_rows = lighten(batch.entries)
        if not rows:
            return Taken(batch, now_ms, None, rows)
        if classes is not None and prints is not None and context:
            classes = "p" * len(context) + classes
            prints = [NO_PRINT] * len(context) + prints
        sent = [row if is_counted(row[0]) else nobodys(*row) for row in rows] if are_rows else rows
        stored = self._committer.submit([*context, *sent] if context else sent, size, classes, prints)
        return Taken(batch, now_ms, stored, rows, context)

    def end(self, taken: "Taken") -> Answer:
        """
        Return the answer to *taken*, whose future is done.

        Raises:
            StoreUnavailableError: When not every entry could be stored: the sender repeats all, and what is
                stored already is a duplicate then.
        """
        fates = self._fates(taken)
        if self.shield is not None:
            fates = self.shield.learn(taken.batch.entries, fates)
        if fates.strip(STORED + DUPLICATE):
            self._refuse(taken, fates)
        self._note(taken.batch)
        return answer(taken.batch, fates, taken.now_ms, self._room(taken.batch))

    def _fates(self, taken: "Taken") -> Fates:
        """
        Return what became of the rows of the batch.

        Raises:
            StoreUnavailableError: When some are to be sent again; what they brought out is held again.
        """
        error = None if taken.stored is None else taken.stored.exception()
        fates = "" if taken.stored is None or error is not None else taken.stored.result()
        if error is None and NOT_NOW not in fates:
            return fates[len(taken.context) :]
        if self._own is not None and taken.context:
            self._own.restore([*taken.context])
        raise error or StoreUnavailableError("the store could not take every entry; send the batch again")

    async def catch_up(self) -> None:
        """
        Store what is folded and counted so far, for who reads now.
        """
        if self._own is not None:
            await self._own.catch_up()
        await self._counts.write_now()

    def say(self, entry: Entry) -> None:
        """
        Store a row of the server's own, which passes quotas as critical ones do. It is redacted as any is: a
        person may have typed a secret.
        """
        [body], size = seal([entry], self.redactor, self._settings.limit)
        with suppress(StoreUnavailableError):  # full of other rows; the audit tells the same
            self._committer.submit([nobodys(entry, body)], size, "c" if self._own else None)

    def untold(self, trace_id: str) -> list[bytes]:
        """
        Return rows for what of a trace was not kept and is told to nobody yet, for who reads it now.
        """
        return [] if self.shield is None else self.shield.untold(trace_id)

    async def drain(self) -> None:
        """
        Tell what is still to be told, and wait until everything taken is stored and counted.
        """
        if self._own is not None and self.heat is not None:
            self._own.end()
            await self.heat.end()
        await self._committer.drain()
        if self.gatekeeper is not None:
            await self.gatekeeper.drain()
        await self._counts.drain()

    def _context(self, rows: list[Row], classes: str | None) -> list[Row]:
        """
        Return what the flight recorder holds of traces that have an error among *rows*.
        """
        if self._own is None or classes is None or ("e" not in classes and "c" not in classes):
            return []
        failed = dict.fromkeys(entry.trace_id for entry, _ in rows if entry.is_error)
        return [row for trace_id in failed for row in self._own.context(trace_id)]

    def _refuse(self, taken: "Taken", fates: Fates) -> None:
        """
        Take out of the batch what the gate or the store refused for good.
        """
        refused = refusals(taken.batch, fates)
        if self.shield is not None:
            self.shield.take_back(refused, taken.rows)
        taken.batch.drop(refused)

    def _look(self) -> None:
        """
        Let systems that have used much of their share be sampled, and forms fold that are hot in all servers.
        """
        if self.shield is not None and self.gatekeeper is not None and self.heat is not None:
            self.heat.look()
            for system, used in self.gatekeeper.used().items():
                self.shield.pressure(system, used)

    def _alert(self, change: Alert) -> None:
        self.faults.say(change.message)
        if self._own is not None:
            self._own.alert(change)
        if self._on_alert is not None:
            try:
                self._on_alert(change)
            except Exception as error:  # the operator's function must cost no entry
                self.faults.tell(error)

    def _room(self, batch: Batch) -> Room:
        trace_s = float(self._settings.trace_quota.window_s)
        if self.gatekeeper is None:
            return Room(trace_s=trace_s)
        systems = {entry.system for entry in batch.entries}
        systems |= {drop.entry.system for drop in batch.drops if drop.entry is not None}
        known = [(left, system) for system in systems if (left := self.gatekeeper.left(system)) is not None]
        if not known:
            return Room(trace_s=trace_s)
        left, system = min(known)
        return Room(left, self.gatekeeper.retry_after(system, "n"), trace_s)

    def _note(self, batch: Batch) -> None:
        self._counts.add_redacted(self.redactor.counts)
        refused = [refused_of(drop, batch.source) for drop in batch.drops if self._is_new(drop.entry)]
        if refused:
            kept = [(each.source or "", each.system, each.seq) for each in batch.entries if is_counted(each)]
            self._counts.add_batch(refused, kept)
        if batch.report is not None and batch.source:
            self._counts.keep(batch.source, batch.report)

    def _is_new(self, entry: Entry | None) -> bool:
        """
        Whether the end of *entry* is to be counted: that of a log call, once.
        """
        if entry is None:
            return True
        return is_counted(entry) and (self.shield is None or self.shield.first_time(entry))
