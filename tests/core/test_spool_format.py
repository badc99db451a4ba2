"""
The spool file: whatever happens to its bytes, what is whole is read and nothing else.
"""

from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.parcels import row
from tracelog.core.compact import HOLE, Header
from tracelog.core.spool_format import HEAD_BYTES, MARK, Batch, frame, head, read_body, record_at, scan

SALT = b"12345678"
HEADER = Header(v=1, source="a-1", system="backend", service="shop")


def numbered(seq):
    return Header(v=1, source="a-1", system="backend", service="shop", seq=seq)


def written(count):
    """
    Return a file of *count* records and where each begins and ends.
    """
    data, places = head(SALT), []
    for number in range(count):
        record = frame(numbered(number), [row(f"m{number}" * (number + 1))], SALT)
        places.append((len(data), len(data) + len(record)))
        data += record
    return data, places


def whole(data):
    """
    Return the numbers of the records that are read from *data*; what is found must cover it without gaps.
    """
    at, seen = 0, []
    for found in scan(data):
        assert found.at == (at if seen or found.at < HEAD_BYTES or at else HEAD_BYTES)
        at = found.at + found.size
        if found.body is not None:
            seen.append(read_body(found.body).header.seq)
    assert at == len(data) or len(data) <= HEAD_BYTES
    return seen


@given(st.integers(0, 20))
def test_what_is_written_is_read(count):
    """
    All records come back, in order, with header and rows.
    """
    data, _ = written(count)
    assert whole(data) == list(range(count))
    for number, found in enumerate(scan(data)):
        assert read_body(found.body) == Batch(numbered(number), [row(f"m{number}" * (number + 1))])


@given(st.integers(0, 12), st.data())
def test_a_torn_file_gives_all_before_the_tear(count, data):
    """
    Of a file that ends early, every record that is there whole is read.
    """
    content, places = written(count)
    length = data.draw(st.integers(0, len(content)))
    assert whole(content[:length]) == [number for number, (_, end) in enumerate(places) if end <= length]


@given(st.integers(1, 8), st.data())
def test_damage_costs_only_what_it_touches(count, data):
    """
    Whatever bytes are changed behind the head, each record without a changed byte is read, and no other.
    """
    content, places = written(count)
    changed = bytearray(content)
    touched = data.draw(st.sets(st.integers(HEAD_BYTES, len(content) - 1), min_size=1, max_size=6))
    for at in touched:
        changed[at] ^= data.draw(st.integers(1, 255))
    kept = [n for n, (begin, end) in enumerate(places) if not any(begin <= at < end for at in touched)]
    assert whole(bytes(changed)) == kept


@given(st.binary(max_size=200), st.integers(0, 5), st.data())
def test_strange_bytes_between_records(junk, count, data):
    """
    Bytes that stand between two records hide none of them.
    """
    content, places = written(count)
    at = data.draw(st.sampled_from([HEAD_BYTES, *(end for _, end in places)]))
    assert whole(content[:at] + junk + content[at:]) == list(range(count))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(data):
    """
    What was never a spool file is told as damaged, as one place.
    """
    assert [found.body for found in scan(data)] == ([None] if data else [])


def test_a_record_inside_an_entry_is_no_record():
    """
    Bytes of a whole record that a program managed to log are not taken for one, as it cannot know the salt; nor
    do many false beginnings cost more than a bounded search.
    """
    forged = frame(numbered(9), [row("forged")], b"guessed!")
    data, _ = written(2)
    assert whole(data + forged) == [0, 1]
    false = (MARK + (200).to_bytes(4, "little") + b"none" * 2) * 500
    assert whole(head(SALT) + false) == []


def test_a_record_is_read_at_its_place_only():
    """
    A record is found where it begins, and nowhere else.
    """
    data, places = written(1)
    assert record_at(data, places[0][0], SALT) is not None
    assert record_at(data, places[0][0] + 1, SALT) is None
    assert record_at(data, places[0][0], b"another!") is None


def test_a_body_of_another_making():
    """
    A record whose body is no batch is none.
    """
    assert read_body(b"\x90") is None
    assert read_body(b"") is None


@given(st.lists(st.booleans(), max_size=8), st.integers(0, 30))
def test_what_was_delivered_becomes_holes(rows, done):
    """
    Rows below a number are holes afterwards, the others are as they were.
    """
    batch = Batch(numbered(10), [row("x") if kept else HOLE for kept in rows])
    after = batch.after(done)
    assert len(after.rows) == len(rows)
    expected = [kept and 10 + place >= done for place, kept in enumerate(rows)]
    assert [each != HOLE for each in after.rows] == expected
    assert after.kept == sum(expected)
