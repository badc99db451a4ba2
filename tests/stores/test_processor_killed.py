"""
Processors killed with SIGKILL while entries come, with a real Valkey: each entry is archived and shown once.
"""

from collections import Counter

import pytest

from tests.stores.killed import archived, torment
from tracelog.core.entry import decode_entry
from tracelog.stores import open_store

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("killed")]

KILLS = 10
ENTRIES = 10_000


async def test_ten_killed_processors_lose_nothing_and_double_nothing(own_server, tmp_path):
    """
    After ten kills every entry is in the archive once by its count, the live view has the same counts, and the
    account of the processors says the same.
    """
    folder = tmp_path / "archive"
    folder.mkdir()
    url = own_server().url
    store = open_store(url)
    await store.start()
    await store.queue().take("the queue is wanted from now on", due=True, lease_s=60)
    written = await torment(store, url, folder, kills=KILLS, entries=ENTRIES, a_write=50)
    told = archived(folder)
    shown: Counter[str] = Counter()
    for row in await store.queue().live(-1, 10_000):
        shown[decode_entry(row.body).message] += row.count
    counts = (await store.queue().backlog()).counts
    await store.close()
    assert told.total() == written == ENTRIES
    assert len(told) == 50
    assert shown == told
    assert counts["entries"] == written
    assert "cut" not in counts
