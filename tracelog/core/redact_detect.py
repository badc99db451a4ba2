"""
The cheap question that comes before redaction: can there be a secret in these bytes at all?

It reads a whole batch as the encoder left it, JSON or msgpack, and does not know where an entry begins. Its
answer may be a false yes, never a false no: whatever redaction would change, it sees. So it looks for the
loose form of every shape, and for every sensitive word, which then gets a second look.

RE2 asks for everything in one pass. Without it the literals of shapes and words are looked for first, and the
rest is asked where one stands.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, Protocol

from tracelog.core.redact_columns import LOOSE as COLUMNS
from tracelog.core.redact_columns import VALUES
from tracelog.core.redact_disguise import LOOSE, near_disguises
from tracelog.core.redact_engine import Search, searcher
from tracelog.core.redact_loose import LooseShape
from tracelog.core.redact_names import JOINTS, MOST_SPACES, Names, joints
from tracelog.core.redact_pairs import PairFinder, name_around
from tracelog.core.redact_parameters import LITERALS as LISTS
from tracelog.core.redact_parameters import LOOSE as LISTED
from tracelog.core.redact_scan import NAME_END, Literal, Scanner
from tracelog.core.redact_shapes import ShapeFinders


class Detector(Protocol):
    """
    Tells whether bytes may hold a secret. A text *alone* that has disguises may, without a look beneath.
    """

    def __call__(self, data: bytes, alone: bool = False) -> bool: ...


_ESCAPED_ASCII: Final = rb"\\u00[2-7][0-9A-Fa-f]"
"""JSON may write any letter as an escape (RFC 8259 section 7): then no literal can be seen."""

_ENDS: Final = rb"(?:[ \t]{0,8}[\"'`\\:=%\]>\x00-\x08\x0a-\x1f\x7f-\xff]|[ \t]{1,8}->|&(?:#|amp|quot|apos))"
"""What follows a word that is sensitive only as the last of its name."""

_SENTENCE: Final = re.compile(rb"(?! ')(?: [A-Za-z0-9_.,'()-]{1,64}){%d}" % (MOST_SPACES + 1))
"""What says that a name is a word of prose; not `PASSWORD 'x'`, where a value follows."""

_RUN_BESIDE: Final = re.compile(rb"[\x00-\xff]{0,40}?(?:[A-Za-z0-9+_=-]|\\{0,15}/){20}")
"""What stands soon behind a name whose value only counts when it looks like chance."""

_GLUING: Final = frozenset(b"\xc4\xc5\xc6\xd9\xda\xdb")
"""Headers of msgpack that are followed by one to four bytes of length, which may look like letters."""

_ITEM: Final = rb"(?:[\"'\xa2-\xbf]|[\xc4\xd9][\x00-\xff]|[\xc5\xda][\x00-\xff]{2})"
_OPTION: Final = rb"(?:--?[uU]|-[pPwW]|-[aAkK][\"'=\\\x80-\xff]|--proxy-u)"
_OPTIONS: Final = (b"-u", b"-p", b"-w", b"-a", b"-k", b"--proxy-u")
_LONGEST_OPTION: Final = 11
"""An option as an item of a list, in JSON and in msgpack: what follows it may be the secret of a command."""

_NEAR_VALUES: Final = 320
"""Bytes around the word `VALUES` in which its brackets stand, with as many blanks as there may be."""

MAX_LOOKS: Final = 1_000
"""Words looked at a second time in one batch. After so many, looking at each entry alone is cheaper."""

_SHARED: Final = 4
"""Phrases with the same last word, as in `api key`, from which on this word is looked for alone."""

_LONGEST_HEADER: Final = 5
_LONGEST_SURE: Final = 120
"""Longer names are not judged here: a header before them may count as a part of them."""


_SLASH: Final = b"\\"
_LONGEST_WORD: Final = 128
"""Bytes of a name in other letters, all of them escapes: a single byte is found five times as fast as two."""


class SecondLook:
    """
    Tells a sensitive word that may have a value from one that surely has none.

    Args:
        names: The sensitive names.
        pairs: Reads a name within text.
    """

    def __init__(self, names: Names, pairs: PairFinder) -> None:
        self._names = names
        self._pairs = pairs
        self._ends = re.compile(_ENDS)

    def __call__(self, data: bytes, place: int) -> bool:
        """
        Whether the word of which one letter stands at *place* may name a secret.
        """
        start, end = name_around(data, place)
        if end - start > _LONGEST_SURE or data[start - 1 : start] == b"\\":
            return True
        if not _GLUING.isdisjoint(data[max(0, start - _LONGEST_HEADER) : start]):
            return True
        group = self._pairs.named(data, start, end)
        if group is None or (group.chance and not _RUN_BESIDE.match(data, end)):
            return False
        if data.startswith(b"-", start):
            return True
        if self._names.only_last(data[start:end]) and not self._ends.match(data, end):
            return False
        return _SENTENCE.match(data, end) is None


def one_pass(shapes: Sequence[LooseShape], own: Sequence[bytes], names: Names, look: SecondLook) -> Detector:
    """
    Return the detector that runs on RE2. It also looks at what stands around disguises, once they are off.
    """
    anywhere, at_end = (b"|".join(joints(phrase).encode() for phrase in part) for part in names.phrases())
    words = re.compile(rb"(?i:%b|%b)" % (anywhere, at_end))
    keys = rb"(?i:(%b|(?:%b)%b|-[a-z0-9_.-]*(?:%b)[ \t]))" % (anywhere, at_end, _ENDS, at_end)
    pattern = b"|".join(
        [
            _ESCAPED_ASCII,
            *names.foreign.written(),
            COLUMNS,
            LISTED,
            _ITEM + _OPTION,
            *own,
            *_grouped(shapes),
            keys,
        ]
    )
    # A batch without disguises, as nearly all are, is read once; few programs ever need the other search.
    wide = searcher("re2", pattern + b"|" + LOOSE)
    narrow = cache(lambda: searcher("re2", pattern))

    def detect(data: bytes, search: Search, *, alone: bool = False) -> bool:
        disguised = False
        place, _, is_word = search(data, 0)
        for _ in range(MAX_LOOKS):
            if search is wide and place >= 0 and not is_word:
                search, before = narrow(), place
                place, _, is_word = search(data, place)
                disguised = place != before
            if place < 0:
                return disguised and (alone or any(detect(near, narrow()) for near in near_disguises(data)))
            word = words.match(data, place) if is_word else None
            if word is None or look(data, word.end() - 1):
                return True
            place, _, is_word = search(data, place + 1)
        return True

    return lambda data, alone=False: detect(data, wide, alone=alone)


def by_literals(
    shapes: ShapeFinders, own: Sequence[bytes], scanner: Scanner, names: Names, look: SecondLook
) -> Detector:
    """
    Return the detector that runs on `re`: *scanner* finds the literals that `literals` tells of. It looks at
    what stands around disguises, too.
    """
    escaped = _escapes(names)
    searched = [re.compile(each.form).search for each in shapes.loose if not each.shape.anchors]
    searched += [re.compile(pattern).search for pattern in own]
    match = cache(lambda owner: re.compile(shapes.loose[owner].form).match)
    option = re.compile(_ITEM + _OPTION).search
    statement = re.compile(COLUMNS + b"|" + LISTED).search

    def near_option(data: bytes, place: int) -> bool:
        return option(data, max(0, place - _LONGEST_HEADER), place + _LONGEST_OPTION) is not None

    def near_statement(data: bytes, place: int) -> bool:
        return statement(data, max(0, place - _NEAR_VALUES), place + _NEAR_VALUES) is not None

    others = (look, near_option, near_statement, near_statement, lambda *_: True)

    def is_found(owner: int, data: bytes, place: int) -> bool:
        if owner >= len(shapes):
            return others[owner - len(shapes)](data, place)
        return shapes[owner].begins(data, place) >= 0 and match(owner)(data, place) is not None

    def detect(data: bytes) -> bool:
        if escaped(data):
            return True
        for owner, places in scanner.places(data, enough=MAX_LOOKS).items():
            if len(places) > MAX_LOOKS or any(is_found(owner, data, place) for place in places):
                return True
        return any(search(data) for search in searched)

    def with_disguises(data: bytes, alone: bool = False) -> bool:  # noqa: ARG001 - RE2 is asked about texts
        return detect(data) or any(map(detect, near_disguises(data)))

    return with_disguises


def _escapes(names: Names) -> Callable[[bytes], bool]:
    """
    Return whether bytes have letters of ASCII as escapes, or a name in other letters with one.
    """
    near = re.compile(b"|".join([_ESCAPED_ASCII, *names.foreign.written()])).search

    def escaped(data: bytes) -> bool:
        place, looks = data.find(_SLASH), 0
        while place >= 0:
            if data.startswith(b"u", place + 1):
                looks += 1
                if looks > MAX_LOOKS or near(data, max(0, place - _LONGEST_WORD), place + _LONGEST_WORD):
                    return True
            place = data.find(_SLASH, place + 1)
        return False

    return escaped


def literals(shapes: Sequence[LooseShape], names: Names) -> list[Literal]:
    """
    Return every literal: of *shapes*, owned by their number, of words of *names*, owned by the next, of
    options, owned by the one after, the word of statements, owned by the next, what announces lists, and of
    names in other letters.
    """
    found = [
        Literal(anchor.encode(), owner, ignore_case=shape.ignore_case)
        for owner, (shape, *_) in enumerate(shapes)
        for anchor in shape.anchors
    ]
    anywhere, at_end = names.phrases()
    found += [Literal(option, len(shapes) + 1, ignore_case=True) for option in _OPTIONS]
    found.append(Literal(VALUES, len(shapes) + 2, ignore_case=True))
    found += [Literal(announced, len(shapes) + 3, ignore_case=False) for announced in LISTS]
    found += [Literal(word.encode(), len(shapes) + 4, ignore_case=False) for word in names.foreign.forms()]
    return found + [
        Literal(word + end, len(shapes), ignore_case=True, at=len(word) - 1)
        for word, end in _endings(tuple(anywhere), tuple(at_end))
    ]


@lru_cache(maxsize=8)
def _endings(anywhere: Sequence[str], at_end: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """
    Return the words to look for and what follows each, without those that another one finds as well.
    """
    words = {(word, b"") for word in _words(anywhere)} | {(word, NAME_END) for word in _words(at_end)}
    return [
        (word, end)
        for word, end in sorted(words)
        if not any(
            word.endswith(other) and (word, end) != (other, as_end)
            for other, as_end in words
            if as_end in {b"", end}
        )
    ]


def _words(phrases: Sequence[str]) -> Iterator[bytes]:
    """
    Return what to look for to find *phrases*: a last word that many share, else the words in every spelling.
    """
    last_words = Counter(phrase.split(" ")[-1] for phrase in phrases)
    for phrase in phrases:
        *before, last = phrase.split(" ")
        if not before or last_words[last] >= _SHARED:
            yield last.encode()
        else:
            yield from (f"{before[-1]}{joint}{last}".encode() for joint in JOINTS)


def _grouped(shapes: Sequence[LooseShape]) -> list[bytes]:
    """
    Return the loose forms of *shapes*, those that ask for the same before them joined behind one of it.
    """
    groups: dict[bytes, list[bytes]] = {}
    for _, before, form in shapes:
        groups.setdefault(before, []).append(form)
    return [b"%b(?:%b)" % (before, b"|".join(forms)) for before, forms in groups.items()]
