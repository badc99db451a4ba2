"""
Marks: what stands in the place of a secret.

`[REDACTED:rule]` names the rule, `[REDACTED:rule:9c41ab]` also carries a tag, a keyed hash of the secret:
equal secrets have equal tags in every system that shares the key, and without the key nobody can test a guess
against a tag. A mark never holds a part of the secret and is never redacted itself.
"""

import re
from hashlib import blake2b
from typing import Final

MARK: Final = re.compile(rb"\[REDACTED:[a-z0-9_]{1,40}(?::[0-9a-f]{6})?\]")
MARK_START: Final = b"[REDACTED:"

TAG_BYTES: Final = 3
"""Six hex digits: that two of a hundred secrets share a tag by chance happens once in 3,000 times."""

_LONGEST_KEY: Final = 64
"""Bytes that blake2b takes as a key; a longer one is hashed."""


class Marker:
    """
    Writes marks and counts them. Owned by one thread at a time.

    Args:
        tag_key: Secret of the tags; empty for marks without tags.

    Attributes:
        counts: How many marks were written for each rule.
    """

    def __init__(self, tag_key: bytes) -> None:
        self._key = tag_key if len(tag_key) <= _LONGEST_KEY else blake2b(tag_key).digest()
        self.counts: dict[str, int] = {}

    def draft(self) -> "Marker":
        """
        Return a marker that writes the same marks and counts them apart, until `take` is told of them.
        """
        other = Marker(b"")
        other._key = self._key
        return other

    def take(self, draft: "Marker") -> None:
        """
        Count what *draft* has counted, which begins anew.
        """
        for rule, number in draft.counts.items():
            self.counts[rule] = self.counts.get(rule, 0) + number
        draft.counts.clear()

    def mark(self, rule: str, secret: bytes) -> bytes:
        """
        Return the mark for *secret*, and count it.
        """
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if not self._key:
            return f"[REDACTED:{rule}]".encode()
        tag = blake2b(secret, key=self._key, digest_size=TAG_BYTES).hexdigest()
        return f"[REDACTED:{rule}:{tag}]".encode()


def in_mark(data: bytes, start: int) -> bool:
    """
    Whether the word at *start* is the name of the rule in a mark.
    """
    begin = start - len(MARK_START)
    return begin >= 0 and data.startswith(MARK_START, begin) and MARK.match(data, begin) is not None
