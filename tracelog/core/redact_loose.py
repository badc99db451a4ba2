"""
The loose forms of shapes: what is asked first, of whole batches, before any shape is tried exactly.
"""

from typing import Final, NamedTuple

from tracelog.core.redact_pattern import read_loose
from tracelog.core.redact_rules import Shape

ESCAPES: Final = (
    rb"\\[abfnrtv0]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|\[[0-9;]{0,10}m"
    rb"|[\xc4\xd9][\x00-\xff]|[\xc5\xda][\x00-\xff]{2}|[\xc6\xdb][\x00-\xff]{4}"
)
"""What ends with a letter or digit and is none: escapes of text, URLs and terminals, headers of msgpack."""

_ENOUGH_BEFORE: Final = 1
"""Characters of a lead that the loose form asks for: counting more within ids costs the automaton much."""


class LooseShape(NamedTuple):
    """
    A shape as it is asked first.

    Attributes:
        shape: The rule.
        before: The pattern of what must stand before its loose form in encoded bytes.
        form: Its loose form, which finds in encoded bytes at least what the shape finds in the text.
    """

    shape: Shape
    before: bytes
    form: bytes


def loosened(shape: Shape) -> LooseShape:
    """
    Return *shape* as it is asked first.
    """
    return LooseShape(shape, _before(shape), read_loose(shape.pattern, ignore_case=shape.ignore_case))


def _before(shape: Shape) -> bytes:
    if shape.lead is not None:
        return b"[%b]{%d}" % (shape.lead.chars.encode(), min(shape.lead.min, _ENOUGH_BEFORE))
    return b"(?:^|[^%b]|%b)" % (shape.not_after.encode(), ESCAPES) if shape.not_after else b""
