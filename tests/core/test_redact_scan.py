"""
Many literals in one pass: exactly the places that one search for each would find.
"""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tracelog.core.redact_scan import NAME_END, Literal, Scanner

ENDS = b" \"'`\\:=%]\x7f\x00\x1f\x80\xff"
LETTERS = st.binary(min_size=1, max_size=6).map(lambda raw: bytes(b"abAB_-:J1"[byte % 9] for byte in raw))
WORDS = st.lists(st.sampled_from([b"ab", b"ba", b"bab"]), min_size=1, max_size=3).map(b"".join)
OWNERS = st.integers(0, 3)
LITERALS = st.lists(
    st.one_of(
        st.builds(lambda word, owner: Literal(word, owner, ignore_case=False), LETTERS, OWNERS),
        st.builds(
            lambda word, owner: Literal(word, owner, ignore_case=True, at=len(word) - 1), WORDS, OWNERS
        ),
        st.builds(lambda word, owner: Literal(word + NAME_END, owner, ignore_case=True), WORDS, OWNERS),
    ),
    max_size=8,
)
DATA = st.lists(st.sampled_from([bytes([code]) for code in b"abAB_-:J1" + ENDS]), max_size=30).map(b"".join)


def search(literal, data):
    """
    Return the places of one literal, found the plain way.
    """
    word = re.escape(literal.text)
    if literal.ignore_case:
        word = b"(?i:%b)" % word
        if literal.text.endswith(NAME_END):
            word = b"(?i:%b)[%b\x01-\x1e\x80-\xff]" % (re.escape(literal.text[:-1]), re.escape(ENDS))
    return {match.start() + literal.at for match in re.finditer(b"(?=%b)" % word, data)}


@given(LITERALS, DATA)
@example([Literal(b"ab", 0, ignore_case=False)], b"")
@example([Literal(b"ab", 0, ignore_case=False)], b"xab")
@example([Literal(b"J", 0, ignore_case=False)], b"JJ")
def test_all_places(literals, data):
    """
    Each owner is told every place of its literals, and no other, in ascending order.
    """
    expected = {}
    for literal in literals:
        for place in search(literal, data):
            expected.setdefault(literal.owner, []).append(place)
    found = Scanner([Literal(b"never there", 9, ignore_case=False), *literals]).places(data)
    assert {owner: sorted(set(places)) for owner, places in expected.items()} == {
        owner: sorted(set(places)) for owner, places in found.items()
    }
    assert all(places == sorted(places) for places in found.values())
