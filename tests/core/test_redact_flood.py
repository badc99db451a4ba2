"""
Floods: what costs too much is cut, the rest counts as one mark, nothing of it passes, and JSON still parses.
"""

import json
import random
import time

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.core.redact_hostile import fragments, mixed, repeated
from tracelog.core.redact import Redactor, RedactSettings
from tracelog.core.redact_flood import rest_of

ENGINES = {name: Redactor(RedactSettings(tag_key=b"k"), engine=name) for name in ("re2", "re")}
RE2, RE = ENGINES["re2"], ENGINES["re"]

LINE = 100_000
SECRET = "Zq7hunter2Xw"
ROWS = 1_600
"""Secrets of a document: more than one text may have."""

FILLERS = st.recursive(
    st.one_of(st.text('ab"\\\n[{é,:', max_size=6), st.integers(-5, 10**7), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
WRAPPERS = {
    "plain": lambda text: text,
    "in a string": json.dumps,
    "in two strings": lambda text: json.dumps(json.dumps(text)),
    "in a field": lambda text: json.dumps({"a": [1, {"body": text, "b": 2}], "c": 3}),
}


def parsed(text):
    """
    Return what *text* stands for, with the JSON within its strings read as well.
    """
    value = json.loads(text)
    return parsed(value) if isinstance(value, str) and not value.startswith("[REDACTED:flood:") else value


STYLES = st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}])
MARK = b"[REDACTED:flood:0123ab]"


@given(FILLERS, st.sampled_from(sorted(WRAPPERS)), STYLES)
@example([{"": 12.5, "{": '"['}, [], True], "plain", {"indent": 1})
def test_json_that_is_cut_anywhere_parses(filler, wrapper, style):
    """
    Wherever a document is cut, behind a key, too, and before its first sign, what is left parses and says so.
    """
    data = WRAPPERS[wrapper](json.dumps({"rows": filler, "last": 1}, **style)).encode()
    for place in range(len(data)):
        start, closed = rest_of(data, place, MARK)
        json.loads(data[:start] + closed)
        assert not data[place:start].strip()
        assert MARK in closed


@pytest.mark.parametrize("before", ["", "got ", "2025-03-09 [worker] got "])
def test_a_line_of_json_that_is_cut_anywhere_parses(before):
    """
    Of lines of JSON the one that is cut parses, and so does the next one where the cut stands between two.
    """
    line = f'{before}{{"n": [1.5, "a"], "b": {{"c": null}}}}'
    data = f"{line}\n{line}".encode()
    for place in range(len(before), len(data)):
        if len(line) < place < len(line) + 1 + len(before):
            continue
        start, closed = rest_of(data, place, MARK)
        for each in (data[:start] + closed).decode().split("\n"):
            if not before or each != MARK.decode():
                json.loads(each.removeprefix(before))


@given(FILLERS, st.sampled_from(sorted(WRAPPERS)), STYLES)
@settings(
    max_examples=6, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)  # a document takes too long to shrink
@example(["}", {"{": '"['}], "in a field", {})
@example([{"\x02\U000d17d7": None}, [], {"\x02\U000d17d7": None}], "plain", {})  # cut behind a key
@example({"é": None, "": ["ü" * 9]}, "in two strings", {"indent": 1})  # cut before its first sign
def test_json_that_is_cut_still_parses(filler, wrapper, style):
    """
    A document of too many secrets, in strings at any depth, parses behind the cut; no secret is left in it.
    """
    rows = [{"n": n, "filler": filler, "password": f"{SECRET}{n}"} for n in range(ROWS)]
    text = WRAPPERS[wrapper](json.dumps({"rows": rows, "last": 1}, **style))
    clean = RE2.text(text)
    parsed(clean)
    assert SECRET not in clean
    assert "[REDACTED:flood" in clean
    assert RE2.text(clean) == clean == RE.text(text)


def test_json_within_a_field_parses_as_the_field_does():
    """
    Where a string that is JSON is cut away as a whole, what stands for it is JSON, too.
    """
    body = json.dumps([{"password": f"{SECRET}{n}"} for n in range(ROWS)])
    clean = json.loads(RE2.text(json.dumps({"first": 1, "body": body})))
    assert clean["first"] == 1
    assert json.loads(clean["body"]).startswith("[REDACTED:flood:")


@pytest.mark.parametrize("before", ["", "got ", "2025-03-09 [worker] got "])
def test_lines_of_json_stay_lines_of_json(before):
    """
    Of lines that are JSON, also behind other words, those before the cut stay and the one that is cut parses.
    """
    clean = RE2.text("\n".join(f'{before}{{"n": {n}, "password": "{SECRET}{n}"}}' for n in range(ROWS)))
    *lines, last = clean.split("\n")
    rows = [json.loads(line.removeprefix(before)) for line in lines]
    assert [row["n"] for row in rows] == list(range(len(rows)))
    assert len(rows) > ROWS // 10
    assert (
        json.loads(last.removeprefix(before))
        if last.startswith(before + "{")
        else before.startswith(last[:9])
    )
    assert "[REDACTED:flood" in clean
    assert SECRET not in clean


def test_a_flood_counts_once_and_only_what_stays_counts():
    """
    Marks of an attempt that cost too much are no marks: what is counted stands in the text.
    """
    redactor = Redactor()
    clean = redactor.text(f"postgres://bob:{SECRET}@db " * 3_000)
    assert redactor.counts == {"url": clean.count("[REDACTED:url]"), "flood": 1}
    told = redactor.explain(f"postgres://bob:{SECRET}@db " * 3_000)
    assert told.text == clean
    assert [hit.rule for hit in told.hits] == [*["url"] * clean.count("[REDACTED:url]"), "flood"]


def test_words_of_a_command_that_cost_too_much_are_all_replaced():
    """
    A command of hostile words loses all of them.
    """
    clean = RE2.value(["-p", *[f"token=['password={SECRET}"] * 4_000])
    assert SECRET not in str(clean)


UNITS = random.Random(8).sample([*fragments(), *mixed(300, 8)], 40)


@pytest.mark.parametrize("engine", ENGINES)
def test_hostile_lines_cost_no_more_than_a_text_may(engine):
    """
    100 kB of whatever the rules look for take no longer than the bound, with room for a busy machine.
    """
    for unit in UNITS:
        text = repeated(unit, LINE)
        start = time.thread_time()
        ENGINES[engine].text(text)
        assert time.thread_time() - start < 0.2, unit


@pytest.mark.parametrize("unit", UNITS[:12], ids=ascii)
def test_hostile_lines_come_out_the_same(unit):
    """
    Both engines make the same of a hostile line, and redacting it again changes nothing.
    """
    clean = RE2.text(repeated(unit, LINE))
    assert RE.text(repeated(unit, LINE)) == clean
    assert RE2.text(clean) == clean
