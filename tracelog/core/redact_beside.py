"""
What stands beside a name, within text, so that its value follows: a separator, a comma, a tag, a gap.

The match that is found says by its pattern what it is, and `read_value` reads the value accordingly.
"""

import re
from collections.abc import Callable
from typing import Final

from tracelog.core.redact_mark import MARK
from tracelog.core.redact_printed import (
    CALL,
    COMPARED,
    LOCATED,
    PRINTED_FOLLOWS,
    TABLE,
    VALIDATED,
    Name,
    printed,
    quoted,
    row,
    stands_behind,
)
from tracelog.core.redact_replace import BLANKS
from tracelog.core.redact_values import HTML_QUOTE, Value, value_at

_LINE_END: Final = rb"(?:\r|\\{1,15}r)?(?:\n|\\{1,15}n)"
_ALONE: Final = (
    rb"(?!\\{1,15}[nr]|- )[^ \t\r\n\"'`#:{}\[\]&*|>\\][^ \t\r\n\"'`\\]{0,256}(?<!:)[ \t]{0,8}"
    rb"(?:\Z|[\r\n]|\\{1,15}[nr]|\\{0,15}[\"'`])"
)
"""A value on a line of its own, as YAML allows; a name with a colon begins a block of names instead."""

_NAME_ENDS: Final = rb"(?:\]|%%5[Dd])?(\\{0,15}[\"'`]|%b)?\]?" % HTML_QUOTE
_TYPED: Final = (
    rb":[ ]?(?:str|bytes|string|String|&(?:'static[ ])?str|SecretStr)(?:[ ]\|[ ]None)?"
    rb"[ ]?=(?=[ ]?[bBrR]?\\{0,15}[\"'])"
)
"""`password: str = '…'`, as a line of code in a traceback has it."""

_SIGN: Final = (
    rb"(?:[ \t]{0,8}(=>|:=|%b|[:=]|%%3[AaDd]|&#(?:61|x3[Dd]);)"
    rb"|[ \t]{1,8}(->|\xe2\x86\x92|\\{1,15}u2192)(?=[ \t]))"
) % _TYPED
_GAP_BEFORE: Final = (
    rb"([ \t]{0,8}(?:%(end)b[ \t]{0,64}(?=\\{0,15}[\"'`]|string\()|%(end)b[ \t]{1,64}(?=%(alone)b))?)"
    % {b"end": _LINE_END, b"alone": _ALONE}
)
SEPARATOR: Final = re.compile(
    _NAME_ENDS + _SIGN + _GAP_BEFORE + rb"(?![:=~]|>(?![-+0-9]{0,2}[ \t]{0,8}%b)|//)" % _LINE_END
)
"""
Between a name and its value: the name's quote, the sign or the arrow, and the gap. Not `==`, `::` and `=~`,
which compare and qualify, nor an address's `://`.
"""

_LONGEST_INDENT: Final = 84
"""Bytes before a name in which its line may begin."""

_ARN: Final = re.compile(rb"arn:[a-z-]{3,12}:[a-z-]{1,24}:[a-z0-9-]{0,24}:[0-9]{0,12}:\Z")
_LONGEST_ARN: Final = 84
"""Bytes before the kind of a thing at AWS: `arn:aws:secretsmanager:…:secret:prod/db` is its name."""

PLAIN_WORD: Final = re.compile(rb"[A-Za-z][a-z]*[.,:;!?]?")

_FOLLOWS: Final = frozenset(bytes([code]) for code in b" \t\r\n\\\"'`]=:>%&(<!|")
"""What can follow a name that has a value."""

_OPENERS: Final = frozenset((b"<", b":", b"=", b'"', b"'"))
_AFTER_LABEL: Final = frozenset((b": ", b"= "))
"""What stands before a name that is the name of an element or the value of a label."""

_QUOTES: Final = frozenset((b'"', b"'", b"\\"))

_ELEMENT: Final = re.compile(rb"(?:[ \t][^<>]{0,200})?>(?:<!\[CDATA\[)?([^<>]{1,4096}?)(?:\]\]>)?</")
_ELEMENT_OPENS: Final = re.compile(rb"<(?:[A-Za-z0-9_.-]{1,40}:)?\Z")
_LONGEST_OPENING: Final = 42

_PAIR: Final = re.compile(rb"\\{0,15}[\"'][ ]?,[ ]?(?=b?\\{0,15}[\"'])")
_PAIR_OPENS: Final = re.compile(rb"[\[(]b?\\{0,15}[\"']\Z")
"""What stands behind and before the name of a header printed as a pair: `('authorization', 'Token abc')`."""

