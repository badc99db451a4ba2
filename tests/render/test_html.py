"""
HTML: one page without a script, in which every text is text.
"""

from html.parser import HTMLParser

import pytest
from hypothesis import given

from tests.correlation.build import log, traces
from tests.correlation.incident import incident
from tests.render.hostile import HIDDEN, TEXTS, everywhere
from tracelog.correlation import Missing, correlate
from tracelog.render import Report, html
from tracelog.render import correlate as reported
from tracelog.render.story import headline, tell
from tracelog.render.text import clean

TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "h1",
    "p",
    "section",
    "dl",
    "dt",
    "dd",
    "ol",
    "li",
    "span",
}
VOID = {"meta"}


class Reader(HTMLParser):
    """
    Reads a page: every tag with its attributes, every text outside of style, and that tags pair up.
    """

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.open, self.items = [], [], [], 0
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def test_the_page_tells_the_story():
    """
    Headline, brief and every row of the timeline are on the page.
    """
    report = correlate(incident())
    text = " ".join(Reader(html(report, url="http://127.0.0.1:8787/debug/4bf92f35")).texts)
    assert headline(report)[1] in text
    assert "http://127.0.0.1:8787/debug/4bf92f35" in text
    assert all(told.body.text in text for told in tell(report))
    assert all(clean(row.message) in text for row in report.timeline)
    assert "1,993 ms of repeats only" in text
    assert "37 entries not kept, such as: mousemove 311,92" in text
    assert "\u00d71,090 render loop: effect run 0" in text


def test_rows_carry_level_system_and_mark():
    """
    An error is marked by a sign as well as by its class; no other row is.
    """
    page = html(
        correlate(
            [
                log("a", 0, "fine"),
                log("b", 1, "bad", "worker", "error"),
                log("c", 2, "dead", "cron", "fatal"),
                log("d", 3, "hm", level="warn"),
            ]
        )
    )
    rows = [line for line in page.split("\n") if line.startswith("<li")]
    assert [("✗ " in row, row.split('"')[1]) for row in rows] == [
        (False, "info"),
        (True, "error"),
        (True, "fatal"),
        (False, "warn"),
    ]
    assert 'class="worker"' in rows[1]
    assert 'class="other"' in rows[2]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_becomes_a_tag(text):
    """
    Whatever stands in a field, the page has our tags with our attributes, and nothing hidden.
    """
    page = html(correlate(everywhere(text), trace_id=text, missing=[Missing(text, text, 3)]), url=text)
    assert not set(page.replace("\n", "")) & set(HIDDEN)
    for tag, attributes in Reader(page).tags:
        assert tag in TAGS
        assert set(attributes) <= {"lang", "charset", "name", "content", "http-equiv", "class", "style"}


def test_the_page_loads_nothing():
    """
    The page forbids itself scripts and everything from elsewhere, and asks for none of it.
    """
    page = html(correlate(incident()))
    policy = [
        known["content"]
        for tag, known in Reader(page).tags
        if known.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    assert not any(word in page for word in ("<script", "src=", "href=", "url(", "@import"))


@given(traces(most=8))
def test_any_trace_makes_a_page(entries):
    """
    Whatever comes in, the page is well formed and bars stay within their track.
    """
    for tag, known in Reader(html(correlate(entries))).tags:
        if tag == "span" and "style" in known:
            left, width = (float(part.split(":")[1].rstrip("%")) for part in known["style"].split(";"))
            assert 0 <= left <= 100.01
            assert 0 <= left + width <= 100.02


def test_a_long_trace_is_cut_and_counted(monkeypatch):
    """
    A page shows as many rows as a browser lays out at ease and counts the others where they were.
    """
    entries = [log(f"e{n}", n, f"{chr(97 + n % 26)}{chr(97 + n % 7)}") for n in range(5_200)]
    page = html(correlate(entries))
    assert page.count("<li") == 5_000 + page.count("more row")
    assert "more row" in page


def test_the_report_shows_itself():
    """
    The report that users get has the faces as methods, and is the report of correlation otherwise.
    """
    report = reported(incident(), missing=[Missing("worker", "expired", 1)], evicted=2)
    assert isinstance(report, Report)
    assert (
        report.to_json()
        == correlate(
            incident(), missing=[Missing("worker", "expired", 1), Missing("", "evicted", 2)]
        ).to_json()
    )
    assert report.to_html() == html(report)
    assert report.to_markdown(budget=300) == report.to_markdown(300)
    assert report.to_terminal(width=100).startswith("✗ POST /checkout failed")
    assert "2 evicted from the store" in report.to_markdown()


def test_nothing_evicted_is_no_loss():
    """
    Without losses the report is complete.
    """
    assert reported([log("a", 0)]).complete
