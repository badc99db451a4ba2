"""
Every face tells who spoke and what an exception said, in the same words.
"""

import re

import pytest

from tests.correlation.build import closing, hop, log
from tracelog.correlation import correlate
from tracelog.render import html, markdown, terminal
from tracelog.render.text import columns


def in_terminal(report):
    return terminal(report, width=100, color=False)


def in_html(report):
    return re.sub(r"<[^>]*>", " ", html(report))


FACES = [in_terminal, markdown, in_html]


def two_services():
    """
    Return a request through two services of one system that fails in the second.
    """
    return correlate(
        [
            closing("c", 1, 0, 900, message="POST /orders", service="checkout", level="error"),
            log("p", 5, "charging", service="checkout", span_id=hop(1)),
            closing("b", 2, 10, 800, parent=1, message="POST /charge", service="billing"),
            log(
                "e",
                700,
                "charge failed",
                level="error",
                service="billing",
                span_id=hop(2),
                error={"type": "CardError", "message": "declined"},
            ),
            log("w", 20, "routed", "worker", service="edge"),
        ]
    )


@pytest.mark.parametrize("face", FACES)
def test_two_services_of_one_system_are_told_apart(face):
    """
    Where a system has several services its rows name them, in the timeline, the cause and the headline; a
    system with one service stands alone.
    """
    text = face(two_services())
    lines = [re.sub(r" +", " ", line) for line in text.split("\n")]
    for name, said in (
        ("backend/checkout", "charging"),
        ("backend/billing", "POST /charge"),
        ("worker", "routed"),
    ):
        assert any(f" {name} " in line and said in line for line in lines)
    assert "in billing (backend)" in text
    assert "worker/edge" not in text
    assert any("cause" in line and "backend/billing" in line for line in lines)


@pytest.mark.parametrize("face", FACES)
def test_type_and_text_of_an_exception_are_shown(face):
    """
    What the message does not say of the exception stands behind it, in the brief and in the timeline.
    """
    assert face(two_services()).count("charge failed (CardError: declined)") == 2


@pytest.mark.parametrize("face", FACES)
def test_a_mixture_of_traces_is_told(face):
    """
    A reader of entries of two traces learns that they are two.
    """
    entries = [log("a", 0), log("b", 1)]
    entries[1].trace_id = "other"
    assert f"entries of 2 traces are told as one: 1 of {entries[0].trace_id} and 1 of other" in re.sub(
        r"\s+", " ", face(correlate(entries))
    )


@pytest.mark.parametrize("width", [60, 79, 80, 99, 100, 140])
def test_long_names_take_no_text_its_room(width):
    """
    Names of services are cut before a line grows wider than the terminal or a text loses its last columns.
    """
    entries = [
        closing(f"{n}", n, n * 10, 5000, message="m" * 90, service=f"{chr(97 + n)}-very-long-service-name")
        for n in range(1, 4)
    ]
    lines = terminal(correlate(entries), width=width, color=False).split("\n")
    assert max(map(columns, lines)) <= width
    assert all("m" * 10 in line for line in lines if line.lstrip().startswith("+"))


def test_columns_of_markdown_line_up():
    """
    Levels stand below one another, however long the names in front of them are, up to a bound.
    """
    lines = [line for line in markdown(two_services()).split("\n") if line.startswith("+")]
    assert len({re.search(r" (info|error) ", line).start() for line in lines}) == 1
    odd = correlate([log("a", 0, system="s" * 5000), log("b", 1, "short")])
    assert len(markdown(odd)) < 3 * 5000
