"""
Where the time went: what each hop spent itself, the critical path, and who was at work during a silence.

Spans are taken as they are: children that run side by side count once, children that outlive their parent
count as far as it lasted.
"""

from collections.abc import Sequence
from typing import Final

from tracelog.correlation.line import Line, Node
from tracelog.correlation.report import Step

COVERS: Final = 0.9
"""A hop explains a silence when it was open for nine tenths of it: the rest is the way to the next log
line."""


def measure(nodes: Sequence[Node]) -> None:
    """
    Note for each hop the time that none of the hops it caused was open. Children are sorted by start.
    """
    for node in nodes:
        covered, reached = 0.0, node.start
        for child in node.children:
            begin, end = max(child.start, reached), min(child.end, node.end)
            if end > begin:
                covered += end - begin
                reached = end
        node.self_ms = max(0.0, node.end - node.start - covered)


def critical_path(nodes: Sequence[Node]) -> list[tuple[Node, float]]:
    """
    Return the hops that the end of the trace waited for, in the order of their beginnings, with their own
    share.

    Seen from the end: a hop waited for the child that finished last, before that child began for the one that
    had finished last by then, and so on (Zhang et al., CRISP, USENIX ATC 2022). The shares add up to the
    time in which any hop on the path was open.
    """
    tops = [node for node in nodes if node.depth == 0]
    if not tops:
        return []
    own: dict[str, float] = {}
    path: list[Node] = []
    pending = _chosen(tops, min(top.start for top in tops), max(top.end for top in tops))
    while pending:
        node, begin, end = pending.pop()
        path.append(node)
        chosen = _chosen(node.children, begin, end)
        own[node.span_id] = end - begin - sum(until - since for _, since, until in chosen)
        pending.extend(chosen)
    path.sort(key=lambda node: (node.start, node.depth, node.span_id))
    return [(node, max(0.0, own[node.span_id])) for node in path]


def steps(path: Sequence[tuple[Node, float]]) -> list[Step]:
    """
    Return *path* as the report shows it; hops that said nothing here are left out.
    """
    return [Step(node.span_id, node.system, round(own, 2)) for node, own in path if node.known]


def explain(gap: Line, nodes: Sequence[Node]) -> Node | None:
    """
    Return the innermost hop that was open during the silence before *gap*, or None when nobody was at work.

    Args:
        gap: A line with a silence before it.
        nodes: Hops that are long enough to cover a silence worth showing.
    """
    length = gap.gap or 0.0
    begin, end = gap.at - length, gap.at
    covering = [
        node
        for node in nodes
        if node.known
        and node.closing is not None
        and min(node.end, end) - max(node.start, begin) >= COVERS * length
    ]
    return max(covering, key=lambda node: (node.depth, node.start, node.span_id), default=None)


def _chosen(children: Sequence[Node], begin: float, end: float) -> list[tuple[Node, float, float]]:
    """
    Return the children that *end* waited for, back to *begin*, each with the part of the time it stands for.
    """
    chosen: list[tuple[Node, float, float]] = []
    for child in sorted(children, key=lambda node: (node.end, node.start, node.span_id), reverse=True):
        since, until = max(child.start, begin), min(child.end, end)
        if until > since and (child.end <= end or not chosen):
            chosen.append((child, since, until))
            end = since
    return chosen
