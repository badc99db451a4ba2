"""
Personal data, level by level: found where its check digit or range agrees, left alone where it does not.
"""

import random
from functools import cache

import pytest

from tracelog.core.redact import Redactor, RedactSettings
from tracelog.core.redact_checks import is_aadhaar, is_iban, is_nhs, is_rrn, looks_random, luhn
from tracelog.core.redact_rules import levels

ENGINES = ("re2", "re")

FOUND = [
    ("email", "write to bob.smith+x@mail.example.co.uk!", "bob.smith+x@mail.example.co.uk", "email"),
    ("phone", "call +49 30 901820 now", "+49 30 901820", "phone"),
    ("phone", "call (415) 555-2671 now", "(415) 555-2671", "phone"),
    ("phone", '{"phone": "030 1234567"}', "030 1234567", "phone"),
    ("ip", "from 203.0.113.7 port 80", "203.0.113.7", "ip"),
    ("ip", "from [2001:db8::17]:443", "2001:db8::17", "ip"),
    ("card", "paid 4111 1111 1111 1111", "4111 1111 1111 1111", "card"),
    ("card", "paid 378282246310005", "378282246310005", "card"),
    ("iban", "to DE89 3704 0044 0532 0130 00.", "DE89 3704 0044 0532 0130 00", "iban"),
    ("iban", "to GB82WEST12345698765432", "GB82WEST12345698765432", "iban"),
    ("ssn", "SSN 123-45-6789 given", "123-45-6789", "ssn"),
    ("national_id", "patient 943 476 5919", "943 476 5919", "nhs"),
    ("national_id", "NHS number: 9434765919", "9434765919", "nhs"),
    ("national_id", "resident 900101-1234568", "900101-1234568", "rrn"),
    ("national_id", "resident 210101-3999999", "210101-3999999", "rrn"),
    ("national_id", "aadhaar 2341 2341 2346", "2341 2341 2346", "aadhaar"),
    ("coordinates", "at 52.52001, 13.40495 now", "52.52001, 13.40495", "coordinates"),
]
"""Level, a text, what must go, and the rule."""

LEFT = [
    ("phone", "at 2026-11-22 15:40:38 took 1732277353123 ns, port +80"),
    ("ip", "at 12:30:45, version 1.2.3, mac 00:1a:2b:3c:4d:5e, 127.0.0.1 and ::1, 1.2.3.4.5 std::token::x"),
    ("ip", "host 999.1.1.1"),
    ("card", "paid 4111 1111 1111 1112, at 1732277353123"),
    ("iban", "to DE88 3704 0044 0532 0130 00, build AB12CDEF3456"),
    ("ssn", "000-45-6789 123-00-6789 123-45-0000 666-45-6789"),
    ("national_id", "943 476 5918, NHS number 9434765918, 901301-1234568, 900101-1234567, 2341 2341 2347"),
    ("coordinates", "at 95.52001, 13.40495, took 0.25, 0.75 s"),
]


@cache
def cleaner(engine, *levels_on):
    """
    Return the one redactor of *engine* with *levels_on*: making one takes longer than what it is asked here.
    """
    return Redactor(RedactSettings(pii=levels_on), engine=engine)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.mark.parametrize(("level", "text", "secret", "rule"), FOUND)
def test_personal_data_goes_with_its_level(engine, level, text, secret, rule):
    """
    With its level on, it is replaced and nothing around it; without, the text stays.
    """
    clean = cleaner(engine, level).text(text)
    assert clean == text.replace(secret, f"[REDACTED:{rule}]")
    assert cleaner(engine).text(text) == text


@pytest.mark.parametrize(("level", "text"), LEFT)
def test_what_only_looks_like_it_stays(engine, level, text):
    """
    Wrong check digits, numbers out of range, times and versions stay.
    """
    assert cleaner(engine, level).text(text) == text


def test_all_levels_are_tested():
    """
    Every level that can be switched on has a positive case here, and a negative one where a check exists.
    """
    assert {level for level, *_ in FOUND} == levels()
    assert {level for level, _ in LEFT} | {"email"} == levels()


def test_places_under_names(engine):
    """
    A place is two small numbers: under its name each goes, as number and in JSON in a text.
    """
    redactor = cleaner(engine, "coordinates")
    mark = "[REDACTED:coordinates]"
    assert redactor.value({"lat": 52.5, "pos": {"longitude": 13}, "flat": 3}) == {
        "lat": mark,
        "pos": {"longitude": mark},
        "flat": 3,
    }
    assert redactor.text('{"lat": 52.5, "n": 1}') == f'{{"lat": "{mark}", "n": 1}}'


CHECKED = [
    (luhn, b"4111111111111111"),
    (is_iban, b"GB82WEST12345698765432"),
    (is_nhs, b"9434765919"),
    (is_rrn, b"900101-1234568"),
    (is_aadhaar, b"234123412346"),
]


@pytest.mark.parametrize(("check", "number"), CHECKED)
def test_one_wrong_digit_is_seen(check, number):
    """
    Whichever digit behind the date or country is mistyped, the check digit tells.
    """
    assert check(number)
    first = 8 if check is is_rrn else 4
    for place in range(first, len(number)):
        digit = number[place : place + 1]
        if digit.isdigit():
            wrong = str((int(digit) + 1) % 10).encode()
            assert not check(number[:place] + wrong + number[place + 1 :])


def test_chance_is_told_from_names():
    """
    Nearly all random keys look like chance; digests, words, paths and CamelCase do not.
    """
    chance = random.Random(5)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    keys = [bytes(chance.choices(alphabet, k=40)) for _ in range(500)]
    assert sum(map(looks_random, keys)) >= 485
    for name in (
        b"9fceb02d0ae598e95dc970b74767f19372d61af8",
        b"uploads/2026/11/AvatarLargeSquare",
        b"AbstractSingletonProxyFactoryBean2",
        b"short1A",
        b"a key with spaces in it 1A2b3C4d",
    ):
        assert not looks_random(name)
