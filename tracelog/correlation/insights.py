"""
Insights: facts of the trace that are worth a sentence, each with the entries that show it and what it cost.

One function for each kind, all listed in `INSIGHTS` in the order in which they are told. The sentences hold
text of programs as it was logged; the faces neutralise it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from tracelog.correlation.calling import IDS, NAME, about_calls, about_flow, about_waiting, called
from tracelog.correlation.clocks import BATCH_MS
from tracelog.correlation.evidence import exceptions
from tracelog.correlation.facts import NOT_KEPT, REPEATS, SILENCE, Facts, Wait
from tracelog.correlation.holes import about_holes
from tracelog.correlation.line import Line, Node
from tracelog.correlation.marks import find_secrets
from tracelog.correlation.performance import COVERS, explain
from tracelog.correlation.report import Insight
from tracelog.correlation.timeline import rank_of
from tracelog.correlation.words import (
    MINUS,
    PLUS_MINUS,
    TIMES,
    duration,
    listed,
    milliseconds,
    number,
    plural,
    shorten,
)

FLOOD: Final = 50
"""A run of this many is a loop or a storm, not a habit."""

MOST: Final = 5
"""Insights of one kind: the largest; more would be a table, not a hint."""

SLOW_SHARE: Final = 0.1
"""A hop that spent a tenth of the trace by itself is worth a sentence."""

BECAUSE: Final[Mapping[str, str]] = {
    "measured": "measured by calls and their answers",
    "cause": "no hop begins before its cause",
    "arrival": "its entries arrived before their own time",
}
"""Why a clock was moved, in words."""

MOSTLY: Final = 0.995
"""From here on a part is as good as the whole, and saying both is noise."""


def find_insights(facts: Facts) -> list[Insight]:
    """
    Return what is worth saying about the trace, in the order in which it is told.
    """
    facts.waits = _waits(facts)
    return [insight for kind in INSIGHTS for insight in kind(facts)]


def _time(facts: Facts) -> Iterator[Insight]:
    """
    Where the time went, in one sentence.
    """
    if not facts.lines:
        return
    shares, total = _shares(facts.path), duration(facts.total)
    if not shares:
        longest = [wait for wait in facts.waits if not wait.noisy][:1]
        tail = f", of which {duration(longest[0].ms)} one silence" if longest else ""
        yield Insight(
            "time", f"{total} in all{tail}", [wait.after.id for wait in longest], _round(facts.total)
        )
        return
    system, share = max(shares.items(), key=lambda item: item[1])
    node, own = max((step for step in facts.path if step[0].system == system), key=lambda step: step[1])
    wait = next((wait for wait in facts.waits if wait.node is node and not wait.noisy), None)
    detail = ""
    if wait is not None:
        detail = f", of which {duration(wait.ms)} one silence in {called(node.name)}"
    elif node.name and own < MOSTLY * share:
        detail = f", of which {duration(own)} in {called(node.name)}"
    elif node.name:
        detail = f" in {called(node.name)}"
    yield Insight("time", f"{system} {duration(share)} of {total}{detail}", _ids(node), _round(share))


def _share(facts: Facts) -> Iterator[Insight]:
    """
    The part of each system in the critical path.
    """
    shares = _shares(facts.path)
    if len(shares) > 1:
        for system in sorted(shares, key=lambda name: (rank_of(name), name)):
            yield Insight("share", f"{system} {duration(shares[system])}", [], _round(shares[system]))


def _slow(facts: Facts) -> Iterator[Insight]:
    """
    The hops that took longest by themselves.
    """
    slow = [
        node for node in facts.nodes if node.closing and node.self_ms >= max(1.0, SLOW_SHARE * facts.total)
    ]
    slow.sort(key=lambda node: (-node.self_ms, node.start, node.span_id))
    for node in slow[:MOST]:
        took = node.end - node.start
        text = f"{node.system} {shorten(node.name or '', NAME)} took {duration(took)}"
        if node.self_ms < MOSTLY * took:
            text += f", {duration(node.self_ms)} of it by itself"
        yield Insight("slow_hop", text, _ids(node), _round(node.self_ms))


def _silence(facts: Facts) -> Iterator[Insight]:
    """
    The longest silences, and the hop that was at work in them; `silence` where none was.
    """
    for wait in facts.waits:
        node, ids = wait.node, [wait.before.id, wait.after.id]
        cost = None if wait.noisy else _round(wait.ms)  # somebody spoke all the while
        said = f"{milliseconds(wait.ms)} of {wait.of}"
        if node is None:
            said += "" if wait.of == NOT_KEPT else ", unexplained"
            yield Insight("silence", said, ids, cost)
        elif node.children:
            said += f" somewhere in {node.system} {called(node.name)}"
            yield Insight("silence", said, ids, cost)
        else:
            ids.insert(1, node.closing or "")
            yield Insight("wait", f"{said}: {node.system} in {called(node.name)}", ids, _round(wait.ms))


def _flood(facts: Facts) -> Iterator[Insight]:
    """
    Runs of repeats so long that they hid the rest.
    """
    floods = [line for line in facts.lines if line.count >= FLOOD and not line.is_loss]
    for line in sorted(floods, key=lambda line: -line.count)[:MOST]:
        text = shorten(line.entry.message, NAME)
        yield Insight("flood", f'{number(line.count)} {TIMES} "{text}" ({line.system})', [line.id], None)


def _secret(facts: Facts) -> Iterator[Insight]:
    """
    Secrets that were replaced, and the systems that saw the same one.
    """
    secrets = find_secrets(facts.entries, facts.lines)
    if secrets:
        first = [secret.entries[0] for secret in secrets[:IDS]]
        yield Insight("secrets", f"{plural(len(secrets), 'secret')} replaced", first, None)
    for secret in secrets[:MOST]:
        where = listed(sorted(secret.systems, key=lambda name: (rank_of(name), name)))
        times = "" if secret.times == 1 else f" {number(secret.times)} times"
        name = f"[REDACTED:{secret.name}]"
        yield Insight("secret", f"{name} seen{times} in {where}", secret.entries, None)


def _nested(facts: Facts) -> Iterator[Insight]:
    """
    What the exception of a first cause names as its own cause.
    """
    roots = {chain.root for chain in facts.chains}
    for line in facts.lines:
        if line.is_error and line.id in roots:
            causes = list(exceptions(line.entry))[1:]
            if causes:
                text = " ← ".join(f"{kind}: {shorten(message, 3 * NAME)}" for kind, message in causes)
                yield Insight("cause", text, [line.id], None)


def _holes(facts: Facts) -> Iterator[Insight]:
    """
    Sources of whose running numbers some are missing.
    """
    return about_holes(facts.holes)


def _orphan(facts: Facts) -> Iterator[Insight]:
    """
    Hops whose cause said nothing here.
    """
    for node in [node for node in facts.nodes if not node.known][:MOST]:
        hops = plural(len(node.children), "hop")
        systems = listed(sorted({child.system for child in node.children}))
        verb = "names" if len(node.children) == 1 else "name"
        text = f"{hops} in {systems} {verb} an unknown parent {node.span_id}: its system logged nothing here"
        yield Insight("orphan", text, [child.closing for child in node.children if child.closing][:IDS], None)


def _clock(facts: Facts) -> Iterator[Insight]:
    """
    Clocks that had to be moved.
    """
    moved = {name for name, clock in facts.clocks.items() if abs(clock.offset_ms) >= 1.0}
    speakers = {(line.clock, line.system) for line in facts.lines} if moved else set()
    for name, clock in facts.clocks.items():
        if name in moved:
            sign = "+" if clock.offset_ms > 0 else MINUS
            systems = listed(sorted(system for speaker, system in speakers if speaker == name))
            told = f"{systems} moved by {sign}{milliseconds(abs(clock.offset_ms))}"
            if clock.uncertainty_ms is not None and clock.how == "measured":
                told += f" {PLUS_MINUS} {milliseconds(clock.uncertainty_ms)}"
            text = f"{told}: {BECAUSE[clock.how]}"
            yield Insight("clock", text, [], _round(clock.offset_ms))


def _more(facts: Facts) -> Iterator[Insight]:
    """
    Failures beyond those that the report lists.
    """
    if facts.more_chains:
        yield Insight("more_failures", f"{plural(facts.more_chains, 'more failure')} not listed", [], None)


INSIGHTS: Final[Sequence[Callable[[Facts], Iterable[Insight]]]] = (
    _time,
    _share,
    about_flow,
    about_calls,
    about_waiting,
    _slow,
    _silence,
    _nested,
    _flood,
    _secret,
    _orphan,
    _holes,
    _clock,
    _more,
)
"""Every kind of insight, in the order in which it is told."""


def _waits(facts: Facts) -> list[Wait]:
    shown = [line for line in facts.lines if line.run and not line.is_loss]
    ends = [place for place, line in enumerate(shown) if line.gap is not None]
    pairs = [(shown[place - 1], shown[place]) for place in ends]
    pairs = [pair for pair in pairs if not _is_of_clocks(*pair)]
    pairs.sort(key=lambda pair: -(pair[1].gap or 0.0))
    longest = pairs[:MOST]
    if not longest:
        return []
    least = COVERS * (longest[-1][1].gap or 0.0)
    long_hops = [node for node in facts.nodes if node.end - node.start >= least]
    runs = {
        NOT_KEPT: [line for line in facts.lines if line.is_loss],
        REPEATS: [line for line in shown if line.count > 1],
    }
    return [
        Wait(before, after, explain(after, long_hops), _made_of(after, runs)) for before, after in longest
    ]


def _is_of_clocks(before: Line, after: Line) -> bool:
    """
    Whether two clocks that no call ties make the silence before *after*: the arrivals know nothing of it.
    """
    came, followed, gap = before.entry.received_at, after.entry.received_at, after.gap or 0.0
    if before.clock == after.clock or came is None or followed is None or _are_tied(before, after):
        return False
    return followed - (after.end - after.at) - came + BATCH_MS < gap / 2


def _are_tied(before: Line, after: Line) -> bool:
    return before.node is not None and after.node is not None and before.node.tree == after.node.tree


def _made_of(after: Line, runs: Mapping[str, Sequence[Line]]) -> str:
    """
    Return which of *runs* went on for more than half of the silence before *after*, if any.
    """
    gap = after.gap or 0.0
    since = after.at - gap
    for name, lines in runs.items():
        if any(min(line.end, after.at) - max(line.at, since) > gap / 2 for line in lines):
            return name
    return SILENCE


def _shares(path: Sequence[tuple[Node, float]]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for node, own in path:
        if node.known:
            shares[node.system] = shares.get(node.system, 0.0) + own
    return shares


def _ids(node: Node) -> list[str]:
    return [node.closing] if node.closing is not None else []


def _round(ms: float) -> float:
    return round(ms, 2)
