"""
Lines of a program's output put together where they are one: a stack trace and the line before it. Pure.

Known are the traces of Python, with chains and groups, and those whose frames begin with `at`, as JavaScript,
Java and .NET print them; and a JSON object over many lines, as `wrangler tail --format json` prints it. A
line that may be followed by others is held until the next one has come.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tracelog.cli.containers import Line, unwrapped

MOST_LINES: Final = 1_000
"""Of one trace: deeper ones are recursion, whose beginning tells as much."""

MOST_OBJECT_LINES: Final = 10_000
"""Of one object: a request with its headers and a few hundred console lines."""

_PYTHON: Final = re.compile(r"\s*(?:\+ Exception Group )?Traceback \(most recent call last\):\s*$")
_GROUP: Final = re.compile(r"\s+\+ Exception Group ")
_GROUP_RAISED: Final = re.compile(r"\s+\| (\w*ExceptionGroup: .*)")
_FRAME: Final = re.compile(
    r"\s+(?:at |\.\.\. \d+ (?:more|common frames)|--- End of )|\s*Caused by: |\s+\[cause\]: "
)
_CHAINED: Final = re.compile(
    r"During handling of the above exception, another exception occurred:|"
    r"The above exception was the direct cause of the following exception:"
)
_RAISED: Final = re.compile(r"(?P<type>[A-Za-z_][\w.]{0,200})(?:: (?P<message>.*))?$")


class Said(NamedTuple):
    """
    What a program said at a time.

    Attributes:
        text: Its line; of a Python trace the last one, which says what was raised.
        stack: All lines of the trace, None when there is none.
        raised: Type and message of what was raised, where that is plain.
        service: The container that said it, and *time* when, where its log says so.
    """

    text: str
    stack: str | None = None
    raised: tuple[str, str] | None = None
    service: str | None = None
    time: str | None = None


class Joiner:
    """
    Takes the lines of one stream.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._first = Line("")
        self._python = False
        self._object = False
        self._whole = False

    def __call__(self, lines: Iterable[str]) -> Iterator[Said]:
        """
        Yield what *lines* complete; the last may be held.
        """
        for whole in lines:
            line = unwrapped(whole)
            if self._lines and not (line.service == self._first.service and self._belongs(line.text)):
                yield from self.rest()
            if not self._lines:
                self._first = line
                self._python = _PYTHON.match(line.text) is not None
                self._object = line.text.rstrip() == "{"
            self._lines.append(line.text)

    def rest(self) -> Iterator[Said]:
        """
        Yield what is held: nothing more belongs to it.
        """
        lines, self._lines, self._whole = self._lines, [], False
        if lines:
            said = Said("\n".join(lines)) if self._object else self._joined(lines)
            yield said._replace(service=self._first.service, time=self._first.time)

    def _joined(self, lines: list[str]) -> Said:
        blank = next((n for n, line in enumerate(reversed(lines)) if line.strip()), 0)
        kept = lines[: len(lines) - blank]
        if len(kept) == 1:
            return Said(kept[0])
        return _python(kept) if self._python else Said(kept[0], "\n".join(kept), _raised(kept[0]))

    @property
    def holds(self) -> bool:
        """
        Whether a line waits for the next one.
        """
        return bool(self._lines)

    def _belongs(self, line: str) -> bool:
        if self._object:
            return self._is_inside(line)
        if len(self._lines) >= MOST_LINES:
            return False
        if not self._python:
            return _FRAME.match(line) is not None and not self._lines[0].lstrip().startswith("{")
        if self._whole:
            return self._goes_on(line)
        if line == "" or line[0].isspace():
            return True
        self._whole = True
        return _GROUP.match(self._lines[0]) is None  # a group is indented to its end

    def _is_inside(self, line: str) -> bool:
        """
        Return whether *line* belongs to an object over many lines, which ends as it begins: unindented.
        """
        if self._whole or len(self._lines) >= MOST_OBJECT_LINES:
            return False
        self._whole = line.rstrip() == "}"
        return self._whole or line[:1].isspace()

    def _goes_on(self, line: str) -> bool:
        """
        Return whether *line* belongs to a Python trace that has said what was raised; another may be chained.
        """
        if _CHAINED.match(line):
            return True
        if _PYTHON.match(line) and any(map(_CHAINED.match, self._lines[-2:])):
            self._whole = False
            return True
        return not line.strip()


def _python(lines: list[str]) -> Said:
    if _GROUP.match(lines[0]):
        last = next((found[1] for found in map(_GROUP_RAISED.match, lines) if found), lines[0])
    else:
        last = next((line for line in reversed(lines) if line[:1].strip()), lines[0])
    return Said(last, "\n".join(lines), _raised(last))


def _raised(line: str) -> tuple[str, str] | None:
    found = _RAISED.match(line)
    return None if found is None else (found["type"], found["message"] or "")
