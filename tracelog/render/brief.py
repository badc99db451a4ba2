"""
The brief of a trace for an agent: within a number of tokens, what matters first, what is left out counted.

Outside the fence stand how complete it is, the ledger and the calls for more: our words, numbers and ids that
can say nothing. Inside stand the story and the most telling rows in the order of time, clean, each line that
came with a public key marked. The ledger adds up: logged = shown + folded into them + over the budget + every
reason why entries are not here.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from tracelog.core.text import short_id
from tracelog.correlation import Chain, Report, Row
from tracelog.correlation.account import HOLES
from tracelog.correlation.words import TIMES, duration, number, plural
from tracelog.render.answer import (
    BYTES_PER_TOKEN,
    LEAST_TOKENS,
    Answer,
    Line,
    assembled,
    cut,
    handle,
    size,
)
from tracelog.render.choose import by_worth, with_gaps
from tracelog.render.markdown import BRIEF_MESSAGE, LEAST_ROW, lines_of, width_of
from tracelog.render.reasons import in_words, plain, unplaced
from tracelog.render.story import Told, headline, tell
from tracelog.render.text import clean

UNNAMED: Final = "<the trace id above>"
"""Stands for an id that could be a sentence: it is shown inside the fence alone."""

NONCE: Final = "0" * 12
"""As long as a real one, for measuring."""

ROOTS: Final = 3
"""First causes that are named for a further call."""

STORY: Final = 0.5
"""The part of the budget that the story may take; rows around a cause tell what no sentence does."""

SHORTEST: Final = 96
"""Bytes that a line of the story keeps however small the budget is: enough to recognise a text."""

LINES: Final = 12
"""A line of the story may take this part of the budget: one long text must not push out the others."""


COUNTED_ELSEWHERE: Final = frozenset({"suppressed", "context"})
"""Kinds of rows that stand for entries not kept, which the ledger has under their reasons."""


class Ways(NamedTuple):
    """
    How to ask for more: `{id}` stands for an entry's id, `{ref}` for a trace.
    """

    entry: str
    rows: str


CALLS: Final = Ways('entry(id="{id}")', 'logs(trace="{ref}", fold=false)')
"""As an agent calls the tools."""

COMMANDS: Final = Ways("tracelog search 'id:{id}' --format json", "tracelog export {ref} --format ndjson")
"""As somebody types at a terminal."""


def brief(report: Report, budget: int, nonce: str, *, ways: Ways = CALLS) -> str:
    """
    Return the brief of *report*, in at most *budget* tokens of four bytes of UTF-8.

    Args:
        report: What `correlate` made.
        budget: Tokens at most; below 200 only how complete the trace is, what failed and its cause, as far as
            they fit.
        nonce: Marks the fence; made for this answer alone.
        ways: How the reader asks for more.
    """
    room = max(0, budget) * BYTES_PER_TOKEN
    answer = brief_answer(report, budget, ways=ways)
    text = assembled(answer, nonce) if answer.said else ""
    return text if text and size(text) <= room else cut(answer.facts[0], room)


def brief_answer(report: Report, budget: int, *, ways: Ways = CALLS) -> Answer:
    """
    Return the same as an answer that is not worded yet.
    """
    room = budget * BYTES_PER_TOKEN
    story, worth = _story(report, room), by_worth(report)
    fits, fails = -1, min(len(worth), room // LEAST_ROW) + 1
    if budget < LEAST_TOKENS:
        return _least(report, story, room)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        made = _made(report, story, worth[:middle], ways)
        fits, fails = (middle, fails) if size(assembled(made, NONCE)) <= room else (fits, middle)
    while fits < 0 and len(story) > 1:  # the story alone is too long: its end gives way, its cause never
        story.pop()
        fits = 0 if size(assembled(_made(report, story, [], ways), NONCE)) <= room else -1
    return _made(report, story, worth[: max(0, fits)], ways)


def _least(report: Report, story: Sequence[str], room: int) -> Answer:
    """
    Return what stands in a budget too small for a ledger: what failed and its cause, the cause alone, or what
    failed, as far as it fits.
    """
    causes = [line for line in story if line.startswith("cause ")][:1]
    for lines in ([story[0], *causes], causes):
        made = Answer([_complete(report, 0)], [*map(Line, lines)], data=_data(report))
        if lines and size(assembled(made, NONCE)) <= room:
            return made
    return Answer([_complete(report, 0)], [Line(story[0])], data=_data(report))


def _made(report: Report, story: Sequence[str], places: Sequence[int], ways: Ways) -> Answer:
    said = [*map(Line, story), *map(Line, _rows(report, places))]
    name = short_id(report.trace_id) if handle(report.trace_id) else UNNAMED
    ledger, left = _ledger(report, places)
    after = [ledger]
    if left:
        after.append(f"all rows: {ways.rows.format(ref=name)}")
    data = _data(report)
    after += [f"next: {ways.entry.format(id=id_)}" for id_ in data["roots"][:1]]
    return Answer([_complete(report, len(places))], said, after, data)


def _complete(report: Report, shown: int) -> str:
    """
    Return how complete the trace and this brief of it are, and how large it is.
    """
    gone = sum(loss.count for loss in report.missing)
    if not gone:
        lost = "no, entries are missing, not counted yet"
    elif all(loss.reason == HOLES for loss in report.missing):
        lost = f"no, {plural(gone, 'running number')} not here, lost or of another trace"
    else:
        lost = f"no, {plural(gone, 'entry', 'entries')} not here"
    systems, rows = report.systems, report.timeline
    facts = [
        plural(sum(system.entries for system in systems), "entry", "entries"),
        f"of {plural(len(systems), 'system')}, {plural(sum(system.errors for system in systems), 'error')},",
        f"{plural(len(_failures(report)), 'failure')}, {duration(report.duration_ms)};",
        f"{number(shown)} of {plural(len(rows), 'row')} below",
    ]
    public = sum(row.count for row in rows if row.origin == "public")
    strangers = f"; {number(public)} with a public key, so anybody may have written them" if public else ""
    return f"complete: {'yes' if report.complete else lost}; {' '.join(facts)}{strangers}"


def _data(report: Report) -> dict[str, Any]:
    roots = [root for chain in _failures(report)[:ROOTS] if (root := handle(chain.root))]
    return {
        "trace": handle(report.trace_id),
        "complete": report.complete,
        "errors": sum(system.errors for system in report.systems),
        "failures": len(_failures(report)),
        "roots": roots,
        "duration_ms": report.duration_ms,
    }


def _failures(report: Report) -> list[Chain]:
    return [chain for chain in report.chains if not chain.handled]


def _story(report: Report, room: int) -> list[str]:
    """
    Return the brief's sentences, the cause among the first, in at most `STORY` of *room* bytes.
    """
    good, sentence = headline(report)
    most = max(SHORTEST, room // LINES)
    origins = {row.id: row.origin for row in report.timeline}
    links = {link.effect: link for chain in report.chains for link in chain.links}
    lines = [cut(f"{'well' if good else 'failed'}: {sentence}", most)]
    if not handle(report.trace_id):
        lines.append(cut(f"trace    {clean(report.trace_id)}", most))
    for told in tell(report):
        if told.label == "ledger":
            continue
        link = links.get(told.id) if told.label in {"then", ""} else None
        why = f"; by {link.kind.replace('_', ' ')}, {link.confidence:.0%}" if link else ""
        public = "; public" if origins.get(told.id) == "public" else ""
        tail = f" [id={clean(told.id)}{why}{public}]" if told.id else ""
        lines.append(cut(_sentence(told), most - min(size(tail), most // 2)) + tail)
    kept: list[str] = []
    used = 0
    for line in lines:
        used += size(line) + 1
        if used > room * STORY and len(kept) > 1 + (not good):
            return [*kept, f"... {plural(len(lines) - len(kept), 'more line')} of the story"]
        kept.append(line)
    return kept


def _sentence(told: Told) -> str:
    words = [piece.text for piece in told.lead if piece.text]
    return f"{told.label:<8} {' '.join([*words, told.says + told.body.text])}"


def _rows(report: Report, places: Sequence[int]) -> Iterator[str]:
    if not places:
        return
    silences = {i.entries[-1]: i.summary for i in report.insights if i.kind in {"wait", "silence"}}
    names = width_of([report.timeline[place] for place in places])
    yield f"rows (+n ms from the start, {TIMES}n log calls in one):"
    for row in with_gaps(report.timeline, places):
        *before, line = lines_of(row, silences, BRIEF_MESSAGE, names)
        yield from before
        yield f"{line} [public]" if isinstance(row, Row) and row.origin == "public" else line
    for loss in unplaced(report):
        yield f"... {plural(loss.count, 'entry', 'entries')} not here: {in_words(loss)}"


def _ledger(report: Report, places: Sequence[int]) -> tuple[str, bool]:
    """
    Return the sum of everything that was logged, and whether some of it is here but not shown.
    """
    rows = enumerate(report.timeline)
    counts = {place: row.count for place, row in rows if row.kind not in COUNTED_ELSEWHERE}
    shown = [counts[place] for place in places if place in counts]
    folded, over = sum(shown) - len(shown), sum(counts.values()) - sum(shown)
    terms = [f"{number(len(shown))} shown", f"{number(folded)} folded into them"]
    terms.append(f"{number(over)} over this budget")
    reasons: dict[str, int] = {}
    for loss in report.missing:
        words = plain(loss.reason)
        reasons[words] = reasons.get(words, 0) + loss.count
    terms += [f"{number(count)} {words}" for words, count in reasons.items()]
    twice = report.ledger["duplicate"]
    more = f"; {number(twice)} delivered twice" if twice else ""
    logged = number(report.ledger["logged"])
    return f"ledger: {logged} logged = {' + '.join(terms)}{more}", bool(folded or over)
