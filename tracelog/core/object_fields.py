"""
The fields of objects, whatever library made them. Loaded with the log call, so it needs next to nothing.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from itertools import islice
from typing import Any, Final

MAX_FIELDS: Final = 10_000
"""Fields of one object that are read."""

_SIGNS: Final = ("__attrs_attrs__", "__struct_fields__", "__pydantic_fields__")
"""What classes of attrs, msgspec and pydantic have: the names of their fields."""


def fields(value: Any) -> dict[Any, Any] | None:
    """
    Return the fields of *value*, an object of whatever library or a mapping; None when it has none.
    """
    if isinstance(value, Mapping):
        return dict(islice(value.items(), MAX_FIELDS))
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else None
    names = field_names(type(value))
    return {name: getattr(value, name) for name in names if hasattr(value, name)} if names else None


def field_names(kind: type) -> list[str]:
    """
    Return the names of the fields that objects of *kind* have, whatever library made it.
    """
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses  # noqa: PLC0415 - where there is one it is loaded; else it would take a millisecond

        return [field.name for field in dataclasses.fields(kind)]
    for sign in _SIGNS:
        if (told := getattr(kind, sign, None)) is not None:
            return [each if isinstance(each, str) else each.name for each in told]
    return []


def plain(value: Any) -> Any:
    """
    Return what *value* says: the value of an enumeration's member, the items of a collection, the text of an
    exception, else itself.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Collection) and not isinstance(value, str | bytes | tuple | frozenset):
        return list(islice(value, MAX_FIELDS))
    return str(value) if isinstance(value, BaseException) else value
