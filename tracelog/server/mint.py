"""
Where the ids come from that this server gives.
"""

import itertools
import os

from tracelog.core.wire import Mint


def new_mint() -> Mint:
    """
    Return a source of new ids: random trace ids, and entry ids that no other process makes.
    """
    prefix = os.urandom(6).hex()
    numbers = itertools.count()
    return Mint(trace_id=lambda: os.urandom(16).hex(), entry_id=lambda: f"{prefix}-{next(numbers)}")
