"""
Heat: how often several servers have met a form of message within a window, together.

Counts lie in windows that follow one another on the store's clock. What was met within a window's length is
taken to be what the present window holds, and of the one before the part that has not gone by: for an even
stream that is exact, and a burst at the edge of two windows is seen whole. `lua/heat.lua` tells the same.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

FORMS: Final = 4_096
"""Forms of one window: 64 servers' hottest, none in common. Further ones are counted alone."""

SYSTEMS: Final = 16
"""Systems named of one form; more are counted and not named."""


class Warmth(msgspec.Struct, array_like=True, frozen=True):
    """
    How often a form was met, and in which systems, in order of appearance.
    """

    n: int
    systems: tuple[str, ...] = ()

    def plus(self, n: int, systems: tuple[str, ...]) -> "Warmth":
        """
        Return the warmth of this and of *n* more, met in *systems*.
        """
        return Warmth(self.n + n, tuple(dict.fromkeys(self.systems + systems))[:SYSTEMS])


class Window(msgspec.Struct):
    """
    What was counted in window number *at*.
    """

    at: int = -1
    forms: dict[str, Warmth] = {}


class State(msgspec.Struct):
    """
    The present window and the one before: the *even* and the *odd* one, in turn.
    """

    even: Window = msgspec.field(default_factory=Window)
    odd: Window = msgspec.field(default_factory=Window)


def share(state: State, posted: Mapping[str, Warmth], window_ms: int, now_ms: int) -> dict[str, Warmth]:
    """
    Count what one server has met since it told last, and return what all have within a window's length.

    Args:
        state: Changed.
        posted: By form.
        window_ms: Length of a window.
        now_ms: The present on the store's clock, Unix milliseconds.
    """
    at, gone = divmod(now_ms, window_ms)
    here, before = (state.odd, state.even) if at % 2 else (state.even, state.odd)
    if here.at != at:
        here.at, here.forms = at, {}
    earlier = before.forms if before.at == at - 1 else {}
    totals = {}
    for form, warmth in posted.items():
        known = here.forms.get(form)
        total = (known or Warmth(0)).plus(warmth.n, warmth.systems)
        if known is not None or len(here.forms) < FORMS:
            here.forms[form] = total
        old = earlier.get(form, Warmth(0))
        totals[form] = total.plus(old.n * (window_ms - gone) // window_ms, old.systems)
    return totals
