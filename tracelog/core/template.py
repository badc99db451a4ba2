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

_MASK: Final = bytes.maketrans(b"123456789/", MARK.encode() * 10)


def template(message: str) -> str:
    """
    Return *message* with its changing words masked and one space between words.

    Words part at the white space of `str.split`; digits are those of ASCII. Halves of surrogate pairs count
    as U+FFFD, which is what JavaScript encodes them as.
    """
    try:
        text = message.encode().translate(_MASK).decode()
    except UnicodeEncodeError:
        return template(message.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if MARK not in text and _is_plain(text):
        return text
    words = text.split(None, WORDS)
    if len(words) > WORDS:
        del words[WORDS]
    return " ".join(
        [word if MARK not in word else "*" if "=" not in word else _masked(word) for word in words]
    )


def _is_plain(text: str) -> bool:
    """
    Whether splitting *text* and joining its words gives it back: `isprintable` leaves single spaces only.
    """
    return text.isprintable() and "  " not in text and text.count(" ") < WORDS and text.strip() == text


def fingerprint(message: str) -> str:
    """
    Return 16 hexadecimal digits that messages of one template share, in every process and Python version.
    """
    return blake2b(template(message).encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def _masked(word: str) -> str:
    key, _, _ = word.partition("=")
    return "*" if MARK in key else f"{key}=*"
