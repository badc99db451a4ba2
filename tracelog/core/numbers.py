"""
JSON whose numbers no reader holds: `NaN`, `Infinity`, `1e999`, digits without end.

Python and others write the first two, and any program may write the rest. RFC 8259 (§6) knows no NaN and
leaves the range of numbers to the reader; our decoder refuses the whole document for one of them. Here such
a number is kept as it was written, so that the entry around it lives: a field it does not fit refuses it,
and anywhere else it becomes a text.
"""

import math
from typing import Any, Final, Self

import msgspec

DIGITS: Final = 600
"""Digits of the longest integer that is read as one. Longer ones take quadratic time to read, and Python
refuses them beyond a limit that a program may set as low as 640 digits (CVE-2020-10735)."""

_any: Final = msgspec.json.Decoder()


class Wild(float):
    """
    A number out of every range, which remembers how it was written.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        """
        Return the number that *text* means: infinite, or none at all.
        """
        self = super().__new__(cls, math.nan if text == "NaN" else -math.inf if text[0] == "-" else math.inf)
        self.text = text
        return self

    def __str__(self) -> str:
        return self.text


def decode_any(data: bytes) -> Any:
    """
    Return the value of *data*, one JSON value in UTF-8; what no reader holds of it as `Wild`.

    Raises:
        msgspec.DecodeError: When it is no JSON.
        RecursionError: When it is nested too deeply.
    """
    try:
        return _any.decode(data)
    except RecursionError:
        raise
    except (msgspec.MsgspecError, ValueError) as error:
        try:
            return _tolerant(data.decode())
        except ValueError:
            raise error from None


def _tolerant(text: str) -> Any:
    import json  # noqa: PLC0415 - milliseconds that only a process which is sent such numbers has to pay

    return json.loads(text, parse_float=_read_float, parse_int=_read_integer, parse_constant=Wild)


def _read_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else Wild(text)


def _read_integer(text: str) -> float:
    return int(text) if len(text) <= DIGITS else Wild(text)
