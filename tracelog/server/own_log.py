"""
What the server says of itself, as lines of JSON on standard error, for programs that collect them.

These lines say the kind of a fault and the place in the code, never what a sender sent, and they go to
standard error alone: no handler of a program's own gets them, so what the server says never becomes an
entry by itself. Where a collector brings them back as entries, each is one more line only if the server
fails at it, and a fault is told once a minute.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

LOGGERS: Final = ("tracelog.server", "uvicorn")


class JsonLines(logging.Formatter):
    """
    One JSON object a record: `timestamp`, `level`, `logger`, `message`, `process`, and `error` with its kind.
    """

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
        return msgspec.json.encode(said).decode()


def say_in_json() -> None:
    """
    Let the server's loggers write lines of JSON, from information on, and to nobody else.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    logging.getLogger("tracelog.server").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # below are lines about broken requests


def say(sentence: str) -> None:
    """
    Say what an operator should know.
    """
    logging.getLogger("tracelog.server").info(sentence)
