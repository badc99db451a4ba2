"""
Values whose field names the encoder would drop: named tuples, and structs that are written as arrays.

Redaction knows many secrets by the name beside them only, and a reader wants to see it, too. So such values
become objects before they are encoded. That is looked for in fields that hold more than plain values; the
interpreter itself knows: it does not track a dict for the collector of garbage that holds nothing else.
"""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from gc import is_tracked
from typing import Any, Final

from tracelog.core.entry import DEFAULT_LIMITS
from tracelog.core.object_fields import field_names

_PLAIN: Final = frozenset((str, int, float, bool, type(None), bytes))
_KEPT_TYPES: Final = 512
"""Types whose fields are remembered: more than a program logs."""


def with_names(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return *fields* with an object in the place of each value, at any depth, whose names would be lost.

    What has none is given back itself, not a copy.

    Raises:
        RecursionError: When values stand deeper in each other than an entry may have them, or in themselves.
    """
    return fields if type(fields) is dict and not is_tracked(fields) else told(fields, 0)


def told(value: Any, depth: int = 1) -> Any:
    """
    Return *value*, which stands *depth* levels deep, with names; itself when nothing was to be named.

    Raises:
        RecursionError: When it is too deep.
    """
    kind: Any = type(value)
    if kind in _PLAIN or (kind is dict and not is_tracked(value)):
        return value
    if depth > DEFAULT_LIMITS.depth:
        raise RecursionError("values stand deeper in each other than an entry may have them")
    if issubclass(kind, dict):
        return _object(value, value, depth)
    if issubclass(kind, list | tuple | set | frozenset):
        return _items(value, tuple_names(kind), depth)
    if issubclass(kind, Enum):
        item = told(value.value, depth + 1)
        return value if item is value.value else item
    names, is_array = _fields(kind)
    parts = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return _object(parts, parts if is_array else value, depth)


def tuple_names(kind: type) -> tuple[str, ...]:
    """
    Return the names of the fields of *kind*, a class of tuples; none when they have no names.
    """
    if not issubclass(kind, tuple):
        return ()
    names = getattr(kind, "_fields", None)
    if names is None and hasattr(kind, "n_sequence_fields"):
        names = getattr(kind, "__match_args__", None)  # those of the system: `pwd.struct_passwd`
    return names if isinstance(names, tuple) and all(type(name) is str for name in names) else ()


def _items(value: Any, names: tuple[str, ...], depth: int) -> Any:
    items = [told(item, depth + 1) for item in value]
    if names:
        return dict(zip(names, items, strict=False))
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items


def _object(parts: dict[Any, Any], same: Any, depth: int) -> Any:
    """
    Return *parts* with names; *same* when they have them all.
    """
    named = {key: told(item, depth + 1) for key, item in parts.items()}
    return same if all(named[key] is item for key, item in parts.items()) else named


@lru_cache(maxsize=_KEPT_TYPES)
def _fields(kind: Any) -> tuple[tuple[str, ...], bool]:
    """
    Return the names of the fields of *kind*, and whether it is written as an array, without them.
    """
    config = getattr(kind, "__struct_config__", None)
    return tuple(field_names(kind)), bool(getattr(config, "array_like", False))
