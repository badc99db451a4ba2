"""
Calls of one hop that say more together than alone: one for each item, many at once, tries of the same thing.

Calls are alike when one hop caused them, in one system and service, under names that differ in numbers only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from tracelog.correlation.line import Line, Node
from tracelog.correlation.patterns import template

ITEMS: Final = 10
"""So many calls one after another are made for the items of a list; fewer are the steps of a recipe."""

AT_ONCE: Final = 5
"""So many calls open at the same time are made for parts of one thing."""

IN_TURN: Final = 0.8
"""Calls are made one after another when that part of them begins after the one before has ended."""

TOUCH_MS: Final = 0.5
"""Times are rounded: calls that overlap by less came one after another."""


class Calls(msgspec.Struct, frozen=True):
    """
    Alike calls of one hop, in the order of their beginnings.

    Attributes:
        caller: The hop that made them.
        made: The hops that they are.
        ms: The time in which any of them was open.
    """

    caller: Node
    made: list[Node]
    ms: float

    @property
    def longest(self) -> Node:
        return max(self.made, key=lambda node: (node.end - node.start, node.span_id))

    @property
    def is_in_turn(self) -> bool:
        in_turn = sum(b.start >= a.end - TOUCH_MS for a, b in zip(self.made, self.made[1:], strict=False))
        return in_turn >= IN_TURN * (len(self.made) - 1)


def alike(nodes: Iterable[Node]) -> list[Calls]:
    """
    Return the calls of each hop of *nodes* that are alike, where there are two at least.
    """
    found = []
    for caller in nodes:
        if len(caller.children) < 2:
            continue
        groups: dict[tuple[str, str | None, str], list[Node]] = {}
        for child in caller.children:
            if child.closing is not None:
                groups.setdefault((child.system, child.service, template(child.name or "")), []).append(child)
        found += [Calls(caller, made, _covered(made)) for made in groups.values() if len(made) > 1]
    return found


def items(calls: Iterable[Calls]) -> list[Calls]:
    """
    Return those of *calls* that were made for each item, one after another: N+1, the most costly first.
    """
    many = [each for each in calls if len(each.made) >= ITEMS and each.is_in_turn]
    return sorted(many, key=lambda each: (-each.ms, each.caller.span_id))


def fans(calls: Iterable[Calls]) -> list[tuple[Calls, int]]:
    """
    Return those of *calls* that were made at once, with the most that were open together, the widest first.
    """
    wide = [(each, _at_once(each.made)) for each in calls if len(each.made) >= AT_ONCE]
    wide = [(each, width) for each, width in wide if width >= AT_ONCE]
    return sorted(wide, key=lambda fan: (-fan[1], fan[0].caller.span_id))


def retries(calls: Iterable[Calls], failed: AbstractSet[str]) -> list[Calls]:
    """
    Return the tries among *calls*: one after another, each but the last a failure; the most costly first.

    Args:
        calls: Alike calls.
        failed: Hops in which something failed, by span id.
    """
    tries = [
        Calls(each.caller, run, run[-1].start - run[0].start)
        for each in calls
        for run in _runs(each.made, failed)
    ]
    return sorted(tries, key=lambda each: (-each.ms, each.caller.span_id))


def failing(nodes: Sequence[Node], chained: Mapping[str, Line]) -> set[str]:
    """
    Return the hops in which something failed: a step of a chain is theirs, or that of the only hop they
    caused.
    """
    failed = {line.node.span_id for line in chained.values() if line.node is not None}
    for node in reversed(nodes):
        if len(node.children) == 1 and node.children[0].span_id in failed:
            failed.add(node.span_id)
    return failed


def _runs(made: Sequence[Node], failed: AbstractSet[str]) -> Iterator[list[Node]]:
    """
    Yield the longest parts of *made* in which each call but the last failed before the next began.
    """
    run: list[Node] = []
    for node in made:
        if run and (run[-1].span_id not in failed or node.start < run[-1].end - TOUCH_MS):
            if len(run) > 1:
                yield run
            run = []
        run.append(node)
    if len(run) > 1:
        yield run


def _covered(made: Sequence[Node]) -> float:
    covered, reached = 0.0, made[0].start
    for node in made:
        begin = max(node.start, reached)
        if node.end > begin:
            covered += node.end - begin
            reached = node.end
    return covered


def _at_once(made: Sequence[Node]) -> int:
    moments = sorted([(node.start, 1) for node in made] + [(node.end, -1) for node in made])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most
