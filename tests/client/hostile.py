"""
Values and objects that a program may log and that fight back.
"""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import sys
import uuid

import msgspec


class ReprRaises:
    def __repr__(self):
        raise ValueError("no")


class StrRaises:
    def __str__(self):
        raise ValueError("no")

    __repr__ = __str__


class ReprDies:
    def __repr__(self):
        raise GeneratorExit


class ReprExits:
    def __repr__(self):
        sys.exit(3)


class ReprInterrupts:
    def __repr__(self):
        raise KeyboardInterrupt


class AllExits(dict):
    """
    Whatever it is asked, it exits.
    """

    def items(self):
        sys.exit(3)

    __len__ = __iter__ = __bool__ = __repr__ = __str__ = keys = __contains__ = items

    def __getattr__(self, name):
        sys.exit(3)


@dataclasses.dataclass
class FieldsExit:
    field: str = "x"

    def __getattribute__(self, name):
        if name == "field":
            raise SystemExit(3)
        return super().__getattribute__(name)


class ReprReturnsNoText:
    def __repr__(self):
        return 12


class ReprIsHuge:
    def __repr__(self):
        return "x" * 5_000_000


class ClassLies:
    @property
    def __class__(self):
        return str


class ClassRaises:
    @property
    def __class__(self):
        raise ValueError("no")


class AttributesRaise:
    def __getattribute__(self, name):
        raise ValueError(name)


class Text(str):
    """
    A text with a will of its own.
    """

    __slots__ = ()

    def __str__(self):
        raise ValueError("no")

    def isascii(self):
        raise ValueError("no")

    __repr__ = __mod__ = __len__ = __getitem__ = __iter__ = encode = __str__


class Number(int):
    def __repr__(self):
        raise ValueError("no")

    __str__ = __repr__


class Fraction(float):
    def __repr__(self):
        raise ValueError("no")


class Shrinking(dict):
    """
    Loses a key whenever it is looked at.
    """

    def items(self):
        for key in super().items():
            self.popitem()
            yield key

    def __iter__(self):
        self.popitem()
        return super().__iter__()


class ReprRecurses:
    def __repr__(self):
        return f"<{self!r}>"


class ReprChanges:
    """
    Changes what it stands in when it is read, as another thread may at any time.
    """

    def __init__(self, holder):
        self.holder = holder

    def __repr__(self):
        self.holder.clear()
        grow = self.holder.update if isinstance(self.holder, dict) else self.holder.extend
        grow({f"grown {n}": "x" * 50 for n in range(500)})
        return "changed"


def changing(holder):
    """
    Return *holder*, a list or dict that changes while it is read.
    """
    if isinstance(holder, dict):
        holder |= {"first": ReprChanges(holder)} | {f"k{n}": f"v{n}" * 9 for n in range(100)}
    else:
        holder += [ReprChanges(holder), *(f"v{n}" * 9 for n in range(100))]
    return holder


class Endless(collections.abc.Mapping):
    def __getitem__(self, key):
        return key

    def __iter__(self):
        n = 0
        while True:
            yield f"k{n}"
            n += 1

    def __len__(self):
        return 10**12


class Color(enum.Enum):
    RED = object()


class Frozen(msgspec.Struct, frozen=True):
    n: int = 1


def in_itself(kind):
    """
    Return a container that contains itself, twice.
    """
    if kind is dict:
        knot = {}
        knot |= {"a": knot, "b": knot}
        return knot
    knot = []
    knot += [knot, knot]
    return knot


def deep(levels):
    value = "bottom"
    for _ in range(levels):
        value = [value]
    return value


VALUES = {
    "repr raises": ReprRaises(),
    "str raises": StrRaises(),
    "repr dies": ReprDies(),
    "repr exits": ReprExits(),
    "repr interrupts": ReprInterrupts(),
    "fields exit": FieldsExit(),
    "repr is no text": ReprReturnsNoText(),
    "repr is huge": ReprIsHuge(),
    "class lies": ClassLies(),
    "class raises": ClassRaises(),
    "attributes raise": AttributesRaise(),
    "text of its own": Text("hello"),
    "number of its own": Number(7),
    "fraction of its own": Fraction(2.5),
    "half a character": "a\ud800b",
    "half a character in a list": ["\udfff"],
    "half a character as key": {"\ud800": 1},
    "NUL": "a\x00b",
    "bytes": b"\xff\x00abc",
    "bytearray": bytearray(b"abc"),
    "memoryview": memoryview(b"abc"),
    "huge number": 10**5000,
    "number beyond 64 bits": 2**64,
    "negative beyond 64 bits": -(2**63) - 1,
    "not a number": float("nan"),
    "infinity": float("-inf"),
    "complex": 1j,
    "set": {1, 2},
    "moment": dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
    "moment without zone": dt.datetime(2026, 11, 22),  # noqa: DTZ001 - programs log these
    "span of time": dt.timedelta(days=1),
    "decimal": decimal.Decimal("1.10"),
    "decimal that is none": decimal.Decimal("sNaN"),
    "uuid": uuid.UUID(int=5),
    "enum of an object": Color.RED,
    "exception": ValueError("\ud800"),
    "class": ReprRaises,
    "function": deep,
    "generator": (n for n in range(3)),
    "keys of another kind": {1: "a", None: "b", (1, 2): "c", 2.5: "d", b"x": "e"},
    "keys no reader can hash": {Frozen(): 1},
    "keys that raise": {StrRaises(): 1},
    "list in itself": in_itself(list),
    "dict in itself": in_itself(dict),
    "deep": deep(100),
    "too deep": deep(5_000),
    "shrinking": Shrinking({f"k{n}": n for n in range(20)}),
    "endless": Endless(),
    "repr recurses": ReprRecurses(),
    "list that changes": changing([]),
    "dict that changes": changing({}),
    "dict in a list that changes": [changing({}), 1],
    "raw bytes of another format": msgspec.Raw(b'{"a": 1}'),
    "raw bytes cut off": msgspec.Raw(b"\xdb\xff\xff\xff\xff"),
    "raw bytes too many": msgspec.Raw(b"\x01\x02\x03"),
    "raw bytes, none": msgspec.Raw(b""),
    "extension": msgspec.msgpack.Ext(5, b"x"),
    "object": object(),
}
