"""
Which libraries the program in a folder uses that are not wired to tracelog, from the text of its files.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

MOST_FILES: Final = 2_000
"""Python files of the working folder that are looked through."""

FILE_BYTES: Final = 1024 * 1024
_SKIPPED: Final = frozenset({"node_modules", "site-packages", "__pycache__"})

_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import[ \t]+([^\n#;]+)|from[ \t]+([\w.]+)[ \t]+import\b)", re.MULTILINE
)
_CALL: Final = re.compile(r"\binstrument\(([^()]*)")
_NAME: Final = re.compile(r"""["'](\w+)["']""")
_AUTO: Final = 'call tracelog.instrument("auto") where the program starts'


class Library(NamedTuple):
    """
    How one library is switched on.

    Attributes:
        wired: Modules of `tracelog.integrations` of which one does it.
    """

    wired: tuple[str, ...]


LIBRARIES: Final = {
    "aiohttp": Library(("aiohttp",)),
    "celery": Library(("celery",)),
    "django": Library(("django", "asgi", "wsgi")),
    "fastapi": Library(("asgi", "starlette")),
    "flask": Library(("flask", "wsgi")),
    "httpx": Library(("httpx",)),
    "httpx2": Library(("httpx2",)),
    "litestar": Library(("litestar", "asgi")),
    "loguru": Library(("loguru",)),
    "requests": Library(("requests", "urllib3")),
    "rq": Library(("rq",)),
    "starlette": Library(("asgi", "starlette")),
    "structlog": Library(("structlog", "logging")),
    "urllib3": Library(("urllib3",)),
}
"""What is looked for, by the name that programs import."""


class Seen(NamedTuple):
    """
    What a folder's files say.

    Attributes:
        instruments_all: Whether `tracelog.instrument` is called for all that is used.
        unwired: Libraries that are used and not switched on, each with what to do.
    """

    instruments_all: bool
    unwired: list[tuple[str, str]]


def look(folder: Path) -> Seen:
    """
    Return what the Python files below *folder* say.
    """
    text = "\n".join(_sources(folder))
    used, named = _imported(text), _named(text)
    unwired = [
        (name, _AUTO)
        for name, library in LIBRARIES.items()
        if name in used and named.isdisjoint({"auto", *library.wired}) and not _is_wired(library, text)
    ]
    return Seen("auto" in named, unwired)


def _named(text: str) -> set[str]:
    """
    Return what *text* has `instrument` switch on; a call that names nothing in plain words means all.
    """
    calls = [_NAME.findall(given) or ["auto"] for given in _CALL.findall(text)]
    return {name for names in calls for name in names}


def _is_wired(library: Library, text: str) -> bool:
    return any(
        f"integrations.{name}" in text or f"integrations import {name}" in text for name in library.wired
    )


def _imported(text: str) -> set[str]:
    """
    Return the first words of the modules that *text* imports.
    """
    names: set[str] = set()
    for several, one in _IMPORT.findall(text):
        names.update(part.split(".")[0].split()[0] for part in (several or one).split(",") if part.strip())
    return names


def _sources(folder: Path) -> Iterator[str]:
    """
    Yield the texts of the Python files below *folder*, without those of environments and hidden folders.
    """
    seen = 0
    folders = [folder]
    while folders and seen < MOST_FILES:
        here = folders.pop()
        try:
            children = sorted(here.iterdir())
        except OSError:
            continue  # a folder that cannot be read holds none of the user's program
        if (here / "pyvenv.cfg").exists():
            continue
        for child in children:
            if child.is_dir() and not child.is_symlink():
                if not child.name.startswith(".") and child.name not in _SKIPPED:
                    folders.append(child)
            elif child.suffix == ".py":
                seen += 1
                yield _text(child)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as source:
            return source.read(FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""  # it went, or may not be read: nothing is known of it
