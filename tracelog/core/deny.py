"""
What a gate refused a moment ago, remembered until that can change: a flood then costs no call of the store.

Windows free room only when a minute of the store ends, so a refusal holds until then (`retry_after_ms`). It
is a refusal by class: errors are asked for while normal rows are known to be refused. Refunds and lenders
that fall asleep may free something sooner; who waits for the minute's end is late by that, never over.
"""

from collections.abc import Sequence
from typing import Final

from tracelog.core.quota_values import Class, Demand, Reply

LONGEST_S: Final = 60.0
"""A minute of the store; no reply makes a refusal last longer."""

_ALSO: Final[dict[Class, tuple[Class, ...]]] = {
    "normal": ("normal", "privileged"),
    "privileged": ("normal", "privileged"),
    "essential": ("normal", "privileged", "essential"),
    "critical": ("critical",),
    "lease": (),
}
"""A class refused, and those that are refused with it: they use a part of the same room."""


class DenyCache:
    """
    Refusals of one server process, at most one for each system of the settings and class.
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[tuple[str, Class], float] = {}

    def refused(self, system: str, cls: Class, now: float) -> bool:
        """
        Whether the store would refuse an entry of *system* and *cls*.

        Args:
            system: As `QuotaSettings.system_of` names it.
            cls: Its class.
            now: Monotonic seconds of this process.
        """
        until = self._until.get((system, cls))
        return until is not None and now < until

    def wait(self, system: str, cls: Class, now: float) -> float:
        """
        Return for how many seconds more that holds, 0 when it does not.
        """
        return max(0.0, self._until.get((system, cls), now) - now)

    def learn(self, demands: Sequence[Demand], reply: Reply, now: float) -> None:
        """
        Remember what *reply* refused of *demands*.

        Args:
            demands: As they were asked, one for each system and class.
            reply: Of the store.
            now: Monotonic seconds from *before* the call was sent: a refusal ends early rather than late.
        """
        until = now + min(LONGEST_S, reply.retry_after_ms / 1000)
        for demand in demands:
            if reply.granted(demand.system, demand.cls) < demand.n:
                for cls in _ALSO[demand.cls]:
                    self._until[demand.system, cls] = until

    def forget(self) -> None:
        """
        Ask for everything again, as after a change of the limits.
        """
        self._until.clear()
