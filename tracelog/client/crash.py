"""
An exception on its way into an entry: cheap facts on the calling thread, text with source lines later.

Walking a traceback costs a few microseconds; formatting it with its lines costs a hundred. So the caller
notes file, line and function, and the background thread writes the text.
"""

import linecache
import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from types import FrameType, TracebackType
from typing import Any, Final

from tracelog.client.frames import is_wanted, variables
from tracelog.client.interrupts import is_from_outside
from tracelog.client.odd import shown
from tracelog.core.clean import clean_text, shorten
from tracelog.core.entry import NAME_CHARS

MAX_FRAMES: Final = 100
"""Frames kept of one traceback: the outermost and the innermost half; what lies between is counted."""

MAX_FAULTS: Final = 32
"""Exceptions kept of one chain or tree of groups."""

MAX_TEXT: Final = 16 * 1024
LINE_CHARS: Final = 256

NAMES: Final = 256
"""Names of types that are remembered: a program raises few."""

Frame = tuple[str, int, str, Sequence[str]]
"""File, line, function, and what its variables held, where that is asked for."""

_OWN: Final = __name__.rpartition(".")[0]
"""The package that a caller's stack ends before."""


class Stack:
    """
    Frames, the outermost first, with nothing of the running program held on to.
    """

    __slots__ = ("frames", "hidden", "said")

    def __init__(self, frames: list[Frame], said: str = "") -> None:
        self.said = said
        self.hidden = max(0, len(frames) - MAX_FRAMES)
        half = MAX_FRAMES // 2
        self.frames = frames[:half] + frames[-half:] if self.hidden else frames

    def text(self) -> str:
        """
        Return the frames as Python prints them, with their source lines, where these can be found.
        """
        parts = ["Traceback (most recent call last):"] if self.frames else []
        for index, (file, line, function, held) in enumerate(self.frames):
            if self.hidden and index == len(self.frames) // 2:
                parts.append(f"  … {self.hidden} more frames")
            parts.append(f'  File "{file}", line {line}, in {function}')
            if source := _source(file, line):
                parts.append(f"    {source}")
            parts += [f"      {variable}" for variable in held]
        return clean_text("\n".join([*parts, self.said] if self.said else parts))


class UnreadableError(Exception):
    """
    Stands for an exception that cannot be read.
    """


class Fault:
    """
    One exception of a chain, noted.
    """

    __slots__ = ("cause", "link", "members", "message", "stack", "type")

    def __init__(self, error: BaseException) -> None:
        self.type = _type_name(type(error))
        self.message = _message(error)
        said = f"{self.type}: {self.message}" if self.message else self.type
        self.stack = Stack(_frames(error.__traceback__), said)
        self.cause: Fault | None = None
        self.link = ""
        self.members: list[Fault] = []

    def error(self) -> dict[str, Any]:
        """
        Return the `error` field: type, message and causes.
        """
        shown_error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.cause is not None:
            shown_error["cause"] = self.cause.error()
        return shown_error

    def text(self) -> str:
        """
        Return the traceback text as Python prints it: causes first, the exception itself last.
        """
        parts = [] if self.cause is None else [self.cause.text(), "", _LINKS[self.link], ""]
        parts.append(self.stack.text())
        for number, member in enumerate(self.members, 1):
            parts += [f"  + member {number}:", *("  | " + text for text in member.text().split("\n"))]
        return "\n".join(parts)


_LINKS: Final = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}


def note(error: BaseException) -> Fault:
    """
    Return what is worth keeping of *error*, its causes and the members of a group. Never raises.
    """
    try:
        return _note(error, set())
    except BaseException as raised:  # an exception class with attributes of its own making
        if is_from_outside(raised):
            raise
        return Fault(UnreadableError(type(error).__name__))


def current_error(said: Any) -> BaseException | None:
    """
    Return the exception that `exc_info=` *said* means: True for the one being handled, an exception, or what
    `sys.exc_info()` returns.
    """
    if issubclass(type(said), BaseException):
        error: BaseException = said
        return error
    if type(said) is tuple:
        return said[1] if len(said) == 3 and issubclass(type(said[1]), BaseException) else None
    return sys.exception() if said else None


def asked_stack(said: Any) -> Stack | None:
    """
    Return the stack that `stack_info=` *said* means: a text that somebody wrote, True for the caller's own.
    """
    if not said:
        return None
    if isinstance(said, str):
        return Stack([], shown(said)[: MAX_TEXT * 8])
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to look at one's own stack
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_OWN):
        frame = frame.f_back
    frames: list[Frame] = []
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name, ()))
        frame = frame.f_back
    return Stack(frames[::-1])


def _note(error: BaseException, seen: set[int]) -> Fault:
    """
    Note *error* and what hangs together with it; *seen* bounds the walk, however the program tied the knot.
    """
    seen.add(id(error))
    fault = Fault(error)
    link = "context" if error.__cause__ is None else "cause"
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    if cause is not None and id(cause) not in seen and len(seen) < MAX_FAULTS:
        fault.cause, fault.link = _note(cause, seen), link
    if isinstance(error, BaseExceptionGroup):
        for member in islice(error.exceptions, MAX_FAULTS):
            if id(member) not in seen and len(seen) < MAX_FAULTS:
                fault.members.append(_note(member, seen))
    return fault


def _frames(traceback: TracebackType | None) -> list[Frame]:
    frames: list[Frame] = []
    begin = traceback
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append((code.co_filename, traceback.tb_lineno, code.co_name, ()))
        traceback = traceback.tb_next
    if begin is not None and is_wanted():
        held = variables(begin, len(frames))
        frames[-len(held) :] = [
            (*frame[:3], said) for frame, said in zip(frames[-len(held) :], held, strict=True)
        ]
    return frames


def _type_name(kind: type[BaseException]) -> str:
    module, name = kind.__module__, kind.__qualname__
    if type(module) is str and type(name) is str:
        return _named(module, name)
    return shorten(shown(f"{module}.{name}"), NAME_CHARS)  # whatever a metaclass answers


@lru_cache(maxsize=NAMES)
def _named(module: str, name: str) -> str:
    named = name if module in {"builtins", "__main__"} else f"{module}.{name}"
    return shorten(clean_text(named), NAME_CHARS)


def _message(error: BaseException) -> str:
    text = shown(error)[:MAX_TEXT]
    notes = getattr(error, "__notes__", ())
    if not notes or not isinstance(notes, list | tuple):
        return text
    return "\n".join((text, *(shown(note)[:MAX_TEXT] for note in islice(notes, MAX_FAULTS))))[:MAX_TEXT]


def _source(file: str, line: int) -> str:
    try:
        return linecache.getline(file, line).strip()[:LINE_CHARS]
    except Exception:  # a file name that no file can have: the frame stands without its line
        return ""
