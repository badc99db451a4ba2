"""
dev.py without a network: how it finds an installer, when it has nothing to do, what it passes on.

Programs that it would start are small shell scripts on a PATH of their own.
"""

import ast
import os
import re
import stat
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import dev

ROOT = Path(dev.__file__).parent
LOCKS = ["dev", "bench"]


@pytest.fixture
def bin_(tmp_path, monkeypatch):
    """
    An empty folder that is all of PATH.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def checkout(tmp_path, monkeypatch, bin_):
    """
    A checkout in a folder of its own, with locks and an interpreter, where nothing was installed so far.
    """
    (tmp_path / "requirements").mkdir()
    for file in ["requirements/dev.txt", "requirements/bench.txt", "pyproject.toml"]:
        (tmp_path / file).write_text(f"{file}\n")
    places = {
        "ROOT": ".",
        "VENV": ".venv",
        "BOOT": ".boot",
        "PYTHON": ".venv/bin/python",
        "STAMP": ".venv/stamp",
    }
    for name, place in places.items():
        monkeypatch.setattr(dev, name, tmp_path / place)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    dev.PYTHON.symlink_to(dev.base_python())
    monkeypatch.setenv("TRACELOG_DEV_INSTALLER", "uv")
    return tmp_path


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def working_uv(path):
    """
    Write a uv that notes what it was asked for, and return the file with the notes.
    """
    notes = path.with_suffix(".notes")
    program(path, f'echo "$@" >> "{notes}"\n/bin/mkdir -p "{dev.VENV}"')
    return notes


@pytest.mark.parametrize("argv", [[], ["paint"], ["--paint"]])
def test_an_unknown_verb_is_answered_with_the_usage(argv, capsys):
    """
    Whoever does not know the verbs reads them, and a script sees that nothing was done.
    """
    assert dev.main(argv) == 2
    assert re.findall(r"^  (\w+)", capsys.readouterr().err, re.MULTILINE) == list(dev.VERBS)


@pytest.mark.parametrize("argv", [["--help"], ["-h"]])
def test_help_is_what_was_asked_for(argv, capsys):
    """
    Help goes to stdout and names each verb.
    """
    assert dev.main(argv) == 0
    assert re.findall(r"^  (\w+)", capsys.readouterr().out, re.MULTILINE) == list(dev.VERBS)


def test_the_promised_verbs():
    """
    The contract names these verbs, and `make` forwards each of them.
    """
    promised = ["setup", "demo", "test", "lint", "types", "bench", "docs", "lock"]
    assert list(dev.VERBS) == promised
    assert f".PHONY: {' '.join(promised)}\n" in (ROOT / "Makefile").read_text()


def test_an_old_python_can_read_the_file():
    """
    The sentence about a later Python is reached, because nothing in the file is a syntax error before 3.8.
    """
    source = (ROOT / "dev.py").read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 7)).body


def test_only_the_standard_library():
    """
    dev.py runs before anything is installed.
    """
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in plain | parts} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("choice", "on_path", "booted", "expected"),
    [
        ("", True, True, ["bin/uv", ".boot/bin/uv", "venv"]),
        ("", False, True, [".boot/bin/uv", "venv"]),
        ("uv", True, True, ["bin/uv", ".boot/bin/uv"]),
        ("uv", False, True, [".boot/bin/uv"]),
        ("venv", True, True, ["venv"]),
        ("venv", False, False, ["venv"]),
    ],
)
def test_installers_in_order(checkout, bin_, choice, on_path, booted, expected):
    """
    An installer on PATH comes before the one in `.boot`, and both before pip, unless one way is asked for.
    """
    if on_path:
        program(bin_ / "uv", "")
    if booted:
        program(checkout / ".boot" / "bin" / "uv", "")
    found = [installer.create[0] for installer in dev.installers(choice)]
    base = str(dev.base_python())
    assert found == [base if name == "venv" else str(checkout / name) for name in expected]


def test_an_unknown_installer_is_one_sentence(capsys, monkeypatch, checkout):
    """
    A wrong TRACELOG_DEV_INSTALLER is told with the values that it can have.
    """
    monkeypatch.setenv("TRACELOG_DEV_INSTALLER", "conda")
    assert dev.main(["setup"]) == 1
    assert (
        capsys.readouterr().err == "tracelog: TRACELOG_DEV_INSTALLER is 'conda' but can only be uv or venv.\n"
    )


def test_setup_installs_the_lock_and_then_the_package(checkout, bin_):
    """
    The environment is made with this interpreter, filled with the hashes of the lock, and gets the package last.
    """
    notes = working_uv(bin_ / "uv")
    assert dev.ensure() is True
    create, locked, package = notes.read_text().splitlines()
    assert create == f"venv --quiet --allow-existing --python {dev.base_python()} {checkout / '.venv'}"
    assert locked.endswith(f"--require-hashes --requirement {checkout / 'requirements' / 'dev.txt'}")
    assert package.endswith(f"--no-deps --no-build-isolation --editable {checkout}")


def test_a_second_setup_starts_nothing(checkout, bin_, capsys):
    """
    What was installed is not installed again, and the command says so.
    """
    working_uv(bin_ / "uv")
    dev.ensure()
    program(bin_ / "uv", "exit 1")
    capsys.readouterr()
    assert dev.main(["setup"]) == 0
    assert capsys.readouterr().err == "tracelog: environment ready in .venv (nothing to do)\n"


@pytest.mark.parametrize("change", ["requirements/dev.txt", "pyproject.toml", ".venv/bin/python"])
def test_what_the_environment_follows_from(checkout, bin_, change):
    """
    A new lock, new metadata or a lost interpreter make a new installation; so does a second such change.
    """
    notes = working_uv(bin_ / "uv")
    dev.ensure()
    if change.endswith("python"):
        dev.PYTHON.unlink()
    else:
        (checkout / change).write_text("other\n")
    assert dev.ensure() is True
    assert len(notes.read_text().splitlines()) == 6


def test_an_environment_of_another_interpreter_is_removed(checkout, bin_):
    """
    An environment that another Python made is not filled but begun anew.
    """
    working_uv(bin_ / "uv")
    dev.PYTHON.unlink()
    dev.PYTHON.symlink_to("/bin/sh")
    (dev.VENV / "leftover").touch()
    dev.ensure()
    assert not (dev.VENV / "leftover").exists()


def test_a_failed_setup_is_tried_again(checkout, bin_, capsys):
    """
    Without success there is no stamp, and the failing command is told with its own words.
    """
    working_uv(bin_ / "uv")
    dev.ensure()
    capsys.readouterr()
    (checkout / "pyproject.toml").write_text("other\n")
    for uv in [bin_ / "uv", checkout / ".boot" / "bin" / "uv"]:
        program(uv, f"echo no registry answers {uv.parent.name}; exit 2")
    assert dev.main(["setup"]) == 1
    assert re.fullmatch(
        r"tracelog: `.*/bin/uv venv .*` failed\.\nno registry answers bin\n", capsys.readouterr().err
    )
    assert not dev.STAMP.exists()


def test_the_next_installer_is_tried(checkout, bin_):
    """
    A broken uv on PATH does not keep the one in `.boot` from installing.
    """
    program(bin_ / "uv", "exit 1")
    notes = working_uv(checkout / ".boot" / "bin" / "uv")
    assert dev.install(["one"], ["two"]) == "uv"
    assert [line.split()[-1] for line in notes.read_text().splitlines()] == [str(dev.VENV), "one", "two"]


def test_a_child_sees_the_environment_of_the_checkout(monkeypatch):
    """
    Whatever else is activated, children run in `.venv`, and no interpreter is downloaded for them.
    """
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    seen = dev.environment({"ONE": "more"})
    assert (seen["VIRTUAL_ENV"], seen["ONE"], seen["UV_PYTHON_DOWNLOADS"]) == (str(dev.VENV), "more", "never")
    assert seen["PATH"].split(os.pathsep)[0] == str(dev.VENV / dev.BIN)
    assert "PYTHONHOME" not in seen


def test_a_missing_program_is_one_sentence(bin_):
    """
    A command that is not there is named.
    """
    with pytest.raises(dev.SetupError, match="`nowhere` could not be started: No such file or directory"):
        dev.quiet("nowhere")


def test_a_program_on_path_is_enough(bin_, capsys):
    """
    One of the names on PATH will do, and then nothing is said or installed.
    """
    program(bin_ / "chrome", "")
    assert dev.present("chromium", "chromium", "chrome", loss="no pages") is True
    assert capsys.readouterr().err == ""


def test_the_loss_is_told(bin_, capsys):
    """
    Where a system program is missing and no package manager is there, one line says what is left out.
    """
    assert dev.present("chromium", "chromium", loss="tests/browser is left out") is False
    assert capsys.readouterr().err == "tracelog: chromium is not on PATH: tests/browser is left out\n"


def test_root_gets_a_missing_program(bin_, capsys, monkeypatch):
    """
    Root has the system package installed, without questions asked; a failure of that is a loss too.
    """
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("DEBIAN_FRONTEND", raising=False)
    program(bin_ / "apt-get", f'echo "$DEBIAN_FRONTEND $@" >> "{bin_}/notes"')
    assert dev.present("wrk", "wrk", loss="left out") is True
    asked = (bin_ / "notes").read_text().splitlines()
    assert asked == [" update", "noninteractive install --yes --no-install-recommends wrk"]
    program(bin_ / "apt-get", "echo no network; exit 100")
    assert dev.present("wrk", "wrk", loss="left out") is False
    assert "wrk could not be installed: left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "closing",
    [
        "123 passed in 40.12s",
        "1 failed, 2 passed, 3 skipped in 0.10s",
        "2 errors in 1.00s",
        "no tests ran in 0.01s",
        "5 deselected in 0.02s",
        "812 passed, 1 warning in 61.20s (0:01:01)",
        "\x1b[32m\x1b[32m\x1b[1m3 passed\x1b[0m\x1b[32m in 0.12s\x1b[0m\x1b[0m",
    ],
)
def test_the_closing_line_is_held_back(closing, capsys):
    """
    The line that pytest closes with is returned, to be printed last; all other lines are passed on.
    """
    assert dev.pass_on([".... [100%]\n", f"{closing}\n", "a late word\n"]) == closing
    assert capsys.readouterr().out == ".... [100%]\na late word\n"


def test_no_line_is_lost(capsys):
    """
    A line that only looks like the closing one is printed as soon as that is seen.
    """
    lines = ["one\n", "2 failed in 3 tries\n", "two\n", "7 passed in 1.00s\n"]
    assert dev.pass_on(lines) == "7 passed in 1.00s"
    assert sorted(capsys.readouterr().out.splitlines()) == ["2 failed in 3 tries", "one", "two"]
    assert dev.pass_on(["three\n"]) == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('NEEDS = ("wrk",)', ("wrk",)),
        ('"""Text."""\nimport os\nNEEDS = ["wrk", "redis-server"]\n', ("wrk", "redis-server")),
        ("OTHER = 1", ()),
        ("def f():\n    NEEDS = ('wrk',)", ()),
    ],
)
def test_what_a_benchmark_needs(source, expected):
    """
    A benchmark names system programs in one line of its module, and is not run to find out.
    """
    assert dev.needs(source) == expected


def test_an_unknown_benchmark_is_one_sentence(checkout, capsys):
    """
    A wrong name is answered with those that exist.
    """
    (checkout / "tests" / "bench").mkdir(parents=True)
    (checkout / "tests" / "bench" / "bench_client.py").touch()
    assert dev.main(["bench", "clinet"]) == 1
    assert capsys.readouterr().err == "tracelog: there is no benchmark clinet; there are: client.\n"


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_version_has_its_hashes(name):
    """
    A lock pins each distribution to one version and to the hashes of its files, and to nothing else.
    """
    entries = re.split(r"\n(?=\S)", "\n".join(lines_of(name)))
    assert len(entries) > 10
    assert [
        entry
        for entry in entries
        if not re.match(r"[a-z0-9.-]+==\S+( ;[^\n]*)? \\\n.*--hash=sha256:[0-9a-f]{64}", entry)
    ] == []


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_no_address(name):
    """
    A lock says what is installed and leaves to each machine from where.
    """
    text = "\n".join([*lines_of(name), (ROOT / "requirements" / f"{name}.in").read_text()])
    assert re.findall(r"\w+://\S*|--(?:extra-)?index-url|--find-links|file:|\s/\w+", text) == []


def test_the_lock_covers_the_project():
    """
    What pyproject.toml and dev.in ask for is locked, extras and build backend included.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    asked = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *chain(*extras.values()),
    ]
    asked += [
        line for line in (ROOT / "requirements" / "dev.in").read_text().splitlines() if line[:1].isalpha()
    ]
    names = {re.match(r"[\w.-]+", line)[0] for line in asked} - {project["project"]["name"]}
    assert names - versions("dev").keys() == set()


def test_benchmarks_keep_the_versions_of_the_suite():
    """
    Peers come on top: no version changes when benchmarks have run.
    """
    both = versions("dev").keys() & versions("bench").keys()
    assert {name: versions("bench")[name] for name in both} == {name: versions("dev")[name] for name in both}


def test_ci_runs_the_documented_command():
    """
    CI starts with the very command that a newcomer is told, and stops at the first failure.
    """
    script = ROOT / ".ci" / "run"
    commands = [line for line in script.read_text().splitlines() if line.startswith("python3")]
    assert commands == ["python3 dev.py test", "python3 dev.py lint", "python3 dev.py types"]
    assert "set -euo pipefail" in script.read_text()
    assert script.stat().st_mode & stat.S_IXUSR


def lines_of(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def versions(name):
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", "\n".join(lines_of(name)), re.MULTILINE))