_LONGEST_PAIR_OPENING: Final = 18
_HEADER: Final = re.compile(rb"(?i:x-[a-z-]{1,40}|(?:proxy-)?authorization|(?:set-)?cookie)")
"""Names of headers only, which stand anywhere in a flat list: `['Host', 'db', 'X-Api-Key', '…']` of Node."""

_QUOTED: Final = re.compile(rb"\\{0,15}\"[ ](?=\\{0,15}\")")
"""`"HSET" "user:1" "password" "…"`, as Redis prints commands."""

ONLY_WORDS: Final = re.compile(rb"[A-Za-z_. -]*")
"""The second of two names, and no secret: `('token', 'session')`."""

_LABEL: Final = re.compile(
    rb"(?i:name|key|field|header|variable|label|param|parameter|property|attribute|option|env|column|setting|k)"
    rb"(?:\\{0,15}[\"'])?[ \t]{0,8}[:=][ \t]{0,8}(?:\\{0,15}[\"'])?\Z"
)
_LONGEST_LABEL: Final = 64
_LABELLED: Final = re.compile(
    rb"(?:\\{0,15}[\"'])?(?:[ \t\r\n,]|\\{1,15}[nrt]){1,40}"
    rb"(?:\\{0,15}[\"'])?(?i:(?:old|new|previous|current)?[_-]?(?:value|val)|v|old|new|default|data|content)"
    rb"(?:\\{0,15}[\"'])?[ \t]{0,8}[:=][ \t]{0,8}"
)
"""`"name": "password", "value": "…"`, as JSON, YAML and XML have it; `"old": "…"` of an audit."""

_ATTRIBUTED: Final = re.compile(
    rb"\\{0,15}[\"'](?:[ \t][^<>]{0,200})?>(?:<!\[CDATA\[)?(?![A-Za-z_. \t\r\n-]*<)"
    rb"([^<>]{1,4096}?)(?:\]\]>)?</"
)
"""`<property name="password">…</property>`; a text of letters only is one that a page shows."""

_STRING_ENDS: Final = re.compile(rb"\\{0,15}\"%b[],:}]" % BLANKS)
_KEYED: Final = re.compile(rb"</key>(?:[ \t\r\n]|\\{1,15}[nrt]){0,40}<(?:string|data)>([^<>]{1,4096})</")
"""`<key>password</key><string>…</string>` of a property list."""

_PART: Final = re.compile(
    rb"(?:\\{0,15}[\"'])?(?:;(?:[^\r\n\\]|\\{1,15}[\"']){0,200})?(?:%(end)b[A-Za-z-]{1,40}:[^\r\n\\]{0,200}){0,4}(?:%(end)b){2}"
    % {b"end": _LINE_END}
)
_PART_VALUE: Final = re.compile(rb"(?:[^\r\n\"\\]|\\(?!\\{0,14}[nr\"])){1,4096}")
"""A field of a form in parts (RFC 7578): its headers end with an empty line, its value with its line."""

_SERIALIZED: Final = re.compile(rb"\\{0,15}\";s:[0-9]{1,6}:(?=\\{0,15}\")")
"""PHP's `s:8:"password";s:7:"…"`."""

_DIGIT: Final = re.compile(rb"[0-9]")
_GAP: Final = re.compile(rb"[ \t]{1,4}")


def beside(data: bytes, start: int, end: int) -> re.Match[bytes] | None:  # noqa: PLR0911 - guards, one a form
    """
    Return what follows the name from *start* to *end*, if it looks as if a value came next.
    """
    if (follows := data[end : end + 1]) not in _FOLLOWS:
        return None
    found = SEPARATOR.match(data, end) or (_KEYED.match(data, end) if follows == b"<" else None)
    if found is not None:
        return found
    if follows in PRINTED_FOLLOWS and (found := printed(data, start, end)) is not None:
        return found
    option = data.startswith(b"-", start)
    if follows in _QUOTES:
        if (pair := _PAIR.match(data, end)) is not None:
            in_pair = option or stands_behind(_PAIR_OPENS, data, start, _LONGEST_PAIR_OPENING)
            if in_pair or _HEADER.fullmatch(data, start, end):
                return pair
        if (found := _SERIALIZED.match(data, end)) is not None:
            return found
        if data[start - 1 : start] == b'"' and (found := _QUOTED.match(data, end)) is not None:
            return found
    before = data[max(0, start - 2) : start]
    if before[-1:] in _OPENERS or before in _AFTER_LABEL:
        return _described(data, start, end)
    return _GAP.match(data, end) if option or data[end + 1 : end + 2] in _QUOTES else None


