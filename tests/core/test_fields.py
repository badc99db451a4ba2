"""
Each field of an entry, read whatever it looks like: kept, repaired and named, or kept aside.
"""

import pytest

from tests.core.corpus import NOW, SPAN, made, told
from tracelog.core.straighten import straighten
from tracelog.errors import InvalidEntryError


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "a" * 129,
        "a b",
        "a\n",
        "*",
        "?",
        "[a]",
        "{x}",
        "}{",
        "..\x00",
        "/",
        "%2f",
        "\u0430",
        "0",
        "0" * 32,
        [],
        ["a"],
        {"a": 1},
        5,
        1.5,
        True,
    ],
)
def test_a_trace_id_that_can_be_none(value):
    """
    A trace id that could not be a key refuses the entry by name: a guess would file it under a wrong trace.
    """
    with pytest.raises(InvalidEntryError) as caught:
        made(message="m", trace_id=value)
    assert caught.value.reason == "bad_trace_id"
    assert caught.value.status == 400


def test_an_absent_trace_id_is_made():
    """
    Without a trace id a new one is asked for, once.
    """
    asked = []
    entry = straighten({"message": "m"}, now_ms=NOW, new_trace_id=lambda: asked.append(1) or "made")
    assert entry.trace_id == "made"
    assert asked == [1]
    straighten({"message": "m", "trace_id": "t"}, now_ms=NOW, new_trace_id=lambda: asked.append(1) or "made")
    assert asked == [1]


@pytest.mark.parametrize(
    ("value", "system", "fixed"),
    [
        ("browser", "browser", False),
        ("my-service_2", "my-service_2", False),
        ("Browser", "browser", True),
        ("My Service!", "my-service", True),
        ("x" * 40, "x" * 32, True),
        ("a" * 31 + "  b", "a" * 31, True),
        ("", "", False),
        (None, "", False),
        ("\U0001f4a5", "", True),
        (5, "", True),
        (["browser"], "", True),
        ("-" * 40, "", True),
    ],
)
def test_systems(value, system, fixed):
    """
    A system is made a slug where it can be, else left open for the server to name.
    """
    assert told("system", value) == (system, fixed)


@pytest.mark.parametrize(
    ("value", "message", "fixed"),
    [
        ("hello", "hello", False),
        ("", "", False),
        ("<script>{{7*7}}%s", "<script>{{7*7}}%s", False),
        (5, "5", True),
        (1.5, "1.5", True),
        (True, "true", True),
        ({"a": [1, "x"]}, '{"a":[1,"x"]}', True),
        (["charging", 12, {"a": 1}, None, True], 'charging 12 {"a":1} null true', True),
        (10**30, str(10**30), True),
        (float("nan"), "nan", True),
        ("a\x00b", "a\\x00b", True),
        ("half \ud800", "half \ufffd", True),
        ("\x1b[31mred\r\n\u202e", "\x1b[31mred\r\n\u202e", False),
    ],
)
def test_messages(value, message, fixed):
    """
    A message of any type is text; text is kept to the letter but for NUL and halves of characters.
    """
    assert told("message", value) == (message, fixed)


@pytest.mark.parametrize(
    "raw", [{}, {"message": None}, {"msg": None}, {"level": "info"}, {"error": None}, {"error": False}]
)
def test_no_message(raw):
    """
    An entry without any message is refused by name.
    """
    with pytest.raises(InvalidEntryError) as caught:
        made(**raw)
    assert caught.value.reason == "missing_message"


@pytest.mark.parametrize("field", ["user_id", "service", "logger", "environment", "release", "area", "why"])
def test_names(field):
    """
    Names are text of at most 256 characters; longer ones that begin alike stay different.
    """
    assert told(field, "u1") == ("u1", False)
    assert told(field, "u" * 256) == ("u" * 256, False)
    assert told(field, 7) == ("7", True)
    assert told(field, {"id": 7}) == ('{"id":7}', True)
    first, second = told(field, "u" * 300 + "1"), told(field, "u" * 300 + "2")
    assert (len(first[0]), first[1]) == (256, True)
    assert first != second
    assert len(told(field, "\U0001f4a5" * 1_000_000)[0]) == 256


