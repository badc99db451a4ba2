"""
What is not in the timeline and why, and the sum that must come out.

    logged = shown + folded + suppressed (each reason) + lost (each reason)

Witnesses are the `suppressed` rows among the entries, the ledgers of the systems and the caller, who knows
what expired. Two witnesses of one loss tell of the same entries, so the larger number counts, not the sum.
Running numbers that are missing are the last witness: they count where nobody else has told of as many.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tracelog.core.entry import Entry
from tracelog.core.ledger import from_view
from tracelog.correlation.intake import Intake
from tracelog.correlation.line import Line
from tracelog.correlation.report import Missing

FOLDED: Final = frozenset({"duplicate", "repeat", "fold", "folded"})
"""Reasons of entries that a counted row of the timeline stands for: nothing of them is missing."""

HOLES: Final = "holes"
"""The reason of entries of which nothing is known but that their running numbers are not here."""

LOST: Final = frozenset({"expired", "evicted", "unreported", "in_flight", HOLES})
"""Reasons that nobody decided; with everything under `dropped` these are losses, all others are rules at
work."""

_UNNAMED: Final = "unknown"

Reports = Mapping[str, Mapping[str, Any]]


class Account:
    """
    The losses of one trace, by system and reason.
    """

    def __init__(self) -> None:
        self._ruled: dict[tuple[str, str], int] = {}
        self._lost: dict[tuple[str, str], int] = {}
        self._folded: dict[str, int] = {}

    def rows(self, lines: Iterable[Line]) -> None:
        """
        Take the word of the `suppressed` rows: what they count, added up.
        """
        for line in lines:
            if line.is_loss:
                self._add(line.system, line.entry.why, line.count)

    def entries(self, entries: Iterable[Entry]) -> None:
        """
        Take the word of the `suppressed` rows among *entries*.
        """
        for entry in entries:
            if entry.kind == "suppressed":
                self._add(entry.system, entry.why, entry.weight)

    def reports(self, reports: Reports) -> None:
        """
        Take the word of ledgers, by system.
        """
        for system, view in reports.items():
            ledger = from_view(view)
            for outcome in ("suppressed", "limited", "rejected"):
                for reason, count in getattr(ledger, outcome).items():
                    if reason not in FOLDED:
                        self._witness(Missing(system, reason, count))
                    else:
                        self._folded[system] = self._folded.get(system, 0) + count
            for reason, count in ledger.dropped.items():
                self._at_least(self._lost, (system, reason), count)
            for reason in ("unreported", "in_flight"):
                if isinstance(count := view.get(reason), int) and count > 0:
                    self._at_least(self._lost, (system, reason), count)

    def told(self, missing: Iterable[Missing]) -> None:
        """
        Take the word of the caller.
        """
        for loss in missing:
            if loss.count > 0:
                self._witness(loss)

    def holes(self, holes: Iterable[tuple[str, int]]) -> None:
        """
        Take the word of running numbers that are not here, by system, after all other witnesses: what these
        told of it, or of no system, may be the same entries and is not told twice.
        """
        seen: dict[str, int] = {}
        for system, count in holes:
            seen[system] = seen.get(system, 0) + count
        of_nobody = self._known("")
        for system, count in sorted(seen.items()):
            left = count - (self._known(system) if system else 0)
            told = max(0, min(left, of_nobody))
            of_nobody -= told
            if left > told:
                self._lost[system, HOLES] = left - told

    def _known(self, system: str) -> int:
        books = (self._ruled, self._lost)
        told = sum(count for book in books for (name, _), count in book.items() if name == system)
        return told + self._folded.get(system, 0)

    def missing(self) -> list[Missing]:
        """
        Return every loss, by system and reason.
        """
        return sorted(
            Missing(system, reason, count)
            for book in (self._ruled, self._lost)
            for (system, reason), count in book.items()
        )

    def ledger(self, intake: Intake, lines: Sequence[Line]) -> dict[str, Any]:
        """
        Return the sum: what came in, what is shown, folded, not kept and lost.

        Args:
            intake: What was handed in.
            lines: The timeline, folded.
        """
        counts = [
            # what an error brought out is counted by a suppressed row already
            line.count
            for line in lines
            if line.run and not (line.is_loss or line.is_context)
        ]
        shown = counts.count(1)
        folded = sum(counts) - shown
        suppressed, lost = _by_reason(self._ruled), _by_reason(self._lost)
        return {
            "entries": intake.handed,
            "duplicate": intake.duplicate,
            "logged": shown + folded + sum(suppressed.values()) + sum(lost.values()),
            "shown": shown,
            "folded": folded,
            "suppressed": suppressed,
            "lost": lost,
        }

    def _add(self, system: str, why: str | None, count: int) -> None:
        key = (system, why or _UNNAMED)
        book = self._lost if key[1] in LOST else self._ruled
        book[key] = book.get(key, 0) + count

    def _witness(self, loss: Missing) -> None:
        book = self._lost if loss.reason in LOST else self._ruled
        self._at_least(book, (loss.system, loss.reason), loss.count)

    @staticmethod
    def _at_least(book: dict[tuple[str, str], int], key: tuple[str, str], count: int) -> None:
        book[key] = max(count, book.get(key, 0))


def missing_of(entries: Iterable[Entry], told: Iterable[Missing] = ()) -> list[Missing]:
    """
    Return what *entries* of a trace say is not among them, and what the caller knows, by system and reason.
    """
    account = Account()
    account.entries(entries)
    account.told(told)
    return account.missing()


def _by_reason(book: Mapping[tuple[str, str], int]) -> dict[str, int]:
    reasons: dict[str, int] = {}
    for (_, reason), count in sorted(book.items()):
        reasons[reason] = reasons.get(reason, 0) + count
    return reasons
