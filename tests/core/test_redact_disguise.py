r"""
Names and secrets that were written differently: coloured, percent-encoded, escaped, wide, with letters of no width.
"""

import json
import time
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.redact import Redactor
from tracelog.core.redact_disguise import undisguised
from tracelog.core.redact_replace import Span

REDACTORS = {engine: Redactor(engine=engine) for engine in ("re2", "re")}
SECRET = "Zq8hunter2Kw"

TEXTS = [
    "\x1b[35mpassword\x1b[0m=\x1b[36m{}\x1b[0m",
    "\x1b[38;5;208mtoken\x1b[39m: \x1b[38;2;1;2;3m'{}'\x1b[m",
    '\x1b[34m"password"\x1b[0m: \x1b[32m"{}"\x1b[0m',
    "\x1b[1mpass\x1b[0mword={}",
    "\x1b]8;;https://x\x1b\\password\x1b]8;;\x07={}",
    r"\x1b[35mpassword\x1b[0m=\x1b[36m{}\x1b[0m",
    r"\u001b[35mpassword\u001b[0m=\u001b[36m{}\u001b[0m",
    r"\033[35mpassword\033[0m=\e[36m{}",
    "[35mpassword[0m=[36m{}[0m",
    "\ufffd[35mpassword\ufffd[0m={}",
    "\x9b35mpassword\x9b0m={}",
    "pass\u200bword={}",
    "p\u2060a\u00ads\ufeffs\u202eword: {}",
    "password\u200b=\u200b{}",
    "PASSWORD\u00a0=\u3000{}",
    "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff1d{}",
    "password\uff1a{}",
    "pass%77ord={}",
    "https://x/?api%5Fkey={}&n=1",
    "https://x/?q=%7B%22password%22%3A%22{}%22%7D",
    "https://x/?next=%252Fcb%253Ftoken%253D{}%2526n",
    "https%3A%2F%2Fbob%3A{}%40db%2F",
    r"\u0070assword={}",
    r"\x70assword={}",
    r'{{"pass\u0077ord":"{}"}}',
    r'{{"body":"{{\"\\u0070assword\":\"{}\"}}"}}',
    r'{{"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44":"{}"}}',
    r'{{"pass\u200bword":"{}"}}',
]
"""What a terminal, a URL, an encoder or a hand makes of a name and its secret."""

KEPT = [
    "\x1b[32mINFO\x1b[0m token_count=12 \x1b[1mmax_tokens\x1b[0m=4096",
    "GET /a%20b/token%2Ftypes?page=2",
    "\u200bpassword\u200b reset mail sent",
    "\uff54\uff4f\uff4b\uff45\uff4e is a wide word",
    r"C:\x41\users \u0041uthor=Jane",
    "rate(errors[5m]) of the last [15m]",
    "données\u00a0: 12 %",
]
"""Disguises of what is no secret."""


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", TEXTS)
def test_no_disguise_hides_a_secret(engine, text):
    """
    The secret goes from the text and from an entry that holds it; the detector sees it in both encodings.
    """
    redactor = REDACTORS[engine]
    text = text.format(SECRET)
    clean = redactor.text(text)
    assert SECRET not in clean
    assert redactor.text(clean) == clean
    entry = Entry(message=text, context={"deep": [text]})
    assert SECRET not in repr(redactor.entry(entry))
    assert redactor.suspect(msgspec.json.encode(entry))
    assert redactor.suspect(msgspec.msgpack.encode(entry))


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", KEPT)
def test_disguises_alone_are_no_secret(engine, text):
    """
    Colours, encoded addresses and wide letters without a secret come back as they were.
    """
    assert REDACTORS[engine].text(text) is text


@pytest.mark.parametrize(
    "name",
    [
        "pass\u200bword",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",
        "\x1b[35mpassword\x1b[0m",
        "pass%77ord",
        "password*",
        "x" * 400 + "_password",
    ],
)
@pytest.mark.parametrize("engine", REDACTORS)
def test_disguised_and_long_names(engine, name):
    """
    A key in disguise, with a sign behind it or of any length is the name that people read.
    """
    assert SECRET not in str(REDACTORS[engine].value({name: SECRET}))


def test_colours_stay():
    """
    Only the secret is replaced: what coloured it stays around the mark.
    """
    clean = REDACTORS["re"].text("\x1b[35mpassword\x1b[0m=\x1b[36mhunter2\x1b[0m next")
    assert clean == "\x1b[35mpassword\x1b[0m=\x1b[36m[REDACTED:password]\x1b[0m next"


@given(
    st.text(st.characters(codec="utf-8"), max_size=30), st.lists(st.integers(0, 9), min_size=30, max_size=30)
)
def test_the_way_back(text, kinds):
    """
    Whatever is disguised how: each letter of the plain text leads back to exactly what stood for it.
    """
    disguised = [_written(letter, kind) for letter, kind in zip(text, kinds, strict=False)]
    data = "".join(disguised).encode()
    plain = undisguised(data)
    if plain is None:
        return
    assert len(plain.places) == len(plain.starts) == len(plain.ends) == len(plain.widths)
    position = 0
    for place in range(len(plain.data)):
        start, end, *_ = plain.back(Span(place, place + 1, 0, "x"))
        assert position <= start < end <= len(data)
        position = end
        if end == start + 1:
            assert data[start:end] == plain.data[place : place + 1]


def _written(letter: str, kind: int) -> str:
    forms = [
        letter,
        quote(letter),
        f"\\u{ord(letter) & 0xFFFF:04x}",
        f"\x1b[3{ord(letter) % 8}m{letter}",
        f"\u200b{letter}",
    ]
    return forms[kind] if kind < len(forms) else letter


def test_json_stays_json():
    """
    A document with escaped names and encoded addresses in it can still be read.
    """
    document = json.dumps({"url": f"/x?q=%7B%22token%22%3A%22{SECRET}%22%7D", "n": 7}).replace(
        "token", "t\\u006fken"
    )
    clean = json.loads(REDACTORS["re2"].text(document))
    assert clean["n"] == 7
    assert SECRET not in clean["url"]


@pytest.mark.parametrize(
    "unit",
    ["%", "%41", "%25", "\\", "\\u0041", "\\\\x41", "\x1b[", "\x1b[1m", "\x1b]8;;", "[1", "\u200b", "\uff41"],
)
def test_hostile_disguises_are_linear(unit):
    """
    Eight times as much of any disguise takes about eight times the time.
    """
    small, large = (least((unit * size)[:size]) for size in (8_000, 64_000))
    assert large < 24 * small + 40_000_000


def least(text):
    """
    Return the least processor time, in nanoseconds, that redacting *text* took in three runs.
    """
    times = []
    for _ in range(3):
        start = time.thread_time_ns()
        REDACTORS["re"].text(text)
        times.append(time.thread_time_ns() - start)
    return min(times)
