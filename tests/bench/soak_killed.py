"""
Two servers with processors inside and a processor beside them, killed 50 times at random among 100,000 entries sent
over HTTP, with a real Valkey: every acknowledged entry is archived once and counted once in the live view.

    python tests/bench/soak_killed.py [kills] [entries]
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.mortal import Installation, torment, truth
from tests.stores.servers import RealServer

KILLS = 50
ENTRIES = 100_000
PATIENCE_S = 900.0


def main():
    kills, entries = (*map(int, sys.argv[1:]), *(KILLS, ENTRIES)[len(sys.argv) - 1 :])
    began = time.perf_counter()
    expected = truth(entries)
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place) / "run", Path(place) / "data"
        folder.mkdir()
        data.mkdir()
        with RealServer(data) as server, Installation(folder, server.url, inside=True) as one:
            torment(one, kills=kills, entries=entries, patience_s=PATIENCE_S)
            told, shown = one.archived(), one.shown()
    print(
        f"{kills} kills in {time.perf_counter() - began:.0f} s: {entries:,} acknowledged, "
        f"{told.total():,} archived, {shown.total():,} shown"
    )
    return 0 if told == shown == expected else 1


if __name__ == "__main__":
    sys.exit(main())
