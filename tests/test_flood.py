"""
Floods over real servers and real stores: what is kept stays within the limits, errors come through, and every
entry is accounted for, whatever is killed meanwhile.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.flooding import (
    ERRORS,
    Farm,
    Flood,
    Row,
    Sender,
    lasting_keys,
    letters,
    normal_of,
    ordinary,
    rows_of,
    sprinkle,
    wait_for,
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
    lots = [ordinary(f"s{at}", batches, size, words=words) for at in range(senders * len(farm.ports))]
    ids = sprinkle([batch for lot in lots for batch in lot], errors, words=words)
    return Flood([Sender(farm.ports[at % len(farm.ports)], lot) for at, lot in enumerate(lots)]), ids


def check_limits(rows: Sequence[Row], status: dict[str, Any]) -> None:
    """
    Never more than the limit in all. Unless the gate was too slow for a server, which then admits its part by itself
    and charges it afterwards, each pool holds at most its share, own rows and lent ones together, and what is charged
    is what is stored, to the row.
    """
    is_exact = status["gate"]["unanswered"] == 0
    held = status["quotas"]["systems"]
    charged = sum(system["current"] for system in held.values()) + status["quotas"]["essential"]["used"]
    assert len(normal_of(rows)) <= LIMIT
    assert {name: system["limit"] for name, system in held.items()} == SHARES
    for system in held.values():
        charged_to = system["current"] - system["borrowed"] + system["lent"]
        assert charged_to <= system["limit"] or not is_exact
    assert status["quotas"]["essential"]["used"] <= RESERVE
    assert len(rows) <= charged == status["budget"]["used"]
    assert len(rows) == charged or not is_exact


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


def test_servers_and_the_store_die_in_a_flood(tmp_path: Path) -> None:
    """
    A server killed and started again, then the store killed and started empty: nothing acknowledged is stored
    twice, no more than one extra hour's limit is stored, and the month is what it was before or more.
    """
    with RealServer(tmp_path) as store, Farm(tmp_path, store.url, 2) as farm:
        flood, errors = flood_of(farm, senders=2, batches=12, size=60, errors=120)
        flood.start()
        wait_for(lambda: flood.answered >= 3)
        farm.kill(farm.ports[0])
        farm.start(farm.ports[0])
        wait_for(lambda: flood.answered >= 9)
        with flood.paused():
            before = rows_of([store])
            used = farm.get("/api/v1/status")["budget"]["used"]
            store.kill()
        wait_for(lambda: flood.refused)
        store.start()
        flood.join()
        after = rows_of([store])
        more = itertools.count(100_000)
        wait_for(lambda: remembers(farm, used, letters(next(more))))
        assert len(before) <= used
        assert len(normal_of(before)) <= LIMIT
        assert len(normal_of(before)) + len(normal_of(after)) <= 2 * LIMIT
        for rows in (before, after):
            assert max(Counter(row["id"] for row in rows).values()) == 1
        assert flood.told["accepted"] <= len({row["id"] for row in [*before, *after]})
        assert errors <= {row["id"] for row in [*before, *after]}
        assert lasting_keys([store]) == []


def remembers(farm: Farm, used: int, message: str) -> bool:
    """
    Say one more error, *message*, to each server, and return whether the month holds at least so many rows.
    """
    for port in farm.ports:
        Sender(port, [[{"trace_id": "later", "source": "later", "level": "error", "message": message}]]).run()
    return bool(farm.get("/api/v1/status")["budget"]["used"] >= used)


NORMAL_SOURCES = {"browser": 6, "worker": 3, "backend": 2}


def normal_traffic() -> list[Row]:
    """
    Return the lines of 60 traces of three systems, every tenth with an error, of sources that say little each.
    """
    lines = []
    for n in range(60):
        for system, step in itertools.product(NORMAL_SOURCES, ("starts", "is done")):
            source = f"{system}-{n % NORMAL_SOURCES[system]}"
            line = {"system": system, "source": source, "message": f"{system} {letters(n)} {step}"}
            lines.append({"id": f"{n}-{system}-{step[:2]}", "trace_id": f"normal-{n}", **line})
        if n % 10 == 0:
            failed = {"system": "backend", "source": "backend-0", "message": "payment failed"}
            lines.append({"id": f"{n}-failed", "trace_id": f"normal-{n}", "level": "error", **failed})
    return numbered(lines)


def numbered(lines: list[Row]) -> list[Row]:
    """
    Give each line the running number of its source.
    """
    numbers: Counter[str] = Counter()
    for line in lines:
        line["seq"] = numbers[line["source"]]
        numbers[line["source"]] += 1
    return lines


EXPLOSIONS = {
    "identical error": (11, lambda n: {"message": "Cannot read x", "level": "error"}),
    "counter in the text": (56, lambda n: {"message": f"effect run {n}"}),
    "new trace each time": (200, lambda n: {"message": "effect ran", "trace_id": f"loop-{n}"}),
    "unique words, error": (150, lambda n: {"message": f"lost {letters(n)}", "level": "error"}),
}
"""Name: rows of the loop at most, and what is said 16,000 times."""


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_an_explosion_beside_normal_traffic(name: str, tmp_path: Path) -> None:
    """
    Every line, hop and error of the normal traces is stored; the loop leaves few rows, and the account adds up.
    """
    most, said = EXPLOSIONS[name]
    shared = {"trace_id": "loop", "system": "browser", "source": "exploding"}
    loop = [{"id": f"loop-{n}", "seq": n, **shared, **said(n)} for n in range(16_000)]
    normal = normal_traffic()
    with RealServer(tmp_path) as store, Farm(tmp_path, store.url) as farm:
        port = farm.ports[0]
        exploding = Sender(port, [loop[at : at + 100] for at in range(0, 16_000, 100)])
        flood = Flood([exploding, Sender(port, [[line] for line in normal])])
        flood.start().join()
        status, ledger = farm.told()
        rows = rows_of([store])
        ours = {line["id"] for line in normal}
        of_loop = [row for row in rows if row["id"] not in ours]
        assert ours - {row["id"] for row in rows} == set(), (ledger["limited"], ledger["suppressed"])
        check_ledger(rows, flood, ledger)
        check_limits(rows, status)
        assert len(of_loop) <= most
        assert sum(row.get("count", 1) for row in of_loop) == 16_000
        assert lasting_keys([store]) == []
