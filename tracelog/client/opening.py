"""
Where a client's entries go: the sinks that were asked for, and a console beside them.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from tracelog import sinks as known
from tracelog.client.heard import is_console, is_shown
from tracelog.config import DEFAULT_URL, ClientSettings, place_of, runs_for_agent, wants_color
from tracelog.errors import ConfigError
from tracelog.sinks import open_sink
from tracelog.sinks.base import Sink

if TYPE_CHECKING:
    from tracelog.sinks.console import Form

READ: Final = "tracelog brief {}"
"""The command that reads a trace; `{}` is its reference."""


def open_sinks(settings: ClientSettings, given: Mapping[str, Any]) -> list[Sink]:
    """
    Return the opened sinks, the console last.

    Args:
        settings: Of the client.
        given: Those of them that were said as keyword arguments.

    Raises:
        ConfigError: Naming where the one that cannot be opened was said.
    """
    said = "sinks" if settings.sinks else "url"
    specs = settings.sinks or (settings.url or "stdout:",)
    color = None if wants_color() else False
    try:
        opened = [open_sink(spec, key=settings.key, color=color) for spec in specs]
    except ConfigError as error:
        place, text = place_of(said, given), str(error)
        raise ConfigError(
            place + text.removeprefix(said) if text.startswith(said) else f"{place}: {text}"
        ) from None
    return [*opened, *_console(settings.console, given, opened)]


def _console(said: bool | str, given: Mapping[str, Any], sinks: list[Sink]) -> Iterator[Sink]:
    """
    Yield what shows entries beside *sinks*, where *said* asks for it and none of them writes to it already.
    """
    form = _form(said)
    if form is None:
        return
    reached = list(_each(sinks))
    lines = [sink for sink in reached if _is(sink, "StdoutSink")]
    if any(is_console(sink.stream) for sink in lines):
        return
    if said == "auto" and (lines or all(_is(sink, "MemorySink") for sink in reached)):
        return  # a program or a test reads them: nothing is shipped, so nothing is out of sight
    command = _command(given, reached)
    yield known.ConsoleSink(form, color=wants_color(), elsewhere=is_shown, command=command)


def _form(said: bool | str) -> "Form | None":
    if said == "auto":
        agent = runs_for_agent()
        return ("compact" if agent else "pretty") if agent or is_terminal() else None
    if said == "compact":
        return "compact"
    return None if said in {False, "off"} else "pretty"


def is_terminal() -> bool:
    """
    Whether standard error is one.
    """
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except Exception:  # closed, or somebody's own
        return False


def _each(sinks: list[Sink]) -> Iterator[Any]:
    for sink in sinks:
        if _is(sink, "TeeSink"):
            tee: Any = sink
            yield from _each([tee.first, *tee.others])
        else:
            yield sink


def _is(sink: Sink, name: str) -> bool:
    """
    Whether *sink* is of our class called *name*, without loading that for who does not use it.
    """
    kinds = type(sink).__mro__
    return any(kind.__name__ == name and kind.__module__.startswith("tracelog.sinks.") for kind in kinds)


def _command(given: Mapping[str, Any], sinks: list[Any]) -> str:
    """
    Return how to read a trace where these *sinks* took it, or nothing where no server of ours does.
    """
    url = next((sink.url for sink in sinks if _is(sink, "HttpSink")), None)
    if url is None:
        return ""
    found = url.rstrip("/") == DEFAULT_URL or (not given.get("sinks") and place_of("url", given) != "url")
    return READ if found else f"{READ} --url {shlex.quote(url).replace('{', '{{').replace('}', '}}')}"
