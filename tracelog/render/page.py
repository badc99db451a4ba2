"""
What the pages show of a report beside its numbers: the sentences of the brief, as JSON.

A page draws and never computes, so that it says what terminal and Markdown say.
"""

from typing import Any

from tracelog.correlation import Report
from tracelog.correlation.words import plural
from tracelog.render.reasons import WORDS, in_words, unplaced
from tracelog.render.story import Told, headline, sizes, tell
from tracelog.render.text import clean, moment


def story(report: Report) -> dict[str, Any]:
    """
    Return the brief of *report* for a page.

    Returns:
        `headline` and whether it is `ok`; `facts` about the whole; `lines` of `{part, label, lead, says,
        body, id}`; `silences`, a sentence by the id of the row behind each; `whys`, words by reason;
        `missing`, a sentence for each loss that no row tells of; `ledger`, the sum. Every text is clean.
    """
    good, sentence = headline(report)
    facts = [f"trace {clean(report.trace_id)}", *sizes(report)]
    if report.started is not None:
        facts.append(f"started {moment(report.started)}")
    lines = tell(report)
    gaps = [insight for insight in report.insights if insight.kind in {"wait", "silence"} and insight.entries]
    whys = {row.why for row in report.timeline if row.why}
    return {
        "ok": good,
        "headline": sentence,
        "facts": facts,
        "lines": _lines(lines),
        "silences": {insight.entries[-1]: clean(insight.summary) for insight in gaps},
        "whys": {why: clean(WORDS.get(why, why).replace("{system}", "system")) for why in sorted(whys)},
        "missing": [
            f"{plural(one.count, 'entry', 'entries')} not here: {in_words(one)}" for one in unplaced(report)
        ],
        "ledger": next((line.body.text for line in lines if line.label == "ledger"), ""),
    }


def _lines(lines: list[Told]) -> list[dict[str, str]]:
    shown, part = [], ""
    for line in lines:
        part = line.label or part
        lead = " ".join(piece.text for piece in line.lead if piece.text)
        said = {"lead": lead, "says": line.says.strip(), "body": line.body.text, "id": line.id}
        shown.append({"part": part, "label": line.label, **said})
    return shown
