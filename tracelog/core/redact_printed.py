"""
What stands beside a name where a value was printed: in code, in a table, in what a validation says.
"""

import re
from typing import Final, NamedTuple

from tracelog.core.redact_mark import MARK
from tracelog.core.redact_rules import Group
from tracelog.core.redact_values import Value, value_at

PRINTED_FOLLOWS: Final = frozenset((b" ", b"=", b"!", b"<", b"(", b"|", b"\n", b"\r", b"\\", b"\t"))
"""What can follow a name here."""

_PREFIXES: Final = frozenset((b"N", b"n", b"E", b"e", b"B", b"b"))
"""Letters before a string of SQL or Python."""

CALL: Final = re.compile(rb"\([ ]?(?=[bBfF]?\\{0,15}[\"'])")
_READS: Final = re.compile(
    rb"(?:[Gg]et|[Rr]ead|[Ll]oad|[Ff]etch|[Ff]ind|[Ll]ookup|[Hh]as|[Rr]equire|[Rr]equest|[Aa]sk|[Pp]rompt)(?![a-z])"
)
"""First words of what is called with the name of a secret, not with it: `get_secret("db/7")`."""

COMPARED: Final = re.compile(
    rb"[ \t]{0,4}(?:={2,3}|!={1,2}|<>|(?i:not[ ]{1,2})?(?i:like|in[ ]{0,2}\())[ \t]{0,4}"
    rb"(?=[NnEeBb]?\\{0,15}[\"'])"
)
"""`password = '…'` in its other forms: `==`, `<>`, `LIKE`, `IN (`."""

TABLE: Final = re.compile(rb"[ \t]{0,64}(?:\||\xe2\x94\x82|\xe2\x94\x83)[ \t]{1,64}(?=[^ \t\r\n|]{4})")
_ROW_BEGINS: Final = re.compile(rb"(?:\A|[\n|]|\\{1,15}n|\xe2\x94\x82|\xe2\x94\x83)[ \t]{0,64}\Z")
_LONGEST_BEGIN: Final = 84
"""A row of a table that was printed, `| password | … |`, and bytes in which it begins."""

VALIDATED: Final = re.compile(
    rb"(?:\r?\n|(?:\\{1,15}r)?\\{1,15}n)  [^\r\n\[\]]{0,400}\[type=[a-z0-9_]{1,60}, input_value="
)
"""What pydantic writes below the name of a field: the rule, and the value that broke it."""

LOCATED: Final = re.compile(
    rb"\\{0,15}[\"'],?[])][ ]?,[ ]?\\{0,15}[\"']msg\\{0,15}[\"']:[^\r\n]{0,300}?"
    rb"\\{0,15}[\"']input\\{0,15}[\"']:[ ]?"
)
"""The same as an object: `"loc": ["body", "password"], "msg": "…", "input": "…"`."""

_OPAQUE: Final = re.compile(rb"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_=+/.~-]{16,512}")
"""A value that is worth hiding beside a name that parsers use, too: `token == 'abc'`."""

_DIGIT: Final = re.compile(rb"[0-9]")


class Name(NamedTuple):
    """
    A sensitive name in a text.
    """

    start: int
    end: int
    group: Group


def printed(data: bytes, start: int, end: int) -> re.Match[bytes] | None:
    """
    Return what leads from the name between *start* and *end* to a value in code, a table or a validation.
    """
    found = COMPARED.match(data, end) or VALIDATED.match(data, end)
    if found is not None:
        return found
    if (found := CALL.match(data, end)) is not None:
        return None if _READS.match(data, start) else found
    found = TABLE.match(data, end)
    return found if found and stands_behind(_ROW_BEGINS, data, start, _LONGEST_BEGIN) else None


def stands_behind(pattern: re.Pattern[bytes], data: bytes, start: int, longest: int) -> bool:
    """
    Whether *pattern*, of so many bytes at most, ends at *start*.
    """
    return pattern.search(data, max(0, start - longest), start) is not None


def quoted(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the string that *name* is compared with or called with, if it looks like more than a word of code.
    """
    value = value_at(data, found.end() + (data[found.end() : found.end() + 1] in _PREFIXES))
    if value is None or value.bare:
        return None
    text = MARK.sub(b"", data[value.start : value.end])  # the digits of a tag are none of a password
    worth = _DIGIT.search(text) if name.group.plain else _OPAQUE.fullmatch(text)
    return value if worth and b"\n" not in text else None


def row(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return what stands beside *name* in a table, unless it is the type of a column: `varchar(255)`.
    """
    value = value_at(data, found.end())
    if value is None or data.find(b"(", value.start, value.end) >= 0:
        return None
    worth = _DIGIT if name.group.plain else _OPAQUE
    return value if worth.search(MARK.sub(b"", data[value.start : value.end])) else None
