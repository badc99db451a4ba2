"""
Values of a running program, which can be anything, as text and plain data.

Here, and nowhere else on the calling thread, code of the user's runs: `__str__`, `__repr__`, iteration. It
may raise, lie about its class, contain itself or change while it is read. An exception becomes a placeholder,
whatever it is; only what a signal raises into whatever runs at the moment is let through.
"""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from tracelog.client.interrupts import is_from_outside
from tracelog.client.named import told, tuple_names, with_names
from tracelog.core.clean import CUT_KEY, DEPTH_MARK, clean_text, clean_value, shorten
from tracelog.core.cut import VALUE_MARK
from tracelog.core.entry import DEFAULT_LIMITS

SIGNALS: Final = (KeyboardInterrupt, SystemExit)
"""What ends a program: sinks of the user's that raise it are not tried again."""

REPR_CHARS: Final = 1024
"""Of a value that has no form of its own: enough to recognise it."""

TEXT_CHARS: Final = 256 * 1024
"""Texts beyond this are cut before they wait. What travels on is less, so that half a secret at this cut is
cut off again, after redaction."""

MOST_BYTES: Final = 4 * TEXT_CHARS
"""Of a value on its own: what a text of `TEXT_CHARS` characters can take in UTF-8."""

FIELDS_BYTES: Final = 1024 * 1024
"""Fields of one call beyond this are left out: four times what an entry may hold on the wire."""

NODES: Final = 10_000
"""Values read of one odd field. A list that holds itself twice has no end."""


def shown(value: Any) -> str:
    """
    Return the text of *value*, clean, or a placeholder.
    """
    if issubclass(type(value), str):
        return clean_text(_exact(value))
    try:
        return clean_text(_exact(str(value)))
    except BaseException as error:
        if is_from_outside(error):
            raise
        return f"<str failed: {type(error).__name__}>"


def name_of(value: Any, limit: int) -> str | None:
    """
    Return *value* as a short text such as a user's id, or None for None.
    """
    if value is None:
        return None
    return shorten(shown(value), limit)


def say(message: Any, args: tuple[Any, ...]) -> str:
    """
    Return *message* with *args* applied as the standard library does, clean and cut.

    A wrong format still says what it has.
    """
    text = _exact(message) if issubclass(type(message), str) else shown(message)
    if args:
        try:
            alone = len(args) == 1 and issubclass(type(args[0]), Mapping) and args[0]
            text %= args[0] if alone else args
        except BaseException as error:
            if is_from_outside(error):
                raise
            text = " ".join((text, *map(shown, args)))
    return clean_text(text[:TEXT_CHARS])


def _unknown(value: Any) -> Any:
    """
    Return what stands for a value that msgpack has no type for.
    """
    kind = type(value)
    for base, exact in _BASES:
        if issubclass(kind, base):
            return exact(value)
    try:
        return clean_text(_exact(repr(value)))[:REPR_CHARS]
    except BaseException as error:
        if is_from_outside(error):
            raise
        return f"<repr failed: {kind.__name__}, {type(error).__name__}>"


def _exact(text: str) -> str:
    """
    Return *text* as a plain `str`: a subclass may have methods of its own.
    """
    return text if type(text) is str else str.__str__(text)


