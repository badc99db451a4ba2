"""
Whom the guard listens to, and how much: ordinary entries, first ones, and errors that count as errors.

A speaker is a source of a system. Pages, and whoever has a key that is no secret, name themselves as they
like; some of what they may say is therefore counted by their address, whatever names it takes.
"""

from typing import Final

from tracelog.core.guard_settings import GuardSettings
from tracelog.core.limit import MINUTE_S, Adaptive
from tracelog.core.speakers import Speaker, Speakers

HOUR_S: Final = 60 * MINUTE_S


class Hearing:
    """
    What each speaker may still say in its minute.

    Args:
        settings: Of the guard.

    Attributes:
        normal: Of ordinary entries.
        first: Of first entries of hops, and of rows about others.
    """

    def __init__(self, settings: GuardSettings) -> None:
        self.normal = Adaptive(settings.normal, settings.sources)
        self.first = Adaptive(settings.privileged, settings.sources)
        self._errors = Adaptive(settings.essential, settings.sources)
        self._of_address = Adaptive((settings.address_errors,), settings.sources, HOUR_S)
        self._speakers = Speakers(settings.newcomers, settings.sources)

    def speaker(self, named: Speaker, peer: str | None, now: float) -> Speaker:
        """
        Return who says what is said in the name of *named*.

        Args:
            named: As it names itself.
            peer: Address that it came from, of a sender whose names are not believed; else None.
            now: Seconds, monotonic.
        """
        return named if peer is None else self._speakers.of(named, peer, now)

    def error(self, speaker: Speaker, peer: str | None, now: float) -> bool:
        """
        Whether an error of *speaker* counts as one; else it goes on as an ordinary entry.
        """
        counts = self._errors.allows(speaker, now)
        return counts and (peer is None or self._of_address.allows(peer, now))
