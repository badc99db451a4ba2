"""
The documents are true: every example runs, and everything public is documented.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import tracelog
from tracelog.config import ClientSettings, Key, ServerSettings
from tracelog.core.entry import Entry, Limits
from tracelog.core.guard_settings import GuardSettings
from tracelog.core.pin_settings import PinSettings
from tracelog.core.quota_settings import QuotaSettings, TraceQuota

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8787"


def blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    """
    Return the language and text of the examples of *page* that are to be run.
    """
    return [
        (kind, text) for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind in languages
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """
    The address of a real server on an embedded store.
    """
    store = tmp_path_factory.mktemp("docs") / "docs.db"
    command = [
        sys.executable,
        "-m",
        "tracelog",
        "serve",
        "--port",
        "0",
        "--store",
        f"sqlite:///{store}",
        "--no-limits",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found.group()
                break
        else:
            pytest.fail(f"the server did not start: {said}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python", "sh")], ids=lambda page: page.name
)
def test_examples_run(page, server, tmp_path):
    """
    The Python examples of a page run one after another, and so do its shell commands, as a reader would run them.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "TRACELOG_URL": server, "HOME": str(tmp_path), "NO_COLOR": "1"}
    program: list[str] = []
    for kind, example in blocks(page, "python", "sh"):
        text = example.replace(ADDRESS, server)
        shell = f"__import__('subprocess').run({text!r}, shell=True, check=True)\n"
        program.append(text if kind == "python" else shell)
    command = [sys.executable, "-c", "\n".join(program)]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", tracelog.__all__)
def test_public_names_are_documented(name):
    """
    Every promised name of `tracelog` stands in the Python reference.
    """
    assert f"`{name}" in (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [ClientSettings, ServerSettings], ids=lambda kind: kind.__name__)
def test_settings_are_documented(settings):
    """
    Every setting stands in the settings reference.
    """
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    missing = [field.name for field in msgspec.structs.fields(settings) if f"`{field.name}`" not in text]
    assert missing == []


SECTIONS = {
    "keys": Key,
    "limit": Limits,
    "guard": GuardSettings,
    "quota": QuotaSettings,
    "trace_quota": TraceQuota,
    "pins": PinSettings,
}
"""Settings that are made of settings: each has a section of the reference."""


def told(value):
    """
    Return the ways in which the reference may write a default.
    """
    if isinstance(value, tuple):
        return [", ".join(map(str, value))]
    sizes = {"": 1, " KiB": 1024, " MiB": 1024 * 1024, " days": 86_400}
    return [f"{value / size:g}{unit}" for unit, size in sizes.items()] + [str(value)]


@pytest.mark.parametrize("name", SECTIONS)
def test_settings_within_settings_are_documented(name):
    """
    Every field of every table of settings stands in the section of its table, beside its default if that is a number.
    """
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    section = text.split(f"### `{name}`", 1)[1].split("\n#", 1)[0]
    rows = {
        each: row.split("|")[2]
        for row in section.splitlines()
        if row.startswith("| `")
        for each in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    fields = {field.name: field.default for field in msgspec.structs.fields(SECTIONS[name])}
    assert sorted(rows) == sorted(fields)
    untrue = [
        field
        for field, default in fields.items()
        if isinstance(default, int | float | tuple)
        and not isinstance(default, bool)
        and default != ()
        and not any(re.search(rf"(?<![\d.]){re.escape(way)}(?![\d.])", rows[field]) for way in told(default))
    ]
    assert untrue == []


def test_every_table_of_settings_has_its_section():
    """
    No setting is made of settings that the reference does not tell.
    """
    made = {
        field.name
        for settings in (ClientSettings, ServerSettings)
        for field in msgspec.structs.fields(settings)
        if re.search(r"Settings|Limits|Quota|\bKey\b", str(field.type)) and field.name != "redact"
    }
    assert made == set(SECTIONS)


def test_tests_that_are_named_are_there():
    """
    Every test that the table of rules names stands in the file that it names.
    """
    text = (ROOT / "docs/protection.md").read_text(encoding="utf-8").split("## What always holds")[1]
    named = re.findall(r"`([\w/]+\.py)`(?:: ((?:`\w+`(?:, )?)+))?", text)
    assert len(named) > 20
    missing = [
        (file, name)
        for file, names in named
        for name in re.findall(r"`(\w+)`", names) or [""]
        if not re.search(rf"def test_\w*{name}", (ROOT / "tests" / file).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_entry_fields_are_documented():
    """
    Every field of an entry stands in the entry reference.
    """
    text = (ROOT / "docs/reference/entry.md").read_text(encoding="utf-8")
    assert [name for name in Entry.__struct_fields__ if f"`{name}`" not in text] == []


def test_commands_are_documented():
    """
    Every command stands in the command line reference.
    """
    from tracelog.cli import commands

    text = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert [name for name in commands.list_commands(None) if f"`tracelog {name}" not in text] == []


def test_links_lead_somewhere():
    """
    Every relative link of the documents names a file that is there.
    """
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_readme_names_the_test_command_of_ci():
    """
    CI runs exactly the test command that the README tells its readers.
    """
    command = "python3 dev.py test"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")
