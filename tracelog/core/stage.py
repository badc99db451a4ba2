"""
A batch on its way: what reads or judges it keeps, changes or drops entries with a reason.

A dropped entry stays in the batch's list of drops with its place in the request, so that every drop is
answered and counted exactly once, at the end.
"""

import msgspec

from tracelog.core.entry import Entry


class Drop(msgspec.Struct, frozen=True):
    """
    Why an entry was not kept.

    Attributes:
        index: Its place in the request, from 0.
        outcome: `suppressed`, `limited`, `rejected` or `dropped`.
        reason: A slug, the same in answers, ledger and pages.
        error: One sentence for the sender.
        entry: The entry, as far as it could be read.
    """

    index: int
    outcome: str
    reason: str
    error: str
    entry: Entry | None = None


class Batch(msgspec.Struct):
    """
    The entries of one request, with the places they had in it.

    Attributes:
        entries: Those still kept.
        places: For each kept entry its place in the request.
        drops: Those dropped so far.
        single: Whether the request was one bare object, which is answered differently.
        report: The cumulative ledger that a client sent along, as JSON, and the source it speaks for.
    """

    entries: list[Entry]
    places: list[int]
    drops: list[Drop] = msgspec.field(default_factory=list)
    single: bool = False
    source: str | None = None
    report: bytes | None = None

    def drop(self, refused: dict[int, Drop]) -> None:
        """
        Take out the entries at the positions of *refused* (positions in `entries`), keeping the reasons.
        """
        if not refused:
            return
        self.drops.extend(refused.values())
        kept = [i for i in range(len(self.entries)) if i not in refused]
        self.places = [self.places[i] for i in kept]
        self.entries = [self.entries[i] for i in kept]
