"""
Sensitive names in letters other than Latin ones: a short table of words, found anywhere in a name.

Such a word is known in lower case and with one capital letter. In a text, shapes of `rules.json` read the
value beside it.
"""

import re
from collections.abc import Iterable, Mapping

from tracelog.core.redact_rules import Group


class ForeignNames:
    """
    Tells the groups of names in other letters.

    Args:
        table: The words in lower case, each with the name of its group.
        groups: Those that are switched on.
    """

    def __init__(self, table: Mapping[str, str], groups: Iterable[Group]) -> None:
        first: dict[str, Group] = {}
        for group in groups:
            first.setdefault(group.name, group)
        self._groups = {
            form: first[name]
            for word, name in table.items()
            for form in (word, word.capitalize())
            if name in first
        }

    def of(self, name: str) -> list[Group]:
        """
        Return the groups of the words in *name*.
        """
        return [] if name.isascii() else [group for form, group in self._groups.items() if form in name]

    def forms(self) -> list[str]:
        """
        Return every word as it is known.
        """
        return list(self._groups)

    def written(self) -> list[bytes]:
        """
        Return the patterns of all forms in encoded bytes: JSON may have any of their letters as an escape.
        """
        return [b"".join(map(_letter, form)) for form in self._groups]


def _letter(letter: str) -> bytes:
    plain = re.escape(letter.encode())
    return plain if letter.isascii() else rb"(?:%b|(?i:\\u%04x))" % (plain, ord(letter))
