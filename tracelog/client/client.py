"""
The client: settings, loggers and the shipper as one object.

It may be reconfigured late and more than once: loggers that a program already holds go on with the new
settings, and so do the numbers of its entries and its account.
"""

import threading
import weakref
from collections.abc import Mapping
from typing import Any

import msgspec

from tracelog.client import frames, sigterm
from tracelog.client.background import LetThrough, to_row
from tracelog.client.books import Books
from tracelog.client.closing import Closing, log_closing
from tracelog.client.complaint import Complaint
from tracelog.client.context import Headers, Wish, root
from tracelog.client.exits import unwatch, watch
from tracelog.client.gate import Gate
from tracelog.client.keeping import Keeping
from tracelog.client.logger import Logger
from tracelog.client.opening import open_sinks
from tracelog.client.plan import Plan
from tracelog.client.shipper import Shipper
from tracelog.client.span import Span, trace_span
from tracelog.config import ClientSettings, client_settings, redact_settings
from tracelog.core.compact import VERSION, Header
from tracelog.core.entry import RANK, Entry
from tracelog.core.redact import Redactor
from tracelog.core.wishes import least_rank


class Client:
    """
    Logs and ships. Programs usually use the default one through the functions of `tracelog`.

    Args:
        settings: Keyword arguments of `ClientSettings`.

    Raises:
        ConfigError: When a setting is wrong.
    """

    def __init__(self, /, **settings: Any) -> None:
        self._begin(client_settings(settings), settings)

    @classmethod
    def of(cls, settings: ClientSettings) -> "Client":
        """
        Return the client of *settings* that were resolved already.

        Raises:
            ConfigError: When a sink cannot be opened.
        """
        client = cls.__new__(cls)
        client._begin(settings, {})  # noqa: SLF001 - of this very class
        return client

    def _begin(self, settings: ClientSettings, given: Mapping[str, Any]) -> None:
        self._changing = threading.RLock()
        self._loggers: dict[int, weakref.ref[Logger]] = {}
        self.gate = Gate()
        self._books = Books(self.gate)
        self._complaint = Complaint()
        self._keeping = Keeping(self.gate, self._complaint)
        self._attend(_plan(settings, given, self._books.source))

    def _attend(self, plan: Plan) -> None:
        self.settings = plan.settings
        self._rank = RANK[plan.settings.level]
        self.known: dict[Any, msgspec.Raw] = {}  # last: what is learnt for it goes by the new settings
        if plan.settings.traceparent:
            root.inherit(plan.settings.traceparent)
        frames.attend(self, wanted="locals" in plan.settings.capture)
        self._keeping.attend(plan.settings, plan.header, plan.sinks[0])
        plan = plan._replace(keeping=self._keeping)
        self._shipper = Shipper(plan, self.gate, self._books, self._complaint)
        watch(self._shipper)
        trouble = sigterm.attend() if plan.settings.flush_on_sigterm else None
        if trouble is not None:
            self._complaint(trouble)

    @property
    def generation(self) -> object:
        return self._shipper

    @property
    def source(self) -> str:
        """
        The name under which this process's entries are numbered.
        """
        return self._books.source

    def reconfigure(self, /, **settings: Any) -> None:
        """
        Go on with other settings; for at most the exit timeout the old sinks deliver what waits.

        What is not given comes from the environment, pyproject.toml and the defaults, not from before.

        Raises:
            ConfigError: When a setting is wrong; then everything stays as it was.
        """
        self._go_on(_plan(client_settings(settings), settings, self._books.source))

    def apply(self, settings: ClientSettings) -> None:
        """
        Go on with *settings* that were resolved already, such as those it had before.

        Raises:
            ConfigError: When a sink cannot be opened; then everything stays as it was.
        """
        self._go_on(_plan(settings, {}, self._books.source))

    def _go_on(self, plan: Plan) -> None:
        with self._changing:
            before = self._shipper
            before.retire(self.settings.exit_timeout)
            unwatch(before)
            self._attend(plan)
            for ref in list(self._loggers.values()):
                if (logger := ref()) is not None:
                    logger.forget()

    def remember(self, logger: Logger) -> None:
        key = id(logger)
        if key not in self._loggers:
            loggers = self._loggers
            loggers[key] = weakref.ref(logger, lambda _: loggers.pop(key, None))

    def is_enabled_for(self, level: str, logger: str = "") -> bool:
        """
        Whether entries of *level* are logged by *logger*.
        """
        return self.settings.enabled and RANK[level] >= self._least(logger)

    def _least(self, logger: str) -> int:
        levels = self.settings.levels
        return least_rank(levels, logger, self._rank) if levels else self._rank

    def locates(self) -> bool:
        """
        Whether calls say where they stand in the code.
        """
        return "caller" in self.settings.capture

    def get_logger(self, name: str = "", /, **bound: Any) -> Logger:
        """
        Return a logger called *name* with fields *bound*.
        """
        return Logger(self, name, bound)

    def trace(  # noqa: PLR0913 - options that users name
        self,
        name: str = "",
        /,
        *,
        trace_id: str | None = None,
        headers: Headers | None = None,
        user_id: str | None = None,
        area: str | None = None,
        baggage: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Span:
        """
        Return a block that is one request.

        It goes on with *trace_id*, *headers* or the current trace, in this order, or starts a new one.

        Args:
            name: What is done, such as `place order`.
            trace_id: Any id of the allowed characters.
            headers: Of an incoming call.
            user_id: Who it is for; kept by every entry inside.
            area: Part of the application; kept by every entry inside.
            baggage: Names and values handed on to called systems.
            fields: Kept by the closing entry.
        """
        return trace_span(lambda: self, name, fields, Wish(trace_id, headers, user_id, area, baggage))

    def span(self, name: str = "", /, **fields: Any) -> Span:
        """
        Return a block that is one step of the current trace; it closes with its duration.
        """
        return trace_span(lambda: self, name, fields)

    def close_span(self, closing: Closing) -> None:
        """
        Log the entry that closes a hop. Never raises.
        """
        if self.is_enabled_for(closing.level):
            log_closing(self.gate, closing)

    def ship(self, entry: Entry) -> None:
        """
        Send *entry*, made elsewhere, as one of this client's own: same level, bound, redaction and delivery.

        It gets the source and the next number of this process. What it says otherwise (`id`, `source`, `seq`,
        and `system`, `service`, `environment` or `release` where they differ) is kept in its context. Never
        raises.

        Args:
            entry: A finished entry; it is not changed.
        """
        gate = self.gate
        if not self.settings.enabled or entry.rank < self._least(entry.logger or ""):
            return
        if len(gate.queue) >= gate.high_water and gate.full(entry.rank):
            return
        try:
            row = to_row(_adopted(entry, self._shipper.plan.header))
        except Exception:  # no row can hold it: it is counted, as everything that does not arrive
            gate.drops.count("invalid")
            return
        gate.put(row, len(row))

    def flush(self, timeout: float = 2.0) -> int:
        """
        Try for *timeout* seconds to deliver what was logged before; return how many entries still wait.
        """
        return self._shipper.flush(timeout)

    def shutdown(self, timeout: float = 2.0) -> int:
        """
        Deliver, stop and close the sinks; return how many entries could not be delivered.

        What is logged later is counted as dropped, until the client is configured anew.
        """
        frames.attend(self, wanted=False)
        return self._shipper.shutdown(timeout)

    def stats(self) -> dict[str, Any]:
        """
        Return the ledger: what became of every entry, by reason; `redacted` counts replaced secrets by rule.
        """
        shown_ledger = self._shipper.stats()
        own = {key: value for key, value in shown_ledger.items() if key != "sinks"}
        own["max_seq"] = self._books.seq - 1 if self._books.seq else None
        redacted = dict(self._shipper.plan.redactor.counts)
        return {**shown_ledger, "redacted": redacted, "sources": {self.source: own}}

    def __del__(self) -> None:
        shipper: Shipper | None = self.__dict__.get("_shipper")
        if shipper is not None:
            shipper.leave()


def _plan(settings: ClientSettings, given: Mapping[str, Any], source: str) -> Plan:
    """
    Return what a shipper of *settings* works by; whatever can fail has been tried then.

    Raises:
        ConfigError: When a sink cannot be opened or a rule of redaction is wrong.
    """
    header = Header(
        v=VERSION,
        source=source,
        system=settings.system,
        service=settings.service,
        environment=settings.environment,
        release=settings.release,
    )
    redact = settings.redact
    redactor = LetThrough() if redact is False else Redactor(redact_settings(redact))
    return Plan(settings, header, open_sinks(settings, given), redactor)


def _adopted(entry: Entry, header: Header) -> Entry:
    """
    Return *entry* with what a row of *header* cannot say of it moved to its context.
    """
    own = {name: getattr(entry, name) for name in ("id", "source", "seq")}
    shared = ((name, getattr(entry, name)) for name in ("system", "service", "environment", "release"))
    own |= {name: value for name, value in shared if value != getattr(header, name)}
    kept = {name: value for name, value in own.items() if value not in {None, ""}}
    return msgspec.structs.replace(entry, context={**kept, **(entry.context or {})}) if kept else entry