_BASES: Final[tuple[tuple[type, Any], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)
"""Plain types and how a value of a subclass (`markupsafe.Markup`, `numpy.float64`) becomes one."""

encode: Final = msgspec.msgpack.Encoder().encode
"""
Data that msgpack has types for, in one step, in which no code of Python's runs; other data is refused.

A hook that asks an object for its text would let that object, or another thread, change the list or dict
which the encoder is reading: it reads on where nothing is any more, and the process dies. So what is refused
here is read again from copies.
"""

_encode_copy: Final = msgspec.msgpack.Encoder(enc_hook=_unknown).encode
"""For what nobody else holds."""


def encode_whole(row: msgspec.Struct, *anything: str) -> bytes:
    """
    Return *row* as msgpack, whose fields of these names may hold *anything*; see `encode`.

    Raises:
        Exception: When another field is none.
    """
    try:
        return encode(row)
    except Exception:
        given = {name: value for name in anything if (value := getattr(row, name)) is not None}
        copied = {name: encode_odd(value) for name, value in given.items()}
        return _encode_copy(msgspec.structs.replace(row, **copied))


def encode_fields(fields: Mapping[str, Any]) -> msgspec.Raw:
    """
    Return *fields* as msgpack, as they are at this moment.
    """
    try:
        data = encode(with_names(fields) or None)
    except BaseException as error:
        if is_from_outside(error):
            raise
        return encode_odd(fields)  # whose field it was, the slow way finds out
    return msgspec.Raw(data) if len(data) <= FIELDS_BYTES else encode_odd(fields)


def encode_odd(fields: Mapping[str, Any]) -> msgspec.Raw:
    """
    Return *fields* as msgpack, one by one, so that an odd one costs no other, within `FIELDS_BYTES`.
    """
    kept: dict[str, msgspec.Raw] = {}
    room = FIELDS_BYTES
    for name, value in islice(fields.items(), _room(fields, DEFAULT_LIMITS.keys)):
        data = _encode_one(value)
        if len(data) > room:
            data = encode(VALUE_MARK)
        room -= len(data)
        kept[name_of(name, DEFAULT_LIMITS.name) or ""] = msgspec.Raw(data)
    if len(fields) > len(kept):
        kept[CUT_KEY] = msgspec.Raw(encode(f"{len(fields) - len(kept)} more keys"))
    return msgspec.Raw(encode(kept or None))


def _encode_one(value: Any) -> bytes:
    """
    Return *value* as msgpack: as it is where that works and is short, else as plain data, else a placeholder.
    """
    if type(value) is str:
        value = value[:TEXT_CHARS]
    try:
        data = encode(told(value))
    except BaseException as error:  # half a character, a huge number, a cycle: there is another way to say it
        if is_from_outside(error):
            raise
        return _encode_tamed(value)
    return data if len(data) <= MOST_BYTES else _encode_tamed(value)


def _encode_tamed(value: Any) -> bytes:
    try:
        return encode(clean_value(_Tamer()(value), DEFAULT_LIMITS))
    except BaseException as error:
        if is_from_outside(error):
            raise
        return encode(f"<unreadable: {type(error).__name__}>")


class _Tamer:
    """
    Makes plain data of one value, however it is built: bounded in depth, breadth and number of parts.
    """

    def __init__(self) -> None:
        self._left = NODES

    def __call__(self, value: Any, depth: int = 1) -> Any:
        kind = type(value)
        self._left -= 1
        if depth > DEFAULT_LIMITS.depth or self._left < 0:
            return DEPTH_MARK
        if value is None or kind in {bool, int, float}:
            return value
        if kind is str or kind is bytes:
            return value[:TEXT_CHARS]
        if issubclass(kind, Mapping):
            return self._object(value, depth)
        if issubclass(kind, list | tuple | set | frozenset):
            names = tuple_names(kind)
            return (
                self._object(dict(zip(names, value, strict=False)), depth)
                if names
                else self._list(value, depth)
            )
        plain = _unknown(value)
        return plain[:TEXT_CHARS] if type(plain) is str else plain

    def _object(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        pairs = list(islice(value.items(), _room(value, DEFAULT_LIMITS.keys)))
        tamed = {shown(key)[:TEXT_CHARS]: self(item, depth + 1) for key, item in pairs}
        if len(value) > len(tamed):
            tamed[CUT_KEY] = f"{len(value) - len(tamed)} more keys"
        return tamed

    def _list(self, value: Collection[Any], depth: int) -> list[Any]:
        parts = list(islice(value, _room(value, DEFAULT_LIMITS.items)))
        tamed = [self(item, depth + 1) for item in parts]
        if len(value) > len(tamed):
            tamed.append(f"[cut: {len(value) - len(tamed)} more items]")
        return tamed


def _room(value: Collection[Any], limit: int) -> int:
    """
    Return how many parts of *value* are kept: all within *limit*, else one less, for the word that says so.
    """
    return limit if len(value) <= limit else limit - 1
