"""
Entries as lines of text: for eyes at a terminal, for `jq`, for logfmt readers. Pure; nothing is written here.

One entry is one line in every form; only the pretty one puts a stack below it. Text of senders passes
`core.text`, so that no line obeys, hides or forges anything.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from tracelog.core.entry import DEFAULT_LIMITS, FIELDS, Entry, encode_entry
from tracelog.core.text import block, one_line, safe_json

WHO_WIDTH: Final = 20
"""Widest column of logger names; a longer name keeps its end, which tells more than its beginning."""

VALUE_CHARS: Final = 200
"""Two lines of a terminal: a longer value is cut in the pretty form only, the others are complete."""

FLAT_DEPTH: Final = 4
"""Objects become `outer.inner=1` down to here, JSON below: a reader's patience ends before the data does."""

SHORT_ID: Final = 12
"""Trace ids up to this length are shown whole; of others the 8 characters that serve as a reference."""

_INDENT: Final = " " * 13
"""Stacks stand below the level, so that the column of times stays clear."""

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_LEVEL_STYLE: Final = {
    "debug": _DIM,
    "log": "",
    "info": "\x1b[36m",
    "warn": "\x1b[33m",
    "error": "\x1b[31m",
    "fatal": "\x1b[1;31m",
}
"""Colours of the terminal's own palette, calm for what is normal; the words say the same without them."""

_CALM: Final = frozenset({"log", "info", "warn"})
"""Levels whose colour is on their name alone: errors stand out and debugging stands back as a whole."""

_UNFIT_KEY: Final = re.compile(r'[\s="\\]')
_BARE: Final = re.compile(r'[^\s="\\]+')
_LEADING: Final = ("ts", "level", "msg")
_OTHER_FIELDS: Final = tuple(
    name for name in Entry.__struct_fields__ if name not in {"timestamp", "level", "message", "context"}
)


def json_line(entry: Entry) -> str:
    """
    Return *entry* as its JSON object, in one line that is safe to show.
    """
    return safe_json(encode_entry(entry).decode())


def logfmt_line(entry: Entry) -> str:
    """
    Return *entry* as `key=value` pairs, quoted as JSON strings where needed (the rule of go-logfmt).
    """
    parts = [f"ts={_iso(entry.timestamp)}", f"level={entry.level}", f"msg={_quoted(entry.message)}"]
    for name in _OTHER_FIELDS:
        value = getattr(entry, name)
        if isinstance(value, dict):
            parts += [f"{_key(key)}={_value(inner)}" for key, inner in _flat(name, value)]
        elif value is not None and value != "":
            parts.append(f"{name}={_value(value)}")
    for key, value in (entry.context or {}).items():
        owned = f"context.{key}" if key in FIELDS or key in _LEADING else key
        parts += [f"{_key(name)}={_value(inner)}" for name, inner in _flat(owned, value)]
    return " ".join(parts)


class Pretty:
    """
    Entries for eyes: time, level, who, message, fields, trace; aligned, in colour where that is wanted.

    The column of names grows with the widest seen so far and never shrinks, so that lines stay aligned.

    Args:
        zone: Of the times shown; default that of the machine.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._width = 0

    def __call__(self, entry: Entry, *, color: bool = False) -> str:
        """
        Return the line of *entry*, and below it the lines of its stack, without a line end.
        """
        style = _LEVEL_STYLE.get(entry.level, "")
        name = _who(entry)
        self._width = max(self._width, len(name))
        clock = _paint(clock_of(entry.timestamp, self._zone), _DIM, color)
        level = _paint(one_line(entry.level).ljust(5), style, color)
        message = _paint(one_line(entry.message), "" if entry.level in _CALM else style, color)
        parts = [f"{clock} {level}", name.ljust(self._width), message + _paint(amount_of(entry), _DIM, color)]
        parts += [_paint(text, _DIM, color) for text in (fields_of(entry), _short(entry.trace_id)) if text]
        return "  ".join(parts) + "".join(_below(entry, color=color))

    def fit(self, entries: Iterable[Entry]) -> None:
        """
        Make room for the names of *entries*, so that what is shown together is aligned from the first line.
        """
        self._width = max(self._width, *(len(_who(entry)) for entry in entries), 0)


def _who(entry: Entry) -> str:
    name = one_line(entry.logger or entry.service or entry.system)
    if len(name) <= WHO_WIDTH:
        return name
    end = name[1 - WHO_WIDTH :]
    return "…" + (end.partition(".")[2] or end)


def _paint(text: str, style: str, color: bool) -> str:
    return f"{style}{text}{_RESET}" if color and style and text else text


def clock_of(timestamp: float, zone: tzinfo | None) -> str:
    """
    Return the time of day of *timestamp*, Unix milliseconds, in *zone* (None: that of the machine).
    """
    try:
        moment = datetime.fromtimestamp(timestamp / 1000.0, zone)
    except (ValueError, OverflowError, OSError):
        return "--:--:--.---"
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _iso(timestamp: float) -> str:
    try:
        moment = datetime.fromtimestamp(timestamp / 1000.0, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def amount_of(entry: Entry) -> str:
    """
    Return what stands behind the message: how long it took, for how many entries it stands and why.
    """
    said = []
    if entry.duration_ms is not None:
        ms = entry.duration_ms
        said.append(f"{ms:.3g} ms" if ms < 100 else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:,.2f} s")
    if entry.count is not None:
        said.append(f"\N{MULTIPLICATION SIGN}{entry.count:,}")
    if entry.kind == "suppressed":
        said.append("not kept")
    if entry.why:
        said.append(one_line(entry.why))
    return f" ({', '.join(said)})" if said else ""


def fields_of(entry: Entry) -> str:
    """
    Return what *entry* carries besides, as `key=value` pairs.
    """
    own = [(name, value) for name, value in (("user", entry.user_id), ("area", entry.area)) if value]
    pairs = [pair for key, value in (entry.context or {}).items() for pair in _flat(str(key), value)]
    return " ".join(f"{_key(key)}={_shown(value)}" for key, value in (*pairs, *own))


def _below(entry: Entry, *, color: bool) -> Iterator[str]:
    """
    Yield the lines below an entry: its stack, else its error with causes, as far as the line does not say it.
    """
    if entry.stack:
        for line in block(entry.stack).rstrip("\n").split("\n"):
            yield f"\n{_INDENT}{_paint(line, _DIM if line[:1].isspace() else '', color)}"
        return
    error, lead = entry.error, ""
    for _ in range(DEFAULT_LIMITS.depth):
        if not isinstance(error, dict):
            return
        said = one_line(f"{error.get('type', 'Error')}: {error.get('message', '')}")
        if lead or said != one_line(entry.message):
            yield f"\n{_INDENT}{lead}{said}"
        error, lead = error.get("cause"), "caused by "


def _short(trace_id: str) -> str:
    return one_line(trace_id if len(trace_id) <= SHORT_ID else trace_id[:8])


def _flat(key: str, value: Any, depth: int = 1) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and depth < FLAT_DEPTH:
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}", inner, depth + 1)
    else:
        yield key, value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _key(key: str) -> str:
    return _UNFIT_KEY.sub("_", one_line(key)) or "_"


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value) and one_line(value) == value:
        return value
    return safe_json(_json(value))


def _value(value: Any) -> str:
    return _quoted(value if isinstance(value, str) else _json(value))


def _shown(value: Any) -> str:
    text = _quoted(value) if isinstance(value, str) else safe_json(_json(value))
    return text if len(text) <= VALUE_CHARS else text[:VALUE_CHARS] + "…"
