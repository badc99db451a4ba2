"""
The `error` object of an entry, `{"type", "message", "cause"?}`, and what senders put in its place.

Whatever else an error carries (a code, a status, a stack of its own) has no place in that object: it is
handed back apart, so that it can go under `context`.
"""

from typing import Any, Final, NamedTuple

from tracelog.core.clean import clean_text, plain_text, shorten
from tracelog.core.entry import NAME_CHARS

_KNOWN: Final = frozenset({"type", "message", "cause"})


class ReadError(NamedTuple):
    """
    An error as it was understood.

    Attributes:
        error: The object for the entry.
        rest: What else was in it, nested under `cause` as it came; empty when nothing was.
        fixed: Whether anything had to be changed.
    """

    error: dict[str, Any]
    rest: dict[str, Any]
    fixed: bool


def is_straight_error(error: dict[str, Any], depth: int) -> bool:
    """
    Whether *error* stands as it is: the three known fields only, causes at most *depth* deep.
    """
    while error.keys() <= _KNOWN:
        kind, message = error.get("type"), error.get("message")
        if type(kind) is not str or type(message) is not str or not kind or len(kind) > NAME_CHARS:
            return False
        if "cause" not in error:
            return True
        depth -= 1
        error = error["cause"]
        if type(error) is not dict or depth < 1:
            return False
    return False


def read_error(value: Any, depth: int) -> ReadError:
    """
    Return the error that *value* means: an object of any runtime, or a text.

    Args:
        value: What a sender wrote under `error` or `cause`.
        depth: How many errors, the first included, may hang together; what is longer is handed back.
    """
    if not isinstance(value, dict):
        return ReadError({"type": "Error", "message": clean_text(plain_text(value))}, {}, fixed=True)
    kind = value.get("type") or value.get("name") or "Error"
    message = value.get("message")
    error: dict[str, Any] = {
        "type": shorten(clean_text(plain_text(kind)), NAME_CHARS),
        "message": clean_text(plain_text("" if message is None else message)),
    }
    read = _KNOWN if value.get("type") else {*_KNOWN, "name"}
    rest = {key: item for key, item in value.items() if key not in read}
    cause = value.get("cause")
    fixed = any(error[key] != value.get(key) for key in error) or value.keys() - _KNOWN != set()
    if cause is None:
        return ReadError(error, rest, fixed=fixed or "cause" in value)
    if depth <= 1:
        return ReadError(error, {**rest, "cause": cause}, fixed=True)
    inner = read_error(cause, depth - 1)
    error["cause"] = inner.error
    if inner.rest:
        rest["cause"] = inner.rest
    return ReadError(error, rest, fixed=fixed or inner.fixed)
