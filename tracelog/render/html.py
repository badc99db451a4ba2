"""
A report as one HTML page: no script, nothing loaded, opens anywhere, light and dark.

The page forbids itself everything but its own style (Content-Security-Policy), so that a text which got past
the escaping could still do nothing. It may carry the entries themselves as a block of data, which browsers do
not run and `tracelog import` reads back.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from tracelog.core.entry import ERROR_RANK, RANK
from tracelog.core.exported import block
from tracelog.correlation import Report, Row
from tracelog.correlation.words import TIMES, milliseconds, number, plural
from tracelog.render.choose import Left, by_worth, with_gaps
from tracelog.render.paint import system_style
from tracelog.render.reasons import in_words, left_out, unplaced
from tracelog.render.row import said, who
from tracelog.render.story import Piece, Told, headline, sizes, tell
from tracelog.render.text import clean, moment, offset

ROWS: Final = 5_000
"""Rows that a browser lays out at once without effort."""

STYLE: Final = """
:root{color-scheme:light dark;--ground:#fbfaf7;--card:#fff;--ink:#1c1c1e;--quiet:#6b6f76;--line:#e4e2dd;
--bad:#c4281c;--good:#1f7a3f;
--browser:#2f6fd8;--worker:#b0620c;--convex:#0f8a5f;--backend:#7a4fd0;--other:#0d7f8c}
@media(prefers-color-scheme:dark){:root{--ground:#121316;--card:#1a1b1f;--ink:#e8e8ea;--quiet:#8d9199;
--line:#2b2d33;--bad:#ff6b57;--good:#5fd08a;
--browser:#7aa7ff;--worker:#f0a35a;--convex:#4fd1a0;--backend:#b796ff;--other:#5cc8d6}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:14px/1.5 system-ui,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1180px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:20px;line-height:1.3;margin:0 0 4px}
.quiet,dt,.at,.took,.aside{color:var(--quiet)}
.bad{color:var(--bad)}.good{color:var(--good)}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px;margin:16px 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0}
dd{margin:0;overflow-wrap:anywhere}
.said{font-family:ui-monospace,monospace;font-size:13px}
ol{list-style:none;margin:0;padding:0}
li{display:grid;grid-template-columns:5.5em 6.5em 1fr 6em;gap:0 12px;padding:2px 0}
.wide li{grid-template-columns:5.5em 10em 1fr 6em}
li+li{border-top:1px solid var(--line)}
.at,.took{text-align:right}
li>span{overflow-wrap:anywhere}
.track{position:relative;overflow-wrap:anywhere;padding:0 6px}
.bar{position:absolute;top:2px;bottom:2px;min-width:2px;border-radius:3px;background:currentColor;opacity:.22}
.track .said{position:relative}
.aside .track{font-style:italic}
.debug .said{color:var(--quiet)}.error .said,.fatal .said{color:var(--bad)}
.browser{color:var(--browser)}.worker{color:var(--worker)}
.convex{color:var(--convex)}.backend{color:var(--backend)}.other{color:var(--other)}
"""


PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
base-uri 'none'; form-action 'none'">
<title>{title}</title><style>{style}</style></head><body><main>
<h1><span class="{mood}">{mark}</span> {title}</h1>
<p class="quiet">{facts}</p>
<section class="card"><dl>
{brief}
</dl></section>
<section class="card"><ol{wide}>
{rows}
</ol></section>
</main>{data}</body></html>
"""


def html(report: Report, *, url: str | None = None, data: bytes | None = None) -> str:
    """
    Return *report* as one HTML page.

    Args:
        report: What is shown.
        url: Where the trace can be read.
        data: The JSON export of the trace, which the page then carries.
    """
    good, sentence = headline(report)
    facts = [f"trace {clean(report.trace_id)}", *sizes(report)]
    if report.started is not None:
        facts.append(f"started {moment(report.started)}")
    shown = with_gaps(report.timeline, by_worth(report)[:ROWS])
    return PAGE.format(
        title=escape(sentence),
        style=STYLE,
        mood="good" if good else "bad",
        mark="✓" if good else "✗",
        facts=escape(" · ".join(facts)),
        brief="\n".join(_told(line) for line in tell(report, url)),
        wide=' class="wide"' if any(row.service for row in report.timeline) else "",
        rows="\n".join(_rows(report, shown)),
        data="" if data is None else block(data),
    )


def _told(told: Told) -> str:
    pieces = (*told.lead, Piece(told.says), told.body)
    return f"<dt>{escape(told.label)}</dt><dd>{' '.join(filter(None, map(_piece, pieces)))}</dd>"


def _piece(piece: Piece) -> str:
    if not piece.text:
        return ""
    classes = " ".join(filter(None, ("said" if piece.said else "", CLASSES.get(piece.style, piece.style))))
    return f'<span class="{classes}">{escape(piece.text)}</span>' if classes else escape(piece.text)


CLASSES: Final = {"dim": "quiet", "error": "bad", "failure": "bad", "ok": "good"}
"""Classes of the page for styles that are called otherwise; a system's is called like its hue."""


def _rows(report: Report, shown: Iterable[Row | Left]) -> Iterator[str]:
    silences = {i.entries[-1]: i.summary for i in report.insights if i.kind in {"wait", "silence"}}
    for row in shown:
        if isinstance(row, Left):
            yield _aside(left_out(row))
            continue
        if row.gap_before_ms is not None:
            yield _aside(clean(silences.get(row.id) or f"{milliseconds(row.gap_before_ms)} of silence"))
        yield _row(row, report.duration_ms)
    for loss in unplaced(report):
        yield _aside(f"{plural(loss.count, 'entry', 'entries')} not here: {in_words(loss)}")


def _row(row: Row, total: float) -> str:
    hue, text = system_style(row.system), said(row)
    if row.kind == "suppressed":
        text = f"{plural(row.count, 'entry', 'entries')} not kept, such as: {text}"
    elif row.count > 1:
        text = f"{TIMES}{number(row.count)} {text}"
    level = row.level if row.level in RANK else "info"
    mark = "✗ " if RANK[level] >= ERROR_RANK else ""
    left = 100 * row.at_ms / total if total > 0 else 0.0
    wide = 100 * (row.ends_ms - row.at_ms) / total if total > 0 else 0.0
    took = milliseconds(row.duration_ms) if row.duration_ms is not None else ""
    return (
        f'<li class="{level}"><span class="at">{offset(row.at_ms)}</span>'
        f'<span class="{hue}">{escape(who(row))}</span><span class="track">'
        f'<span class="bar {hue}" style="left:{left:.2f}%;width:{wide:.2f}%"></span>'
        f'<span class="said">{mark}{escape(text)}</span></span><span class="took">{took}</span></li>'
    )


def _aside(text: str) -> str:
    return f'<li class="aside"><span></span><span></span><span class="track">⋯ {escape(text)}</span></li>'
