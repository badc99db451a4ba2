"""
Nested values made clean: objects, lists, texts and bytes, with the sensitive names that they stand under.
"""

from enum import Enum
from typing import Any, Final

from tracelog.core.object_fields import fields, plain
from tracelog.core.redact_beside import ONLY_WORDS
from tracelog.core.redact_mark import Marker
from tracelog.core.redact_names import Names
from tracelog.core.redact_objects import encoded, header_values, labelled, within_words
from tracelog.core.redact_parameters import apart
from tracelog.core.redact_replace import Span, replace
from tracelog.core.redact_rules import Group
from tracelog.core.redact_text import MAX_PASSES, TextCleaner

MAX_DEPTH: Final = 64
"""Levels that are looked into, twice those of an entry (`Limits.depth`); what lies deeper is replaced."""

DEPTH: Final = "depth"
"""The name that the mark of such a value bears."""

MAX_ROWS: Final = 1_000
"""Lists given for one statement that are looked into; the others are replaced as one."""

KEPT_KEYS: Final = 4_096
"""Keys known to hold no secret themselves: more than a program has, less than 1 MB."""

Groups = tuple[Group, ...]
"""Those of all sensitive names that a value stands under, the outermost first."""


class Walker:
    """
    Goes through values and gives back clean ones. What has no secret is given back itself, not a copy.

    Args:
        cleaner: Takes the secrets out of texts.
        names: Tells which names are sensitive.
        marker: Writes the marks of numbers.
    """

    def __init__(self, cleaner: TextCleaner, names: Names, marker: Marker) -> None:
        self._cleaner = cleaner
        self._names = names
        self._marker = marker
        self._known_keys: set[str] = set()
        self._open: set[int] = set()

    def walk(self, value: Any, groups: Groups = (), depth: int = 0) -> Any:
        """
        Return *value* clean.

        Args:
            value: Anything JSON-like, bytes included, and objects with fields. Others are left
                alone, except under such a name.
            groups: Of the sensitive names that it stands under.
            depth: How deep it stands.
        """
        match value:
            case str():
                return self.text(value, groups)
            case None | bool():
                return value
            case dict() | list() | tuple() | set() | frozenset() if depth >= MAX_DEPTH:
                return self._marker.mark(DEPTH, b"").decode()
            case dict():
                return self._object(value, groups, depth)
            case list() | tuple() | set() | frozenset():
                return self._items(value, groups, depth)
        return self._scalar(value, groups, depth)

    def text(self, text: str, groups: Groups = ()) -> str:
        """
        Return *text*, which stands under names of *groups*, clean.
        """
        data = text.encode("utf-8", "surrogatepass")
        clean = self._cleaner.clean(data, groups)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")

    def _scalar(self, value: Any, groups: Groups, depth: int) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            clean_data = self._cleaner.clean(data, groups)
            return value if clean_data is data else clean_data
        if isinstance(value, int | float) and not isinstance(value, Enum):
            return self._number(value, groups) if groups else value
        told = fields(value)
        shown = plain(value) if told is None else told
        if shown is value:
            shown = str(value) if groups else None
        if id(value) in self._open:
            return self._marker.mark(DEPTH, b"").decode()  # it holds itself
        self._open.add(id(value))
        try:
            clean = self.walk(shown, groups, depth + 1)
        finally:
            self._open.discard(id(value))
        return value if clean is shown else clean

    def _number(self, value: float, groups: Groups) -> Any:
        for group in groups:
            if not self._names.harmless_number(group, value):
                return self._marker.mark(group.name, str(value).encode()).decode()
        return value

    def _object(self, value: dict[Any, Any], groups: Groups, depth: int) -> dict[Any, Any]:
        changed = False
        clean: dict[Any, Any] = {}
        told, given = labelled(value), apart(value)
        for key, item in value.items():
            new_key = self._key(key)
            around = self._groups_under(key, new_key, groups)
            if told is not None and key in told[0]:
                label = self._groups_under(told[1], told[1], around)
                around = tuple(group for group in label if not group.chance)
            shown = self._given(item, given[0], depth + 1) if given and key == given[1] else item
            new_item = self.walk(shown, around, depth + 1)
            if new_key is not key or new_item is not item:
                changed = True
            clean[_unused(new_key, clean)] = new_item
        return clean if changed else value

    def _given(self, items: Any, statement: str, depth: int) -> Any:
        """
        Return *items*, what is given for the placeholders of *statement* or a list of such lists, clean.
        """
        columns = self._cleaner.groups_given(statement)
        if not any(columns) or depth >= MAX_DEPTH:
            return items
        if all(isinstance(each, list | tuple) for each in items):
            clean = [self._given(each, statement, depth + 1) for each in items[:MAX_ROWS]]
            clean += [self._marker.mark(DEPTH, b"").decode()] if len(items) > MAX_ROWS else []
        else:
            groups = [(group,) if group else () for group in columns[: len(items)]]
            clean = [self.walk(*each, depth + 1) for each in zip(items, groups, strict=False)]
            clean += items[len(groups) :]
        changed = any(new is not old for new, old in zip(clean, items, strict=False))
        return _like(items, clean) if changed or len(clean) != len(items) else items

    def _items(self, value: Any, groups: Groups, depth: int) -> Any:
        groups = tuple(group for group in groups if not group.chance)
        if isinstance(value, tuple) and (named := fields(value)) is not None:
            parted = self._object(named, groups, depth)
            return value if parted is named else tuple(parted.values())
        if self._is_password(value):
            return self._item(value, groups, depth)
        clean = self._words(value, groups, depth)
        if self._is_password(clean):
            clean = self._item(clean, groups, depth)  # as it will be read the next time
        if all(new is old for new, old in zip(clean, value, strict=True)):
            return value
        return _like(value, clean)

    def _words(self, value: Any, groups: Groups, depth: int) -> list[Any]:
        """
        Return the items of *value* clean, each alone and all of them as the words of one command.
        """
        clean = list(value)
        named = header_values(clean) if isinstance(value, list | tuple) else {}
        for _ in range(MAX_PASSES):
            before = clean.copy()
            secrets = within_words(clean, self._cleaner.find) if isinstance(value, list | tuple) else {}
            for number, spans in secrets.items():
                clean[number] = self._word(clean[number], spans)
            clean = [
                self._item(
                    item,
                    self._groups_under(named[at], named[at], groups) if at in named else groups,
                    depth + 1,
                )
                for at, item in enumerate(clean)
            ]
            if all(new is old for new, old in zip(clean, before, strict=True)):
                break
        return clean

    def _is_password(self, value: Any) -> bool:
        """
        Whether *value* is a name and its password: `("password", "x1")`, and no list of names.
        """
        if not _is_pair(value) or ONLY_WORDS.fullmatch(encoded(value[1])):
            return False
        return any(group.plain for group in self._groups_under(value[0], value[0], ()))

    def _word(self, word: Any, secrets: list[Span]) -> Any:
        """
        Return *word*, one of a command, with marks for its *secrets*.
        """
        clean = replace(encoded(word), secrets, self._marker).data
        return clean if isinstance(word, bytes) else clean.decode("utf-8", "surrogatepass")

    def _item(self, item: Any, groups: Groups, depth: int) -> Any:
        """
        Return *item* of a list clean. A pair in a list may be a header: `["authorization", "Bearer …"]`.
        """
        if not _is_pair(item) or hasattr(item, "_fields"):
            return self.walk(item, groups, depth)
        name = self.walk(item[0], groups, depth)
        value = self.walk(item[1], self._groups_under(item[0], name, groups), depth)
        return item if name is item[0] and value is item[1] else _like(item, [name, value])

    def _key(self, key: Any) -> Any:
        if not isinstance(key, str):
            return key if key is None or isinstance(key, int | float) else self._odd_key(key)
        if key in self._known_keys:
            return key
        clean = self.text(key)
        if clean is key:
            if len(self._known_keys) >= KEPT_KEYS:
                self._known_keys.clear()
            self._known_keys.add(key)
        return clean

    def _odd_key(self, key: Any) -> Any:
        shown = key if isinstance(key, bytes) else str(plain(key))
        clean = self.walk(shown)
        return key if clean is shown else clean

    def _groups_under(self, key: Any, clean_key: Any, around: Groups) -> Groups:
        """
        Return the groups of what stands under *key*, which will be read as *clean_key* the next time.
        """
        groups = tuple(group for group in around if not group.chance)
        for each in dict.fromkeys((key.value if isinstance(key, Enum) else key, clean_key)):
            name = each.decode("latin-1") if isinstance(each, bytes) else each
            if not isinstance(name, str):
                continue
            if around and self._names.is_safe(name):
                return ()
            groups += tuple(group for group in self._names.groups(name) if group not in groups)
        return groups


def _is_pair(item: Any) -> bool:
    return (
        isinstance(item, list | tuple)
        and len(item) == 2
        and all(isinstance(part, str | bytes) for part in item)
    )


def _like(value: Any, items: list[Any]) -> Any:
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return kind(items)
    return items


def _unused(key: Any, taken: dict[Any, Any]) -> Any:
    """
    Return *key*, or with a number where two keys became the same mark.
    """
    if key not in taken or not isinstance(key, str):
        return key
    number = 2
    while f"{key}~{number}" in taken:
        number += 1
    return f"{key}~{number}"
