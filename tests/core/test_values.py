"""
Texts and numbers on the wire: what JSON can say arrives exactly, what it cannot is replaced and named.
"""

import json

import pytest

from tests.core.corpus import outcome, read, read_one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"a\xffb", "a\ufffdb", id="byte FF"),
        pytest.param(b"\xc0\xaf", "\ufffd\ufffd", id="overlong"),
        pytest.param(b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", id="surrogate as bytes"),
        pytest.param(b"\\ud800", "\ufffd", id="lone high surrogate"),
        pytest.param(b"\\uDFFF x", "\ufffd x", id="lone low surrogate"),
        pytest.param(b"\\ud800\\ud800", "\ufffd\ufffd", id="two high ones"),
        pytest.param(b"\\udc00\\ud83d\\ude00", "\ufffd\U0001f600", id="a low one before a pair"),
        pytest.param(b"\\\\ud800 \\ud800", "\\ud800 \ufffd", id="an escaped backslash before"),
    ],
)
def test_unreadable_text_is_replaced(text, message):
    """
    Bytes and escapes that are no character become U+FFFD, named as fixed; the other entries are untouched.
    """
    first, second = read(b'[{"message":"' + text + b'","context":{"a":"b"}},{"message":"ok"}]').entries
    assert (first.message, first.fixed) == (message, ["message"])
    assert (second.message, second.fixed) == ("ok", None)


def test_unreadable_names_and_contexts_are_named():
    """
    What was replaced is named where it stood.
    """
    entry = read_one(b'{"message":"m","user_id":"\xff","context":{"a":["\\ud800"]},"level":"WARN"}')
    assert (entry.user_id, entry.context) == ("\ufffd", {"a": ["\ufffd"]})
    assert sorted(entry.fixed) == ["context", "level", "user_id"]


@pytest.mark.parametrize(
    "text", ["\\ud83d\\ude00", "\\\\ud800", "\\u00e9", "\\u2028", "\\\\u0000", "\\ufffd"]
)
def test_proper_escapes_are_left_alone(text):
    """
    Pairs, escaped backslashes and other escapes mean what JSON says they mean.
    """
    entry = read_one(b'{"message":"%s"}' % text.encode())
    assert entry.message == json.loads(f'"{text}"')
    assert entry.fixed is None


def test_nul_is_made_visible():
    """
    NUL becomes visible text in values and names.
    """
    entry = read_one(b'{"message":"a\\u0000b","context":{"k\\u0000":["\\u0000"]}}')
    assert (entry.message, entry.context) == ("a\\x00b", {"k\\x00": ["\\x00"]})
    assert sorted(entry.fixed) == ["context", "message"]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"1234567890123456789012345", "1234567890123456789012345"),
        (b"-1234567890123456789012345", "-1234567890123456789012345"),
        (b"18446744073709551616", "18446744073709551616"),
        (b"18446744073709551615", 2**64 - 1),
        (b"9007199254740993", 2**53 + 1),
        (b"-9223372036854775808", -(2**63)),
        (b"0.30000000000000004", 0.1 + 0.2),
        (b"1E5", 1e5),
        (b"-0.0", -0.0),
        (b"1e-400", 0.0),
    ],
)
def test_numbers_are_exact(number, kept):
    """
    A whole number never turns into another one: as a number up to 64 bits, beyond that as text.
    """
    value = read_one(b'{"message":"m","context":{"n":' + number + b"}}").context["n"]
    assert (value, type(value), repr(value)) == (kept, type(kept), repr(kept))


def test_long_numbers_are_exact_too():
    """
    A number of thousands of digits, as far as the decoder reads it, is kept exactly in hexadecimal.
    """
    digits = b"7" * 4000
    assert int(read_one(b'{"message":"m","context":{"n":' + digits + b"}}").context["n"], 16) == int(digits)


def test_of_doubled_keys_the_last_wins():
    """
    A key that occurs twice has one value everywhere, the last: what is checked is what is stored.
    """
    for prefix in (b"", b'"level":"WARN",'):
        entry = read_one(
            b"{"
            + prefix
            + b'"trace_id":"*","message":"a","context":{"k":1,"k":2},"trace_id":"t1","message":"b"}'
        )
        assert (entry.trace_id, entry.message, entry.context) == ("t1", "b", {"k": 2})
        assert outcome(b"{" + prefix + b'"trace_id":"t1","message":"a","trace_id":"*"}') == (
            [],
            [(0, "bad_trace_id")],
        )
