"""
Commands that take a search: one that begins with a minus is a search and no option.
"""

import re
from typing import Final

import click

_TURNED_ROUND: Final = re.compile(r"-(?!-)(?!h$)(?!n=?\d*$).")
"""A term with a minus: not a long option, and not the short ones of these commands, `-h` and `-n 5`."""


class SearchCommand(click.Command):
    """
    A command whose argument is a search, such as `-system:browser`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_searches_last(args))

    def _with_searches_last(self, args: list[str]) -> list[str]:
        """
        Return *args* with the searches that begin with a minus behind `--`, where no option is looked for.
        """
        if "--" in args:
            return args
        valued = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        options: list[str] = []
        searches: list[str] = []
        for arg in args:
            is_value = bool(options) and options[-1] in valued
            (searches if _TURNED_ROUND.match(arg) and not is_value else options).append(arg)
        return [*options, "--", *searches] if searches else options
