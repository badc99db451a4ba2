"""
Aliases: what the names of other systems mean here, agreed on by all servers of a store.

A body of Convex may come to any process, and comes again when its answer was lost. So the first word about a
name counts for all processes, and a body means later what it meant when it came first. Names lie in windows
that follow one another on the store's clock; what is asked for moves into the present one.
`lua/aliases.lua` tells the same.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

WINDOW_MS: Final = 30 * 60_000
"""Length of a window: a name lives for at least half an hour after it was last heard, as long as an action
may run and twice as long as a body is believed."""

NAMES: Final = 50_000
"""Names of one window, a few megabytes; of further ones each process knows by itself."""

BODY_NAMES: Final = 128
"""Names told of and asked for with one body: Convex puts at most as many events into it."""


class Claim(msgspec.Struct, frozen=True):
    """
    What one body says of names, and asks.

    Attributes:
        body: Name of the body, made of its bytes.
        told: What it says that names mean, by name.
        asked: Names whose meaning it does not say.
    """

    body: str
    told: Mapping[str, str]
    asked: Sequence[str]


class Window(msgspec.Struct):
    """
    What was heard in window number *at*.
    """

    at: int = -1
    names: dict[str, str] = {}


class State(msgspec.Struct):
    """
    The present window and the one before: the *even* and the *odd* one, in turn.
    """

    even: Window = msgspec.field(default_factory=Window)
    odd: Window = msgspec.field(default_factory=Window)


def understand(state: State, claim: Claim, now_ms: float, window_ms: int = WINDOW_MS) -> list[str]:
    """
    Return what each name that *claim* asks for means to its body, empty when nobody said.

    Args:
        state: Changed.
        claim: Of one body.
        now_ms: The present on the store's clock, Unix milliseconds.
        window_ms: Length of a window.
    """
    at = int(now_ms // window_ms)
    here, before = (state.odd, state.even) if at % 2 else (state.even, state.odd)
    if here.at != at:
        here.at, here.names = at, {}
    earlier = before.names if before.at == at - 1 else {}
    heard = [claim.body, *claim.told, *claim.asked]
    known = {name: here.names.get(name, earlier.get(name)) for name in heard}
    meant = dict(claim.told) | {name: meaning for name, meaning in known.items() if meaning is not None}
    answer = answers(claim, known[claim.body], meant)
    if claim.asked:
        meant[claim.body] = "\n".join(answer)
    for name in heard:
        if name in meant and (name in here.names or len(here.names) < NAMES):
            here.names[name] = meant[name]
    return answer


def answers(claim: Claim, body: str | None, meant: Mapping[str, str]) -> list[str]:
    """
    Return the meanings that *claim* asks for: those that its *body* had, else those of now.
    """
    if body is not None and claim.asked:
        said = body.split("\n")
        if len(said) == len(claim.asked):
            return said
    return [meant.get(name, "") for name in claim.asked]
