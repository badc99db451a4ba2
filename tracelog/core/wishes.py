"""
Two settings that are more than a word: the least level of each logger, and what log calls say beyond what
they were given. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from tracelog.core.entry import RANK
from tracelog.core.levels import LEVEL_NAMES
from tracelog.errors import ConfigError

CAPTURES: Final = ("caller", "locals")
"""`caller`: file, line and function of each call. `locals`: the variables in the frames of exceptions."""


def levels_of(value: Any, where: str) -> dict[str, str]:
    """
    Return *value* as lowest levels by name of logger.

    Raises:
        ConfigError: Naming *where* it stands, when it is none.
    """
    pairs = value.items() if isinstance(value, Mapping) else ((None, None),)
    levels: dict[Any, str] = {name: LEVEL_NAMES.get(str(level).strip().lower(), "") for name, level in pairs}
    if not all(isinstance(name, str) and level for name, level in levels.items()):
        raise ConfigError(
            f'{where} must name loggers and the lowest level of each, such as {{"sqlalchemy": "warn"}}; '
            f"levels are {', '.join(RANK)}"
        )
    return levels


def captures_of(value: Any, where: str) -> tuple[str, ...]:
    """
    Return *value* as what is captured.

    Raises:
        ConfigError: Naming *where* it stands, when it is none.
    """
    wanted = (value,) if isinstance(value, str) else value
    if not isinstance(wanted, list | tuple) or not all(name in CAPTURES for name in wanted):
        raise ConfigError(f"{where} must be a list of {', '.join(CAPTURES)}")
    return tuple(wanted)


def least_rank(levels: Mapping[str, str], logger: str, rank: int) -> int:
    """
    Return the least rank that *logger* logs: that of its longest name in *levels* up to a dot, or *rank*.
    """
    name = logger
    while name:
        if name in levels:
            return RANK[levels[name]]
        name = name.rpartition(".")[0]
    return rank
