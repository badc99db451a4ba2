"""
The short way of the standard library's log calls: a text with fields, of a form that was met before.
"""

import logging
import time
from gc import is_tracked
from itertools import islice
from typing import Any, Final

from tracelog.client.context import PLACE, root
from tracelog.client.foreign import Learner, learn, level_of_number, put_long
from tracelog.client.gate import SLOT
from tracelog.client.odd import encode, say
from tracelog.integrations.records import PLAIN, SAID, Stamp, StampedRecord

_now: Final = time.time


def put_record(client: Learner, record: StampedRecord, stamp: Stamp) -> bool:
    """
    Queue *record* by the short way: a text without trouble, with extra fields. Return whether that went.

    Raises:
        Exception: When it is of no form that was met before, or something about it is odd; then `line_of`
            reads it.
    """
    said = record.__dict__
    if said["exc_info"] or said["exc_text"] or said["stack_info"] or stamp.fault or stamp.stack:
        return False
    fields: Any = None
    if len(said) > PLAIN:
        fields = dict(islice(said.items(), PLAIN, None))  # its own attributes come first
        meta = client.known[(said["levelno"], said["name"], *fields)]
    else:
        meta = client.known[said["levelno"], said["name"]]
    gate = client.gate
    if is_tracked(fields) or len(gate.queue) >= gate.high_water:
        return False  # before arguments are asked for their text, which happens once
    message, args, seconds = said["msg"], said["args"], said["created"]
    if args:
        message = say(message, args if type(args) is tuple else (args,))
    if type(message) is not str or type(seconds) is not float:
        return False
    place: Any = stamp.place or root()  # one of a sink or hook has no ids, and raises
    row = encode((seconds, meta, place.raw, message, fields))
    if len(row) > SLOT:
        return put_long(gate, row, message)
    gate.queue.append(row)
    next(gate.tick)
    return True


def put_call(client: Learner, key: tuple[int, str], said: tuple[Any, Any], extra: Any) -> bool:
    """
    Queue a log call of which no record was made, as `put_record` does.

    Args:
        client: Who ships it.
        key: Number of the level, and name of the logger.
        said: Message and arguments.
        extra: Fields or None.
    """
    fields = dict(extra) if extra else None
    meta = client.known[(*key, *fields) if fields else key]
    gate = client.gate
    if is_tracked(fields) or len(gate.queue) >= gate.high_water:
        return False  # as above
    message, args = said
    if args:
        message = say(message, args)
    if type(message) is not str:
        return False
    place: Any = PLACE.get() or root()  # as above
    row = encode((_now(), meta, place.raw, message, fields))
    if len(row) > SLOT:
        return put_long(gate, row, message)
    gate.queue.append(row)
    next(gate.tick)
    return True


def learn_record(client: Learner, record: logging.LogRecord) -> None:
    """
    Remember what *record* is like, where nothing about its logger, level and names of fields is odd.
    """
    name, level = record.name, record.levelno
    fields = list(islice(record.__dict__, PLAIN, None))
    is_plain = type(name) is str and type(level) is int and all(type(field) is str for field in fields)
    if is_plain and SAID.isdisjoint(fields):
        learn(client, (level, name, *fields), level_of_number(level), name)
