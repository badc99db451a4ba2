"""
Aliases in Redis: two hashes in one slot and one script, asked once for each body that names requests.
"""

from tracelog.core import keys
from tracelog.core.aliases import NAMES, WINDOW_MS, Claim
from tracelog.stores.redis_faults import explained
from tracelog.stores.redis_scripts import ALIASES
from tracelog.stores.redis_wire import Wire, run

KEYS = (keys.EVEN_ALIASES, keys.ODD_ALIASES)


async def understand(wire: Wire, claim: Claim, *, now_ms: int | None = None, most: int = NAMES) -> list[str]:
    """
    Return what the names mean that *claim* asks for, as `core.aliases.understand` does.

    Args:
        wire: To the server or servers.
        claim: Of one body.
        now_ms: For tests only: the time instead of that of Redis, Unix milliseconds.
        most: For tests only: names of a window.

    Raises:
        StoreUnavailableError: When Redis cannot tell now.
    """
    told = [part for pair in claim.told.items() for part in pair]
    now = "" if now_ms is None else now_ms
    values = [len(KEYS), *KEYS, WINDOW_MS, now, most, claim.body, len(claim.told), *told, *claim.asked]
    with explained():
        found = await run(wire, ALIASES, values)
    return [part.decode() if isinstance(part, bytes) else str(part) for part in found]
