"""
Arguments that calls on Redis have in common, packed: names of keys, running numbers.
"""

from collections.abc import Sequence
from functools import lru_cache

from tracelog.core import keys
from tracelog.core.ended import argument_of, ordered
from tracelog.stores.redis_resp import bulk


def runs_text(runs: Sequence[int]) -> str:
    """
    Return *runs* as the script reads them.
    """
    if len(runs) == 2:
        return f":{runs[0]}-{runs[1]}"
    pairs = zip(runs[::2], runs[1::2], strict=True)
    return argument_of(ordered((first, last, "") for first, last in pairs))


@lru_cache(maxsize=8192)
def names_of(trace_id: str) -> bytes:
    """
    Return the packed names of a trace's list and ids; its next entries ask for them again.
    """
    return bulk(f"{keys.LOGS}{trace_id}".encode()) + bulk(f"{keys.IDS}:{{{keys.LOGS}{trace_id}}}".encode())


@lru_cache(maxsize=8192)
def limited_names_of(trace_id: str) -> bytes:
    """
    Return the same with the name of what the trace has used of its quota.
    """
    return names_of(trace_id) + bulk(f"{keys.QUOTA}:{{{keys.LOGS}{trace_id}}}".encode())
