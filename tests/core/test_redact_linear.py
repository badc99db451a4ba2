"""
Hostile text costs no more than its length: redaction is linear for every rule in both engines.
"""

import time

import pytest

from tests.core.redact_hostile import CARRIERS, DISGUISES, STATEMENTS
from tracelog.core.redact import Redactor, RedactSettings
from tracelog.core.redact_rules import built_in, levels

PII = tuple(sorted(levels()))
REDACTORS = {
    engine: Redactor(RedactSettings(tag_key=b"k", pii=PII), engine=engine) for engine in ("re2", "re")
}

KEYS = built_in().keys
UNITS = [
    "a", "a.", ".", "a.a.", "eyJ", "eyJa.", " eyJaaaaaaaa", "eyJhYWFhYWFhYWFhYWFhYQ ", "aaa@", "a@a.", "@", "4111", "4111 ",
    "41111111 ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END", "://", "://a", "://a:b", "://a:b@", "\\", '"', '\\"',
    "'", "`", "=", ":", "{", "[", "token{", "token={", "token=[", 'token={"a":"b', "token='", 'token="\\', 'token:\\"',
    '"token": "x", ', "token: ab12cd34 ", "password", "password=", "password ", "password='x' ", "pwd=ab,", "pwd=a;b=",
    "pin=1 ", "pin ", "api key ", "key=", "session id", "secret ", "secret=", "--token ", "--token x ", "<token>",
    "<a:token ", "cookie: a=b;", "cookie: ;", 'Authorization: Digest a="', "bearer ", "bearer aaaaaaaa1 ", "basic ",
    "basic dTpw ", "upstash ", "upstash a ", "sk-", " sk-", "xox", "xoxb-aaaaaaaa ", "?code=", "&sig=", "prod:a|", "|",
    "[REDACTED:", "[REDACTED:token]", "[REDACTED:token", "\x1b[31m", "\u00e9", "\ud800", "\x00", "\n", " ", "%", "%3D",
    "token%3D", "\\u0041", "\\n", "123456789:AA", "SG.a.", "identified by '",
    "key=aB3", "key='aB3", "keykey=", "curl -u a:b1 ", "curl -ua", "otp is ", "otp is 1234 ", "1234 is your otp ", "MIIaaAIBA", "aA1/",
    "-----END PRIVATE KEY-----", ":a@tcp(", "('token', '", "0a1b2c3d-us1 ", "mnemonic is a b ", "seed phrase: abc abc ", "1:", "1.2.3.4 ",
    "::", "+1 ", "943 476 ", "DE89", "900101-1", "52.52001, ", "password is a1 ", "login a password b1 ", "redis AUTH a1b2 ",
]  # fmt: skip
UNITS += [*DISGUISES, *STATEMENTS, *(carrier.format("key") for carrier in CARRIERS)]
UNITS += [anchor for shape in built_in().shapes for anchor in shape.anchors]
UNITS += [f"{phrase} " for group in KEYS.groups for phrase in (*group.contains, *group.ends, *group.whole)]

SMALL, LARGE = 1_500, 6_000
"""Bytes: four times as much text, and never so much that it counts as a flood."""

MOST = 9
"""How many times the time it may then take. Linear is 4, quadratic is 16; the rest is for a busy machine."""

NOISE_NS = 4_000_000


def cost(redactor, unit, size, runs=1):
    """
    Return the least processor time, in nanoseconds, that redacting *size* bytes of *unit* took in some *runs*.
    """
    text = unit * (size // len(unit.encode("utf-8", "surrogatepass")))
    return least(lambda: redactor.text(text), runs)


def least(run, runs=3):
    """
    Return the least processor time of some *runs*: the collector may take a long turn in any one of them.
    """
    times = []
    for _ in range(runs):
        start = time.thread_time_ns()
        run()
        times.append(time.thread_time_ns() - start)
    return min(times)


@pytest.mark.parametrize("engine", REDACTORS)
def test_hostile_text_is_linear(engine):
    """
    Four times the hostile text takes about four times the time, whatever it repeats.
    """
    redactor = REDACTORS[engine]
    slow = {
        unit: (small, large)
        for unit in dict.fromkeys(UNITS)
        if (large := cost(redactor, unit, LARGE)) > MOST * (small := cost(redactor, unit, SMALL)) + NOISE_NS
    }
    still_slow = {
        unit: (cost(redactor, unit, SMALL, 3), cost(redactor, unit, LARGE, 3)) for unit in slow
    }  # measured once more: the machine may have been busy with something else
    assert [unit for unit, (small, large) in still_slow.items() if large > MOST * small + NOISE_NS] == []


@pytest.mark.parametrize("engine", REDACTORS)
def test_hostile_value_is_linear(engine):
    """
    The same holds for a value under a sensitive name.
    """
    redactor = REDACTORS[engine]
    for unit in ("a", "a=b;", '"', "\\", "[REDACTED:token]", "Bearer ", "eyJ", "'"):
        times = []
        for size in (SMALL, LARGE):
            value = {"cookie": unit * (size // len(unit))}
            times.append(least(lambda value=value: redactor.value(value)))
            assert len(redactor.value(value)["cookie"]) <= 40 * size
        assert times[1] <= 2 * MOST * times[0] + 4 * NOISE_NS, unit


def test_detector_is_linear_in_words():
    """
    A batch full of sensitive words is answered after a bounded number of looks.
    """
    for redactor in REDACTORS.values():
        few, many = (b'{"token_count":1}' * number for number in (10, 100_000))
        assert not redactor.suspect(few)
        start = time.thread_time_ns()
        assert redactor.suspect(many)
        assert time.thread_time_ns() - start < 3_000_000_000
