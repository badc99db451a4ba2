"""
Random names: of traces, of hops, and of this process.

Drawn from the operating system in batches, because one call for each costs ten times more. A forked child
forgets what was drawn, or parent and child would give out the same ids.
"""

import os
from typing import Final

DRAWN_AT_ONCE: Final = 128


class _Ids:
    """
    Ids of *size* bytes as hexadecimal digits, never all zeros. Safe to call from any thread.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._drawn: list[str] = []

    def __call__(self) -> str:
        while True:
            try:
                return self._drawn.pop()
            except IndexError:
                digits = os.urandom(DRAWN_AT_ONCE * self._size).hex()
                step = 2 * self._size
                fresh = (digits[i : i + step] for i in range(0, len(digits), step))
                self._drawn.extend(text for text in fresh if text.strip("0"))

    def forget(self) -> None:
        self._drawn.clear()


new_trace_id: Final = _Ids(16)
new_span_id: Final = _Ids(8)


def new_source() -> str:
    """
    Return a name for this process that no other has: the prefix of all its entry ids.
    """
    return f"{os.getpid():x}-{os.urandom(6).hex()}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=new_trace_id.forget)
    os.register_at_fork(after_in_child=new_span_id.forget)
