"""
Redaction: secrets out of entries, before any queue, sink, store or export sees them.

A secret is known by how it looks (`redact_shapes`), by the name it stands under or beside (`redact_names`,
`redact_pairs`), or by a pattern of one's own (`redact_own`). It is replaced by a mark that names the rule and
carries a tag, so that equal secrets still correlate (`redact_mark`). `suspect` asks the cheap question first,
over a whole batch (`redact_detect`). What cannot be looked into is replaced, never let through.

Redacting twice changes nothing more, JSON within strings stays JSON, and both engines give the same result.
"""

from typing import Any, Final

import msgspec

from tracelog.core.entry import Entry
from tracelog.core.redact_engine import EngineName, engine_name
from tracelog.core.redact_mark import Marker
from tracelog.core.redact_names import Names
from tracelog.core.redact_own import read_own
from tracelog.core.redact_rules import built_in, levels
from tracelog.core.redact_settings import OwnRule, RedactSettings
from tracelog.core.redact_text import TextCleaner
from tracelog.core.redact_trail import Explained, Hit, Trail
from tracelog.core.redact_walk import Walker
from tracelog.errors import ConfigError

__all__ = ["Explained", "Hit", "OwnRule", "RedactSettings", "Redactor"]

REDACTED_FIELDS: Final = (
    "message",
    "stack",
    "error",
    "context",
    "user_id",
    "service",
    "logger",
    "environment",
    "release",
    "area",
    "why",
)
"""Fields of an entry that may hold a secret. Ids, by which systems join, are checked by form elsewhere."""


class Redactor:
    """
    Takes secrets out. It is owned by one thread at a time.

    Args:
        settings: What to do beside the built-in rules.
        engine: `re2` or `re`; the better one that is installed unless told.

    Attributes:
        counts: How many secrets each rule has replaced: rule → number. A plain dict that the owning thread
            writes, and only when something was replaced; others read a copy.
        hits: The same dict, under its first name.

    Raises:
        ConfigError: When a setting is wrong; one sentence that names it.
    """

    def __init__(self, settings: RedactSettings | None = None, *, engine: EngineName | None = None) -> None:
        self.settings = settings = settings or RedactSettings()
        self.engine = engine_name(engine)
        if unknown := set(settings.pii) - levels():
            raise ConfigError(
                f"unknown level of pii {min(unknown)!r}; known are {', '.join(sorted(levels()))}"
            )
        rules = built_in()
        shapes = [shape for shape in rules.shapes if shape.pii in {"", *settings.pii}]
        own = read_own(settings.rules, self.engine)
        names = Names(rules.keys, settings.keys, settings.safe_keys, settings.pii)
        marker = Marker(settings.tag_key)
        self._cleaner = TextCleaner(shapes, own, names, marker, self.engine)
        self._walker = Walker(self._cleaner, names, marker)
        self.counts: dict[str, int] = marker.counts
        self.hits = self.counts

    def suspect(self, data: bytes) -> bool:
        """
        Whether *data*, entries encoded as JSON or msgpack, may hold something that `entry` would change.

        A false yes costs a closer look, a false no does not happen. Bytes are seen in msgpack only: JSON has
        none. Values nested deeper than `Limits` allows are replaced unseen.
        """
        return self.settings.enabled and self._cleaner.suspect(data)

    def text(self, text: str) -> str:
        """
        Return *text* with every secret in it replaced by a mark.
        """
        return self._walker.text(text) if self.settings.enabled else text

    def explain(self, text: str) -> Explained:
        """
        Return what `text` makes of *text*, and which rule replaced what: where in *text*, never the secret.
        """
        if not self.settings.enabled:
            return Explained(text, [])
        data = text.encode("utf-8", "surrogatepass")
        trail = Trail()
        clean = self._cleaner.clean(data, trail=trail)
        return Explained(clean.decode("utf-8", "surrogatepass"), trail.hits(data, built_in().category))

    def value(self, value: Any) -> Any:
        """
        Return *value*, anything JSON-like, with every secret replaced: in texts, bytes and keys, under keys.

        Numbers are replaced under sensitive keys only. What has no secret is given back itself, not a copy.
        """
        return self._walker.walk(value) if self.settings.enabled else value

    def entry(self, entry: Entry) -> Entry:
        """
        Return *entry* with every secret replaced; the same object when it has none.
        """
        if not self.settings.enabled:
            return entry
        changed: dict[str, Any] = {}
        for field in REDACTED_FIELDS:
            before = getattr(entry, field)
            if before is not None and (after := self._walker.walk(before)) is not before:
                changed[field] = after
        return msgspec.structs.replace(entry, **changed) if changed else entry