def stands_below(data: bytes, start: int, gap: bytes, value: bytes) -> bool:
    """
    Whether *value*, on the next line, belongs to the name at *start*, as in YAML: it stands further right.

    Behind other words of a line the name may be one of them; then a mere word does not belong to it.
    """
    before = data[max(0, start - _LONGEST_INDENT) : start]
    line = max(before.rfind(b"\n"), before.rfind(b"\\n") + 1) + 1
    ahead = before[line:].lstrip(b"\"'`")
    indent = len(ahead) - len(ahead.lstrip(b" \t"))
    below = len(gap) - len(gap.rstrip(b" \t"))
    return below > indent and (ahead.strip(b" \t-\\") == b"" or not PLAIN_WORD.fullmatch(value))


def in_arn(data: bytes, start: int) -> bool:
    """
    Whether the name at *start* is the kind of a thing at AWS, and what follows the name of that thing.
    """
    return stands_behind(_ARN, data, start, _LONGEST_ARN)


def _described(data: bytes, start: int, end: int) -> re.Match[bytes] | None:
    """
    Return what leads to the value of a name that is the value of a label itself, or the name of an element.
    """
    if (found := _LABELLED.match(data, end) or _PART.match(data, end)) is not None:
        labelled = data[start - 1 : start] == b"<" or stands_behind(_LABEL, data, start, _LONGEST_LABEL)
        return found if labelled else None
    if (found := LOCATED.match(data, end)) is not None:
        return found
    if (found := _ATTRIBUTED.match(data, end)) is not None:
        return found if stands_behind(_LABEL, data, start, _LONGEST_LABEL) else None
    if data[end + 1 : end + 2] in _QUOTES:
        return _GAP.match(data, end)
    element = _ELEMENT.match(data, end)
    return element if element and stands_behind(_ELEMENT_OPENS, data, start, _LONGEST_OPENING) else None


def _element(data: bytes, _name: Name, found: re.Match[bytes]) -> Value:
    """
    Return the text of an element of XML, as far as the string of JSON goes in which it stands.
    """
    start, end = found.span(1)
    string_end = _STRING_ENDS.search(data, start, end)
    return Value(start, string_end.start() if string_end else end, bare=False)


def _second(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value of a header printed as a pair, unless it is one more name in a list of them.
    """
    value = value_at(data, found.end())
    if value is None or data.startswith(b"-", value.start):
        return None
    option = data.startswith(b"-", name.start)
    return value if option or not ONLY_WORDS.fullmatch(data, value.start, value.end) else None


def _option(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value that a space parts from *name*: `--password x`, `PASSWORD 'x'` of SQL, `password "x1"`.
    """
    value = value_at(data, found.end())
    if value is None or data.startswith(b"-", value.start):
        return None
    if data.startswith(b"-", name.start):
        return value
    if not name.group.plain or value.bare:
        return None
    text = MARK.sub(b"", data[value.start : value.end])
    return value if data.startswith(b"'", found.end()) or _DIGIT.search(text) else None


def _labelled(data: bytes, _name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value that a field of its own holds, beside the one that holds the name.
    """
    return value_at(data, found.end())


def _part(data: bytes, _name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value of a field of a form in parts.
    """
    value = _PART_VALUE.match(data, found.end())
    return Value(*value.span(), bare=False) if value else None


_READERS: Final[dict[re.Pattern[bytes], Callable[[bytes, Name, re.Match[bytes]], Value | None]]] = {
    CALL: quoted,
    COMPARED: quoted,
    TABLE: row,
    VALIDATED: _labelled,
    LOCATED: _labelled,
    _ELEMENT: _element,
    _ATTRIBUTED: _element,
    _KEYED: _element,
    _PAIR: _second,
    _QUOTED: quoted,
    _GAP: _option,
    _LABELLED: _labelled,
    _SERIALIZED: _labelled,
    _PART: _part,
}
"""Who reads the value, by what stands beside the name."""


def read_value(data: bytes, name: Name, found: re.Match[bytes]) -> Value | None:
    """
    Return the value behind *name*, beside which *found* stands and is no separator; None when it is none.
    """
    return _READERS[found.re](data, name, found)
