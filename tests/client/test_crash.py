"""
Exceptions and stacks on their way into an entry.
"""

import sys

import pytest

from tests.client import hostile
from tracelog.client import crash


def chain():
    try:
        try:
            _ = {}["missing"]
        except KeyError as error:
            raise ValueError("bad value") from error
    except ValueError:
        try:
            raise RuntimeError("while handling")  # noqa: TRY301 - this is about what is raised while handling
        except RuntimeError as error:
            return error


def logged(connect, error):
    client, wire = connect()
    client.get_logger("till").error("failed", exc_info=error)
    client.flush(5.0)
    (entry,) = wire.entries.values()
    return entry


def test_a_chain_is_told_with_its_causes(connect):
    """
    Causes are nested in `error`, the nearest first, and their tracebacks stand in `stack`, the first cause first.
    """
    entry = logged(connect, chain())
    assert entry.error == {
        "type": "RuntimeError",
        "message": "while handling",
        "cause": {
            "type": "ValueError",
            "message": "bad value",
            "cause": {"type": "KeyError", "message": "'missing'"},
        },
    }
    places = [
        entry.stack.index(text) for text in ("KeyError: 'missing'", "ValueError: bad", "RuntimeError: while")
    ]
    assert places == sorted(places)
    assert "During handling of the above exception" in entry.stack
    assert "The above exception was the direct cause" in entry.stack
    assert '    _ = {}["missing"]' in entry.stack
    assert f'File "{__file__}", line ' in entry.stack


def test_a_suppressed_context_is_left_out(connect):
    """
    `raise … from None` means that what was handled is no cause.
    """
    try:
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            raise ValueError("clean") from None
    except ValueError as error:
        entry = logged(connect, error)
    assert entry.error == {"type": "ValueError", "message": "clean"}
    assert "ZeroDivisionError" not in entry.stack


def test_the_members_of_a_group(connect):
    """
    The members of an exception group stand in the stack, each with its own traceback, and notes in its message.
    """
    noted = KeyError("k")
    noted.add_note("look at the config")
    group = ExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [noted])])
    entry = logged(connect, group)
    assert entry.error == {"type": "ExceptionGroup", "message": "several (2 sub-exceptions)"}
    for text in ("+ member 1:", "  | ValueError: a", "+ member 2:", "look at the config"):
        assert text in entry.stack


def handled():
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        return sys.exc_info()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (ValueError("x"), "ValueError"),
        (handled(), "ZeroDivisionError"),
        ((None, None, None), None),
        ((1, 2), None),
        (None, None),
        (False, None),
        (True, None),
        (0, None),
    ],
)
def test_forms_of_exc_info(connect, said, kind):
    """
    `exc_info` is an exception, a triple of `sys.exc_info()`, or true for the one being handled, if there is one.
    """
    entry = logged(connect, said)
    assert (entry.error or {}).get("type") == kind
    assert entry.context is None


def test_exception_logs_what_is_handled(connect):
    """
    `exception()` tells the exception that is being handled, at error level, with the fields of the call.
    """
    client, wire = connect()
    log = client.get_logger("till")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("failed", order=7)
        log.exception("failed", exc_info=ValueError("other"))
    log.exception("nothing handled")  # noqa: LOG004 - a program may do so
    client.flush(5.0)
    first, second, third = wire.entries.values()
    assert (first.level, first.error["type"], first.context) == ("error", "ZeroDivisionError", {"order": 7})
    assert second.error["type"] == "ValueError"
    assert third.error is third.stack is None


def test_stack_info(connect):
    """
    `stack_info` adds the stack of the caller, without our own frames, or the text that it is.
    """
    client, wire = connect()
    log = client.get_logger("till")
    log.info("here", stack_info=True)
    log.info("there", stack_info="File x, line 1")
    log.info("not", stack_info=False)
    client.flush(5.0)
    here, there, none = wire.entries.values()
    assert here.stack.rstrip().endswith('log.info("here", stack_info=True)')
    assert "tracelog/client" not in here.stack
    assert (there.stack, none.stack) == ("File x, line 1", None)
    assert [entry.context for entry in wire.entries.values()] == [None] * 3


def recurse(n):
    if n == 0:
        raise RecursionError("deep")
    recurse(n - 1)


def test_a_deep_stack_keeps_both_ends():
    """
    Of a deep traceback the outermost and the innermost frames are kept, and what lies between is counted.
    """
    try:
        recurse(300)
    except RecursionError as error:
        fault = crash.note(error)
    assert len(fault.stack.frames) == crash.MAX_FRAMES
    assert f"  … {fault.stack.hidden} more frames" in fault.text()
    assert fault.stack.hidden + crash.MAX_FRAMES == 302
    assert "test_a_deep_stack_keeps_both_ends" in fault.text()


def test_knots_come_to_an_end():
    """
    Exceptions that are their own causes, or groups of groups without number, are noted within a bound.
    """
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    assert crash.note(a).error() == {
        "type": "ValueError",
        "message": "a",
        "cause": {"type": "ValueError", "message": "b"},
    }
    wide = [ValueError(str(n)) for n in range(10)]
    for level in range(6):
        wide = [ExceptionGroup(f"g{level}", [*wide, ValueError(f"{level} {n}")]) for n in range(10)]
    noted = crash.note(ExceptionGroup("all", wide))
    assert noted.text().count("member") <= crash.MAX_FAULTS
    long = ValueError("end")
    for n in range(200):
        nearer = ValueError(str(n))
        nearer.__cause__ = long
        long = nearer
    assert str(crash.note(long).error()).count("cause") == crash.MAX_FAULTS - 1


class Odd(Exception):  # noqa: N818 - about its make, not its name
    def __init__(self, text):
        super().__init__()
        self.text = text

    def __str__(self):
        if self.text is None:
            raise RuntimeError
        return self.text


class CauseRaises(Exception):  # noqa: N818 - about its make, not its name
    @property
    def __cause__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Odd(None), "<str failed: RuntimeError>"),
        (Odd("half \ud800"), "half \ufffd"),
        (Odd(hostile.Text("own")), "own"),
        (Odd("x" * 1_000_000), "x" * crash.MAX_TEXT),
        (ValueError(hostile.StrRaises()), "<str failed: ValueError>"),
        (CauseRaises("c"), "CauseRaises"),
    ],
)
def test_odd_exceptions(connect, error, message):
    """
    An exception whose text or parts cannot be had still makes an entry, and so do those logged with it.
    """
    client, wire = connect()
    log = client.get_logger("till")
    log.info("before")
    log.error("odd", exc_info=error)
    log.info("after")
    client.flush(5.0)
    before, odd, after = wire.entries.values()
    assert (before.message, after.message) == ("before", "after")
    assert odd.error["message"] == message


@pytest.mark.parametrize("file", ["gone.py", "nul\x00.py", "half\ud800.py", "/dev/null", ""])
@pytest.mark.parametrize("line", [0, 2, -1, 10**9, None])
def test_source_lines_that_cannot_be_found(file, line):
    """
    A frame whose file or line cannot be read stands without its source.
    """
    text = crash.Stack([(file, line, "f", ())], "ValueError: x").text()
    assert text.endswith(f", line {line}, in f\nValueError: x")
    text.encode()


def test_notes_of_the_wrong_kind():
    """
    Notes that are no list of texts do no harm.
    """
    error = ValueError("x")
    error.__notes__ = 12
    assert crash.note(error).message == "x"
    error.__notes__ = [hostile.StrRaises(), "b"]
    assert crash.note(error).message == "x\n<str failed: ValueError>\nb"
