"""
What was not kept, told in the trace it belongs to: rows of `kind: "suppressed"` with a count and a reason.

A trace that has something stored has an account of its own, so its timeline shows what is missing. What
belongs to traces of which nothing is stored is told together, by system: a flood of new traces must not come
back as a flood of rows about it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tracelog.core.entry import LARGEST_COUNT, Entry
from tracelog.core.loops import EARLY
from tracelog.core.outline import outline, weigh

OTHER: Final = "other"
"""The reason of a row that stands for all that found no row of its own."""

SHARED: Final = " "
"""Begins the name of an account that is no trace's; no trace id holds a space."""

NewId = Callable[[Entry], str]
"""Makes the id of a row from the first entry it stands for."""


class _Row(msgspec.Struct, gc=False):
    first: Entry
    count: int
    last_timestamp: float


class _Account(msgspec.Struct, gc=False):
    next_at: float
    interval: float
    rows: dict[str, _Row]


class Suppressed:
    """
    The accounts of what was not kept.

    Args:
        rows: Rows of one account; the rest is one more, `other`.
        accounts: Accounts open at a time; the rest share one more.
        first_s: Seconds after which an account is told first, then after twice as many, and so on.
        longest_s: Seconds between two times at most.
        new_id: Makes the id of a row.
    """

    def __init__(self, rows: int, accounts: int, first_s: float, longest_s: float, new_id: NewId) -> None:
        self._rows = rows
        self._cap = accounts
        self._first_s = first_s
        self._longest_s = longest_s
        self._new_id = new_id
        self._accounts: dict[str, _Account] = {}
        self._soonest = 0.0

    def add(self, name: str, why: str, entry: Entry, now: float) -> int:
        """
        Count *entry* as not kept and return how many log calls that are.

        Args:
            name: Its trace id, or `SHARED` and the system.
            why: The reason, a slug. Each has a row.
            entry: The entry; the first of a row lends it its looks.
            now: Seconds, monotonic.
        """
        account = self._accounts.get(name) or self._open(name, now)
        rows = account.rows
        row = rows.get(why) or (rows.get(OTHER) if len(rows) >= self._rows else None)
        count, last = 1, entry.timestamp
        if entry.kind is not None:
            count, last = weigh(entry), entry.last_timestamp or last
        if row is None:
            if len(rows) >= self._rows:
                why = OTHER
            rows[why] = _Row(outline(entry), count, last)
            return count
        row.count += count
        if last > row.last_timestamp:  # noqa: PLR1730 - a call of max() costs three times as much
            row.last_timestamp = last
        return count

    def due(self, now: float) -> list[Entry]:
        """
        Return the rows of the accounts that are due at *now*. One that has nothing to tell is closed.
        """
        if now < self._soonest or not self._accounts:
            return []
        told: list[Entry] = []
        soonest = now + self._longest_s
        for name, account in list(self._accounts.items()):
            if now >= account.next_at:
                if not account.rows:
                    del self._accounts[name]
                    continue
                told += self._on_time(account, now)
            soonest = min(soonest, account.next_at)
        self._soonest = soonest
        return told

    def untold(self, name: str) -> list[Entry]:
        """
        Return what the rows of an account would say now; they stay untold.
        """
        account = self._accounts.get(name)
        return [] if account is None else [self._say(row, why) for why, row in account.rows.items()]

    def tell(self, now: float) -> list[Entry]:
        """
        Return the rows of accounts that are nearly due at *now*, see `EARLY`.
        """
        told: list[Entry] = []
        for account in self._accounts.values():
            if account.rows and account.next_at - now <= EARLY * account.interval:
                told += self._on_time(account, min(now, account.next_at))
        return told

    def end(self) -> list[Entry]:
        """
        Return the rows of all accounts and close them.
        """
        told: list[Entry] = []
        for account in self._accounts.values():
            while account.rows:
                told += self._tell(account)
        self._accounts.clear()
        return told

    @property
    def waiting(self) -> int:
        """
        How many entries no row has told of yet.
        """
        return sum(row.count for account in self._accounts.values() for row in account.rows.values())

    @property
    def largest(self) -> int:
        """
        Rows of the account that has most.
        """
        return max((len(account.rows) for account in self._accounts.values()), default=0)

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, name: str, now: float) -> _Account:
        account = None
        if len(self._accounts) >= self._cap:
            name = SHARED
            account = self._accounts.get(name)
        if account is None:
            account = _Account(now + self._first_s, self._first_s, {})
            self._soonest = min(self._soonest, account.next_at) if self._accounts else account.next_at
            self._accounts[name] = account
        return account

    def _on_time(self, account: _Account, now: float) -> list[Entry]:
        account.interval = min(account.interval * 2, self._longest_s)
        account.next_at = now + account.interval
        return self._tell(account)

    def _tell(self, account: _Account) -> list[Entry]:
        told = []
        for why, row in list(account.rows.items()):
            said = self._say(row, why)
            told.append(said)
            row.first.id = said.id
            row.count -= said.count or 0
            if not row.count:
                del account.rows[why]
        return told

    def _say(self, row: _Row, why: str) -> Entry:
        return msgspec.structs.replace(
            row.first,
            id=self._new_id(row.first),
            kind="suppressed",
            count=min(row.count, LARGEST_COUNT),
            last_timestamp=row.last_timestamp,
            why=why,
        )
