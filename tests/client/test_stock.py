"""
Rows that wait for a sink: their order, their numbers, and what goes first when there is no room.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.parcels import row
from tracelog.client.stock import CHUNK_BYTES, CHUNK_ROWS, Amount, Chunk, Stock
from tracelog.core.compact import HOLE, Header, read_rows
from tracelog.core.entry import LEVELS, RANK

HEADER = Header(v=1, source="s", system="backend", sent_at=1e12)


def chunk(seq, rows):
    return Chunk(seq, list(rows), sum(r != HOLE for r in rows), sum(map(len, rows)))


def drained(stock, most=CHUNK_ROWS):
    """
    Return number and row of everything in *stock*, holes left out, after checking its figures.
    """
    found = []
    while (taken := stock.take(most)) is not None:
        assert taken.size == sum(map(len, taken.rows))
        assert taken.kept == sum(r != HOLE for r in taken.rows)
        assert 0 < len(taken.rows) <= most
        assert taken.size <= CHUNK_BYTES or len(taken.rows) == 1
        found += [(taken.seq + n, r) for n, r in enumerate(taken.rows) if r != HOLE]
    return found


ROWS = st.lists(
    st.one_of(
        st.just(HOLE),
        st.builds(lambda n, level: row("x" * n, level=level), st.integers(0, 400), st.sampled_from(LEVELS)),
    ),
    max_size=12,
)


@given(st.lists(st.tuples(st.integers(0, 3), ROWS), max_size=5), st.integers(1, 7))
def test_what_goes_in_comes_out_in_order(parts, most):
    """
    However rows are put in, with or without gaps between their numbers, and taken out, each keeps its number.
    """
    stock, seq, expected = Stock(), 0, []
    for gap, rows in parts:
        seq += gap
        expected += [(seq + n, r) for n, r in enumerate(rows) if r != HOLE]
        if rows:
            stock.put(chunk(seq, rows))
        seq += len(rows)
    assert drained(stock, most) == expected
    assert not stock
    assert stock.oldest is None


@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(0, 30), st.integers(0, 4_000))
def test_the_lowest_level_goes_first(parts, entries, size):
    """
    As much goes as was wanted, as far as there is so much; nothing goes while a lower level, or an older entry of
    the same, is still there; and what is left keeps its numbers.
    """
    stock, seq, before = Stock(), 0, []
    for rows in parts:
        before += [(seq + n, r) for n, r in enumerate(rows) if r != HOLE]
        if rows:
            stock.put(chunk(seq, rows))
        seq += len(rows)
    went = stock.lighten(Amount(entries, size))
    left = sum(waiting.size for waiting in stock._chunks)
    after = drained(stock)
    gone = [item for item in before if item not in after]
    rank = {item: RANK[read_rows(HEADER, [item[1]])[0].level] for item in before}
    assert went.entries == len(before) - len(after) == len(gone)
    assert went.size == sum(len(r) for rows in parts for r in rows) - left
    assert (went.entries >= entries and went.size >= size) or after == []
    assert all((rank[g], g[0]) < (rank[a], a[0]) for g in gone for a in after)
    if gone:
        last = max(gone, key=lambda item: (rank[item], item[0]))
        freed = sum(len(item[1]) - len(HOLE) for item in gone if item != last)
        assert went.entries - 1 < entries or freed < size


def test_lightening_again_and_again():
    """
    Errors outlive any number of rounds in which lower levels come in and go again.
    """
    stock, seq = Stock(), 0
    for _ in range(50):
        stock.put(chunk(seq, [row(f"e{seq}", level="error"), *[row("d", level="debug")] * 20]))
        seq += 21
        stock.lighten(Amount(20, 0))
    assert [r for _, r in drained(stock)] == [row(f"e{n}", level="error") for n in range(0, seq, 21)]


def test_what_is_put_back_comes_first():
    """
    A chunk that was put back is the next to be taken.
    """
    stock = Stock()
    stock.put(chunk(0, [row("a"), row("b")]))
    first = stock.take(1)
    stock.put_back(first)
    assert stock.oldest == 0
    assert [r for _, r in drained(stock)] == [row("a"), row("b")]


@pytest.mark.parametrize("sizes", [[600_000, 600_000], [3_000_000], [10, 3_000_000, 10], [2_000] * 1_500])
def test_parcels_are_bounded_by_bytes(sizes):
    """
    What is taken at once stays within its bytes, but for a single row that is larger alone.
    """
    stock = Stock()
    rows = [row("x" * size) for size in sizes]
    stock.put(chunk(0, rows))
    assert [r for _, r in drained(stock)] == rows


def test_a_row_of_a_later_version_counts_as_info():
    """
    A level that we do not know ranks as info.
    """
    strange = bytearray(row("x"))
    strange[11] = 0x33
    stock = Stock()
    stock.put(chunk(0, [row("d", level="warn"), bytes(strange), row("e", level="debug")]))
    assert stock.lighten(Amount(2, 0)).entries == 2
    assert [r for _, r in drained(stock)] == [row("d", level="warn")]
