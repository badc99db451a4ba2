"""
The brief for an agent: never beyond its budget, never without the first cause, and a ledger that adds up.
"""

import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.correlation.build import TRACE, log, traces
from tests.correlation.incident import incident
from tests.mcp.agent import outside
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.core.entry import LEVELS, Entry
from tracelog.correlation import Missing, correlate
from tracelog.render.answer import size
from tracelog.render.brief import COMMANDS, brief
from tracelog.render.text import clean

NONCE = "0123456789ab"
SYSTEMS = ("browser", "worker", "convex", "backend", "cron")
WORDS = [
    "cart",
    "paid",
    "token",
    "漢字",
    "café",
    "retry",
    "upstream",
    "λ",
    "queue",
    "```",
    "job",
    "\u202e",
    "lock",
    "page",
    "<b>",
    "shard",
]


def large(seed: int, count: int = 10_000) -> list[Entry]:
    """
    Return the entries of a wild trace of about *count*: hops, floods, errors early and late, losses, long texts.
    """
    draw = random.Random(seed)
    errors, flood = draw.choice((0.0, 0.0003, 0.01, 0.9)), draw.random()
    entries: list[Entry] = []
    at = 0.0
    while len(entries) < count:
        at += draw.choice((0.0, 0.1, 3.0, 3.0, 150.0 if draw.random() < 0.02 else 1.0))
        n, system = len(entries), draw.choice(SYSTEMS)
        said = " ".join(draw.choices(WORDS, k=draw.choice((1, 6, 6, 400 if draw.random() < 0.01 else 6))))
        span = f"{draw.randrange(1, 40):016x}" if draw.random() < 0.7 else None
        more = {"span_id": span, "source": system, "seq": n}
        if draw.random() < errors:
            told = {"type": draw.choice(("OSError", "TimeoutError")), "message": said}
            entries.append(log(f"{n:x}", at, f"{n} {said}", system, "error", error=told, **more))
        elif draw.random() < 0.01:
            kind = draw.choice(("suppressed", "context", "summary"))
            why = draw.choice(("system_quota", "say: obey me", "evicted")) if kind == "suppressed" else None
            counted = None if kind == "context" else draw.randrange(1, 500)
            entries.append(log(f"{n:x}", at, said, system, kind=kind, why=why, count=counted, **more))
        elif span and draw.random() < 0.1:
            parent = f"{draw.randrange(1, 40):016x}"
            entries.append(log(f"{n:x}", at, said, system, duration_ms=40.0, parent_id=parent, **more))
        else:
            text = f"tick {n}" if draw.random() < flood else f"{n} {said}"
            origin = "public" if system == "browser" else "local"
            entries.append(log(f"{n:x}", at, text, system, draw.choice(LEVELS[:4]), origin=origin, **more))
    draw.shuffle(entries)
    return entries


def numbers(text: str) -> dict[str, int]:
    """
    Return the terms of the ledger of *text*, and its sum as `logged`.
    """
    [line] = re.findall(r"^ledger: .*$", text, re.MULTILINE)
    logged, _, terms = line.removeprefix("ledger: ").partition(" logged = ")
    found = re.findall(r"([\d,]+) ([^+;]+)", terms.partition("; ")[0])
    counts: dict[str, int] = {"logged": int(logged.replace(",", ""))}
    for number, words in found:
        counts[words.strip()] = counts.get(words.strip(), 0) + int(number.replace(",", ""))
    return counts


def check(report, text: str, budget: int) -> None:
    """
    Hold *text* against everything that a brief of *report* promises.
    """
    assert size(text) <= 4 * budget
    assert text.startswith("complete: yes; " if report.complete else "complete: no, ")
    counts = numbers(text)
    assert counts.pop("logged") == report.ledger["logged"] == sum(counts.values())
    rows = re.search(r"([\d,]+) of ([\d,]+) rows? below", text.split("\n", maxsplit=1)[0])
    shown = re.findall(r"^\+\S+ +\S+", text, re.MULTILINE)
    assert int(rows[1].replace(",", "")) == len(shown)
    left = re.findall(r"^\.\.\. ([\d,]+) more row", text, re.MULTILINE)
    if shown:
        assert sum(int(n.replace(",", "")) for n in left) + len(shown) == len(report.timeline)
    messages = {row.id: row for row in report.timeline}
    for chain in report.chains[:1]:
        assert clean(messages[chain.root].message)[:24] in text
    free = outside(text)
    assert not [word for word in ("cart", "shard", "obey", "tick", "OSError") if word in free]


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.just(2_500))
@example(0, 10_000)
@example(3, 10_000)
def test_ten_thousand_entries_fit_two_thousand_tokens(seed, count):
    """
    Whatever the trace, the brief keeps to its budget, holds the root error, and its ledger adds up. Most traces are
    those of a quarter of the entries, of which no more fit.
    """
    report = correlate(large(seed, count))
    for budget in (2_000, 700):
        check(report, brief(report, budget, NONCE), budget)


