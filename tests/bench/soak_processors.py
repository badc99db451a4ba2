"""
Processors killed 50 times at random among 100,000 entries, with a real Valkey: archived and shown exactly once.

    python tests/bench/soak_processors.py [kills] [entries]
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.stores.killed import archived, torment
from tests.stores.servers import RealServer
from tracelog.core.entry import decode_entry
from tracelog.stores import open_store

KILLS = 50
ENTRIES = 100_000


async def soak(url, folder, kills, entries):
    """
    Return entries written, archived by message, and shown by message.
    """
    store = open_store(url)
    await store.start()
    await store.queue().take("the queue is wanted from now on", due=True, lease_s=60)
    written = await torment(store, url, folder, kills=kills, entries=entries, a_write=50)
    shown = Counter()
    for row in await store.queue().live(-1, 10_000):
        shown[decode_entry(row.body).message] += row.count
    await store.close()
    return written, archived(folder), shown


def main():
    kills, entries = (*map(int, sys.argv[1:]), *(KILLS, ENTRIES)[len(sys.argv) - 1 :])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place) / "archive", Path(place) / "data"
        folder.mkdir()
        data.mkdir()
        with RealServer(data) as server:
            written, told, shown = asyncio.run(soak(server.url, folder, kills, entries))
            batches = len([*folder.glob("*.json")])
    took = time.perf_counter() - began
    print(
        f"{kills} kills in {took:.0f} s: {written:,} written, {told.total():,} archived in {batches:,} batches, {shown.total():,} shown"
    )
    return 0 if told.total() == written and shown == told else 1


if __name__ == "__main__":
    sys.exit(main())
