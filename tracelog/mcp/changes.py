"""
What the tools say of what changed, and the mark that it is counted from.
"""

import msgspec

from tracelog.correlation.diff import Change, Difference
from tracelog.mcp.asking import Ask, read
from tracelog.mcp.tools import REFS
from tracelog.render.answer import Answer, Line, handle
from tracelog.render.difference import headline, rows, sizes
from tracelog.render.text import moment


class Marked(msgspec.Struct):
    """
    A mark that the server has set at *timestamp*, Unix milliseconds.
    """

    timestamp: float


def diff(ask: Ask, a: str, b: str) -> Answer:
    """
    Tell what changed from *a* to *b*: two traces, or two moments.

    Raises:
        NoAnswerError: When the server knows none of that name.
    """
    first, second = (REFS.get(ref.strip(), ref.strip()) for ref in (a, b))
    found = read(ask, "/api/v1/diff", Difference, a=first, b=second)
    errors = [one for one in found.changes if one.kind == "new" and one.level == "error"]
    more = f"; {found.more:,} more changes are not listed" if found.more else ""
    facts = [f"{headline(found)}{more}", sizes(found)]
    if not found.b.entries:
        facts.append("nothing was logged on side b: has the program run since?")
    ids = [id_ for one in errors[:1] if (id_ := handle(one.id))]
    after = [f'next: entry(id="{id_}")' for id_ in ids]
    data = {"changes": len(found.changes) + found.more, "new_errors": len(errors), "roots": ids}
    return Answer(facts, [Line(text, _worth(change)) for change, text in rows(found)], after, data)


def mark(ask: Ask, name: str) -> Answer:
    """
    Set a mark, to compare what came before with what comes after.

    Raises:
        NoAnswerError: When the server takes none of that name.
    """
    marked = msgspec.json.decode(ask.post("/api/v1/marks", {"name": name}), type=Marked)
    facts = [f"marked {name} at {moment(marked.timestamp)}"]
    return Answer(facts, after=[f'next, after the change: diff(a="mark:{name}", b="now")'])


def _worth(change: Change) -> int:
    return 1 if change.level == "error" else 0
