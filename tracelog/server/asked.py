"""
The parameters of a reading request as values: switches, numbers, moments.
"""

from typing import Final

from starlette.requests import Request

from tracelog.core import query as language
from tracelog.errors import QuerySyntaxError

_SWITCHES: Final = {"1": True, "true": True, "0": False, "false": False, "": False}


def moment(text: str | None, now_ms: float) -> float | None:
    """
    Return the moment that *text* means in the search language: `15m` before now, ISO 8601 or Unix time.

    Raises:
        QuerySyntaxError: When it means none.
    """
    if not text:
        return None
    quoted = text.replace("\\", "").replace('"', "")
    return language.parse(f'since:"{quoted}"', now_ms=now_ms).narrow.since_ms


def switch(name: str, text: str) -> bool:
    """
    Return whether the parameter *name* says yes with *text*.

    Raises:
        QuerySyntaxError: When it says neither yes nor no.
    """
    if text not in _SWITCHES:
        raise QuerySyntaxError(f"{name} is 1 or 0, not {text[:20]!r}")
    return _SWITCHES[text]


def number(request: Request, name: str, default: int, *, most: int) -> int:
    """
    Return the whole number that the parameter *name* says, at most *most* of it.

    Raises:
        QuerySyntaxError: When it says none.
    """
    text = request.query_params.get(name, "")
    if text == "":
        return default
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        raise QuerySyntaxError(f"{name} is a whole number from 1 to {most:,}, not {text[:20]!r}")
    digits = text.lstrip("0")
    return most if len(digits) > len(str(most)) else min(int(digits), most)
