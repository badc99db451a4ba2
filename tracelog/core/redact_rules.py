"""
The built-in redaction rules as typed values, read from `rules.json`.

The file is data for Python and for JavaScript: patterns there use only what both understand, start at the
place where one of their *anchors* stands, and say everything else in fields of their own.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

RULES_FILE: Final = Path(__file__).with_name("rules.json")

Check = Literal[
    "",
    "basic",
    "base64",
    "luhn",
    "random",
    "token",
    "phone",
    "ip",
    "iban",
    "ssn",
    "nhs",
    "rrn",
    "aadhaar",
    "coordinates",
]
"""The names of `redact_checks.CHECKS`, and `base64`: what it decodes to holds a secret."""


class Lead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What must stand right before an anchor: *min* to *max* characters of the class *chars*.

    Attributes:
        secret: Whether they belong to the secret, which then ends with the group of the pattern.
    """

    chars: str
    min: int
    max: int
    secret: bool = False


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    A secret that is known by how it looks.

    Attributes:
        name: What the mark says. Several shapes may share one.
        pattern: Matched where an anchor stands; with a group, only that is the secret.
        anchors: Literals, one of which starts every match. Without any, the pattern is searched for.
        ignore_case: For anchors and pattern.
        not_after: Class of characters that may not stand right before; an escape there does not count as one.
        not_before: Pattern of what may not follow the match.
        lead: What must stand right before the anchor.
        after: Literals, one of which must stand before the anchor and its lead.
        near: Literals, one of which must stand somewhere before in the same line.
        through: Pattern at which the secret ends; it is looked for in the run of *body* that follows.
        body: Class of characters that the secret goes on with until *through*, or to the end of the run.
        unless: Pattern of what only looks like a secret; compared with the whole secret.
        check: Arithmetic that the secret must pass.
        pii: The level of `RedactSettings.pii` that the shape belongs to.
    """

    name: str
    pattern: str
    anchors: tuple[str, ...] = ()
    ignore_case: bool = False
    not_after: str = ""
    not_before: str = ""
    lead: Lead | None = None
    after: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    through: str = ""
    body: str = ""
    unless: str = ""
    check: Check = ""
    pii: str = ""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Names under which secrets are kept. Their words may be joined by nothing, `_`, `-`, `.` or a space.

    Attributes:
        name: What the mark says.
        contains: Words that make a name sensitive wherever they stand in it, `userpassword2` included.
        ends: Words that make a name sensitive as its last words.
        whole: Words that make a name sensitive as all of it.
        plain: Whether an ordinary word may be such a secret.
        digits: Whether a short number may be one.
        counts: Whether a number is none, but counts them.
        chance: Whether only a text that looks like chance is one, and only right under or beside the name.
        small: Whether any number is one, however small.
        cookies: Whether values are `name=value; name=value`.
        unless: Pattern of values that are none.
        pii: The level of `RedactSettings.pii` that the group belongs to.
    """

    name: str
    contains: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    plain: bool = False
    digits: bool = False
    counts: bool = False
    chance: bool = False
    small: bool = False
    cookies: bool = False
    unless: str = ""
    pii: str = ""


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Everything about names and the values beside them.

    Attributes:
        groups: The first that fits a name gives the mark its word.
        safe_first: First words of a name that make it harmless: `max_tokens`.
        safe_last: Last words that do: `token_count`.
        safe_words: Words that hold a sensitive one and mean something else: `tokenizer`.
        safe_values: Values that are no secrets under any name.
        placeholder: Pattern of values that stand for a secret: `***`, `${DB_PASSWORD}`.
        foreign: Words in other letters than Latin ones, in lower case, each with its group.
        schemes: First words of a credential that are not secret themselves: `Bearer`.
        line_schemes: Schemes after which the whole line is the credential: `Digest`.
        cookie_attributes: What `Set-Cookie` says beside the cookie (RFC 6265 section 5.2).
    """

    groups: tuple[Group, ...]
    safe_first: frozenset[str]
    safe_last: frozenset[str]
    safe_words: frozenset[str]
    safe_values: frozenset[str]
    placeholder: str
    foreign: dict[str, str]
    schemes: tuple[str, ...]
    line_schemes: tuple[str, ...]
    cookie_attributes: frozenset[str]


OWN: Final = "own"
"""The category of rules that are not built in."""


class RedactionRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    All built-in rules.

    Attributes:
        categories: What kind of secret each rule finds: category → names of rules.
    """

    categories: dict[str, tuple[str, ...]]
    shapes: tuple[Shape, ...]
    keys: Keys

    def category(self, rule: str) -> str:
        """
        Return the category of *rule*; `own` when it is not built in.
        """
        return next((category for category, rules in self.categories.items() if rule in rules), OWN)


class _File(msgspec.Struct, frozen=True):
    redaction: RedactionRules


@cache
def built_in() -> RedactionRules:
    """
    Return the rules of `rules.json`.
    """
    return msgspec.json.decode(RULES_FILE.read_bytes(), type=_File).redaction


def levels() -> frozenset[str]:
    """
    Return the levels of personal data that may be switched on.
    """
    rules = built_in()
    return frozenset([shape.pii for shape in rules.shapes] + [group.pii for group in rules.keys.groups]) - {
        ""
    }
