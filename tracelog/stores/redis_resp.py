"""
Commands as the bytes that Redis reads: each value with its length before it, so that no text is a command.
"""

from typing import Any


def bulk(value: bytes) -> bytes:
    """
    Return *value* as RESP's bulk string, which also ends the value before it.
    """
    return b"\r\n$%d\r\n%b" % (len(value), value)


def number(value: float) -> bytes:
    """
    Return *value* as a bulk string that Redis and Lua read as exactly this number.
    """
    return bulk(repr(value).encode())


def command(*args: Any) -> bytes:
    """
    Return a whole command of text, bytes and numbers.
    """
    values = [each if isinstance(each, bytes) else str(each).encode() for each in args]
    return b"".join((b"*%d" % len(values), *map(bulk, values), b"\r\n"))


def arguments(packed: bytes) -> list[bytes]:
    """
    Return the values of one packed command.
    """
    values = []
    at = packed.index(b"\r\n")
    while packed.startswith(b"\r\n$", at):
        end = packed.index(b"\r\n", at + 3)
        start = end + 2
        at = start + int(packed[at + 3 : end])
        values.append(packed[start:at])
    return values
