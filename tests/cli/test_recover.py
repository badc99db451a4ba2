"""
`tracelog recover`: what killed programs left is shown, delivered and told to a real server. That a command of its own
does it is seen once; the other tests run it in this process.
"""

import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.cli.started import plain_environment
from tests.server.running import Running
from tracelog.cli import commands

PROGRAM = """
import os, sys, time, tracelog
tracelog.configure(service="shop", url=sys.argv[1], spool=sys.argv[2] or None, exit_timeout=0.2)
log = tracelog.get_logger("x")
for n in range(300): log.info(f"m{n}")
tracelog.flush(0.4)
for n in range(4): log.info("in hand")
os.kill(os.getpid(), 9)
"""

RECOVER = ("-m", "tracelog", "recover")

AWAY = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""


@pytest.fixture
def run(tmp_path):
    """
    Returns what runs a command of this test's own user.
    """
    env = {**plain_environment(), "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(*command):
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def kill_one(run, spool=""):
    assert run("-c", PROGRAM, AWAY, spool).returncode == -signal.SIGKILL


@pytest.fixture
def recover(tmp_path, monkeypatch):
    """
    Returns what runs the command in this process, as this test's own user.
    """
    monkeypatch.chdir(tmp_path)
    env = dict.fromkeys((name for name in os.environ if name.startswith("TRACELOG_")), None)

    def recover(*arguments):
        runner = CliRunner(env={**env, "XDG_STATE_HOME": str(tmp_path / "state")})
        return runner.invoke(commands, ["recover", *arguments], catch_exceptions=False)

    return recover


def files(folder):
    return [path for path in folder.rglob("*") if path.suffix in {".account", ".spool"}]


def test_nothing_was_left(recover):
    """
    Where no program ended early, that is said, and it is fine.
    """
    done = recover()
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing was left" in done.stderr


def test_what_was_spooled_is_delivered_once(run, tmp_path):
    """
    A dry run says what is there and changes nothing; then it is delivered, the rest is told as lost, and the folder
    is empty. Doing it again finds nothing.
    """
    for _ in range(2):
        kill_one(run, "spool")
    before = {path: path.read_bytes() for path in files(tmp_path)}
    with Running(limits=False) as server:
        url = f"http://127.0.0.1:{server.port}"
        dry = run(*RECOVER, "spool", "--to", url, "--dry-run")
        assert dry.returncode == 0
        assert dry.stdout.count("it logged 304 entries, 0 stored, 300 kept, 4 lost") == 2
        assert {path: path.read_bytes() for path in files(tmp_path)} == before
        assert server.get("/api/v1/ledger").json["emitted"] == 0
        done = run(*RECOVER, "spool", "--to", url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(f"300 delivered to {url}") == 2
        again = run(*RECOVER, "spool", "--to", url)
        ledger = server.get("/api/v1/ledger").json
        assert len(server.messages()) == 600
    assert "nothing was left" in again.stderr
    assert files(tmp_path) == []
    assert (ledger["emitted"], ledger["stored"], ledger["duplicate"]) == (608, 600, 0)
    assert ledger["dropped"] == {"crashed": 8}
    assert ledger["balanced"]


def test_a_server_that_is_away(run, recover, tmp_path):
    """
    While nobody answers everything is kept, the command says so in one line, and ends with 3.
    """
    kill_one(run, "spool")
    done = recover("spool")
    assert done.exit_code == 3
    assert "300 kept" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "did not answer" in done.stderr
    assert len(files(tmp_path)) == 2


def test_programs_without_a_spool(run, recover, tmp_path):
    """
    Without a folder the accounts in the user's state folder are closed: what was lost is told to the server, exactly.
    """
    kill_one(run)
    assert len(files(tmp_path / "state")) == 1
    with Running(limits=False) as server:
        done = recover("--to", f"http://127.0.0.1:{server.port}", "--format", "json")
        ledger = server.get("/api/v1/ledger").json
    shown = json.loads(done.stdout)
    assert (shown["service"], shown["emitted"], shown["lost"], shown["waiting"]) == ("shop", 304, 304, 0)
    assert shown["report"]["balanced"]
    assert shown["delivered"]["stored"] == 0
    assert (ledger["emitted"], ledger["dropped"], ledger["balanced"]) == (304, {"crashed": 304}, True)
    assert files(tmp_path) == []


def test_what_arrived_was_not_lost(run, recover, tmp_path):
    """
    When a process was killed before it heard that its batch is stored, the server's ledger knows better: nothing is
    counted twice.
    """
    kill_one(run)
    (account,) = files(tmp_path)
    source = account.name.removesuffix(".account")
    with Running(limits=False) as server:
        server.post(
            [
                {"message": "m", "trace_id": "t", "id": f"{source}-{n}", "source": source, "seq": n}
                for n in range(300)
            ]
        )
        done = recover("--to", f"http://127.0.0.1:{server.port}")
        ledger = server.get("/api/v1/ledger").json
    assert done.exit_code == 0
    assert (ledger["emitted"], ledger["stored"], ledger["dropped"]) == (304, 300, {"crashed": 4})
    assert ledger["balanced"]


def test_settings_name_folder_and_server(run, recover, tmp_path):
    """
    Folder and server are found where the program's settings name them.
    """
    kill_one(run, "spool")
    with Running(limits=False) as server:
        (tmp_path / "pyproject.toml").write_text('[tool.tracelog]\nspool = "spool"\n')
        done = recover("--to", f"http://127.0.0.1:{server.port}")
        assert len(server.messages()) == 300
    assert done.exit_code == 0
    assert files(tmp_path) == []


def test_a_process_that_had_no_server(run, recover, tmp_path):
    """
    What cannot be delivered by HTTP needs a server to be named; a folder that is not there is said to be none.
    """
    assert recover("nowhere").exit_code == 2
    kill_one(run, "spool")
    assert recover("spool", "--to", "redis://localhost").exit_code == 2
    assert len(files(tmp_path)) == 2
