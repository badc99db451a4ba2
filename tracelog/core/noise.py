"""
Noise: what tools say on their own while one develops, and what probes ask. Known by data, never an error.

The patterns stand in `rules.json`, for Python and for JavaScript. Each is tried only on a text that holds one
of its literals, and only at the start of it, so its work is bounded. A request that failed is no noise.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from tracelog.core.guard_settings import OwnNoise
from tracelog.core.redact_engine import Search, searcher
from tracelog.core.redact_own import check_bounded
from tracelog.core.redact_pattern import read_pattern
from tracelog.core.redact_rules import RULES_FILE
from tracelog.errors import ConfigError

NEVER: Final = frozenset({"error", "fatal"})
"""Levels that are never noise, whatever the text."""

CHARS: Final = 1_000
"""Of a message that patterns look at: tools and probes say what they are at the beginning."""

MAX_OWN: Final = 50
"""Own patterns: each is searched for in every entry that is new."""

REQUEST: Final = " /"
"""Stands in every line about a request, and in few others: asked first, so those cost one look."""

HEAD: Final = 2
"""Characters that a text and a literal must share for more to be asked: no literal is shorter."""

_NAME: Final = re.compile(r"[a-z0-9_]{1,32}")


class NoiseRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Noise of one kind.

    Attributes:
        name: What counts and rows call it. Several rules may share one.
        literals: One of them must stand in the text, or begin it.
        pattern: Matched at the start of the text.
    """

    name: str
    literals: tuple[str, ...]
    pattern: str


class NoiseRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The built-in rules: *starts* by how a text begins, *requests* by what stands in a line about a request.
    """

    starts: tuple[NoiseRule, ...]
    requests: tuple[NoiseRule, ...]


class _File(msgspec.Struct, frozen=True):
    noise: NoiseRules


@cache
def built_in() -> NoiseRules:
    """
    Return the noise rules of `rules.json`.
    """
    return msgspec.json.decode(RULES_FILE.read_bytes(), type=_File).noise


class Noise:
    """
    Tells noise by name.

    Args:
        own: Rules beside the built-in ones.
        use_built_in: False leaves only the own ones.

    Attributes:
        heads: How texts begin that may be noise, by `HEAD` characters.
        asks_all: Whether any text may be, for own rules ask all.

    Raises:
        ConfigError: When an own rule is refused; one sentence that names it and says why.
    """

    def __init__(self, own: Sequence[OwnNoise] = (), *, use_built_in: bool = True) -> None:
        rules = built_in() if use_built_in else NoiseRules((), ())
        self.heads: dict[str, list[tuple[tuple[str, ...], re.Pattern[str], str]]] = {}
        for rule in rules.starts:
            pattern = re.compile(rule.pattern)
            for head in dict.fromkeys(literal[:HEAD] for literal in rule.literals):
                self.heads.setdefault(head, []).append((rule.literals, pattern, rule.name))
        self._requests = [
            (literal, re.compile(rule.pattern), rule.name)
            for rule in rules.requests
            for literal in rule.literals
        ]
        self._own = _read(own)
        self.asks_all = bool(self._own)

    def which(self, message: str, level: str) -> str | None:
        """
        Return the name of the rule by which *message*, said at *level*, is noise, or None.
        """
        heads = self.heads.get(message[:HEAD])
        if (heads is None and REQUEST not in message and not self._own) or level in NEVER:
            return None
        for literals, pattern, name in heads or ():
            if message.startswith(literals) and pattern.match(message, 0, CHARS):
                return name
        if REQUEST in message:
            for literal, pattern, name in self._requests:
                if literal in message and pattern.match(message, 0, CHARS):
                    return name
        return self._which_own(message) if self._own else None

    def _which_own(self, message: str) -> str | None:
        data = message[:CHARS].encode("utf-8", "surrogatepass")
        for name, search in self._own:
            if search(data, 0)[0] >= 0:
                return name
        return None


def _read(own: Sequence[OwnNoise]) -> list[tuple[str, Search]]:
    if len(own) > MAX_OWN:
        raise ConfigError(f"{len(own)} own noise rules are more than {MAX_OWN}; join some of them with |")
    return [(rule.name, _search(rule)) for rule in own]


def _search(rule: OwnNoise) -> Search:
    """
    Return the search for an own rule, which `re` runs everywhere: short texts are no work for RE2 to save.
    """
    if not _NAME.fullmatch(rule.name):
        raise ConfigError(f"the own noise rule {rule.name!r} needs a name of 1 to 32 of a-z, 0-9 and _")
    try:
        pattern = read_pattern(rule.pattern)
        check_bounded(rule.pattern, linear=False)
        return searcher("re", pattern.exact)
    except ValueError as error:
        raise ConfigError(f"the own noise rule {rule.name!r} {error}") from None
