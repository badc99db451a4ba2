"""
The template of a message: what is left when the parts that change from call to call are masked.

A word with a digit or a slash becomes `*`, and keeps its `key=` where it has one: `took 12 ms rows=3` and
`took 9 ms rows=40` share the template `took * ms rows=*`. On 16 labelled log corpora this groups better than
a parse tree or a large set of expressions, and costs less than either.
"""

from hashlib import blake2b
from typing import Final

MARK: Final = "0"
"""Stands for every digit and slash while words are looked at: one character to ask for instead of eleven."""

WORDS: Final = 64
"""Words of a message that count. What sorts messages stands at their beginning, and the work is bounded."""

FINGERPRINT_BYTES: Final = 8
"""64 bits: a million templates share one with a chance of 1 in 30 million."""

_CHANGING: Final = b"0123456789/"
_MASK: Final = bytes.maketrans(_CHANGING, MARK.encode() * len(_CHANGING))

_ODD_BYTES: Final = bytes((*range(0x20), *range(0x7F, 0x100)))
"""Bytes that may part words as the space does: a message without them has no other white space."""

_ZERO: Final = 0x30
_ODD: Final = 0x01
_SORTED: Final = bytes.maketrans(
    _CHANGING + _ODD_BYTES, bytes((_ZERO,)) * len(_CHANGING) + bytes((_ODD,)) * len(_ODD_BYTES)
)

_FEW: Final = 2 * WORDS
"""A message of fewer bytes has no more words than count."""


def template(message: str) -> str:
    """
    Return *message* with its changing words masked and one space between words.

    Words part at the white space of `str.split`; digits are those of ASCII. Halves of surrogate pairs count
    as U+FFFD, which is what JavaScript encodes them as.
    """
    try:
        data = message.encode()
    except UnicodeEncodeError:
        return template(message.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    # one pass sorts the bytes: to ask for a single one of them, as a number, costs next to nothing
    kinds = data.translate(_SORTED)
    is_odd = _ODD in kinds
    if _ZERO in kinds:
        text = (data.translate(_MASK) if is_odd else kinds).decode()
    elif is_odd or len(data) >= _FEW or "  " in message or message.strip() != message:
        text = message
    else:
        return message
    words = text.split(None, WORDS)
    if len(words) > WORDS:
        del words[WORDS]
    for place, word in enumerate(words):  # few change: to put these in place is quicker than a new list
        if MARK in word:
            words[place] = "*" if "=" not in word else _masked(word)
    return " ".join(words)


def fingerprint(message: str) -> str:
    """
    Return 16 hexadecimal digits that messages of one template share, in every process and Python version.
    """
    return blake2b(template(message).encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def _masked(word: str) -> str:
    key, _, _ = word.partition("=")
    return "*" if MARK in key else f"{key}=*"
