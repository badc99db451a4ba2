"""
All of a trace as one text, for who wants it as a file: `tracelog://trace/{id}`.

Between the marked lines stands a JSON object for each entry, in the order of time, each on a line of its own:
taken out they are NDJSON that `tracelog import` reads. What could hide or turn text is escaped as JSON
escapes it, so that it means the same and shows.
"""

from typing import Final

from tracelog.core.entry import encode_entry
from tracelog.core.text import safe_json
from tracelog.correlation.words import plural
from tracelog.mcp.asking import Ask, entries_of
from tracelog.mcp.rows import in_time
from tracelog.mcp.tools import fetch
from tracelog.render.answer import Answer, Line, assembled, size

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one text: more than a trace on Redis can hold; an agent that reads it keeps it in a file."""


def whole(ask: Ask, ref: str, nonce: str) -> str:
    """
    Return all entries of the trace that *ref* means, fenced by *nonce*.

    Raises:
        RefusedError, NoAnswerError: When there is no such trace.
    """
    stored = fetch(ask, ref)
    entries = sorted(entries_of(stored.entries), key=in_time)
    said: list[Line] = []
    room = MOST_BYTES
    for entry in entries:
        line = safe_json(encode_entry(entry).decode())
        room -= size(line) + 1
        if room < 0:
            break
        said.append(Line(line))
    known = "yes" if stored.complete else "no, entries are missing; brief says which"
    facts = [f"complete: {known}; {plural(len(said), 'entry', 'entries')} below, one JSON object a line"]
    left = len(entries) - len(said)
    after = (
        [f"left out: the last {plural(left, 'entry', 'entries')}; `tracelog export` has them"] if left else []
    )
    return assembled(Answer(facts, said, after), nonce)
