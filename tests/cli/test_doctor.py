"""
`tracelog doctor`: each thing that keeps entries from arriving is found and told with its remedy.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.started import plain_environment
from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.cli.examine import _clock, _Probe
from tracelog.cli.libraries import LIBRARIES, look
from tracelog.config import Key
from tracelog.integrations import TRIGGERS


def doctor(folder: Path, *arguments: str, code: int = 0, **env: str) -> dict[str, list[dict[str, str]]]:
    """
    Return what is found in *folder*, by topic.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tracelog", "doctor", "--format", "json", *arguments],
        capture_output=True,
        cwd=folder,
        env={**plain_environment(), **env},
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["topic"], []).append(finding)
    return found


def test_a_program_that_is_set_up_well(tmp_path: Path):
    """
    With a server that answers everything is well, and each setting is told with its source.
    """
    (tmp_path / "pyproject.toml").write_text('[tool.tracelog]\nservice = "shop"\n')
    (tmp_path / "app.py").write_text("import tracelog, httpx\ntracelog.instrument('auto')\n")
    with Running() as running:
        found = doctor(tmp_path, TRACELOG_URL=f"http://127.0.0.1:{running.port}")
        assert running.messages() == []
    told = [finding["text"] for finding in found["settings"]]
    assert {finding["state"] for findings in found.values() for finding in findings} == {"ok"}
    assert "service = 'shop', from [tool.tracelog] service" in told
    assert any(text.startswith("url = ") and text.endswith("from TRACELOG_URL") for text in told)
    assert "ms from this one" in found["clock"][0]["text"]
    assert found["libraries"][0]["text"].startswith("tracelog.instrument")


def test_a_key_is_needed_and_never_shown(tmp_path: Path):
    """
    A missing or wrong key is told with the remedy; the right one is said to be given, and not what it is.
    """
    key = Key(token="0123456789abcdef")
    with Running(keys=(key,)) as running:
        url = f"http://127.0.0.1:{running.port}"
        missing = doctor(tmp_path, "--url", url, code=1)["server"][0]
        wrong = doctor(tmp_path, "--url", url, "--key", "f" * 16, code=1)["server"][0]
        right = doctor(tmp_path, "--url", url, TRACELOG_KEY=key.token)
    assert "401" in missing["text"]
    assert "401" in wrong["text"]
    assert "TRACELOG_KEY" in wrong["fix"]
    assert right["server"][0]["state"] == "ok"
    assert key.token not in json.dumps(right)


def test_passwords_of_sinks_are_not_shown(tmp_path: Path):
    """
    What is shown may end in a bug report: the address of a sink is told without user and password.
    """
    found = doctor(tmp_path, code=1, TRACELOG_SINKS="redis://shop:hunter2@127.0.0.1:1/0,stdout:")
    assert "hunter2" not in str(found)
    assert any("sinks = ('redis://127.0.0.1:1/0', 'stdout:')" in told["text"] for told in found["settings"])


@pytest.mark.parametrize(
    ("env", "topic", "sentence"),
    [
        ({"TRACELOG_LEVEL": "loud"}, "settings", "TRACELOG_LEVEL"),
        ({"TRACELOG_ENABLED": "off"}, "settings", "nothing is logged"),
        ({"TRACELOG_URL": "http://127.0.0.1:1"}, "server", "does not answer"),
        ({"TRACELOG_SINKS": "redis://127.0.0.1:1"}, "redis", "127.0.0.1"),
    ],
    ids=["wrong setting", "switched off", "no server", "no redis"],
)
def test_what_keeps_entries_away_is_told(env: dict[str, str], topic: str, sentence: str, tmp_path: Path):
    """
    Each fault is one finding that names it and says what to do, and the exit code is 1.
    """
    bad = [finding for finding in doctor(tmp_path, code=1, **env)[topic] if finding["state"] == "bad"]
    assert len(bad) == 1
    assert sentence in bad[0]["text"]
    assert bad[0]["fix"]


def test_what_could_be_better_is_told(tmp_path: Path):
    """
    No server, no service name and a library that is not switched on are things to look at, and no failure.
    """
    package = tmp_path / "app"
    package.mkdir()
    (package / "main.py").write_text("import httpx\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "old.py").write_text("import requests\n")
    found = doctor(tmp_path)
    texts = [
        finding["text"] for findings in found.values() for finding in findings if finding["state"] == "warn"
    ]
    assert any("no url" in text for text in texts)
    assert any("service is not set" in text for text in texts)
    assert [finding["text"] for finding in found["libraries"]] == ["httpx is used here and not switched on"]


APPS = {
    "import os, fastapi as web": ["fastapi"],
    "    from fastapi.routing import APIRouter": ["fastapi"],
    "import fastapi\nfrom tracelog.integrations.asgi import Middleware": [],
    "import flask, httpx  # both": ["flask", "httpx"],
    "import django\ntracelog.instrument('auto')": [],
    "import flask\ntracelog.instrument(client=logs)": [],
    'import django, httpx, fastapi\ninstrument("futures", "httpx")\ninstrument("starlette")': ["django"],
    "MIDDLEWARE = ['tracelog.integrations.django.Middleware']\nimport django": [],
    "text = 'from celery tops'; important = 1": [],
}


@pytest.mark.parametrize("app", APPS)
def test_each_library_that_is_used_and_not_switched_on_is_named(app: str, tmp_path: Path):
    """
    However a program imports a library, the doctor names it and says what switches it on.
    """
    (tmp_path / "app.py").write_text(app)
    seen = look(tmp_path)
    assert [name for name, _ in seen.unwired] == APPS[app]
    assert all(fix for _, fix in seen.unwired)


def test_every_integration_that_is_switched_on_is_looked_for():
    """
    What `instrument("auto")` switches on beside Python's own, the doctor looks for.
    """
    assert (
        TRIGGERS.keys() - {"logging", "unhandled", "futures", "threading", "multiprocessing", "gunicorn"}
        <= LIBRARIES.keys()
    )


def test_a_real_redis_is_looked_at(tmp_path: Path):
    """
    A Redis that is named as sink is told with its version.
    """
    with RealServer(tmp_path) as server:
        found = doctor(tmp_path, TRACELOG_SINKS=server.url)
    assert found["redis"][0]["state"] == "ok"


def test_clocks_that_differ_are_told():
    """
    A difference counts only beyond what the round trip leaves open.
    """
    assert _clock(_Probe(200, "", 10.0, 1_500.0)).state == "warn"
    assert _clock(_Probe(200, "", 2_000.0, 1_500.0)).state == "ok"


def test_for_people_it_is_a_list(tmp_path: Path):
    """
    Each line begins with how it is, and a remedy stands below.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tracelog", "doctor", "--url", "http://127.0.0.1:1"],
        capture_output=True,
        cwd=tmp_path,
        env=plain_environment(),
        timeout=60,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("ok    tracelog")
    at = next(n for n, line in enumerate(lines) if line.startswith("bad   server"))
    assert "→ start `tracelog serve`" in lines[at + 1]
    assert "1 to mend" in done.stderr.decode()
