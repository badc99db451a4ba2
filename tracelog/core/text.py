"""
Text of unknown origin made safe to show: what a terminal obeys or a reader cannot see becomes visible.

Log text is written by strangers. Escape sequences move the cursor, set titles and fill clipboards, line ends
fake entries (CWE-117, CVE-2025-55193), bidirectional controls reorder what is read (CVE-2021-42574), and
invisible characters carry words that only machines see. Nothing here removes or interprets: each such
character is shown as its escape, all else stays. This is not meant to be undone; JSON is the lossless form.
"""

import re
from typing import Final

_CONTROLS: Final = "\x00-\x1f\x7f-\x9f"
"""C0, DEL and C1: in UTF-8, too, many terminals obey U+009B as the beginning of an escape sequence."""

_LINE_ENDS: Final = "\u2028\u2029"
"""Unicode's own line ends; with U+0085, a C1 control, what `str.splitlines` and editors also break at."""

_DIRECTIONS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
"""Marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9), and their like."""

_INVISIBLE: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point of Unicode, tags and variation selectors included, and what is no character.

Left out are U+FE0E and U+FE0F, which ordinary emoji carry. U+200D is in: joined emoji come apart, but a name
can no longer hide one."""

_SURROGATES: Final = "\ud800-\udfff"
"""Half characters: no encoder takes them, so that one would stop a whole write."""

_HIDDEN: Final = re.compile(f"[{_CONTROLS}{_LINE_ENDS}{_DIRECTIONS}{_INVISIBLE}{_SURROGATES}]")
_HIDDEN_IN_BLOCK: Final = re.compile(f"(?![\n\t]){_HIDDEN.pattern}")
_SHORT: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TWO_BYTES: Final = 0x10000


_RANDOM_ID: Final = re.compile(r"[0-9a-f]{16,}")
SHORT_ID: Final = 8
"""Characters that stand for a random trace id: enough to tell it from others, and accepted as its name."""


def short_id(trace_id: str) -> str:
    """
    Return *trace_id* as people read it: a random one by its beginning, one that somebody chose as a whole.
    """
    return trace_id[:SHORT_ID] if _RANDOM_ID.fullmatch(trace_id) else one_line(trace_id)


def one_line(text: str) -> str:
    r"""
    Return *text* as one line in which everything can be seen.

    Args:
        text: Any text.

    Returns:
        The text with `\n`, `\t` and `\r` as these two characters, other control characters as `\x1b`, and
        Unicode's line ends, direction marks, invisible and half characters as `\u202e` or `\U000e0041`.
    """
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_escape, text)


def block(text: str) -> str:
    r"""
    Return *text* as `one_line` does, but with its line ends and tabs kept: for stacks.

    `\r\n` is a line end; a lone `\r`, which would let a line overwrite itself, is shown.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return _HIDDEN_IN_BLOCK.sub(_escape, text)


def safe_json(text: str) -> str:
    r"""
    Return the JSON document *text* with the same characters as `\uXXXX`: safe to show, and it means the same.

    Args:
        text: A document without line ends of its own. Such characters then stand within strings only
            (RFC 8259 §2), where an escape is equal to what it stands for.
    """
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_escape_json, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number < 0x100 and number != 0x85:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _TWO_BYTES else f"\\U{number:08x}"


def _escape_json(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < _TWO_BYTES:
        return f"\\u{number:04x}"
    high, low = divmod(number - _TWO_BYTES, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
