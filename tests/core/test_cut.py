"""
Entries cut to size: never larger than the limit, cut once, and honest about it.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.corpus import STRAIGHT
from tracelog.core.cut import VALUE_MARK, cut_entry, cut_text, fits
from tracelog.core.entry import Entry, Limits, encode_entry

LIMITS = Limits()
WIDE = "\U0001f4a5"


def cut(limits=LIMITS, **values):
    entry = Entry(id="i", trace_id="t", timestamp=1.5, system="s", level="info", **values)
    assert cut_entry(entry, limits) is entry
    assert len(encode_entry(entry)) <= limits.entry
    stored = encode_entry(entry)
    assert encode_entry(cut_entry(entry, limits)) == stored, "a second cut changes nothing"
    return entry


@pytest.mark.parametrize(("field", "limit"), [("message", LIMITS.message), ("stack", LIMITS.stack)])
def test_texts_have_limits_of_their_own(field, limit):
    """
    A text at its limit stays; a longer one keeps its start and says how many characters are missing.
    """
    values = {"message": "m", field: "x" * limit}
    assert cut(**values).fixed is None
    entry = cut(**{**values, field: "x" * 1_000_000})
    text = getattr(entry, field)
    assert limit - 4 < len(text.encode()) <= limit
    kept = text.index("…")
    assert text == "x" * kept + f"… [cut: {1_000_000 - kept} more characters]"
    assert entry.fixed == [field]


@pytest.mark.parametrize("char", ["é", "€", WIDE])
@pytest.mark.parametrize("offset", range(4))
def test_limits_are_counted_in_bytes(char, offset):
    """
    A message of wide characters has the bytes of a narrow one, no character is cut in two, and it says so.
    """
    whole = "x" * offset + char * ((LIMITS.message - offset) // len(char.encode()))
    assert cut(message=whole).fixed is None
    text = "x" * offset + char * LIMITS.message
    entry = cut(message=text, error={"type": "E", "message": text})
    assert sorted(entry.fixed) == ["error", "message"]
    for result in (entry.message, entry.error["message"]):
        assert LIMITS.message - 8 < len(result.encode()) <= LIMITS.message
        kept = result.index("…")
        assert result == text[:kept] + f"… [cut: {len(text) - kept} more characters]"


@pytest.mark.parametrize(
    ("text", "limit", "result"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("", 0, ""),
        ("aé", 2, "a"),
        ("é", 1, ""),
        ("aé€", 3, "aé"),
        (WIDE, 3, ""),
    ],
)
def test_limits_smaller_than_the_mark(text, limit, result):
    """
    Where the mark does not fit, the text is cut without one.
    """
    assert cut_text(text, limit) == result


@given(st.text(max_size=300) | st.text("é€\U0001f4a5\ud800", max_size=300), st.integers(0, 400))
def test_a_cut_text_fits(text, limit):
    """
    No text takes more bytes than its limit after the cut, what is left begins as it did, and one within its
    limit is untouched.
    """

    def size(one):
        return len(one.encode("utf-8", "surrogatepass"))

    result = cut_text(text, limit)
    assert size(result) <= limit
    assert result == cut_text(result, limit)
    assert fits(text, limit) is (size(text) <= limit)
    assert (result == text) is fits(text, limit)
    assert text.startswith(result.partition("… [cut: ")[0])


def test_the_largest_values_of_a_context_go_first():
    """
    Of an entry too large, small values survive the large one beside them.
    """
    entry = cut(message="m", context={"small": 1, "large": "x" * 300_000, "list": [1, 2]})
    assert entry.context == {"small": 1, "large": VALUE_MARK, "list": [1, 2]}
    assert entry.fixed == ["context"]
    assert entry.message == "m"


@pytest.mark.parametrize(
    "values", [{"message": ""}, {"message": "m", "stack": "at f"}, {"message": "m", "context": {}}]
)
def test_small_entries_stay_as_they_are(values):
    """
    An entry within every limit is untouched.
    """
    assert cut(**values) == Entry(id="i", trace_id="t", timestamp=1.5, system="s", level="info", **values)


def test_no_more_is_cut_than_needed():
    """
    Values are given up one by one until the entry fits.
    """
    entry = cut(message="m", context={str(n): "x" * 50_000 for n in range(6)}, stack="at f")
    assert [*entry.context.values()].count(VALUE_MARK) == 1
    assert (entry.fixed, entry.stack) == (["context"], "at f")


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({str(n): "x" * 100 for n in range(10_000)}, id="10,000 keys of 1 MB"),
        pytest.param({str(n) * 50: n for n in range(10_000)}, id="10,000 keys, names alone too large"),
        pytest.param({str(n): "x" * 4_000 for n in range(256)}, id="256 values of 1 MB"),
        pytest.param({"a": [[0] * 1000] * 1000}, id="a million items"),
        pytest.param({str(n): WIDE * 1000 for n in range(256)}, id="wide characters"),
    ],
)
def test_large_contexts_are_cut_in_linear_time(context):
    """
    A context of 1 MB is cut within a few times what encoding it costs, however many keys it has.
    """
    began = time.thread_time()
    encoded = encode_entry(Entry(context=context))
    one = time.thread_time() - began
    began = time.thread_time()
    entry = cut(message="m", context=context)
    assert time.thread_time() - began < max(0.1, 20 * one)
    assert entry.fixed == ["context"]
    assert len(encoded) > LIMITS.entry


@pytest.mark.parametrize("char", ["x", "\x01", "é", WIDE, '"', "\u2028"])
def test_texts_that_grow_when_encoded(char):
    """
    Bytes count, not characters: an entry of wide or escaped text fits too, its message cut last.
    """
    size = len(char.encode())
    entry = cut(message=char * (LIMITS.message // size), stack=char * (LIMITS.stack // size))
    assert entry.message.startswith(char)
    if entry.fixed:
        assert entry.fixed[0] == "stack"


def test_errors_give_up_their_causes_first():
    """
    An error too large loses its causes, then the end of its message; its type stays.
    """
    error = {"type": "E", "message": "x" * 70_000}
    for _ in range(8):
        error = {"type": "E", "message": "y" * 70_000, "cause": error}
    entry = cut(message="m", error=error)
    assert entry.error["type"] == "E"
    assert entry.error["message"].startswith("yyy")
    assert "cause" not in entry.error
    assert entry.fixed == ["error"]
    wide = cut(message="m", error={"type": "E", "message": "\x01" * 60_000})
    assert wide.error["message"].startswith("\x01\x01")
    assert wide.fixed == ["error"]


def test_a_long_message_of_a_cause_is_cut():
    """
    Messages of causes obey the limit of messages.
    """
    entry = cut(
        message="m", error={"type": "E", "message": "x", "cause": {"type": "F", "message": "y" * 100_000}}
    )
    assert LIMITS.message - 40 < len(entry.error["cause"]["message"]) <= LIMITS.message
    assert entry.error["message"] == "x"
    assert entry.fixed == ["error"]


def test_without_a_stack_the_message_is_cut():
    """
    Where nothing else is left, the message gives way.
    """
    entry = cut(message="\x01" * LIMITS.message)
    assert entry.message.startswith("\x01")
    assert entry.fixed == ["message"]


def test_everything_at_once():
    """
    An entry too large in every field still ends as one that fits, every cut field named once.
    """
    error = {"type": "E", "message": WIDE * 60_000, "cause": {"type": "F", "message": "y" * 60_000}}
    entry = cut(message="\x01" * 70_000, stack=WIDE * 200_000, error=error, context={"a": "z" * 500_000})
    assert sorted(entry.fixed) == ["context", "error", "message", "stack"]


@given(STRAIGHT, st.integers(900, 4000), st.integers(0, 400))
def test_any_entry_fits_any_limit(values, size, more):
    """
    Whatever the entry and the limit, the result fits and keeps its ids; one that fitted is untouched.
    """
    names = ("service", "logger", "environment", "release", "area", "why")
    entry = Entry(**{**values, **dict.fromkeys(names), "message": values["message"] + "m" * more})
    before = encode_entry(entry)
    cut_entry(entry, Limits(entry=size))
    after = encode_entry(entry)
    assert len(after) <= size
    assert (len(before) > size) or before == after
    assert entry.id == values.get("id", "")
