"""
Finds many literals in one pass of `re`, for programs without RE2.

`re` has no fast search for a hundred literals: an alternation tries each of them at each place, and one
search for each reads the text a hundred times. But a class of characters costs the same however many members
it has. So the bytes are read as UTF-16, where two make one character, and the class holds one rare pair of
each literal; a second class holds the pairs that follow these, and sorts out most of what the first one stops
at in vain. Two passes, from the first byte and from the second, see every pair of the text. What they stop at
is compared with the literals that have this pair.
"""

import re
from codecs import utf_16_le_decode
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from tracelog.core.redact_sample import SAMPLE
from tracelog.core.redact_work import NOTE, PLACE, STOP, Work

NAME_END: Final = b'"'
"""Stands in a literal for whatever ends a name: a quote, `:`, `=`, an escape, a header byte of msgpack."""

_ENDS: Final = frozenset(b" \"'`&\\:=%]>\x7f") | frozenset(range(0x20)) | frozenset(range(0x80, 0x100))
_FOLD: Final = bytes(
    NAME_END[0] if code in _ENDS else code + 32 if chr(code).isupper() and code < 0x80 else code
    for code in range(256)
)
"""Lower case, and one sign for all ends. No byte stays above 0x7F, so no pair of them is a surrogate."""

_SAMPLE_FOLDED: Final = SAMPLE.replace(b"\n", b"").translate(_FOLD)


class Literal(NamedTuple):
    """
    One literal to look for.

    Attributes:
        text: The literal; a last byte of `NAME_END` stands for any end of a name.
        owner: Given back with each place.
        ignore_case: Letters of ASCII only. A literal with `NAME_END` needs it.
        at: Which byte of the literal its place tells.
    """

    text: bytes
    owner: int
    ignore_case: bool
    at: int = 0


_HEX: Final = frozenset(b"0123456789abcdef")
_OF_IDS: Final = 3
"""How often more a pair of hexadecimal digits stands in real entries, full of ids, than in the sample."""

_COMMON: Final = 4
"""How often a pair stands in the sample, from which on a single byte may be the better one to look for."""


_HEADERS: Final = frozenset((*range(0x80, 0x8C), *range(0xA0, 0xC0)))
"""Headers of small maps and short strings in msgpack: of a word in other letters another byte is rare."""

_PAIR: Final = 2
"""Bytes in one character of UTF-16."""

PIECE: Final = 32 * 1024
"""Bytes looked at at once: what is made of them stays in the processor's cache."""


_SIFTED: Final = 0.2
"""What a stop costs that the pair behind it sorts out, of one that is compared with literals."""

_OFTEN: Final = 40
"""How often a pair stands in the sample that sorts out nothing."""


class _Entry(NamedTuple):
    """
    How one literal is compared, once the search has stopped at a part of it.

    Attributes:
        before: How many of its bytes stand before that part.
        fold: Its folded form.
        exact: Itself, when case matters.
        at: Which byte its place tells.
        owners: To whom the place is told.
    """

    before: int
    fold: bytes
    exact: bytes
    at: int
    owners: list[int]


@lru_cache(maxsize=8)
def scanner_of(literals: tuple[Literal, ...]) -> "Scanner":
    """
    Return the scanner for *literals*, made once: it takes ten milliseconds and never changes.
    """
    return Scanner(literals)


