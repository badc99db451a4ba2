"""
Whether a program in development shows its entries on standard error, beside shipping them.
"""

from typing import Annotated, Final

import msgspec

CONSOLE: Final = "^(auto|on|pretty|compact|off)$"


class ShownSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a client shows while it ships.

    Attributes:
        console: `auto` shows lines at a terminal and compact ones to a coding agent, else nothing; `pretty`
            and `compact` show them anywhere, `off` never. True and `on` mean `pretty`, False means `off`.
    """

    console: bool | Annotated[str, msgspec.Meta(pattern=CONSOLE)] = "auto"
