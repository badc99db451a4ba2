"""
What is for running the server: files of deploy/ name commands, settings and metrics that there are.
"""

import configparser
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import Running
from tracelog.cli import commands
from tracelog.config import server_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"

INSTRUCTIONS = {
    *("FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENV", "EXPOSE"),
    *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}
"""Of a Dockerfile, as far as ours needs them."""


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def metrics() -> dict[str, tuple[str, set[str]]]:
    """
    Each metric of a real server with entries, quotas and a budget: its type and labels.
    """
    with Running(limits=True, process=True, process_interval=0.05, archive=("none:",)) as running:
        running.post([{"message": "password=hunter2hunter2", "system": "backend"}])
        lines: list[str] = []
        while not any(line.startswith("tracelog_processed{") for line in lines):
            lines = running.get("/metrics").body.decode().splitlines()
    kinds = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# TYPE")}
    labels: dict[str, set[str]] = {name: set() for name in kinds}
    for line in lines:
        if not line.startswith("#"):
            labels[re.split(r"[{ ]", line)[0]] |= set(re.findall(r'(\w+)="', line))
    return {name: (kind, labels[name]) for name, kind in kinds.items()}


def test_the_table_of_metrics_is_that_of_the_server(metrics: Any) -> None:
    """
    Every metric stands in the reference with its type and labels, and nothing else does.
    """
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    told = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in re.findall(
            r"^\| `(tracelog_\w+)` \| (\w+) \| ([^|]*)\|", page, re.MULTILINE
        )
    }
    assert told == metrics


def test_the_dashboard_shows_metrics_that_there_are(metrics: Any) -> None:
    """
    Every expression of the dashboard names metrics and labels of the server, and every metric is shown; panels
    lie beside each other.
    """
    board = json.loads(text("grafana.json"))
    shown: set[str] = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            names = set(re.findall(r"tracelog_\w+", target["expr"]))
            assert names <= metrics.keys()
            by = set(re.findall(r"by \(([^)]*)\)", target["expr"]))
            known = {"instance"}.union(*(metrics[name][1] for name in names))
            assert {label.strip() for said in by for label in said.split(",")} <= known
            counters = {name for name in names if metrics[name][0] == "counter"}
            assert bool(counters) == ("rate(" in target["expr"] or "increase(" in target["expr"])
            shown |= names
    assert shown == metrics.keys()
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24


def options_of(words: list[str]) -> None:
    """
    Hold a call of `tracelog` against the command line.
    """
    command = commands.get_command(None, words[0])
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def variables_of(said: str) -> None:
    """
    Hold every variable that *said* names against those that the configuration reads.
    """
    source = (ROOT / "tracelog/config.py").read_text(encoding="utf-8")
    for name in set(re.findall(r"TRACELOG_[A-Z_]+", said)):
        assert name in source or re.search(rf"\b{name.removeprefix('TRACELOG_').lower()}\b", source), name


def test_the_dockerfile_is_one() -> None:
    """
    Its instructions are known, what it copies is there, its extras are the package's, it does not run as root,
    and it starts a command of ours.
    """
    joined = text("Dockerfile").replace("\\\n", " ")
    lines = [line.split(None, 1) for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    assert {word for word, _ in lines} <= INSTRUCTIONS
    assert lines[0][0] == "FROM"
    for word, rest in lines:
        if word == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / name).exists() for name in rest.split()[:-1]), rest
        if word in {"ENTRYPOINT", "CMD", "VOLUME"}:
            assert isinstance(json.loads(rest), list)
    extras = re.search(r"\.\[([\w,]+)\]", joined)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= project["optional-dependencies"].keys()
    assert [rest for word, rest in lines if word == "USER"] == ["tracelog"]
    options_of(json.loads(dict(lines)["CMD"]))
    variables_of(joined)


def test_the_compose_file_names_what_there_is() -> None:
    """
    Its lines are indented by twos without tabs, its paths and volumes are there, and its server is started as
    ours can be.
    """
    said = text("compose.yaml")
    lines = [line for line in said.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert all("\t" not in line and (len(line) - len(line.lstrip())) % 2 == 0 for line in lines)
    assert all(re.match(r"( *- |\s*)(\"?[\w./:-]+\"?:( |$)|\"|\.?/?\w)", line) for line in lines)
    services = re.findall(r"^  (\w+):$", said.partition("volumes:\n  redis:")[0], re.MULTILINE)
    assert services == ["tracelog", "redis"]
    command = re.search(r"command: (\[\"serve\".*\])", said)
    options_of(json.loads(command[1]))
    for name in re.findall(r"- (\w+):/", said):
        assert re.search(rf"^  {name}:$", said, re.MULTILINE), name
    assert (DEPLOY / "Dockerfile").exists()
    assert "dockerfile: deploy/Dockerfile" in said
    variables_of(said)


def test_the_unit_is_one() -> None:
    """
    Systemd's file has its three sections, starts a command of ours, and a reload replaces the processes.
    """
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(text("tracelog.service"))
    assert unit.sections() == ["Unit", "Service", "Install"]
    program, *words = unit["Service"]["ExecStart"].split()
    assert program.endswith("/tracelog")
    options_of(words)
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(unit["Service"]["TimeoutStopSec"]) > server_settings({}, environ={}, folder=None).stop_timeout
    variables_of(text("tracelog.service"))


def test_the_example_of_settings_is_taken(tmp_path: Path) -> None:
    """
    A server that other machines reach starts with the example's settings: it has a key for each role.
    """
    (tmp_path / "pyproject.toml").write_text(text("settings.example.toml"), encoding="utf-8")
    settings = server_settings({"host": "0.0.0.0"}, environ={}, folder=tmp_path)
    assert {key.role for key in settings.keys} == {"ingest", "read", "admin"}
    assert settings.trusted_proxies
