"""
Values that can be anything, as text and plain data: what is kept of them, and how much at most.
"""

import signal

import msgspec
import pytest

from tests.client import hostile
from tracelog.client.odd import (
    FIELDS_BYTES,
    NODES,
    REPR_CHARS,
    TEXT_CHARS,
    encode_fields,
    encode_odd,
    name_of,
    say,
    shown,
)


def plain(fields):
    return msgspec.msgpack.decode(encode_odd(fields))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("a\x00b", "a\\x00b"),
        (12, "12"),
        (hostile.Text("own"), "own"),
        (hostile.StrRaises(), "<str failed: ValueError>"),
        (hostile.ReprDies(), "<str failed: GeneratorExit>"),
        (hostile.ReprReturnsNoText(), "<str failed: TypeError>"),
    ],
    ids=range(7),
)
def test_the_text_of_a_value(value, text):
    """
    The text of a value is clean, or a placeholder that says what failed.
    """
    assert shown(value) == text


def test_names_are_short():
    """
    A name is cut to its limit; two that begin alike stay two; None is none.
    """
    first, second = name_of("x" * 500 + "a", 64), name_of("x" * 500 + "b", 64)
    assert len(first) == len(second) == 64
    assert first != second
    assert name_of(None, 64) is None
    assert name_of(42, 64) == "42"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (hostile.Text("hello"), "hello"),
        (hostile.Number(7), 7),
        (hostile.Fraction(2.5), 2.5),
        (hostile.ReprRaises(), "<repr failed: ReprRaises, ValueError>"),
        (hostile.ReprDies(), "<repr failed: ReprDies, GeneratorExit>"),
        (hostile.ReprIsHuge(), "x" * REPR_CHARS),
        (2**70, str(2**70)),
        (
            [2**70, hostile.Text("\ud800"), {hostile.Number(1): 1}],
            [str(2**70), "\ufffd", {"<str failed: ValueError>": 1}],
        ),
        ((n for n in range(2)), None),
        ({"\ud800": (1, 2), "b": {3}}, {"\ufffd": [1, 2], "b": [3]}),
        ("x" * (TEXT_CHARS + 1), "x" * TEXT_CHARS),
        (hostile.Shrinking(a=2**70, b=1), "<unreadable: RuntimeError>"),
    ],
    ids=range(12),
)
def test_what_is_kept_of_a_value(value, kept):
    """
    Each kind of odd value becomes the nearest plain one, or a placeholder.
    """
    found = plain({"value": value})["value"]
    assert found == kept or (kept is None and found.startswith("<generator"))


def test_what_is_too_much():
    """
    Containers are cut where they are too deep, too wide or have too many parts, and say how much is missing.
    """
    wide = plain({"list": [2**70] * 5_000, "dict": {f"k{n}": 2**70 for n in range(1_000)}})
    assert wide["list"][-1] == "[cut: 4001 more items]"
    assert wide["dict"]["[cut]"] == "745 more keys"
    assert "[cut: nested too deep]" in str(plain({"deep": hostile.deep(5_000)}))
    bushy = plain({"value": [[2**70] * 900 for _ in range(900)]})
    assert str(bushy).count(str(2**70)) <= NODES
    assert plain({"value": hostile.in_itself(list)})


def test_many_fields_and_much_of_them():
    """
    Fields beyond the number and the bytes of one call are left out, and that is said.
    """
    many = plain({f"k{n}": 2**70 for n in range(300)})
    assert (len(many), many["[cut]"]) == (256, "45 more keys")
    much = plain({f"k{n}": "x" * TEXT_CHARS for n in range(8)})
    assert list(much.values()).count("[cut: too large]") == 5
    assert len(encode_odd({f"k{n}": "x" * TEXT_CHARS for n in range(8)})) <= FIELDS_BYTES + 4_096
    assert len(encode_fields({"value": ["x" * 1000] * 10_000})) <= FIELDS_BYTES


def test_no_fields():
    """
    A call without fields has none, rather than an empty object.
    """
    assert bytes(encode_fields({})) == bytes(encode_odd({})) == b"\xc0"


def test_interrupts_pass():
    """
    An interrupt from the keyboard while a value is looked at is not swallowed.
    """

    class Interrupted(dict):
        def __repr__(self):
            signal.raise_signal(signal.SIGINT)

        def items(self):
            signal.raise_signal(signal.SIGINT)

        __str__ = __repr__

    class Object:
        __repr__ = __str__ = Interrupted.__repr__

    for call in (
        lambda: shown(Object()),
        lambda: say("%s", (Object(),)),
        lambda: plain({"value": [2**70, Object()]}),
        lambda: plain({"value": Interrupted(a=2**70)}),
    ):
        with pytest.raises(KeyboardInterrupt):
            call()
