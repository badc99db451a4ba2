"""
Sensitive names: whether what stands under a name, or beside it, is a secret.

A name is read in words, however they are joined: `userPassword`, `API-Key`, `db.password` and `SECRET_KEY`
are told by their words, and so are `token_count`, `max_tokens` and `session_duration`, which hold no secret.
Answers are kept, because programs use few names.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final

from tracelog.core.redact_checks import looks_random
from tracelog.core.redact_disguise import undisguised
from tracelog.core.redact_foreign import ForeignNames
from tracelog.core.redact_mark import MARK
from tracelog.core.redact_rules import Group, Keys
from tracelog.errors import ConfigError

LONGEST_NAME: Final = 128
"""Characters. Longer runs of letters are no names but data."""

MOST_SPACES: Final = 2
"""A key with more spaces is a sentence: `"password reset mails sent": 12`."""

KEPT_ANSWERS: Final = 4_096
"""Names that answers are kept for: more than a program has, less than 1 MB."""

NAME_CHARS: Final = "A-Za-z0-9_.-"
"""Of a name within text; everything else ends it."""

_RUN: Final = re.compile(f"[{NAME_CHARS}]+")
_MARK: Final = re.compile(MARK.pattern.decode())
_NUMBER: Final = re.compile(r"-?([0-9]{1,13})(\.[0-9]{1,17})?")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SPACED: Final = 32
"""Bytes before a name in which the words of `your API key` are looked for."""

JOINTS: Final = ("", "_", "-", ".", " ")
"""What joins the words of a name, besides a capital letter."""

_OWN_NAME: Final = re.compile(r"[A-Za-z0-9_. -]{2,64}")

_COUNTER: Final = 128
"""Numbers below are counts and sizes under any name, as are msgpack's one-byte integers."""

_COUNT_DIGITS: Final = 13
"""Digits of the largest count, also of the time in milliseconds."""


