"""
The text of an entry that plain words of a search are looked for in. Predicate and text index read the same.
"""

from typing import Any

import msgspec

from tracelog.core.entry import Entry


def text_of(entry: Entry) -> str:
    """
    Return the case-folded text of *entry*, one field a line.

    These are message, stack, user, area, logger and service, the types and messages of the error and its
    causes, and the names and values of the context.
    """
    parts = [entry.message]
    parts += [part for part in (entry.stack, entry.user_id, entry.area, entry.logger, entry.service) if part]
    if entry.error is not None:
        parts += _leaves(entry.error, names=False)
    if entry.context is not None:
        parts += _leaves(entry.context, names=True)
    return "\n".join(parts).casefold()


def plain(item: Any) -> str:
    """
    Return a decoded JSON value as text: a string as it is, anything else as its JSON.
    """
    return item if isinstance(item, str) else msgspec.json.encode(item).decode()


def _leaves(value: Any, *, names: bool) -> list[str]:
    """
    Return every text and number inside *value*. No recursion: its depth is the sender's.
    """
    found: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found += item if names else ()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        else:
            found.append(plain(item))
    return found
