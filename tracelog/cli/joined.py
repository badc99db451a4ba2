"""
Lines of a program's output put together where they are one: a stack trace and the line before it. Pure.

Known are the traces of Python, with chains and groups; those whose frames begin with `at`, as JavaScript,
Java and .NET print them, or with `from`, as Ruby does; those of Go, Rust and PHP; and a JSON object over many
lines, as `wrangler tail --format json` prints it. A line that may be followed by others is held until one
more has come; in a trace one more of its service, for containers print through each other.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from tracelog.cli.containers import Line, unwrapped

MOST_LINES: Final = 1_000
"""Of one trace: deeper ones are recursion, whose beginning tells as much."""

MOST_OBJECT_LINES: Final = 10_000
"""Of one object: a request with its headers and a few hundred console lines."""

APART: Final = 100
"""Lines of other services after which nothing more is expected of one that is silent."""

_PYTHON: Final = re.compile(r"\s*(?:\+ Exception Group )?Traceback \(most recent call last\):\s*$")
_GROUP: Final = re.compile(r"\s+\+ Exception Group ")
_GROUP_RAISED: Final = re.compile(r"\s+\| (\w*ExceptionGroup: .*)")
_FRAME: Final = re.compile(
    r"\s+(?:at |from \S+:\d+:in |\.\.\. \d+ (?:more|common frames)|--- End of )|\s*Caused by: |\s+\[cause\]: "
)
_FOLLOWS: Final = (
    (
        re.compile(r"(?:panic|fatal error): "),  # Go
        re.compile(r"\s*$|\s+panic: |\t|goroutine \d+ \[|\[signal |created by |[\w./-]+\(.*\)$"),
    ),
    (
        re.compile(r"thread '.*' panicked at "),  # Rust
        re.compile(r"stack backtrace:|\s+\d+: |\s+at |note: "),
    ),
    (
        re.compile(r".*\bUncaught "),  # PHP
        re.compile(r"Stack trace:\s*$|#\d+ |\s+thrown in "),
    ),
)
"""First lines of traces whose other lines look like nothing else, and those lines."""

_RUST: Final = _FOLLOWS[1][0]
"""Behind it stands, on a line of its own, what the program said."""
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
    Takes the lines of one stream, which services may share: a trace goes on where others speak between.
    """

    def __init__(self) -> None:
        self._voices: dict[str | None, _Voice] = {}
        self._count = 0

    def __call__(self, lines: Iterable[str]) -> Iterator[Said]:
        """
        Yield what *lines* complete; the last of each service may be held.
        """
        for whole in lines:
            line = unwrapped(whole)
            self._count += 1
            yield from self._rest(line.service)
            voice = self._voices.setdefault(line.service, _Voice())
            voice.heard = self._count
            yield from voice.take(line)

    def rest(self) -> Iterator[Said]:
        """
        Yield what is held: nothing more belongs to it.
        """
        for voice in self._voices.values():
            yield from voice.rest()
        self._voices.clear()

    @property
    def holds(self) -> bool:
        """
        Whether a line waits for the next one.
        """
        return bool(self._voices)

    def _rest(self, speaking: str | None) -> Iterator[Said]:
        """
        Yield what is held of others than *speaking* and goes on no more.
        """
        for service, voice in [*self._voices.items()]:
            if service != speaking and not (voice.is_open and self._count - voice.heard <= APART):
                del self._voices[service]
                yield from voice.rest()


class _Voice:
    """
    Takes the lines of one service.

    Attributes:
        heard: Number of its latest line among those of all.
    """

    def __init__(self) -> None:
        self.heard = 0
        self._lines: list[str] = []
        self._first = Line("")
        self._python = False
        self._object = False
        self._whole = False

    @property
    def is_open(self) -> bool:
        """
        Whether a trace has begun and has not told its end.
        """
        return (self._python or len(self._lines) > 1) and not self._whole

    def take(self, line: Line) -> Iterator[Said]:
        """
        Yield what *line* completes; it may be held.
        """
        if self._lines and not self._belongs(line.text):
            yield from self.rest()
        if not self._lines:
            self._first = line
            self._python = _PYTHON.match(line.text) is not None
            self._object = line.text.rstrip() == "{"
        self._lines.append(line.text)

    def rest(self) -> Iterator[Said]:
        """
        Yield what is held.
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

    def _belongs(self, line: str) -> bool:
        if self._object:
            return self._is_inside(line)
        if len(self._lines) >= MOST_LINES:
            return False
        if not self._python:
            return self._is_part(line)
        if self._whole:
            return self._goes_on(line)
        if line == "" or line[0].isspace():
            return True
        self._whole = True
        return _GROUP.match(self._lines[0]) is None  # a group is indented to its end

    def _is_part(self, line: str) -> bool:
        """
        Return whether *line* is one more of a trace that is not Python's.
        """
        first = self._lines[0]
        if first.lstrip().startswith("{"):
            return False
        if _FRAME.match(line) or any(begin.match(first) and part.match(line) for begin, part in _FOLLOWS):
            return True
        if len(self._lines) == 1:
            return _RUST.match(first) is not None
        return self._is_of_error(line)

    def _is_of_error(self, line: str) -> bool:
        """
        Return whether *line* is of the braces in which Node prints the fields of an error behind its frames.
        """
        if self._whole or not any(kept.endswith(" {") for kept in self._lines[1:]):
            return False
        self._whole = line == "}"
        return self._whole or line[:1].isspace()

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
