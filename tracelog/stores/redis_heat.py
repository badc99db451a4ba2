"""
Heat in Redis: two hashes in one slot and one script, asked once a second by servers with something to tell.
"""

from collections.abc import Callable, Mapping

from tracelog.core import keys
from tracelog.core.heat import Warmth
from tracelog.stores.heats import window_ms_of
from tracelog.stores.redis_faults import explained
from tracelog.stores.redis_scripts import HEAT
from tracelog.stores.redis_wire import Wire, run

KEYS = (keys.EVEN_HEAT, keys.ODD_HEAT)


class RedisHeat:
    """
    A `Heat` in Redis.

    Args:
        wire: To the server or servers.
        window_s: Length of a window in seconds, the same for all servers of the store.
        now_ms: For tests only: the time instead of that of Redis, Unix milliseconds.
    """

    def __init__(self, wire: Wire, window_s: float, *, now_ms: Callable[[], int] | None = None) -> None:
        self._wire = wire
        self._window_ms = window_ms_of(window_s)
        self._now_ms = now_ms

    async def share(self, posted: Mapping[str, Warmth]) -> Mapping[str, Warmth]:
        now = "" if self._now_ms is None else self._now_ms()
        values = [len(KEYS), *KEYS, self._window_ms, now]
        for form, warmth in posted.items():
            values += [form, warmth.n, ",".join(warmth.systems)]
        with explained():
            found = await run(self._wire, HEAT, values)
        return {form: _read(text) for form, text in zip(posted, found, strict=True)}


def _read(text: bytes | str) -> Warmth:
    n, _, systems = (text.decode() if isinstance(text, bytes) else text).partition(" ")
    return Warmth(int(n), tuple(systems.split(",")) if systems else ())
