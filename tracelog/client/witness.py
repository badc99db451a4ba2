"""
Who looks on at what the clients of this process take from their queues: redacted, and before any sink has it.

For tests: what a failed one logged is shown, wherever it was sent, and without a word in any setting.
"""

from collections.abc import Callable
from typing import Any, Final

from tracelog.core.rows import Header

Witness = Callable[[Header, list[Any]], None]
"""Is shown a header and rows, which change later, on the background thread. It never raises."""

WITNESSES: Final[list[Witness]] = []