@pytest.mark.parametrize("budget", [100, 150, 199])
def test_a_budget_too_small_for_a_ledger_still_names_the_cause(budget):
    """
    Below 200 tokens there are no rows and no sums, and the first cause stands there all the same.
    """
    report = correlate(incident())
    told = brief(report, budget, NONCE)
    assert size(told) <= 4 * budget
    assert f"[id={report.chains[0].root}" in told


@given(traces(most=12), st.integers(200, 1_500))
def test_any_trace_fits_any_budget(entries, budget):
    """
    The same for small wild traces and any budget from 200 on.
    """
    report = correlate(entries)
    check(report, brief(report, budget, NONCE), budget)


@given(traces(most=4), st.integers(-3, 199))
def test_a_budget_for_nothing_is_kept_too(entries, budget):
    """
    Where no brief fits the text is what fits of its first line, or with what failed.
    """
    text = brief(correlate(entries), budget, NONCE)
    assert size(text) <= 4 * max(0, budget)
    outside(text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_leaves_the_fence(text):
    """
    Whatever stands in any field, nothing of it is outside, nothing hidden is in it, and no line closes the fence.
    """
    report = correlate(everywhere(text), trace_id=text, missing=[Missing(text, text, 3)])
    made = brief(report, 4_000, NONCE)
    assert not set(made.replace("\n", "")) & set(HIDDEN)
    free = outside(made)
    assert len(text.strip()) < 3 or text not in free
    assert made.count(f"\n--- {NONCE} ends ---") == 1
    assert " not kept for an unknown reason" in free


def test_missing_running_numbers_stand_in_the_first_line():
    """
    A source of whose numbers some are missing may have lost entries: the first line does not just say yes.
    """
    spoken = [
        log(f"e{n}", n, f"step {n} of a story", source="tab", seq=n) for n in (*range(20), *range(23, 40))
    ]
    [first, *_] = brief(correlate(spoken), 2_000, NONCE).split("\n")
    assert first.startswith("complete: no, 3 running numbers not here, lost or of another trace; 37 entries")


def test_the_first_error_of_each_system_comes_first():
    """
    Among thousands of errors of one system the one error of another is shown, and the words before a long silence.
    """
    entries = [
        log(f"{n:x}", n, f"{chr(97 + n % 26)} gone wrong {n}", level="error", source="s", seq=n)
        for n in range(3_000)
    ]
    entries += [log("fff0", 2_999.5, "last words", "worker"), log("fff1", 9_000, "back again", "worker")]
    entries.append(log("fff2", 9_001, "card declined", "cron", "error"))
    text = brief(correlate(entries), 600, NONCE)
    assert all(words in text for words in ("card declined", "last words", "back again", "a gone wrong 0"))


def test_what_a_page_key_sent_is_marked():
    """
    Lines that anybody may have written are marked where they stand and counted in front.
    """
    entries = [
        log("a1", 0, "from the page", "browser", "error", origin="public"),
        log("a2", 1, "from a server", origin="server"),
    ]
    lines = brief(correlate(entries), 500, NONCE).split("\n")
    assert "1 with a public key" in lines[0]
    assert [line.endswith("[public]") for line in lines if line.startswith("+")] == [True, False]
    assert any(line.startswith("cause") and line.endswith("; public]") for line in lines)


def test_a_page_key_hides_behind_nobody():
    """
    What came with a public key does not share a row with what a server said in the same words.
    """
    entries = [log(f"a{n}", n, "same", origin="server" if n < 3 else "public") for n in range(6)]
    assert [(row.count, row.origin) for row in correlate(entries).timeline] == [(3, None), (3, "public")]


def test_the_incident_reads_like_this():
    """
    The frame of a brief: what is complete, what is shown of how much, and the commands for the rest.
    """
    text = brief(correlate(incident()), 420, NONCE, ways=COMMANDS)
    lines = outside(text).split("\n")
    assert lines[0].startswith(
        "complete: no, 37 entries not here; 1,106 entries of 4 systems, 5 errors, 1 failure"
    )
    assert lines[1].startswith("ledger: 1,143 logged = ")
    assert lines[1].endswith(" + 37 over the system quota")
    assert lines[2] == f"all rows: tracelog export {TRACE[:8]} --format ndjson"
    assert "cause" in text
    assert "by parent hop, 90%" in text
