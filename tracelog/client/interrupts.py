"""
Who raised what comes out of a log call: the value that is being looked at, or a signal in its middle.

What a value raises costs a placeholder at most, `SystemExit` included: logging never raises into a program.
What a signal raises into whatever runs at the moment is the program's own, and must reach it: an interrupt, a
handler that exits, an alarm that says a timeout is over. So is what another thread raises in this one, as
time limits of workers do (`PyThreadState_SetAsyncExc`).
"""

import functools
from types import CodeType, TracebackType
from typing import Any, Final

_SAID_IN_C: Final = frozenset({"SystemExit", "GeneratorExit", "CancelledError"})
"""What a value can raise without a `raise` of its own: by `sys.exit()`, or by asking a cancelled future."""


def is_from_outside(error: BaseException) -> bool:
    """
    Whether a signal or another thread raised *error*, and not the code that it came out of.

    A handler that is written in Python stands in the traceback. That of an interrupt is the interpreter's,
    and does not, nor does another thread: so what is no `Exception`, and was raised by no `raise` statement,
    is theirs.
    """
    innermost = error.__traceback__
    if innermost is None:
        return False
    codes = {innermost.tb_frame.f_code}
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
        codes.add(innermost.tb_frame.f_code)
    if len(codes) > 1 and not codes.isdisjoint(_handlers()):
        return True
    if isinstance(error, Exception) or type(error).__name__ in _SAID_IN_C:
        return False
    return not _raised_by_statement(innermost)


def _raised_by_statement(traceback: TracebackType) -> bool:
    from opcode import opmap  # noqa: PLC0415 - few programs ever come here, and all would pay for it

    return traceback.tb_frame.f_code.co_code[traceback.tb_lasti] == opmap["RAISE_VARARGS"]


def _handlers() -> set[CodeType]:
    from signal import Signals, getsignal  # noqa: PLC0415 - as above

    found = (_code(getsignal(number)) for number in Signals)
    return {code for code in found if code is not None}


def _code(handler: Any) -> CodeType | None:
    """
    Return the code of *handler*: a function, a method, an object that is called, or a partial one of these.
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    if not callable(handler):
        return None
    code = getattr(handler, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
    return code if isinstance(code, CodeType) else None