class Scanner:
    """
    Finds every place of every literal.

    Args:
        literals: What to look for.
    """

    def __init__(self, literals: Sequence[Literal]) -> None:
        self._by_byte: dict[bytes, list[_Entry]] = {}
        self._by_pair: dict[str, list[_Entry]] = {}
        self._alone: set[str] = set()
        self._nexts: set[str] = set()
        known: dict[tuple[bytes, bytes, int], list[int]] = {}
        for text, owner, ignore_case, at in literals:
            fold, exact = text.translate(_FOLD), b"" if ignore_case else text
            owners = known.setdefault((fold, exact, at), [])
            owners.append(owner)
            if len(owners) == 1:
                self._add(text, _Entry(0, fold, exact, at, owners))
        self._told, self._told_alone = _told_by_pairs(self._by_pair)
        stop, alone, following = map(_class, (self._by_pair, self._alone, self._nexts))
        self._stops = re.compile(f"{stop}(?:(?={following})|(?<={alone}))").finditer

    def places(
        self, data: bytes, work: Work | None = None, enough: int | None = None
    ) -> dict[int, list[int]]:
        """
        Return for each owner whose literals stand in *data* the places, in ascending order.

        Args:
            data: Any bytes.
            work: Counts what it takes.
            enough: The search may end when one owner has more places.
        """
        found: defaultdict[int, list[int]] = defaultdict(list)
        folded = data.translate(_FOLD)
        known = 0
        for begin, pairs in _in_pairs(folded):
            self._note_pairs(data, folded, (begin, pairs), found, work)
            before, known = known, sum(map(len, found.values()))
            if work is not None:
                work.spend(PLACE * (known - before))
            if enough is not None and max(map(len, found.values()), default=0) > enough:
                break
        self._note_bytes(data, found, work)
        for places in found.values():
            places.sort()
        return found

    def _note_pairs(
        self,
        data: bytes,
        folded: bytes,
        piece: tuple[int, str],
        found: dict[int, list[int]],
        work: Work | None,
    ) -> None:
        begin, pairs = piece
        starts_with, by_two, by_pair = folded.startswith, self._told.get, self._told_alone
        stops = self._stops(pairs)
        for stop in stops if work is None else work.each(stops, STOP):
            at = stop.start()
            for before, fold, always, exact in by_two(pairs[at : at + 2]) or by_pair[pairs[at]]:
                start = begin + _PAIR * at - before
                if not starts_with(fold, start) or start < 0:
                    continue
                for owner, place in always:
                    found[owner].append(start + place)
                if exact:
                    for owner, place in exact.get(data[start : start + len(fold)], ()):
                        found[owner].append(start + place)

    def _note_bytes(self, data: bytes, found: dict[int, list[int]], work: Work | None) -> None:
        for byte, entries in self._by_byte.items():
            at = data.find(byte)
            while at >= 0:
                if work is not None:
                    work.spend(NOTE)
                for before, _, exact, place, owners in entries:
                    if at >= before and data.startswith(exact, at - before):
                        for owner in owners:
                            found[owner].append(at - before + place)
                at = data.find(byte, at + 1)

    def _add_byte(self, text: bytes, entry: _Entry, at: int) -> None:
        self._by_byte.setdefault(text[at : at + 1], []).append(entry._replace(before=at))

    def _add(self, text: bytes, entry: _Entry) -> None:
        """
        Choose what of *text* to stop at: its rarest pair, or its rarest byte where no pair is rare.
        """
        fold, exact = entry.fold, entry.exact
        if not text[:_PAIR].isascii():
            self._add_byte(text, entry, max(at for at, byte in enumerate(text) if byte not in _HEADERS))
            return
        pairs = [fold[at : at + _PAIR].decode("utf-16-le") for at in range(len(fold) - 1)]
        weights = [_weight(fold[at : at + 2]) for at in range(len(pairs))]
        letters = [SAMPLE.count(exact[at : at + 1]) for at in range(len(exact))]
        if letters and (not weights or min(weights) > _COMMON > min(letters)):
            self._add_byte(text, entry, letters.index(min(letters)))
            return
        shared = [len(self._by_pair.get(pair, ())) for pair in pairs]
        costs = [
            (weight + others / _COMMON) * (_SIFTED + following / _OFTEN)
            for weight, others, following in zip(
                weights, shared, [*weights[_PAIR:], *2 * [_OFTEN]], strict=False
            )
        ]
        before = costs.index(min(costs))
        if before + _PAIR < len(pairs):
            self._nexts.add(pairs[before + _PAIR])
        else:
            self._alone.add(pairs[before])
        self._by_pair.setdefault(pairs[before], []).append(entry._replace(before=before))


_Owners = list[tuple[int, int]]
_Told = tuple[int, bytes, _Owners, dict[bytes, _Owners]]
"""Bytes before the pair, the folded literal, and owners with places: of any form, of each exact one."""


def _joined(entries: Sequence[_Entry]) -> list[_Told]:
    """
    Return *entries* with those as one that differ in case or quotes only: a text is compared with them once.
    """
    joined: dict[tuple[int, bytes], _Told] = {}
    for entry in entries:
        told = joined.setdefault((entry.before, entry.fold), (entry.before, entry.fold, [], {}))
        owners = told[3].setdefault(entry.exact, []) if entry.exact else told[2]
        owners.extend((owner, entry.at) for owner in entry.owners)
    return list(joined.values())


def _told_by_pairs(
    by_pair: Mapping[str, Sequence[_Entry]],
) -> tuple[dict[str, list[_Told]], dict[str, list[_Told]]]:
    """
    Return what to compare where a pair stands before another one, for all two that literals have; and what
    else where it stands.
    """
    two: dict[str, list[_Told]] = {}
    alone: dict[str, list[_Told]] = {}
    for pair, entries in by_pair.items():
        following: dict[str, list[_Entry]] = {"": []}
        for entry in entries:
            behind = entry.fold[entry.before + _PAIR : entry.before + 2 * _PAIR]
            following.setdefault(behind.decode("utf-16-le") if len(behind) == _PAIR else "", []).append(entry)
        ends = following[""]
        alone[pair] = _joined(ends)
        two |= {pair + behind: _joined([*told, *ends]) for behind, told in following.items() if behind}
    return two, alone


def _weight(pair: bytes) -> int:
    """
    Return how often the search will stop at *pair* in vain.
    """
    doubled = _COMMON if pair[0] == pair[1] else 0  # hostile texts are runs of one letter
    of_id = _OF_IDS if _HEX.issuperset(pair) else 0
    return doubled + of_id + _SAMPLE_FOLDED.count(pair)


def _in_pairs(folded: bytes) -> Iterator[tuple[int, str]]:
    """
    Yield *folded* in pieces, two bytes in a character, with where each begins; none parts two pairs.
    """
    view = memoryview(folded)
    for offset in range(_PAIR):
        end = len(folded) - (len(folded) - offset) % _PAIR
        for begin in range(offset, end, PIECE):
            yield begin, utf_16_le_decode(view[begin : min(end, begin + PIECE + _PAIR)])[0]


def _class(pairs: Collection[str]) -> str:
    """
    Return the pattern of one of *pairs*; of none, when there are none.
    """
    return f"[{''.join(map(re.escape, sorted(pairs)))}]" if pairs else "(?!)"
