"""
Hostile texts made in a systematic way: what every rule looks for, repeated, alone, in pairs and in mixtures.

Fragments are the literals of all shapes, what must stand before them or near, the words of all sensitive names,
these in every carrier that is read, and what disguises begin with.
"""

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from html import escape
from json import dumps
from urllib.parse import quote

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


SEPARATORS = (
    "",
    " ",
    "=",
    ": ",
    "\n",
    ",",
    "&",
    "%3D",
    '":"',
    "'",
    "[",
    "{",
    "\\",
    "\x1b[0m",
    "\u200b",
    " -> ",
    "|",
    "://a:",
)
"""What stands between fragments and behind them."""

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent signs": lambda text: quote(text, safe="", errors="replace"),
    "every letter in percent signs": lambda text: "".join(
        f"%{byte:02X}" for byte in text.encode("utf-8", "replace")
    ),
    "JSON": lambda text: dumps(text)[1:-1],
    "escapes": lambda text: "".join(f"\\u{ord(letter) & 0xFFFF:04x}" for letter in text),
    "full width": lambda text: "".join(
        chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text
    ),
    "no width": "\u200b".join,
    "colours": "\x1b[1m".join,
    "HTML": escape,
    "base64": lambda text: b64encode(b'{"' + text.encode("utf-8", "replace")).decode() + " ",
    "upper case": str.upper,
}
"""How a fragment may be written, each of which is read by some rule."""


def mixed(count: int, seed: int) -> Iterator[str]:
    """
    Yield *count* mixtures, chosen by *seed*: one to three fragments with separators, each in some encoding.
    """
    chance, parts = random.Random(seed), fragments()
    encodings = list(ENCODINGS.values())
    for _ in range(count):
        pieces = [
            chance.choice(encodings)(chance.choice(parts)) + chance.choice(SEPARATORS) * chance.randint(0, 2)
            for _ in range(chance.randint(1, 3))
        ]
        yield chance.choice(encodings[:2])("".join(pieces)) if chance.random() < 1 / 4 else "".join(pieces)


def repeated(unit: str, size: int) -> str:
    """
    Return *unit* as often as *size* bytes have room for.
    """
    return unit * (size // len(unit.encode("utf-8", "surrogatepass")))