class Names:
    """
    Answers which group a name belongs to, and whether a value under it is worth hiding.

    Args:
        keys: The built-in groups and words.
        own: More sensitive names, matched as whole words anywhere in a name; stronger than the safe words.
        safe: Names that are never sensitive; stronger than everything else.
        pii: The levels switched on.

    Raises:
        ConfigError: When an own name is not 2 to 64 letters, digits, joints or spaces of ASCII.
    """

    def __init__(
        self, keys: Keys, own: Sequence[str] = (), safe: Sequence[str] = (), pii: Iterable[str] = ()
    ) -> None:
        levels = {"", *pii}
        self.keys = keys
        self._active = tuple(group for group in keys.groups if group.pii in levels)
        self.own = tuple((_own_group(name), " ".join(words(name))) for name in own)
        self._safe = frozenset("".join(words(name)) for name in safe)
        self._contains = [(group, _phrases(group.contains)) for group in self._active if group.contains]
        self._spaced = [
            (group, _phrases([phrase])) for group, phrase in self.own if " " in phrase
        ] + self._contains
        self._splits = _splits(
            [*self.own, *((group, phrase) for group in self._active for phrase in group.contains)]
        )
        self._left_ends = {left[-2:] for left in self._splits}
        self._left_lengths = sorted({len(left) for left in self._splits})
        self.foreign = ForeignNames(keys.foreign, self._active)
        self._placeholder = re.compile(keys.placeholder)
        self._unless = {group: re.compile(group.unless) for group in self._active if group.unless}
        self._answers: dict[str, tuple[Group, ...]] = {}
        self._runs: dict[bytes, Group | None] = {}

    def groups(self, name: str) -> tuple[Group, ...]:
        """
        Return the groups of *name*, a key of an object; none when it is harmless.

        A key of several runs, `user[password]` or `API key (new)`, is sensitive when one of them surely is.
        """
        if name in self._answers:
            return self._answers[name]
        return self._keep(name, self._of_key(name))

    def is_safe(self, name: str) -> bool:
        """
        Whether the settings say that *name* is never sensitive.
        """
        return "".join(words(name)) in self._safe

    def of_run(self, run: bytes) -> Group | None:
        """
        Return the group of *run*, a name as it stands in text: characters of `NAME_CHARS` only.
        """
        if run in self._runs:
            return self._runs[run]
        if len(self._runs) >= KEPT_ANSWERS:
            self._runs.clear()
        group = self._classify(run.decode("ascii"))
        if len(run) <= LONGEST_NAME:
            self._runs[run] = group
        return group

    def spaced(self, text: str) -> Group | None:
        """
        Return the group whose words stand in *text* with a space between them.
        """
        for group, phrases in self._spaced:
            for match in phrases.finditer(text):
                if " " in match[0] and "".join(words(match[0])) not in self._safe:
                    return group
        return None

    def beside_space(self, data: bytes, start: int, run: bytes) -> Group | None:
        """
        Return the group whose words stand in *data* around the space before *start*, where *run* begins.

        It is asked for each name of a text, so what cannot be is told without a search.
        """
        if data[start - 3 : start - 1].lower() not in self._left_ends:
            return None
        before, small = data[max(0, start - _SPACED) : start].lower(), run.lower()
        found: list[tuple[int, Group, re.Pattern[str]]] = []
        for length in self._left_lengths:
            for right, split in self._splits.get(before[-length - 1 : -1], ()):
                if small.startswith(right):
                    found.append(split)
        if not found:
            return None
        text = (before + small).decode("latin-1")
        for _, group, phrase in sorted(found, key=itemgetter(0)):
            for match in phrase.finditer(text):
                if match.end() > len(before) and "".join(words(match[0])) not in self._safe:
                    return group
        return None

    def only_last(self, run: bytes) -> bool:
        """
        Whether *run* is sensitive only because of what it ends with: `pin`, not `pincode`.
        """
        return self.of_run(run) is not None and self._classify(run.decode("ascii"), sure=True) is None

    def phrases(self) -> tuple[list[str], list[str]]:
        """
        Return the words that may stand anywhere in a name, and those that may stand only at its end.
        """
        anywhere = [phrase for group in self._active for phrase in group.contains]
        at_end = [phrase for group in self._active for phrase in (*group.ends, *group.whole)]
        return [*anywhere, *(phrase for _, phrase in self.own)], at_end

    def harmless(self, group: Group, value: str) -> bool:
        """
        Whether *value*, a text under a name of *group*, is none: empty, a mere number, a word, a placeholder.
        """
        if group.chance:
            return not looks_random(value.encode("utf-8", "replace"))
        text = value.strip().rstrip(".,;:!?")
        if not text or text.lower() in self.keys.safe_values or self._placeholder.fullmatch(text):
            return True
        number = None if group.small else _NUMBER.fullmatch(text)
        if number and len(number[1]) <= (_COUNT_DIGITS if group.counts else 2 if group.digits else 3):
            return True
        unless = self._unless.get(group)
        return unless is not None and unless.fullmatch(text) is not None

    def harmless_number(self, group: Group, number: float) -> bool:
        """
        Whether *number*, under a name of *group*, is a count, a size or a time.
        """
        if group.small or group.chance:
            return group.chance
        if abs(number) < (10**_COUNT_DIGITS if group.counts else _COUNTER):
            return True
        return group in self._unless and self._unless[group].fullmatch(str(number)) is not None

    def _of_key(self, name: str) -> tuple[Group, ...]:
        if "[" in name:
            name = _MARK.sub(" ", name)
        found = self._of_plain_key(name)
        if (plain := undisguised(name.encode("utf-8", "surrogatepass"))) is not None:
            found += self._of_plain_key(plain.data.decode("utf-8", "replace"))
        return tuple(dict.fromkeys(found))

    def _of_plain_key(self, name: str) -> list[Group]:
        foreign = self.foreign.of(name)
        parts = words(name)
        if not parts or "".join(parts) in self._safe or name.count(" ") > MOST_SPACES:
            return foreign
        runs = _RUN.findall(name)
        alone = len(runs) == 1 and len(runs[0]) == len(name)
        runs = [part for run in runs for part in dict.fromkeys((run[:LONGEST_NAME], run[-LONGEST_NAME:]))]
        found = [self._classify(run, sure=not alone) for run in runs]
        if not self._told_safe(parts):
            found.append(self.spaced(name))
        return foreign + [group for group in found if group is not None]

    def _keep(self, name: str, answer: tuple[Group, ...]) -> tuple[Group, ...]:
        if len(self._answers) >= KEPT_ANSWERS:
            self._answers.clear()
        if len(name) <= LONGEST_NAME:
            self._answers[name] = answer
        return answer

    def _classify(self, run: str, *, sure: bool = False) -> Group | None:
        """
        Return the group of *run*; only of those that may stand anywhere in a name when it must be *sure*.
        """
        if len(run) > LONGEST_NAME:
            return None
        parts = words(run)
        if not parts or "".join(parts) in self._safe:
            return None
        sentence = f" {' '.join(parts)} "
        for group, phrase in self.own:
            if f" {phrase} " in sentence or f" {phrase.replace(' ', '')} " in sentence:
                return group
        keys = self.keys
        if (
            parts[0] in keys.safe_first
            or parts[-1] in keys.safe_last
            or not keys.safe_words.isdisjoint(parts)
        ):
            return None
        for group, phrases in self._contains:
            if phrases.search(run):
                return group
        return None if sure else self._by_place(sentence)

    def _told_safe(self, parts: list[str]) -> bool:
        return parts[0] in self.keys.safe_first or parts[-1] in self.keys.safe_last

    def _by_place(self, sentence: str) -> Group | None:
        for group in self._active:
            if any(sentence.endswith(f" {phrase} ") for phrase in group.ends):
                return group
            if any(sentence == f" {phrase} " for phrase in group.whole):
                return group
        return None


def words(name: str) -> list[str]:
    """
    Return the words of *name* in lower case, parted at joints and at capital letters.
    """
    return [word.lower() for word in _WORDS.findall(name)]


def joints(phrase: str) -> str:
    """
    Return the pattern of *phrase* with its words joined in any way.
    """
    return "[-_. ]?".join(re.escape(word) for word in phrase.split(" "))


def _phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(joints, phrases)), re.IGNORECASE)


_Split = tuple[bytes, tuple[int, Group, re.Pattern[str]]]


def _splits(phrases: Iterable[tuple[Group, str]]) -> dict[bytes, list[_Split]]:
    """
    Return for each word that *phrases* have before another one what may follow it: the word, and whose it is.
    """
    found: dict[bytes, list[_Split]] = {}
    for order, (group, phrase) in enumerate(phrases):
        parts = phrase.encode().split(b" ")
        for left, right in pairwise(parts):
            found.setdefault(left, []).append((right, (order, group, _phrases([phrase]))))
    return found


def _own_group(name: str) -> Group:
    if not _OWN_NAME.fullmatch(name) or not words(name):
        raise ConfigError(
            f"the own sensitive key {name!r} must be 2 to 64 letters, digits, spaces or _ . - of ASCII"
        )
    return Group(name="_".join(words(name))[:32], plain=True, digits=True)
