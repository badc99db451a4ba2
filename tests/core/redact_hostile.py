"""
Hostile texts made in a systematic way: what every rule looks for, repeated, alone and in pairs.

Fragments are the literals of all shapes, what must stand before them or near, the words of all sensitive names,
these in every carrier that is read, and what disguises begin with.
"""

import random
from collections.abc import Iterator

from tracelog.core.redact_rules import built_in

CARRIERS = (
    "{} ", "{}=", "{}: ", '"{}":"', "--{} ", "{}={{", "{}=['", "<{}>", "{}=a1 ", "{}='", "\\{}", "{}\\n", "({},", "{} -> ",
    "{}&quot;", "{}:\n ", "\x1b[0m{}", "{}%3D", "{}=[REDACTED:", "'{}', '", '"{}" "',
)  # fmt: skip
"""How a name stands in a text, without the value that would end the trouble."""

NAMES = (
    "password",
    "token",
    "key",
    "pin",
    "cookie",
    "api key",
    "authorization",
    "session",
    "tokens",
    "db pass",
)

DISGUISES = (
    "\uff50\uff41\uff53\uff53", "\u200b", "a\u200b", "pass\u200bword=", "%70", "%25", "%22", "\\u0070", "\x1b[31m", "[31m", "[3", "\u00a0",
    "a\u00a0", "\ufeff", "password%3D%22", "&quot;", "&quot;password&quot;:",
)  # fmt: skip

STATEMENTS = (
    ") VALUES (1", "(password) values (", "INSERT INTO a (password) VALUES ('", ") values ('a'),", "values", "(password) values ('a", "password:\n  ",
    "password: |\n a", "AUTH a ", '"AUTH" "', "state=a&code=", "code=a&a=", "state=a&b=", "re_aaaaaaaa_", '"-p", ', "mysql -p", "curl -u ",
)  # fmt: skip


def fragments() -> list[str]:
    """
    Return every fragment, each once.
    """
    rules = built_in()
    found = [*DISGUISES, *STATEMENTS]
    for shape in rules.shapes:
        found += (*shape.anchors, *shape.after, *(f"{word} " for word in shape.near))
    for group in rules.keys.groups:
        found += (*group.contains, *group.ends, *group.whole)
    found += [carrier.format(name) for carrier in CARRIERS for name in NAMES]
    return list(dict.fromkeys(filter(None, found)))


def pairs(count: int, seed: int) -> Iterator[str]:
    """
    Yield *count* pairs of fragments, chosen by *seed*: what two rules together make of a text.
    """
    chance, parts = random.Random(seed), fragments()
    for _ in range(count):
        yield chance.choice(parts) + chance.choice(parts)


def repeated(unit: str, size: int) -> str:
    """
    Return *size* characters of *unit*.
    """
    return (unit * (size // len(unit) + 1))[:size]