@pytest.mark.parametrize(("field", "limit"), [("id", 128), ("source", 96)])
def test_keys_stay_different_when_shortened(field, limit):
    """
    Two long ids that begin alike must not become one: the second would be dropped as a duplicate.
    """
    first, second = made(message="m", **{field: "x" * 500}), made(message="m", **{field: "x" * 501})
    assert len(getattr(first, field)) == len(getattr(second, field)) == limit
    assert getattr(first, field) != getattr(second, field)
    assert getattr(first, field) == getattr(made(message="m", **{field: "x" * 500}), field)
    assert first.fixed == [field]
    assert told(field, "x" * limit) == ("x" * limit, False)
    assert told(field, 5) == ("5", True)


@pytest.mark.parametrize("field", ["span_id", "parent_id"])
def test_spans(field):
    """
    Span ids are lowered; what is none is kept as context.
    """
    assert told(field, SPAN) == (SPAN, False)
    assert told(field, SPAN.upper()) == (SPAN, True)
    assert told(field, "") == (None, False)
    for bad in ("0" * 16, "abc", 5, SPAN + "\n", ["x"]):
        assert told(field, bad) == (None, True)
        assert made(message="m", **{field: bad}).context == {f"original_{field}": bad}


@pytest.mark.parametrize(
    ("field", "value", "kept", "fixed"),
    [
        ("duration_ms", 0, 0.0, False),
        ("duration_ms", 12.5, 12.5, False),
        ("duration_ms", "12.5", 12.5, True),
        ("duration_ms", -1, None, True),
        ("duration_ms", float("inf"), None, True),
        ("duration_ms", float("nan"), None, True),
        ("duration_ms", 10**400, None, True),
        ("duration_ms", "soon", None, True),
        ("duration_ms", True, None, True),
        ("seq", 0, 0, False),
        ("seq", 2**53, 2**53, False),
        ("seq", 5.0, 5, False),
        ("seq", "5", 5, True),
        ("seq", 2**53 + 1, None, True),
        ("seq", str(2**53 + 1), None, True),
        ("seq", -1, None, True),
        ("seq", 5.5, None, True),
        ("count", 15_800, 15_800, False),
        ("count", 0, None, True),
        ("count", [], None, True),
        ("hops", 3, 3, False),
        ("hops", -3, None, True),
        ("sample_rate", 0.2, 0.2, False),
        ("sample_rate", 1, 1.0, False),
        ("sample_rate", 0, None, True),
        ("sample_rate", 1.5, None, True),
        ("kind", "summary", "summary", False),
        ("kind", "other", None, True),
        ("kind", ["summary"], None, True),
        ("kind", {"summary": 1}, None, True),
        ("last_timestamp", NOW, NOW, False),
        ("last_timestamp", NOW / 1000, NOW, True),
        ("last_timestamp", 5, None, True),
    ],
)
def test_numbers_and_kinds(field, value, kept, fixed):
    """
    Numbers of the right kind and range are kept, text that says one is read, the rest is kept as context.
    """
    assert told(field, value) == (kept, fixed)
    if kept is None:
        assert f"original_{field}" in made(message="m", **{field: value}).context


@pytest.mark.parametrize(
    ("value", "stack", "fixed"),
    [
        ("Error: x\n  at f", "Error: x\n  at f", False),
        (["Error: x", "  at f"], "Error: x\n  at f", True),
        ([{"file": "a.py"}, 7], '{"file":"a.py"}\n7', True),
        (None, None, False),
        (["line"] * 100_000, "line\n" * 1000 + "[cut: 99000 more lines]", True),
    ],
)
def test_stacks(value, stack, fixed):
    """
    A stack sent as a list of lines is text again.
    """
    assert told("stack", value) == (stack, fixed)
