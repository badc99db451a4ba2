"""
One file per library, named after it, imported only by who uses it.

    tracelog.instrument("auto")

switches on what a program uses: its log calls, its requests and its calls to other systems become entries of
one trace without touching them. Each can be switched on alone, too, by the `setup()` of its file.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from tracelog.errors import ConfigError
from tracelog.integrations.arrival import upon
from tracelog.integrations.patching import Undo

if TYPE_CHECKING:
    from tracelog.client.client import Client

__all__ = ["instrument"]

TRIGGERS: Final[dict[str, tuple[str, ...]]] = {
    "unhandled": ("sys",),
    "futures": ("concurrent.futures",),
    "threading": ("threading",),
    "multiprocessing": ("multiprocessing",),
    "logging": ("logging",),
    "structlog": ("structlog",),
    "django": ("django.core.handlers.asgi", "django.core.handlers.wsgi"),
    "gunicorn": ("gunicorn.glogging",),
    "litestar": ("litestar.app",),
    "loguru": ("loguru",),
    "starlette": ("starlette.applications",),
    "flask": ("flask",),
    "aiohttp": ("aiohttp",),
    "celery": ("celery",),
    "httpx": ("httpx",),
    "httpx2": ("httpx2",),
    "requests": ("requests",),
    "rq": ("rq.job",),
    "urllib3": ("urllib3",),
}
"""
What "auto" switches on, and the modules of which the loading of any shows that a program uses it.

Each holds what its integration needs as soon as it is loaded itself: what has loaded it may be half done.
"""


def instrument(*names: str, client: "Client | None" = None) -> Undo:
    """
    Switch integrations on: those of libraries that are loaded at once, the others as soon as they are.

    Args:
        names: Libraries; `auto`, which is also the default, for all that have a `setup()`.
        client: Who logs; the default one when None.

    Returns:
        A function that undoes it.

    Raises:
        ConfigError: When there is no such integration.
    """
    wanted = TRIGGERS.keys() if not names or "auto" in names else names
    if unknown := sorted(set(wanted) - TRIGGERS.keys()):
        known = ", ".join(["auto", *TRIGGERS])
        raise ConfigError(f"instrument({unknown[0]!r}): no such integration; known are {known}")
    undoes: list[Undo] = []

    def switch_on(name: str) -> Undo:
        return lambda: undoes.append(import_module(f"{__name__}.{name}").setup(client=client))

    undoes.extend([upon(module, switch_on(name)) for name in wanted for module in TRIGGERS[name]])

    def undo() -> None:
        while undoes:
            undoes.pop()()

    return undo
