"""
What a group of rows may do: which of them are charged, where, and what goes back of it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tracelog.core.quota_values import LETTER_OF, Grant, Refund

ADMITTED: Final = ""
"""The fate, so far, of a row that may be stored."""

Key = tuple[str, str]
"""A system as the settings name it, and the letter of a class."""


class Admission(NamedTuple):
    """
    What a group of rows may do.

    Attributes:
        fates: For each row `ADMITTED`, or the letter of its fate.
        grants: What was charged for the admitted ones.
        local: Whether the store was away, and *grants* are this server's own.
        leased: What the store had charged before for others of the admitted ones.
    """

    fates: list[str]
    grants: Sequence[Grant]
    local: bool
    leased: Sequence[Grant] = ()


def rows_of(grants: Iterable[Grant]) -> Counter[Key]:
    """
    Return how many rows *grants* admit, by system and letter.
    """
    rows = Counter[Key]()
    for grant in grants:
        rows[grant.system, LETTER_OF[grant.cls]] += grant.n
    return rows


def unused(grants: Iterable[Grant], stored: Counter[Key]) -> Iterable[Refund]:
    """
    Yield what gives back the part of *grants* that *stored* rows did not use; loans go back first. What is
    used is taken out of *stored*, so other grants for the same rows can be asked about next.
    """
    for grant in sorted(grants, key=lambda grant: grant.pool != grant.system):
        key = (grant.system, LETTER_OF[grant.cls])
        used = min(grant.n, stored[key])
        stored[key] -= used
        if used < grant.n:
            yield grant.refund(grant.n - used)
