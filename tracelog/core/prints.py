"""
Prints: the form of an entry and who says it, in characters that all servers of a store share.

A store compares them to see that several systems say the same. The system is no part of the form, so what a
browser, a worker and a backend say of one thing is one form; levels that read alike are one, too.
"""

from binascii import b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

VOICE_CHARS: Final = 4
"""24 bits: of ten systems of a trace two are taken for one in a trace of 400,000; it costs a first entry."""

FORM_CHARS: Final = 8
"""48 bits: of a thousand forms in ten seconds two are taken for one once in 600 million times."""

PRINT_CHARS: Final = VOICE_CHARS + FORM_CHARS

NO_PRINT: Final = " " * PRINT_CHARS
"""Of an entry that nothing compares."""

KNOWN_VOICES: Final = 1_024
"""Few systems speak, and only made-up ones are as many."""

_CLASSES: Final[Mapping[str, str]] = {
    "debug": "d",
    "log": "i",
    "info": "i",
    "warn": "w",
    "error": "e",
    "fatal": "e",
}


def print_of(system: str, level: str, template: str) -> str:
    """
    Return the print of an entry: its voice, then its form. *template* is that of its message.
    """
    return _voice(system, _CLASSES[level] == "e") + form_of(level, template)


def form_of(level: str, template: str) -> str:
    """
    Return what entries of one template and kind of level share, in every process and Python version.
    """
    return _digest(_CLASSES[level] + template, FORM_CHARS)


@lru_cache(maxsize=KNOWN_VOICES)
def _voice(system: str, is_error: bool) -> str:
    return _digest(f"{system} error" if is_error else system, VOICE_CHARS)


def _digest(text: str, chars: int) -> str:
    digest = blake2b(text.encode(), digest_size=chars * 6 // 8).digest()
    return b2a_base64(digest, newline=False).decode()
