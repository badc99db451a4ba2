"""
`tracelog cleanup`, `keys`, `mute`, `capture` and `status --store` against a real server.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.started import Served
from tests.server.running import Running
from tests.server.test_admin import bearer
from tests.stores.servers import RealServer

pytestmark = pytest.mark.xdist_group("admin")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """
    A server of one test, on an embedded file.
    """
    with Running(store_url=f"sqlite:///{tmp_path}/logs.db") as running:
        yield running


@pytest.fixture
def served(running: Running, tmp_path: Path) -> Served:
    """
    The same, as commands are run against it.
    """
    return Served(f"http://127.0.0.1:{running.port}", tmp_path)


def test_clean_up_says_before_it_does(served: Served, running: Running) -> None:
    """
    Without --yes nothing goes; an emergency wants the words, too, and then every log is gone and recorded.
    """
    served.post({"message": "m", "trace_id": "trace-one"})
    for mode in ("safe", "emergency"):
        told = served.run("cleanup", mode)
        assert (told.exit_code, "nothing was removed yet" in told.stderr) == (0, True)
    assert re.search(r"1 +traces\n", served.run("cleanup", "emergency").stdout)
    assert served.run("cleanup", "safe", "--yes").exit_code == 0
    for wrong in ((), ("--confirm", "yes")):
        refused = served.run("cleanup", "emergency", "--yes", *wrong)
        assert (refused.exit_code, "nothing was deleted" in refused.stderr) == (2, True)
    assert running.get("/api/v1/traces/trace-one").status == 200
    done = served.run("cleanup", "emergency", "--yes", "--confirm", "delete all logs", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)["traces"] >= 1) == (0, True)
    assert running.get("/api/v1/traces/trace-one").status == 404
    what = [each["what"] for each in running.get("/api/v1/audit").json["records"]]
    assert what == ["cleanup.emergency", "cleanup.emergency.begun", "cleanup.safe"]


def test_keys_are_made_listed_and_revoked(served: Served, running: Running) -> None:
    """
    The token alone is on standard output; the list names keys without it; a revoked one is gone.
    """
    refused = served.run("keys", "create")
    assert (refused.exit_code, "role admin" in refused.stderr) == (1, True)
    admin = served.run("keys", "create", "--role", "admin").stdout.strip()
    shop = "https://shop.example.com"
    made = served.run(
        "keys", "create", "--origin", shop, "--system", "browser", "--name", "shop", "--key", admin
    )
    token = made.stdout.strip()
    assert running.post({"message": "m"}, bearer(token), ("Origin", shop)).status == 200
    listed = served.run("keys", "list", "--key", admin).stdout
    assert token not in listed
    [line] = [line for line in listed.splitlines() if "shop" in line]
    assert f"{shop}, browser, public" in line
    assert len(json.loads(served.run("keys", "list", "--key", admin, "--format", "json").stdout)["keys"]) == 2
    assert served.run("keys", "revoke", line.split()[0], "--key", admin).exit_code == 0
    assert running.post({"message": "m"}, bearer(token), ("Origin", shop)).status == 401
    [left] = [line.split()[0] for line in served.run("keys", "list", "--key", admin).stdout.splitlines()]
    assert served.run("keys", "revoke", left, "--key", admin).exit_code == 1
    assert served.run("keys", "revoke", left, "--last", "--key", admin).exit_code == 0
    assert "needs no key" in served.run("keys", "list").stderr


def test_mutes_and_the_switch(served: Served, running: Running) -> None:
    """
    What is muted is shown and ended by its id; the switch says how it stands and who said so.
    """
    name = served.run("mute", "--system", "noisy", "--minutes", "5", "--why", "deploy").stdout.strip()
    assert running.post({"message": "m", "system": "noisy"}).json["suppressed"] == "muted"
    shown = served.run("mute").stdout
    assert (name in shown, "noisy until" in shown, "deploy" in shown) == (True, True, True)
    assert served.run("unmute", name).exit_code == 0
    assert served.run("unmute", name).exit_code == 1
    assert "suppressed" not in running.post({"message": "m", "system": "noisy"}).json
    assert served.run("capture").stdout == "on\n"
    assert served.run("capture", "off").stdout == "off\n"
    served.run("mute", "--system", "other")
    glance = served.run("status").stdout
    assert re.search(r"queue +(nothing waits|\d+ writes? waiting for)", glance)
    assert all(text in glance for text in ("capture   off", "muted     1 mute"))
    assert running.get("/api/v1/status?page=1").json == {"capture": False}
    assert "settings" in served.run("capture", "settings").stderr


def test_the_store_is_shown_closely(served: Served, tmp_path: Path) -> None:
    """
    The lines say what the store holds and what to do about it, for a file and for a real server.
    """
    served.post({"message": "m", "trace_id": "trace-one"})
    said = served.run("status", "--store").stdout
    assert re.search(r"store +sqlite .*, well\nholds +1 traces, 1 entries", said)
    assert json.loads(served.run("status", "--store", "--format", "json").stdout)["kind"] == "sqlite"
    (tmp_path / "redis").mkdir()
    with RealServer(tmp_path / "redis") as server, Running(store_url=server.url) as running:
        said = Served(f"http://127.0.0.1:{running.port}", tmp_path).run("status", "--store").stdout
    assert all(word in said for word in ("without a limit", "no append-only file", "do        set maxmemory"))
