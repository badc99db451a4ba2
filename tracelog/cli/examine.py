"""
What `tracelog doctor` looks at: each check yields findings, and each that is not well says what to do.
"""

import asyncio
import http.client
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from tracelog import __version__
from tracelog.cli.libraries import look
from tracelog.cli.options import public
from tracelog.config import DEFAULT_URL, ClientSettings, client_settings, place_of
from tracelog.errors import ConfigError, TracelogError
from tracelog.stores import open_store

WELL: Final = "ok"
ODD: Final = "warn"
BAD: Final = "bad"

ANSWER_S: Final = 5.0
PROBES: Final = 5
"""Round trips, of which the shortest tells the clocks apart best (RFC 5905, clock filter)."""

SKEW_MS: Final = 1_000.0
"""Clocks further apart make timelines hard to believe, though reports correct them."""

_SECRET: Final = frozenset({"key"})

_FAST: Final = {
    "re2": "redaction in linear time outside the interpreter lock",
    "zstandard": "half the cost of compressing batches",
    "hiredis": "faster answers from Redis",
}


class Finding(NamedTuple):
    """
    One thing that was looked at.

    Attributes:
        topic: What.
        state: `ok`, `warn` or `bad`.
        text: What was seen.
        fix: What to do; empty when it is well.
    """

    topic: str
    state: str
    text: str
    fix: str = ""


class Subject(NamedTuple):
    """
    Who is looked at.

    Attributes:
        settings: Of the client, as a program started here would have them.
        given: Of these, what the command line said.
        wrong: What is wrong in the environment or pyproject.toml.
        folder: Where the program's files are.
    """

    settings: ClientSettings
    given: dict[str, str | None]
    wrong: list[ConfigError]
    folder: Path


def subject_of(url: str | None, key: str | None, folder: Path) -> Subject:
    """
    Return who is to be looked at in *folder*.
    """
    given = {"url": url, "key": key}
    wrong: list[ConfigError] = []
    settings = client_settings(given, folder=folder, wrong=wrong.append, broken=wrong.append)
    return Subject(settings, given, wrong, folder)


def examination(url: str | None, key: str | None, folder: Path) -> list[Finding]:
    """
    Return what is found in *folder*, check by check; *url* and *key* as the command line said them.
    """
    who = subject_of(url, key, folder)
    return [finding for check in CHECKS for finding in check(who)]


def _program(_who: Subject) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("tracelog", WELL, f"{__version__} on Python {version}")
    missing = [name for name in _FAST if find_spec(name) is None]
    for name in missing:
        yield Finding(
            "tracelog", ODD, f"{name} is not installed: no {_FAST[name]}", "install the extra `fast`"
        )


def _settings(who: Subject) -> Iterator[Finding]:
    for error in who.wrong:
        yield Finding(
            "settings", BAD, str(error), "mend it; until then a program goes on without this setting"
        )
    default = ClientSettings()
    for name in ClientSettings.__struct_fields__:
        value = getattr(who.settings, name)
        if value != getattr(default, name):
            text = f"{name} = {_shown(name, value)}, from {place_of(name, who.given)}"
            yield Finding("settings", WELL, text)
    if not who.settings.service:
        yield Finding(
            "settings",
            ODD,
            "service is not set: reports name the system only",
            "set TRACELOG_SERVICE or service=",
        )
    if not who.settings.enabled:
        yield Finding("settings", BAD, "enabled is off: nothing is logged", "unset TRACELOG_ENABLED")
    if who.settings.redact is False:
        yield Finding("settings", BAD, "redact is off: secrets leave the program", "remove redact=False")


def _shown(name: str, value: Any) -> str:
    """
    Return the *value* of a setting without the secrets in it: the key, passwords in addresses.
    """
    if name in _SECRET:
        return "given"
    if name == "sinks":
        return repr(tuple(public(sink) if isinstance(sink, str) else sink for sink in value))
    return repr(value)


def _server(who: Subject) -> Iterator[Finding]:
    if who.settings.sinks:
        return
    url = who.settings.url
    if url is None:
        said = "no url: entries are printed on standard output and go nowhere else"
        yield Finding("server", ODD, said, f"set TRACELOG_URL, to {DEFAULT_URL} for `tracelog serve`")
        return
    try:
        probes = [_probe(url, who.settings.key) for _ in range(PROBES)]
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = str(error) or type(error).__name__
        yield Finding(
            "server", BAD, f"{url} does not answer: {said}", "start `tracelog serve`, or mend the address"
        )
        return
    best = min(probes, key=lambda probe: probe.took_ms)
    if best.status != http.client.OK:
        yield Finding("server", BAD, f"{url} answers {best.status}: {best.said}", _remedy(best.status))
        return
    yield Finding("server", WELL, f"{url} takes entries, {best.took_ms:.1f} ms away")
    yield _clock(best)


class _Probe(NamedTuple):
    status: int
    said: str
    took_ms: float
    offset_ms: float


def _probe(url: str, key: str | None) -> _Probe:
    """
    Send an empty batch, which checks address, key and clock and stores nothing.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_S)
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    try:
        before = time.time() * 1000.0
        connection.request("POST", f"{parts.path.rstrip('/')}/log", b"[]", headers)
        answer = connection.getresponse()
        body = answer.read()
        after = time.time() * 1000.0
    finally:
        connection.close()
    try:
        said = msgspec.json.decode(body, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError("what answers is no tracelog server") from None
    offset = float(said.get("received_at") or after) - (before + after) / 2
    return _Probe(answer.status, str(said.get("error", "")), after - before, offset)


def _clock(best: _Probe) -> Finding:
    half = best.took_ms / 2
    text = f"the server's clock is {best.offset_ms:+,.0f} ms from this one, give or take {half:.0f} ms"
    if abs(best.offset_ms) - half <= SKEW_MS:
        return Finding("clock", WELL, text)
    return Finding("clock", ODD, text, "let both be set by NTP; until then reports correct for it")


def _remedy(status: int) -> str:
    if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
        return "give an ingest key of this server in TRACELOG_KEY"
    return "see what `tracelog serve` says"


def _stores(who: Subject) -> Iterator[Finding]:
    addresses = [
        spec for spec in who.settings.sinks or () if isinstance(spec, str) and "redis" in spec.split(":")[0]
    ]
    for address in addresses:
        place = urlsplit(address).hostname or address
        try:
            health = asyncio.run(_health(address))
        except TracelogError as error:
            yield Finding("redis", BAD, f"{place}: {error}", "mend the address of the sink")
            continue
        if not health["ok"]:
            yield Finding(
                "redis", BAD, f"{place}: {health['cause']}", "start it, or mend the address of the sink"
            )
            continue
        yield Finding("redis", WELL, f"{place}: {health['kind']} {health['version']}")
        for warning in health["warnings"]:
            yield Finding("redis", ODD, f"{place}: {warning}", "see docs/reference/stores.md")


async def _health(address: str) -> dict[str, Any]:
    store = open_store(address)
    try:
        await store.start()
        return await store.health()
    finally:
        await store.close()


def _libraries(who: Subject) -> Iterator[Finding]:
    seen = look(who.folder)
    if seen.instruments_all:
        said = "tracelog.instrument(…) is called: what a program uses is switched on"
        yield Finding("libraries", WELL, said)
    for name, fix in seen.unwired:
        yield Finding("libraries", ODD, f"{name} is used here and not switched on", fix)


CHECKS: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    _program,
    _settings,
    _server,
    _stores,
    _libraries,
)
