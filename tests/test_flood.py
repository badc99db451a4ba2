"""
Floods over real servers and real stores: what is kept stays within the limits, errors come through, and every
entry is accounted for, whatever is killed meanwhile.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.flooding import (
    ERRORS,
    Farm,
    Flood,
    Row,
    Sender,
    lasting_keys,
    normal_of,
    ordinary,
    rows_of,
    sprinkle,
)
from tests.stores.servers import RealCluster, RealServer

LIMIT = 1_000
SHARES = {"browser": 400, "worker": 300, "backend": 300, "other": 0}
RESERVE = 200


def flood_of(farm: Farm, *, senders: int, batches: int, size: int, errors: int) -> tuple[Flood, set[str]]:
    """
    Return so many senders for each server of *farm*, and the ids of the errors among their lines.
    """
    words = itertools.count()
    lots = [
        ordinary(f"s{at}", batches, size, words=words) for at in range(senders * len(farm.ports))
    ]
    ids = sprinkle([batch for lot in lots for batch in lot], errors, words=words)
    return Flood([Sender(farm.ports[at % len(farm.ports)], lot) for at, lot in enumerate(lots)]), ids


def check_limits(rows: Sequence[Row], status: dict[str, Any]) -> None:
    """
    Never more than the limit in all; each pool holds at most its share, own rows and lent ones together.
    """
    held = status["quotas"]["systems"]
    charged = sum(system["current"] for system in held.values()) + status["quotas"]["essential"]["used"]
    assert len(normal_of(rows)) <= LIMIT
    assert {name: system["limit"] for name, system in held.items()} == SHARES
    for system in held.values():
        assert system["current"] - system["borrowed"] + system["lent"] <= system["limit"]
    assert status["quotas"]["essential"]["used"] <= RESERVE
    assert len(rows) == charged == status["budget"]["used"]


def check_ledger(rows: Sequence[Row], flood: Flood, ledger: dict[str, Any]) -> None:
    """
    What the servers counted is what the senders sent and were told, source by source, and what the store holds.
    """
    sources = ledger["sources"]
    assert {name: source["emitted"] for name, source in sources.items()} == flood.sent
    assert [name for name, source in sources.items() if not source["balanced"] or source["in_flight"]] == []
    stored = Counter(row["source"] for row in rows if row.get("kind") is None)
    assert {name: source["stored"] for name, source in sources.items() if source["stored"]} == stored
    assert (ledger["balanced"], ledger["in_flight"]) == (True, 0)
    assert ledger["emitted"] == flood.sent.total() == flood.told.total()
    ends = {name: sum(ledger[name].values()) for name in ("suppressed", "limited")}
    assert ends == {name: flood.told[name] for name in ends}


def check(servers: Sequence[RealServer], farm: Farm, flood: Flood, errors: set[str]) -> None:
    status, ledger = farm.told()
    rows = rows_of(servers)
    _print(farm, flood, rows, status)
    check_limits(rows, status)
    check_ledger(rows, flood, ledger)
    found = Counter(row["id"] for row in rows)
    assert errors <= set(found)
    assert max(found.values()) == 1
    assert {row["id"] for row in rows if row["level"] in ERRORS and row.get("kind") is None} == errors
    assert lasting_keys(servers) == []


def test_a_flood_over_three_servers(tmp_path: Path) -> None:
    """
    Three servers on one store: a thousand ordinary rows at most, every error, and an account that adds up.
    """
    with RealServer(tmp_path) as store, Farm(tmp_path, store.url, 3) as farm:
        flood, errors = flood_of(farm, senders=3, batches=8, size=99, errors=200)
        flood.start().join()
        check([store], farm, flood, errors)
        assert flood.told["limited"] > LIMIT


def test_a_flood_over_a_cluster(tmp_path: Path) -> None:
    """
    The same where the store is three nodes, which no script sees together.
    """
    with RealCluster(tmp_path) as cluster, Farm(tmp_path, cluster.url, 2) as farm:
        flood, errors = flood_of(farm, senders=2, batches=8, size=99, errors=100)
        flood.start().join()
        check(cluster.servers, farm, flood, errors)
        assert flood.told["limited"] > 0


def _print(farm, flood, rows, status):
    print(flood.told, len(rows), len(normal_of(rows)), Counter(row.get("kind") for row in rows), {n: (s["current"], s["borrowed"], s["lent"]) for n, s in status["quotas"]["systems"].items()}, status["quotas"]["essential"])
