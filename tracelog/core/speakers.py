"""
Who speaks: the (system, source) that is listened to less when it says too much.

A source names itself. Where its key is no secret, as in a page, it may take a new name for every entry; so an
address may bring some new names a minute, and what further ones say counts as said by one, of whatever system
they say they are: these are made up as easily.
"""

from typing import Final

from tracelog.core.bounded import Bounded
from tracelog.core.limit import Adaptive

PEER: Final = " "
"""Begins the name of what all further sources of an address are; no source's name begins so."""

Speaker = tuple[str, str | None]
"""A system, and who speaks in it."""


class Speakers:
    """
    Knows who has spoken.

    Args:
        newcomers: New sources of an address in a minute that are told apart.
        cap: Sources remembered, and addresses; at most twice as many.
    """

    def __init__(self, newcomers: int, cap: int) -> None:
        self._newcomers = Adaptive((newcomers,), cap)
        self._known: Bounded[Speaker, int] = Bounded(cap)

    def of(self, speaker: Speaker, peer: str, now: float) -> Speaker:
        """
        Return who is listened to less when *speaker* says too much.

        Args:
            speaker: As an untrusted sender names itself.
            peer: Address it speaks from.
            now: Seconds, monotonic.
        """
        if self._known.get(speaker) is not None:
            return speaker
        if not self._newcomers.allows(peer, now):
            return "", PEER + peer
        self._known.put(speaker, 1)
        return speaker
