"""
Errors of systems that are known come through beside a flood of errors of those that are made up, or of one page.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.started import Served
from tests.flooding import letters
from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.core.quota_settings import QuotaSettings

KNOWN = ("browser", "worker", "backend")
PAGE = ("Origin", "http://localhost:3000")
LIMITS = QuotaSettings(limit=100)
"""40, 30 and 30 rows are the shares, 20 the reserve for errors."""


@pytest.fixture(params=["sqlite", "redis"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """
    A server with limits on an empty store.
    """
    if request.param == "sqlite":
        with Running(limits=True, quota=LIMITS) as running:
            yield running
        return
    with RealServer(tmp_path) as server, Running(limits=True, quota=LIMITS, store_url=server.url) as running:
        yield running


def errors(many: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """
    Return errors that share neither trace nor source nor words.
    """
    return [
        {"level": "error", "message": f"broke {letters(n)}", "trace_id": f"t{n}", "source": f"s{n}", "seq": 0}
        | {name: value(n) if callable(value) else value for name, value in fields.items()}
        for n in range(first, first + many)
    ]


def made_up(n: int) -> str:
    return f"made_up_{n % 500}"


FLOODS = {
    "made-up systems of a program": (made_up, ()),
    "made-up systems of a page": (made_up, (PAGE,)),
    "a page that says it is the browser": ("browser", (PAGE,)),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_known_systems_are_heard_in_a_flood(flood: str, running: Running) -> None:
    """
    After 2,000 errors of strangers, the errors of systems that have a share are stored: those that spoke before and
    those that were never heard.
    """
    system, headers = FLOODS[flood]
    assert running.post(errors(1, first=9_000, system="backend")).json["accepted"] == 1
    strangers = 0
    for first in range(0, 2_000, 500):
        strangers += running.post(errors(500, first=first, system=system), *headers).json["accepted"]
    assert strangers >= 20
    for at, name in enumerate(KNOWN if system != "browser" else KNOWN[1:]):
        said = running.post(errors(7, first=10_000 + 100 * at, system=name)).json
        assert (said["accepted"], said["limited"]) == (7, {}), name


def test_the_status_has_a_line_for_them(running: Running, tmp_path: Path) -> None:
    """
    `tracelog status` shows what systems without a share hold together, in the pools and in the reserve: as much as the
    store holds of them.
    """
    for first in (0, 500):
        running.post(errors(500, first=first, system=made_up))
    rows = running.get("/api/v1/search?limit=1000").json["entries"]
    status = running.get("/api/v1/status").json["quotas"]
    other = status["systems"]["other"]
    shown = Served(f"http://127.0.0.1:{running.port}", tmp_path).run("status").stdout
    assert other["current"] + other["reserve"] == len([row for row in rows if row.get("kind") is None]) > 0
    assert other["reserve"] == status["essential"]["used"] == 4
    [line] = [line for line in shown.splitlines() if line.strip().startswith("other")]
    assert line.split(None, 1)[1].startswith(f"{other['current']} of 0, ")
    assert "4 in the reserve" in line
