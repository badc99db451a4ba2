"""
A processor in a process of its own, until a signal stops it.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from tracelog.config import ServerSettings
from tracelog.server.archives import open_archives
from tracelog.server.faults import Faults
from tracelog.server.processor import Processor
from tracelog.stores import open_store

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def work(settings: ServerSettings, *, lease_s: float, on_ready: Callable[[], None]) -> None:
    """
    Process what is stored until a signal comes; the batch at hand is finished if that is quick.

    Args:
        settings: Of the server: store, archives, interval and sample are read.
        lease_s: Seconds of silence after which the batch of another processor is taken over.
        on_ready: Called once when the work begins.

    Raises:
        ConfigError: When a setting is wrong.
        StoreUnavailableError: When the store cannot be opened.
    """
    asyncio.run(_work(settings, lease_s, on_ready))


async def _work(settings: ServerSettings, lease_s: float, on_ready: Callable[[], None]) -> None:
    store = open_store(settings.store, ttl_s=settings.ttl_s)
    archives = open_archives(settings.archive)
    stopped = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await store.start()
    processor = Processor(
        store.queue(),
        archives,
        interval_s=settings.process_interval,
        rate=settings.process_sample,
        faults=Faults(),
        lease_s=lease_s,
    )
    await processor.start()
    on_ready()
    try:
        await stopped.wait()
    finally:
        await processor.stop()
        await store.close()
