"""
Insights about calls: one for each item, many at once, tries, waiting that was given up, and who called whom.

The sentences hold names of programs as they were logged; the faces neutralise them.
"""

from collections.abc import Iterator
from typing import Final

from tracelog.correlation.calls import Calls, alike, failing, fans, items, retries
from tracelog.correlation.facts import Facts
from tracelog.correlation.report import Insight
from tracelog.correlation.timeline import rank_of
from tracelog.correlation.words import TIMES, duration, number, plural, shorten

MOST: Final = 3
"""Insights of one kind: the most costly; each names its calls, the others are in the timeline."""

IDS: Final = 20
"""Entries named for one insight: enough to look, the number is in the sentence."""

NAME: Final = 40
"""Characters of a name or message that are enough to recognise it in a sentence."""

ARROW: Final = "\u2192"


def about_calls(facts: Facts) -> Iterator[Insight]:
    """
    Yield what the calls of *facts* tell together.
    """
    groups = alike(facts.nodes)
    if groups:
        yield from (_many(calls) for calls in items(groups)[:MOST])
        yield from (_tries(calls) for calls in _tried(facts, groups)[:MOST])
        yield from (_fan(calls, width) for calls, width in fans(groups)[:MOST])


def about_waiting(facts: Facts) -> Iterator[Insight]:
    """
    Yield for each call that outlasted its caller's patience how long that waited.
    """
    links = [link for chain in facts.chains for link in chain.links if link.kind == "outlasted"]
    wanted = {id_ for link in links for id_ in (link.cause, link.effect)}
    lines = {line.id: line for line in facts.lines if line.id in wanted} if wanted else {}
    for link in links:
        slow, gave_up = lines[link.cause], lines[link.effect]
        if slow.node is not None:
            waited = max(0.0, (gave_up.end if gave_up.is_span else gave_up.at) - slow.node.start)
            text = f"{gave_up.system} stopped waiting after {duration(waited)}: {slow.system}"
            text += f" {called(slow.node.name)} took {duration(slow.node.end - slow.node.start)}"
            yield Insight("timeout", text, [slow.node.closing or slow.id, gave_up.id], round(waited, 2))


def about_flow(facts: Facts) -> Iterator[Insight]:
    """
    Yield who called whom and how often, from the user inwards.
    """
    by_span = {node.span_id: node for node in facts.nodes}
    flows: dict[tuple[str, str], int] = {}
    for node in facts.nodes:
        caller = by_span.get(node.parent_id) if node.parent_id is not None else None
        if caller is not None and caller.known and node.known and caller.system != node.system:
            key = (caller.system, node.system)
            flows[key] = flows.get(key, 0) + 1
    if flows:
        ordered = sorted(flows, key=lambda flow: (rank_of(flow[0]), rank_of(flow[1]), flow))
        steps = [_flow(flow, flows[flow]) for flow in ordered]
        yield Insight("flow", " · ".join(steps), [], None)


def _flow(flow: tuple[str, str], calls: int) -> str:
    times = "" if calls == 1 else f" {TIMES}{number(calls)}"
    return f"{flow[0]} {ARROW} {flow[1]}{times}"


def _tried(facts: Facts, groups: list[Calls]) -> list[Calls]:
    steps = {id_ for chain in facts.chains for id_ in chain.entries}
    chained = {line.id: line for line in facts.lines if line.id in steps} if steps else {}
    return retries(groups, failing(facts.nodes, chained))


def _many(calls: Calls) -> Insight:
    """
    N+1: one query for the list would have cost about as much as the longest of them.
    """
    first = calls.made[0]
    text = f"{number(len(calls.made))} {TIMES} {called(first.name)} one after another in {_of(calls)}"
    text += f", {duration(calls.ms)} together"
    cost = calls.ms - (calls.longest.end - calls.longest.start)
    return Insight("n_plus_one", text, _ids(calls), round(max(0.0, cost), 2))


def _tries(calls: Calls) -> Insight:
    text = f"{plural(len(calls.made), 'try', 'tries')} of {called(calls.made[0].name)} in {_of(calls)}"
    text += f": {duration(calls.ms)} before the last"
    return Insight("retries", text, _ids(calls), round(calls.ms, 2))


def _fan(calls: Calls, width: int) -> Insight:
    longest = calls.longest
    text = (
        f"{number(len(calls.made))} {TIMES} {called(longest.name)} in {_of(calls)}, {number(width)} at once"
    )
    text += f": the slowest took {duration(longest.end - longest.start)}"
    return Insight("fan_out", text, _ids(calls), None)


def _ids(calls: Calls) -> list[str]:
    ids = [calls.caller.closing, *(node.closing for node in calls.made[:IDS])]
    return [id_ for id_ in ids if id_ is not None]


def _of(calls: Calls) -> str:
    caller = calls.caller
    return (
        f"{caller.system or 'an unknown system'} {called(caller.name)}" if caller.known else "an unknown hop"
    )


def called(name: str | None) -> str:
    """
    Return what a hop of this *name* is called in a sentence.
    """
    return shorten(name or "a hop without a name", NAME)
