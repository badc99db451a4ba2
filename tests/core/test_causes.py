"""
The error of an entry: any runtime's form becomes `{type, message, cause?}`, and nothing it carried is lost.
"""

import json

import pytest

from tests.core.corpus import made, read_one
from tracelog.core.entry import Limits


@pytest.mark.parametrize(
    ("value", "error", "fixed", "context"),
    [
        ({"type": "E", "message": "x"}, {"type": "E", "message": "x"}, False, None),
        (
            {"type": "E", "message": "x", "cause": {"type": "F", "message": "y"}},
            {"type": "E", "message": "x", "cause": {"type": "F", "message": "y"}},
            False,
            None,
        ),
        ({"name": "TypeError", "message": "x"}, {"type": "TypeError", "message": "x"}, True, None),
        (
            {"name": "n", "type": "T", "message": "x"},
            {"type": "T", "message": "x"},
            True,
            {"error": {"name": "n"}},
        ),
        ({"message": "x", "code": 7}, {"type": "Error", "message": "x"}, True, {"error": {"code": 7}}),
        ({"type": "E"}, {"type": "E", "message": ""}, True, None),
        ({"type": "E", "message": None}, {"type": "E", "message": ""}, True, None),
        ({"type": "E", "message": 0}, {"type": "E", "message": "0"}, True, None),
        ({"type": "E", "message": "x", "cause": None}, {"type": "E", "message": "x"}, True, None),
        (
            {"type": "E", "message": "x", "cause": "y"},
            {"type": "E", "message": "x", "cause": {"type": "Error", "message": "y"}},
            True,
            None,
        ),
        (
            {"type": "E", "message": "x", "cause": {"message": "y", "code": 1}},
            {"type": "E", "message": "x", "cause": {"type": "Error", "message": "y"}},
            True,
            {"error": {"cause": {"code": 1}}},
        ),
        ("boom", {"type": "Error", "message": "boom"}, True, None),
        (["boom", 7], {"type": "Error", "message": "boom 7"}, True, None),
        ({}, {"type": "Error", "message": ""}, True, None),
        ({"type": "E\x00", "message": "\ud800"}, {"type": "E\\x00", "message": "\ufffd"}, True, None),
        (False, None, False, {"error": False}),
        (None, None, False, None),
    ],
)
def test_errors(value, error, fixed, context):
    """
    An error of any runtime is `{type, message, cause?}`; what else it carries is kept under context.
    """
    for entry in (
        made(message="m", error=value),
        read_one(json.dumps({"message": "m", "error": value}).encode()),
    ):
        assert (entry.error, "error" in (entry.fixed or [])) == (error, fixed)
        assert entry.context == context


def test_the_stack_of_an_error_is_the_stack_of_the_entry():
    """
    A stack inside the error is the entry's, unless the entry has one of its own: then both are kept.
    """
    inside = made(message="m", error={"type": "E", "message": "x", "stack": "at f"})
    assert (inside.stack, inside.context) == ("at f", None)
    both = made(message="m", stack="at g", error={"type": "E", "message": "x", "stack": "at f"})
    assert (both.stack, both.context) == ("at g", {"error": {"stack": "at f"}})


def test_an_error_without_a_message_of_the_entry():
    """
    Where only an error came, it is the message.
    """
    entry = made(error={"type": "TypeError", "message": "x is undefined"})
    assert entry.message == "TypeError: x is undefined"
    assert entry.fixed == ["message"]


def test_a_long_chain_of_causes_is_cut_and_kept():
    """
    A chain longer than the depth limit ends there; its rest is kept, as deep as context may be.
    """
    chain = {"type": "E", "message": "last"}
    for n in range(40):
        chain = {"type": "E", "message": str(n), "cause": chain}
    entry = made(message="m", error=chain)
    assert read_one({"message": "m", "error": chain}).error == entry.error
    causes, error = 0, entry.error
    while error := error.get("cause"):
        causes += 1
    assert causes == Limits().depth - 1
    assert entry.context["error"]["cause"]["cause"]
    assert "error" in entry.fixed
