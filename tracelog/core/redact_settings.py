"""
What redaction can be told: plain values, known to every program without loading the rules.
"""

import msgspec


class OwnRule(msgspec.Struct, frozen=True):
    """
    A secret of one's own.

    Attributes:
        name: What the mark says: 1 to 32 of `a-z 0-9 _`.
        pattern: A regular expression in the common subset of RE2 and `re`. With a group, the first group is
            the secret; without, all of it is. `(?i)` may start it. Bounded: `{1,200}` instead of `+`.
    """

    name: str
    pattern: str


class RedactSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    What redaction does beside the built-in rules.

    Attributes:
        enabled: False lets everything through.
        rules: Own patterns, checked when a `Redactor` is made.
        keys: Own sensitive key names in any spelling: `customer_no` means `customerNo`, `Customer-No` …
        safe_keys: Names that are never sensitive, in any spelling.
        tag_key: Secret key of the tags that equal secrets share; empty for marks without tags. Systems whose
            tags shall be comparable share it. It must not be public, or guesses could be tested against tags.
        pii: Levels of personal data to redact as well: `email`, `card`.
    """

    enabled: bool = True
    rules: tuple[OwnRule, ...] = ()
    keys: tuple[str, ...] = ()
    safe_keys: tuple[str, ...] = ()
    tag_key: bytes = b""
    pii: tuple[str, ...] = ()
