"""
A difference as lines that terminal and Markdown share, and as Markdown within a budget.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tracelog.correlation.diff import Change, Difference, Side
from tracelog.correlation.words import TIMES, milliseconds, plural, shorten
from tracelog.render.answer import BYTES_PER_TOKEN, size
from tracelog.render.enclosed import enclosed
from tracelog.render.markdown import fence
from tracelog.render.paint import paint
from tracelog.render.text import clean, columns, cut

MESSAGE: Final = 160
"""Characters of a message: its form is what is compared."""

PART: Final = "; older entries were not compared, so what only they say seems new or gone"

STYLES: Final = {"new": "warn", "gone": "dim", "slower": "warn", "more": "warn"}

LABEL: Final = 7


def headline(found: Difference) -> str:
    """
    Return how much changed, in a sentence, and whether everything was compared.
    """
    return _changed(found) + ("" if found.a.whole and found.b.whole else PART)


def _changed(found: Difference) -> str:
    if not found.changes:
        return f"nothing changed in {plural(found.same, 'pattern')}"
    if not found.b.entries:
        return f"nothing is on side b, so {plural(len(found.changes) + found.more, 'pattern')} of a are gone"
    total = len(found.changes) + found.more
    errors = sum(change.kind == "new" and change.level == "error" for change in found.changes)
    new = f", {plural(errors, 'new error')}" if errors else ", no new error"
    return f"{plural(total, 'change')}{new}; {plural(found.same, 'pattern')} as before"


def sizes(found: Difference) -> str:
    """
    Return what was compared.
    """
    return f"a: {_size(found.a)} · b: {_size(found.b)}"


def rows(found: Difference) -> Iterator[tuple[Change, str]]:
    """
    Yield each change with its line, clean: what changed, who says it, what it says.
    """
    for change in found.changes:
        yield change, clean(f"{change.kind:<{LABEL}}{_words(change)}")


def difference_terminal(found: Difference, *, width: int, color: bool) -> str:
    """
    Return *found* for a terminal of *width* columns, without a line end behind it.
    """
    lines = [paint(headline(found), "bold", color=color), paint(sizes(found), "dim", color=color), ""]
    for change, text in rows(found):
        style = "error" if (change.kind, change.level) == ("new", "error") else STYLES.get(change.kind, "")
        lines.append(
            "  " + paint(text if columns(text) < width else cut(text, width - 2), style, color=color)
        )
    return "\n".join([*lines, *_more(found)]).rstrip("\n")


def difference_markdown(found: Difference, nonce: str, budget: int | None = None) -> str:
    """
    Return *found* as Markdown, what programs said of it enclosed by *nonce*.

    Args:
        found: What changed.
        nonce: Random, made for this text alone.
        budget: Tokens at most, of four bytes each; the least telling changes give way.
    """
    lines = [text for _, text in rows(found)]
    text, kept = _document(found, lines, nonce), len(lines)
    if budget is None:
        return text
    room = budget * BYTES_PER_TOKEN
    while kept and size(text) > room:
        kept = kept * 3 // 4
        text = _document(found, lines[:kept], nonce, len(lines) - kept)
    return text.encode()[:room].decode(errors="ignore")  # where nothing of programs is left in it


def _document(found: Difference, lines: Sequence[str], nonce: str, left: int = 0) -> str:
    over = [f"{plural(left, 'change')} over the budget"] if left else []
    facts = "\n\n".join([f"# {headline(found)}", sizes(found), *over, *_more(found)])
    return enclosed(facts, "\n".join(fence(lines)), nonce) if lines else f"{facts}\n"


def _more(found: Difference) -> list[str]:
    return [f"... and {plural(found.more, 'more change')}"] if found.more else []


def _size(side: Side) -> str:
    entries = f"{'' if side.whole else 'the latest '}{plural(side.entries, 'entry', 'entries')}"
    return f"{entries} of {plural(side.traces, 'trace')}, {plural(side.errors, 'error')}"


def _words(change: Change) -> str:
    who = f"{change.system}/{change.service}" if change.service else change.system
    where = f" in {shorten(change.hop, 40)}" if change.hop and change.hop != change.message else ""
    said = f"{who}{where}: {shorten(change.message, MESSAGE)}"
    match change.kind:
        case "field":
            others = f" (and {change.patterns - 1} more patterns)" if change.patterns > 1 else ""
            return (
                f"{change.field}: {change.was or '(absent)'} → {change.now or '(absent)'} in {said}{others}"
            )
        case "slower" | "faster":
            return f"{_ms(change.before)} → {_ms(change.after)} {said}"
        case "more" | "fewer":
            return f"{TIMES}{change.before or 0:.3g} → {TIMES}{change.after or 0:.3g} a trace {said}"
    times = f" {TIMES}{change.count:,}" if change.count > 1 else ""
    level = f"{change.level} " if change.level != "info" else ""
    return f"{level}{said}{times} id={change.id}"


def _ms(value: float | None) -> str:
    return milliseconds(value or 0.0)
