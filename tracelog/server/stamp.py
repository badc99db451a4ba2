"""
What the server says of entries that only it can know, and what of theirs it does not believe.

Who may say that one row stands for many: the server itself; a program with a key of its own or on this
machine, of what it folded; a page of this machine, in summaries, up to what a page can say. A page with a
public key may not: its row is then an entry like any other, and says so in `fixed`.
"""

from typing import Final

from tracelog.core.entry import Entry
from tracelog.core.ledger import counts_in
from tracelog.core.stage import Batch
from tracelog.server.access import Sender
from tracelog.server.own import OWN_SOURCE
from tracelog.server.shield import TRUSTED

MOST_COUNTED: Final = 10**9
"""Entries that one row of a program stands for: a million a second for a quarter of an hour."""

PAGE_COUNTED: Final = 100_000
"""The same of a page: between two rows lies a minute at most, and the worst loop known said 16,000 in one."""

PAGE_REPORTED: Final = 10_000_000
"""Entries that a page reports as dropped or folded in its whole life. One that says more is not believed."""

LOCAL: Final = "local"
PAGES_KIND: Final = "summary"
"""The only rows about others that our client for pages makes."""


def stamp(batch: Batch, sender: Sender, now_ms: float) -> None:
    """
    Say who sent the entries of *batch*, when they came, and from which system they are if nothing else tells.
    """
    origin, system, forced = sender.origin, sender.system, sender.forced
    for entry in batch.entries:
        entry.origin = origin
        entry.received_at = now_ms
        if forced or not entry.system:
            entry.system = system
        if entry.source == OWN_SOURCE or entry.kind is not None:
            _disarm(entry, sender)
    if (
        batch.report is not None
        and not _is_trusted(sender)
        and _largest(counts_in(batch.report)) > PAGE_REPORTED
    ):
        batch.report = None


def _is_trusted(sender: Sender) -> bool:
    return sender.origin in TRUSTED and sender.web_origin is None


def _largest(counts: dict[str, int]) -> int:
    return max(counts.values(), default=0)


def _disarm(entry: Entry, sender: Sender) -> None:
    """
    Take from *entry* what only we may say: who we are, and that it stands for more than its sender may count.
    """
    untrue = []
    if entry.source == OWN_SOURCE:
        entry.source = None
        untrue.append("source")
    most = MOST_COUNTED if _is_trusted(sender) else PAGE_COUNTED
    if not _may_count(entry, sender):
        entry.kind = entry.count = None
        untrue.append("kind")
    elif entry.count is not None and entry.count > most:
        entry.count = most
        untrue.append("count")
    if untrue:
        entry.fixed = [*(entry.fixed or ()), *untrue]


def _may_count(entry: Entry, sender: Sender) -> bool:
    if entry.kind is None or _is_trusted(sender):
        return True
    return sender.origin == LOCAL and entry.kind == PAGES_KIND


def lighten(entries: list[Entry]) -> bool:
    """
    Take from sealed entries what only their JSON is read for from here on; return whether some are rows about
    others.

    Thousands wait for the store under load. Letting go of the contexts early keeps what waits inside the
    processor's cache: measured as a fifth of the whole cost of an entry.
    """
    are_rows = False
    for entry in entries:
        entry.context = None
        if entry.kind is not None:
            are_rows = True
    return are_rows
