"""
Batches that come again to another server process of the same store: the ledger counts every entry once.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flooding import Farm, letters
from tests.server.running import Line, request
from tests.stores.servers import RealCluster, RealServer

LOOPS, DISTINCT, NOISE = 40, 30, 10


def batch(first: int) -> list[dict[str, Any]]:
    """
    Return numbered entries of which some are folded, some are noise, and more than a trace may store are new.
    """
    said = (
        [f"said {letters(first + n)}" for n in range(DISTINCT)]
        + ["again"] * LOOPS
        + ["[HMR] connected"] * NOISE
    )
    return [
        {
            "id": f"s-{first + n}",
            "trace_id": "flood",
            "system": "backend",
            "source": "s",
            "seq": first + n,
            "message": text,
        }
        for n, text in enumerate(said)
    ]


def send(port: int, entries: list[dict[str, Any]]) -> int:
    with Line(port) as line:
        line.send(request(body=json.dumps(entries).encode(), headers=[("Content-Type", "application/json")]))
        return line.answer().status


def check(farm: Farm, rounds: int) -> None:
    size = DISTINCT + LOOPS + NOISE
    one, two = farm.ports
    for number in range(rounds):
        for port in (one, two, one):
            assert send(port, batch(size * number)) in {200, 429}
    _, ledger = farm.told()
    own = ledger["sources"]["s"]
    ended = own["stored"] + sum(sum(own[name].values()) for name in ("suppressed", "limited", "rejected"))
    assert (own["emitted"], ended, own["balanced"]) == (size * rounds, size * rounds, True)
    assert own["suppressed"]["noise"] == NOISE * rounds


@pytest.mark.parametrize("kind", ["valkey", "cluster"])
def test_a_repeat_to_another_server_counts_once(kind: str, tmp_path: Path) -> None:
    """
    Every batch goes to two servers and then to the first again; the sums are those of one delivery.
    """
    store = tmp_path / "store"
    store.mkdir()
    kept = RealServer(store) if kind == "valkey" else RealCluster(store)
    with kept as server, Farm(tmp_path, server.url, many=2) as farm:
        check(farm, 12)
