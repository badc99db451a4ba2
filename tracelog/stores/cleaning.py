"""
What a safe clean-up finds, and takes away when it is told to.
"""

import msgspec


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is there no longer, or, of a dry run, what would be.

    Attributes:
        expired: Traces whose time was over and of which something was left.
        orphaned: Companions of traces that are not there: ids, quotas, notes; entries of none.
        endless: Keys that had no time to live and have one now.
        silent: Sources of the ledger that nobody heard for long; their sums stay where that is promised.
        bytes: About how much room that is; None where the store cannot tell.
    """

    expired: int = 0
    orphaned: int = 0
    endless: int = 0
    silent: int = 0
    bytes: int | None = 0
