"""
What the client says about its own trouble: one line a minute at most, on standard error and nowhere else.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Final

from tracelog.client.odd import shown
from tracelog.core.text import one_line

EVERY_S: Final = 60.0
CHARS: Final = 300


class Complaint:
    """
    Says sentences, not too many: one a minute for the whole process.

    Attributes:
        clean: Takes secrets out of a text: errors of libraries quote addresses and keys.
    """

    next_at: ClassVar[float] = 0.0

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        self.clean = clean

    def __call__(self, sentence: str) -> None:
        """
        Say *sentence*, unless something was said within the last minute. Never raises.
        """
        now = time.monotonic()
        if now < Complaint.next_at or sys.stderr is None:
            return
        Complaint.next_at = now + EVERY_S
        with suppress(Exception):  # standard error is closed, full or somebody's own: there is nobody to tell
            sys.stderr.write(f"tracelog: {one_line(self.clean(sentence))[:CHARS]}\n")

    def about(self, error: BaseException) -> None:
        self(f"{type(error).__name__}: {shown(error)}")
