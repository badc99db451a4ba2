"""
What many commands have in common: their options, and the terminal they write to.
"""

import shutil
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
import msgspec

from tracelog.config import wants_color

Command = TypeVar("Command", bound=Callable[..., Any])

PLAIN_WIDTH: Final = 100
"""Columns of human text that goes to a file or a pipe, where no terminal says how wide it is."""


class Screen(msgspec.Struct, frozen=True):
    """
    Where human text goes.

    Attributes:
        width: Columns.
        color: Whether colours are wanted.
        terminal: Whether a person's terminal is there, and no file or pipe.
    """

    width: int
    color: bool
    terminal: bool

    @property
    def limit(self) -> int | None:
        """
        Columns that one line may take; None where nobody counts them.
        """
        return self.width if self.terminal else None


def screen(color: bool | None) -> Screen:
    """
    Return what standard output is; *color* is what the person asked for, None for nothing.
    """
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else PLAIN_WIDTH
    return Screen(width, wants_color() and terminal if color is None else color, terminal)


def public(url: str) -> str:
    """
    Return *url* without user and password.
    """
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url


def server_options(command: Command) -> Command:
    """
    Add `--url` and `--key`.
    """
    command = click.option("--key", metavar="KEY", help="Read key of the server; else TRACELOG_KEY.")(command)
    return click.option(
        "--url", metavar="URL", help="Server; else TRACELOG_URL, else http://127.0.0.1:8787."
    )(command)


def format_option(*formats: str) -> Callable[[Command], Command]:
    """
    Add `--format` with the choice of *formats*; the first is the default.
    """
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of the data.",
    )


def color_option(command: Command) -> Command:
    """
    Add `--color/--no-color`.
    """
    help_text = "Colours; default: on a terminal, unless NO_COLOR is set."
    return click.option("--color/--no-color", "color", default=None, help=help_text)(command)


def write(text: str) -> None:
    """
    Write *text* to standard output, with one line end behind it.
    """
    click.echo(text.rstrip("\n"), color=True)


def tell(sentence: str) -> None:
    """
    Say *sentence* to the person, on standard error.
    """
    click.echo(f"tracelog: {sentence}", err=True)
