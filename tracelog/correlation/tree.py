"""
Hops as a tree of causes, built from `span_id` and `parent_id` alone.

Any input gives a tree: a hop that is only named as a cause becomes a known-unknown, a hop that names itself
has no cause, a circle is cut at the hop that began first. No walk recurses, so depth has no limit.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from tracelog.correlation.evidence import answered
from tracelog.correlation.line import Line, Node


def grow(lanes: Sequence[Sequence[Line]]) -> list[Node]:
    """
    Return the hops of *lanes*, causes before effects, and tell each line which hop it belongs to.
    """
    nodes: dict[str, Node] = {}
    opening: list[Line] = []
    for lane in lanes:
        opening += _join(lane, nodes)
    _name_the_unknown(nodes)
    _cut_circles(nodes)
    ordered = _from_the_top(nodes)
    _widen_by_own_clock(ordered, nodes)
    for line in opening:
        if (node := line.node) is not None:
            line.at, line.index, line.turn = node.start, node.index, node.depth
    return ordered


def settle(ordered: Sequence[Node]) -> None:
    """
    Let hops that nobody closed last as long as the hops they caused, once clocks are corrected.
    """
    for node in reversed(ordered):
        node.children.sort(key=_by_start)
        if node.closing is None and node.children:
            node.start = min(node.start, node.children[0].start)
            node.end = max(node.end, *(child.end for child in node.children))


_by_start = attrgetter("start", "span_id")


def _join(lane: Iterable[Line], nodes: dict[str, Node]) -> list[Line]:
    """
    Tell each line of *lane* its hop, and return those that stand for one.
    """
    opening = []
    node: Node | None = None
    for line in lane:
        if (span := line.span) is None:
            if line.parent is None:
                continue
            # An entry that names only its cause speaks for a hop of its own that has no name.
            span = f"{line.parent}~{line.clock}"
        if (node is None or span != node.span_id) and (node := nodes.get(span)) is None:
            node = nodes[span] = Node(
                span, None, line.system, line.entry.service, line.clock, index=line.index
            )
            node.began = not line.is_error
        line.node = node
        node.entries += 1
        if node.parent_id is None and line.parent is not None:
            node.parent_id = line.parent
        if line.is_span and node.closing is None and line.span is not None:
            _close(node, line)
            opening.append(line)
        elif node.clock == line.clock:
            if line.at < node.start or line.index < node.index:  # only the first line of most hops
                node.start, node.index = min(node.start, line.at), min(node.index, line.index)
            if line.end > node.end and node.closing is None:
                node.end = line.end
        else:
            node.strangers[line.clock] = min(line.at, node.strangers.get(line.clock, line.at))
    return opening


def _close(node: Node, line: Line) -> None:
    if node.clock != line.clock:
        node.strangers[node.clock] = node.start
        node.clock, node.start, node.index = line.clock, line.at, line.index
        node.strangers.pop(line.clock, None)
    entry = line.entry
    node.start, node.end = min(node.start, line.at), line.end
    node.system, node.service, node.name = line.system, entry.service, entry.message
    node.parent_id = entry.parent_id or node.parent_id
    node.status = answered(entry)
    node.closing, node.began, line.opens = line.id, True, True


def _name_the_unknown(nodes: dict[str, Node]) -> None:
    for node in list(nodes.values()):
        parent = node.parent_id
        if parent == node.span_id:
            node.parent_id = None
        elif parent is not None and parent not in nodes:
            nodes[parent] = Node(parent, None, "", None, "", known=False)


def _cut_circles(nodes: dict[str, Node]) -> None:
    clear: set[str] = set()
    for start in nodes:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in clear and at not in path:
            path[at] = None
            at = nodes[at].parent_id
        if at is not None and at in path:
            circle = list(path)[list(path).index(at) :]
            nodes[min(circle, key=lambda span: (nodes[span].start, span))].parent_id = None
        clear.update(path)


def _from_the_top(nodes: dict[str, Node]) -> list[Node]:
    tops: list[Node] = []
    for node in nodes.values():
        (tops if node.parent_id is None else nodes[node.parent_id].children).append(node)
    ordered = sorted(tops, key=_by_start)
    for node in ordered:
        node.depth, node.tree = 0, node.span_id
    for node in ordered:
        node.children.sort(key=_by_start)
        for child in node.children:
            child.depth, child.tree = node.depth + 1, node.tree
        ordered.extend(node.children)
    return ordered


def _widen_by_own_clock(ordered: Iterable[Node], nodes: dict[str, Node]) -> None:
    """
    Let a closed hop begin no later than what it caused, as far as one clock and one lane can tell.
    """
    for node in reversed(list(ordered)):
        parent = nodes[node.parent_id] if node.parent_id is not None else None
        if parent is not None and parent.closing is not None and parent.clock == node.clock:
            parent.start = min(parent.start, node.start)
            parent.index = min(parent.index, node.index)
