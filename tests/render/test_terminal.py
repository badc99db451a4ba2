"""
The terminal: the brief and the waterfall of the incident, line by line, and no obedience to any text.
"""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.correlation.build import closing, hop, log, traces
from tests.correlation.incident import incident
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.correlation import Missing, Report, correlate
from tracelog.render import terminal
from tracelog.render.paint import STYLES
from tracelog.render.text import columns

OWN_COLOURS = re.compile(r"\x1b\[(?:0|{})m".format("|".join(code for code in STYLES.values() if code)))


def plain(text):
    return OWN_COLOURS.sub("", text)


def timeline_of(text):
    return text.partition("\n\n")[2].split("\n")


@pytest.mark.parametrize("width", [80, 100])
def test_the_incident_reads_like_this(width):
    """
    A stranger reads what failed, why, where, how it travelled, where the time went and what is not shown.
    """
    shown = terminal(
        correlate(incident()), width=width, color=False, url="http://127.0.0.1:8787/debug/4bf92f35"
    )
    expected = Path(__file__).with_name(f"incident-{width}.txt").read_text(encoding="utf-8")
    assert shown + "\n" == expected


@pytest.mark.parametrize("width", [60, 79, 80, 99, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(width):
    """
    Every line of the incident fits, with and without colours, and colours add nothing but colours.
    """
    report = correlate(incident())
    bare = terminal(report, width=width, color=False)
    assert max(map(columns, bare.split("\n"))) <= width
    assert plain(terminal(report, width=width, color=True)) == bare


def test_colours_tell_systems_apart_and_red_is_for_errors():
    """
    Each system has its hue; red is used in lines of errors and for the headline's mark only.
    """
    shown = terminal(correlate(incident()), width=100, color=True).split("\n")
    red = [line for line in shown if f"\x1b[{STYLES['error']}m" in line]
    assert all("✗" in line or "+2," in line or "timeout" in line for line in red)
    for system in ("browser", "worker", "convex", "backend"):
        assert any(f"\x1b[{STYLES[system]}m  {system}" in line for line in shown)


def test_what_is_quiet_is_dim():
    """
    The text of a debug entry is dim, that of an ordinary one is not painted.
    """
    shown = terminal(correlate(incident()), width=100, color=True)
    assert "\x1b[2mcache miss: cart:u-81" in shown
    assert "   click Buy" in shown


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_reaches_the_terminal_uncleaned(text, color):
    """
    Whatever stands in a field, the terminal gets visible text, our own colours and our own line ends.
    """
    report = correlate(everywhere(text), trace_id=text, missing=[Missing(text, text, 3)])
    shown = terminal(report, width=100, color=color, url=text)
    assert not set(plain(shown).replace("\n", "")) & set(HIDDEN)
    assert all(columns(line) <= 100 for line in plain(shown).split("\n"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_one_entry_is_one_line(text):
    """
    The timeline has as many lines for a hostile text as for a harmless one.
    """

    def lines(said):
        entries = [log(f"{n}", n, said + "-" * n, level="error", span_id=hop(n + 1)) for n in range(4)]
        return len(timeline_of(terminal(correlate(entries), width=80, color=False)))

    assert lines(text) == lines("harmless")


@given(traces(most=8), st.integers(60, 120))
def test_any_trace_can_be_shown(entries, width):
    """
    Whatever comes in, the terminal shows it within its width.
    """
    shown = terminal(correlate(entries), width=width, color=False)
    assert all(columns(line) <= width for line in shown.split("\n"))


def test_a_report_from_json_shows_the_same():
    """
    What was fetched from a server is told like what was made here.
    """
    report = correlate(incident())
    again = msgspec.convert(report.to_json(), Report)
    assert terminal(again, width=100, color=True) == terminal(report, width=100, color=True)


def head(entries, **known):
    return terminal(correlate(entries, **known), width=100, color=False).split("\n")[0].split("  ")[0]


HEADLINES = [
    pytest.param([log("a", 0), log("b", 10, "x")], {}, "✓ 2 entries in 10 ms without an error", id="no hops"),
    pytest.param(
        [closing("a", 1, 0, 2500, message="GET /")],
        {},
        "✓ GET / finished in 2.50 s without an error",
        id="well",
    ),
    pytest.param(
        [
            closing("a", 1, 0, 90, message="GET /"),
            closing("b", 2, 5, 9, parent=1),
            log("c", 7, "x", level="error", span_id=hop(2)),
        ],
        {},
        "✓ GET / finished in 90 ms; 1 error on the way, handled",
        id="handled",
    ),
    pytest.param(
        [log("a", 0, "ValueError: no", level="error", service="shop")],
        {},
        "✗ no, in shop (backend)",
        id="only an error",
    ),
    pytest.param([log("a", 0, "disk: full", "", "fatal")], {}, "✗ disk: full, in unknown", id="nobody known"),
    pytest.param(
        [log("a", 0, "Uncaught (in promise) TypeError: x is null", "browser", "error")],
        {},
        "✗ x is null, in browser",
        id="uncaught",
    ),
    pytest.param([], {}, "✓ nothing is here of this trace", id="empty"),
    pytest.param(
        [], {"missing": [Missing("browser", "expired", 4)]}, "✗ nothing is here of this trace", id="expired"
    ),
]


@pytest.mark.parametrize(("entries", "known", "expected"), HEADLINES)
def test_headlines(entries, known, expected):
    """
    The first line says whether it went well and what happened.
    """
    assert head(entries, **known) == expected


def brief(entries, **known):
    text = terminal(correlate(entries, **known), width=100, color=False).partition("\n\n")[0]
    lines = [line.strip() for line in text.split("\n")[1:]]
    return [line for line in lines if not line.startswith("trace ")]


def test_further_failures_have_a_line_each():
    """
    Besides the first failure three more are told, then their number.
    """
    entries = [log(f"e{n}", n * 10_000, f"{chr(97 + n)} broke", level="error") for n in range(7)]
    lines = brief(entries)
    assert [line.split()[0] for line in lines[:5]] == ["cause", "also", "backend", "backend", "and"]
    assert lines[4] == "and 3 more failures"


def test_a_long_chain_is_cut_and_counted():
    """
    Of a flood of different errors in one hop the first steps are told, then how many followed.
    """
    entries = [log(f"e{n}", n, f"{chr(97 + n)} broke", level="error", span_id=hop(1)) for n in range(20)]
    assert "and 11 more errors that followed" in brief(entries)


def test_a_slow_trace_is_told_by_its_slow_hops():
    """
    Where nothing failed the slowest hops are told.
    """
    entries = [
        closing("a", 1, 0, 900, message="GET /"),
        closing("b", 2, 100, 700, parent=1, message="SELECT"),
    ]
    assert "slow     backend SELECT took 700 ms" in brief(entries)


def test_what_failed_and_was_handled_is_told_as_such():
    """
    An error that surfaced nowhere is labelled; beside a failure its line says it was handled.
    """
    page = closing("p", 1, 0, 90, message="GET /", system="browser")
    side = [closing("c", 2, 5, 9, parent=1), log("x", 7, "cache gone", level="error", span_id=hop(2))]
    assert brief([page, *side])[0] == "handled  backend  +7 ms  cache gone"
    worse = [
        closing("d", 3, 20, 55, parent=1, system="convex"),
        log("z", 70, "no index", "convex", "error", span_id=hop(3)),
    ]
    shown = brief([page, *side, *worse, log("y", 80, "oops", "browser", "error", span_id=hop(1))])
    assert shown[:3] == [
        "cause    convex   +70 ms  no index",
        "then     browser  +80 ms  oops",
        "also     backend   +7 ms  handled: cache gone",
    ]


def test_a_span_that_failed_tells_its_end():
    """
    An error that closes a span happened at the end of it.
    """
    lines = brief([log("a", 0), closing("s", 1, 10, 500, message="charge", level="error")])
    assert lines[0] == "cause    backend  +510 ms  charge (failed after 500 ms)"


def test_losses_are_lines_where_they_happened_or_at_the_end():
    """
    A loss with a row is told there, any other below the timeline; a known reason reads as words.
    """
    entries = [
        log("a", 0),
        log("r", 5, "mousemove", "browser", kind="suppressed", count=37, why="system_quota"),
        log("b", 9, "x"),
    ]
    shown = timeline_of(
        terminal(
            correlate(entries, missing=[Missing("", "evicted", 2), Missing("worker", "odd_reason", 1)]),
            width=100,
            color=False,
        )
    )
    assert [line.strip() for line in shown if "⋯" in line] == [
        "+5  browser ⋯ 37 entries not kept: over the browser quota, such as: mousemove",
        "⋯ 2 entries not here: evicted from the store",
        "⋯ 1 entry not here: odd reason (worker)",
    ]


def test_rows_left_out_are_counted_in_their_place():
    """
    A long trace shows its errors with what was said around them and counts the rest where it was.
    """
    entries = [log(f"e{n}", n, f"{chr(97 + n % 26)}{chr(97 + n % 7)}", source="s", seq=n) for n in range(500)]
    entries[300] = log("bad", 300, "kaputt", level="error", source="s", seq=300)
    shown = timeline_of(terminal(correlate(entries), width=100, color=False, rows=20))[1:]
    assert len([line for line in shown if "⋯" not in line]) == 20
    assert any("✗ kaputt" in line for line in shown)
    left = [int(re.search(r"(\d+) more row", line)[1]) for line in shown if "⋯" in line]
    assert sum(left) == 480


def test_long_hops_are_worth_more_than_short_ones():
    """
    Where not all rows fit the longest hops are among those shown.
    """
    entries = [
        closing(f"h{n}", n + 1, n * 10, n * 7 % 101 + 1, message=f"{chr(97 + n % 26)} call")
        for n in range(60)
    ]
    shown = terminal(correlate(entries), width=100, color=False, rows=8)
    kept = sorted((int(took) for took in re.findall(r"^ +\+.* (\d+) ms$", shown, re.MULTILINE)), reverse=True)
    assert kept[:5] == sorted((n * 7 % 101 + 1 for n in range(60)), reverse=True)[:5]


def test_a_narrow_terminal_gets_no_bars():
    """
    Below 80 columns the bars give way to the text, and nothing is laid out below 60.
    """
    report = correlate(incident())
    assert "▄" not in terminal(report, width=79, color=False)
    assert terminal(report, width=10, color=False) == terminal(report, width=60, color=False)


def test_a_long_text_lies_over_its_bar():
    """
    The text of a row without a duration runs over the place of the bar, which goes on behind it.
    """
    entries = [log("a", 0, "x"), log("b", 1000, "y" * 60), log("c", 1001, "z" * 90)]
    lines = timeline_of(terminal(correlate(entries), width=100, color=False))
    assert lines[-2].rstrip().endswith("y ▖") or re.search(r"y +▖$", lines[-2])
    assert "▖" not in lines[-1]


def test_clocks_and_unknown_causes_are_told():
    """
    A reader learns that a clock was moved and that a cause is not here.
    """
    entries = [
        closing("p", 1, 0, 50, system="worker", source="w", seq=0),
        closing("c", 2, -2000, 5, parent=1, system="convex", source="c", seq=0),
        closing("o", 3, 10, 5, parent=9, source="b", seq=0),
    ]
    lines = brief(entries)
    assert "clocks   convex moved by +2,000 ms: no hop begins before its cause" in lines
    assert any(line.startswith("unknown  1 hop in backend names an unknown parent") for line in lines)


def test_many_runs_are_counted():
    """
    The three longest runs are told, then how many there are besides.
    """
    entries = [
        log(f"{c}{n}", 100 * i + n, c * 3, source=c, seq=n)
        for i, c in enumerate("abcde")
        for n in range(10 + i)
    ]
    lines = brief(entries)
    assert lines[1].startswith('folded   14 \u00d7 "eee" (backend, 14:40:02)')
    assert "and 2 more runs" in lines


def test_a_moment_has_no_time_to_tell():
    """
    A trace of no length says nothing of where its time went and draws no bars.
    """
    assert brief([log("a", 0)]) == ["ledger   1 logged = 1 kept + 0 folded + 0 lost"]
    assert timeline_of(terminal(correlate([log("a", 0)]), width=100, color=False)) == ["  +0  backend   said"]


def test_twice_delivered_entries_are_in_the_sum():
    """
    Duplicates are told apart from the sum.
    """
    entry = log("a", 0)
    assert brief([entry, entry])[-1] == "ledger   1 logged = 1 kept + 0 folded + 0 lost; 1 delivered twice"
