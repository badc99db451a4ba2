"""
How a command ends when it cannot do its work: one sentence on standard error and an exit code that says why.
"""

from typing import IO, Any, Final

import click

from tracelog.core.text import one_line
from tracelog.errors import TracelogError

FOUND: Final = 1
"""Also: not found. What was asked for is the other way round than hoped."""

USAGE: Final = 2
UNREACHABLE: Final = 3

_EXIT_OF_STATUS: Final = {404: FOUND, **dict.fromkeys((400, 401, 403, 405, 413, 421), USAGE)}
_EXIT_OF_STATUS.update(dict.fromkeys((408, 429, 502, 503, 504), UNREACHABLE))
"""What waiting may mend counts as unreachable; what another call or key would mend as usage."""


class CommandError(click.ClickException):
    """
    Ends the command.

    Args:
        sentence: What was wrong, where, and what to do; shown as one line, whatever stands in it.
        code: The exit code.
    """

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(one_line(sentence))
        self.exit_code = code  # type: ignore[misc] # click reads it of the instance

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"tracelog: {self.message}", file=file, err=file is None)


def exit_code(status: int) -> int:
    """
    Return the exit code for an HTTP *status* that is no success.
    """
    return _EXIT_OF_STATUS.get(status, FOUND)


class SentenceGroup(click.Group):
    """
    Commands whose own errors are told as a sentence, never as a traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TracelogError as error:
            code = USAGE if error.reason == "config" else exit_code(error.status)
            raise CommandError(str(error), code) from error
