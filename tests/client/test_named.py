"""
What is known by the names of its fields keeps them, whatever class it is of, from the log call to the sink.
"""

import dataclasses
import enum
import time
from collections import ChainMap, OrderedDict, UserDict, defaultdict, namedtuple
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple, TypedDict

import attrs
import msgspec
import pytest

import tracelog
from tracelog.client.named import told, tuple_names, with_names
from tracelog.client.odd import encode_odd
from tracelog.testing import capture

SECRET = "s3cretPw77"
Login = namedtuple("Login", "user password")  # noqa: PYI024 - the older form is what is tested


class Typed(NamedTuple):
    api_key: str
    inside: Any = None


@dataclasses.dataclass
class Holder:
    name: str
    inside: Any = None


@dataclasses.dataclass(slots=True, repr=False)
class Slotted:
    password: str


@attrs.define
class Attrs:
    password: str
    inside: Any = None


class Struct(msgspec.Struct):
    password: str
    inside: Any = None


class AsArray(msgspec.Struct, array_like=True):
    user: str
    password: str


class Dict(TypedDict):
    password: str


class Kind(enum.Enum):
    LOGIN = Login("bob", SECRET)


class Slots:
    __slots__ = ("password",)

    def __init__(self, password):
        self.password = password

    def __repr__(self):
        return f"Slots(password={self.password!r})"


LOGIN = Login("bob", SECRET)
CASES = {
    "namedtuple": LOGIN, "NamedTuple": Typed(SECRET), "in a list": [1, LOGIN], "in a dict": {"a": {"b": (LOGIN,)}},
    "in a set": {LOGIN}, "in a named tuple": Typed("", [LOGIN]), "in a dataclass": Holder("x", LOGIN), "in attrs": Attrs("x", LOGIN),
    "in a struct": Struct("x", [LOGIN]), "in an enum": Kind.LOGIN, "in a defaultdict": defaultdict(list, a=[LOGIN]),
    "struct as array": AsArray("bob", SECRET), "dataclass": Slotted(SECRET), "attrs": Attrs(SECRET), "struct": Struct(SECRET),
    "TypedDict": Dict(password=SECRET), "SimpleNamespace": SimpleNamespace(password=SECRET), "proxy": MappingProxyType({"password": SECRET}),
    "UserDict": UserDict(password=SECRET), "ChainMap": ChainMap({"password": SECRET}), "OrderedDict": OrderedDict(password=SECRET),
    "slots": Slots(SECRET), "in a namespace": SimpleNamespace(a=[LOGIN]),
}  # fmt: skip


@pytest.mark.parametrize("value", CASES.values(), ids=CASES)
def test_names_reach_redaction(value):
    """
    No secret that its field's name tells leaves by a call, a bound field, a span, an argument or an odd call.
    """
    log = tracelog.get_logger("names")
    with capture() as logs:
        log.info("call", given=value)
        log.bind(given=value).info("bound")
        log.info("said %s", value)
        log.info("odd", given=value, broken="\ud800")
        with tracelog.span("step", given=value):
            pass
    assert len(logs.entries) >= 4
    assert SECRET not in repr(logs.entries)
    assert "REDACTED" in repr([entry.context for entry in logs.entries if entry.message == "call"])


def test_named_tuples_are_objects():
    """
    A named tuple is told with its names; what has none stays the same object.
    """
    assert with_names({"a": Typed("k", [Login("b", "c")])}) == {
        "a": {"api_key": "k", "inside": [{"user": "b", "password": "c"}]}
    }
    plain = {"a": [1, (2, "x")], "b": {"c": [Struct("x")]}, "d": {1}, "e": Slotted("x")}
    assert with_names(plain) is plain
    assert told(plain["a"]) is plain["a"]


def test_tuples_of_the_system_have_names():
    """
    What the system gives as a tuple with names, such as the user's password entry, keeps them.
    """
    assert "tm_year" in tuple_names(time.struct_time)
    assert told(time.gmtime(0))["tm_year"] == 1970
    assert tuple_names(tuple) == ()


def test_what_holds_itself_ends():
    """
    A list that holds itself twice is refused at once, and said in another way.
    """
    ring = [LOGIN]
    ring += [ring, ring]
    with pytest.raises(RecursionError):
        told(ring)
    data = encode_odd({"ring": ring})
    assert msgspec.msgpack.decode(data)["ring"][0]["password"] == SECRET
