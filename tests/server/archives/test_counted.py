"""
What archives took and refused stands in the status and in the metrics, whichever process gave it to them.
"""

from pathlib import Path

import pytest

from tests.flooding import wait_for
from tests.server.receiver import Receiver
from tests.server.running import Running

pytestmark = pytest.mark.xdist_group("archives")


def archived_of(running: Running) -> dict[str, dict[str, int]]:
    return running.get("/api/v1/status").json["processing"]["archived"]


def test_each_archive_says_what_it_took_and_refused(tmp_path: Path) -> None:
    """
    A file takes every row while the other end refuses all of them for good, which are then in its dead-letter
    file; status and metrics say the same of both.
    """
    dead = tmp_path / "dead.ndjson"
    with Receiver([400] * 64) as receiver:
        end = receiver.url.replace("http:", "otlp+http:").partition("?")[0]
        archives = (f"ndjson://{tmp_path}/a.ndjson", f"{end}?dead_letter={dead}")
        with Running(process=True, process_interval=0.05, process_sample=1.0, archive=archives) as running:
            running.post([{"message": f"said {word}", "trace_id": "t"} for word in ("one", "two", "three")])
            wait_for(
                lambda: (
                    (archived_of(running)["otlp"]["dead"], archived_of(running)["ndjson"]["sent"]) == (3, 3)
                )
            )
            shown = running.get("/api/v1/status").json["processing"]
            lines = running.get("/metrics").body.decode().splitlines()
    assert shown["archived"]["ndjson"] == {"sent": 3, "failed": 0, "dead": 0}
    assert (shown["archived"]["otlp"]["sent"], shown["archived"]["otlp"]["failed"] > 0) == (0, True)
    assert not any(name.startswith("archive/") for name in shown["counts"])
    assert len(dead.read_text().splitlines()) == 3
    assert 'tracelog_archive_rows{archive="ndjson",outcome="sent"} 3' in lines
    assert 'tracelog_archive_rows{archive="otlp",outcome="dead"} 3' in lines
