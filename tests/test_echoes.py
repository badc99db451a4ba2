"""
What several systems say of one thing, and what several servers meet of one form: from the front doors of real
servers on one real store.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from redis import Redis

from tests.flooding import SYSTEMS, Farm, Row, rows_of, wait_for
from tests.server.running import Line, request
from tests.stores.servers import RealServer
from tracelog.core import keys

SLOW = "[tool.tracelog.trace_quota]\necho_window_s = 600.0\n"
"""A window that no busy machine leaves in the middle of a test."""

LONG = "[tool.tracelog.guard]\nhot_window_s = 600.0\n"
"""The same for hot forms."""

TOLD = {"same-words": lambda n: "cart changed", "other-numbers": lambda n: f"cart of {n} changed"}
"""What each of twenty entries of a trace says."""

KEPT = {"same-words": 5, "other-numbers": 20}
"""What is stored of what the first system says."""


def post(port: int, batch: list[dict[str, Any]]) -> dict[str, Any]:
    with Line(port) as line:
        line.send(request(body=json.dumps(batch).encode(), headers=[("Content-Type", "application/json")]))
        said: dict[str, Any] = line.answer().json
        return said


def spoken(trace_id: str, system: str, texts: list[str], first: int = 0) -> list[dict[str, Any]]:
    fields = {"trace_id": trace_id, "system": system, "source": f"{system}-{trace_id}"}
    return [{**fields, "seq": n, "message": text} for n, text in enumerate(texts, first)]


def stands_for(rows: list[Row]) -> int:
    """
    Return how many entries *rows* stand for.
    """
    return sum(row.get("count", 1) for row in rows)


def test_three_systems_say_the_same(tmp_path: Path) -> None:
    """
    Of twenty entries each, those that the first system may say alone are stored, and the first of each other
    system, by whichever server they came; the others are counted, told to their senders, and seen in the timeline.
    """
    with RealServer(tmp_path) as store, Farm(tmp_path, store.url, 2, settings=SLOW) as farm:
        ports = [*farm.ports, farm.ports[0]]
        said = {
            name: [
                post(port, spoken(name, system, [text(n) for n in range(20)]))
                for port, system in zip(ports, SYSTEMS, strict=True)
            ]
            for name, text in TOLD.items()
        }
        shown = {name: farm.get(f"/api/v1/traces/{name}/report", farm.ports[1]) for name in TOLD}
        _, ledger = farm.told()
        rows = rows_of([store])
    for name, answers in said.items():
        mine = [row for row in rows if row["trace_id"] == name]
        missing = [row for row in mine if row.get("kind") == "suppressed"]
        assert [each["accepted"] for each in answers] == [KEPT[name], 1, 1]
        assert [each["suppressed"] for each in answers] == [20 - KEPT[name], 19, 19]
        kept = {"browser": KEPT[name], "worker": 1, "backend": 1}
        assert Counter(row["system"] for row in mine if row.get("kind") is None) == kept
        assert {row["why"] for row in missing} == {"echo"}
        assert sum(row["count"] for row in missing) == sum(
            each["suppressed_by"].get("echo", 0) for each in answers
        )
        assert stands_for(mine) == 60
        assert {row["kind"] for row in shown[name]["timeline"]} >= {None, "suppressed"}
    assert (ledger["emitted"], ledger["stored"], ledger["balanced"]) == (120, 29, True)


def test_a_form_that_is_hot_in_all_servers_together(tmp_path: Path) -> None:
    """
    Seventeen of a form at each of two servers are too many in the sum: both fold what follows and keep the first
    entry of each trace and system.
    """

    def lines(trace_id: str, system: str, count: int) -> list[dict[str, Any]]:
        return spoken(trace_id, system, [f"took {trace_id} {n} ms" for n in range(count)])

    with RealServer(tmp_path) as store, Farm(tmp_path, store.url, 2, settings=LONG) as farm:
        one, two = farm.ports

        def met() -> int:
            with Redis.from_url(store.url, protocol=2) as client:
                windows = [client.hgetall(key) for key in (keys.EVEN_HEAT, keys.ODD_HEAT)]
            return sum(
                int(text.split()[0]) for window in windows for name, text in window.items() if name != b"@"
            )

        def is_hot(port: int) -> bool:
            shown: list[dict[str, Any]] = farm.get("/api/v1/status", port)["guard"]["hot_everywhere"]
            return [form["systems"] for form in shown] == [["browser", "worker"]]

        said = [post(one, lines("a1", "browser", 8)), post(one, lines("a2", "browser", 9))]
        wait_for(lambda: met() == 17)
        post(two, lines("b1", "worker", 8))
        post(two, lines("b2", "worker", 9))
        wait_for(lambda: is_hot(two))
        post(one, lines("a3", "browser", 1))
        wait_for(lambda: is_hot(one))
        after = [post(one, lines("a4", "browser", 10)), post(two, lines("b4", "worker", 10))]
        _, ledger = farm.told()
        rows = rows_of([store])
    assert [each["accepted"] for each in said] == [8, 9]
    for each in after:
        assert (each["accepted"], each["suppressed_by"]) == (1, {"loop_template": 9})
    assert stands_for(rows) == 55
    assert (ledger["emitted"], ledger["balanced"]) == (55, True)
