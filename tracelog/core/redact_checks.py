"""
The arithmetic behind shapes: check digits, ranges, and whether letters look like chance.

Each check is told what a pattern found, as bytes, and says whether it is what it looks like.
"""

import re
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as NoBase64
from collections.abc import Callable
from ipaddress import ip_address
from itertools import pairwise
from typing import Final

LARGEST_BASE64: Final = 64 * 1024
"""Bytes of base64 that are decoded to look into them; more is data, not a credential."""

_SHORTEST_CARD: Final = 13
"""Digits of the shortest card number in use."""

_PHONE_DIGITS: Final = range(8, 16)
"""Digits of a number with its country (ITU-T E.164); the shortest in use have eight."""

_IBAN_LENGTHS: Final = range(15, 35)
"""Characters of an account number, Norway's to the longest allowed (ISO 13616)."""

_LATITUDE, _LONGITUDE = 90.0, 180.0

_CHANCE: Final = re.compile(rb"[A-Za-z0-9+/_-]{20,512}={0,2}")
_LONG_HEX: Final = re.compile(rb"[0-9a-f]{32,128}|[0-9A-F]{32,128}")
_KIND: Final = (
    bytes(
        b"0"[0]
        if chr(code).isdigit()
        else b"a"[0]
        if chr(code).islower()
        else b"A"[0]
        if chr(code).isupper()
        else b"-"[0]
        for code in range(128)
    )
    + b"-" * 128
)
_CHANGES: Final = 0.4
"""Share of neighbours of different kind: chance has 0.6, paths and CamelCase have 0.2 to 0.35."""

_RRN_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_RRN_UNCHECKED: Final = 20
"""Year from which Korea gives out numbers without a check digit (October 2020)."""

_VERHOEFF: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
"""Multiplication in the dihedral group of order ten (Verhoeff 1969)."""

_VERHOEFF_TURN: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""The permutation applied once more for each place of a digit."""


def luhn(text: bytes) -> bool:
    """
    Whether the last digit of *text* checks the others (ISO/IEC 7812-1 annex B), as on every payment card.
    """
    numbers = _digits(text)[::-1]
    doubled = sum(sum(divmod(2 * number, 10)) for number in numbers[1::2])
    return len(numbers) >= _SHORTEST_CARD and (sum(numbers[::2]) + doubled) % 10 == 0


def is_basic(token: bytes) -> bool:
    """
    Whether *token* is base64 of `user:password`, the credentials of RFC 7617.
    """
    return b":" in decode_base64(token)


def decode_base64(text: bytes) -> bytes:
    """
    Return what *text*, base64 of either alphabet and perhaps cut, stands for; nothing when it is too long.
    """
    if len(text) > LARGEST_BASE64:
        return b""
    bare = text.rstrip(b"=")
    whole = bare[: len(bare) - (len(bare) % 4 == 1)]
    padded = whole + b"=" * (-len(whole) % 4)
    try:
        return urlsafe_b64decode(padded) if b"-" in padded or b"_" in padded else b64decode(padded)
    except NoBase64:
        return b""


def looks_random(text: bytes) -> bool:
    """
    Whether *text* is a run of at least 20 letters and digits of all kinds that change as in chance.

    Digests and ids in hexadecimal, words, paths and names in CamelCase are none.
    """
    if not _CHANCE.fullmatch(text):
        return False
    kinds = text.translate(_KIND)
    changes = sum(one != other for one, other in pairwise(kinds))
    return {*b"0aA"} <= {*kinds} and changes >= _CHANGES * len(kinds)


def is_token(text: bytes) -> bool:
    """
    Whether *text*, right behind a word such as `token`, looks like chance or is a long hexadecimal number.
    """
    return looks_random(text) or _LONG_HEX.fullmatch(text) is not None


def is_phone(text: bytes) -> bool:
    """
    Whether *text* has as many digits as a telephone number.
    """
    return len(_digits(text)) in _PHONE_DIGITS


def is_ip(text: bytes) -> bool:
    """
    Whether *text* is an address of IPv4 or IPv6 that may be somebody's: not loopback, not the unspecified.
    """
    try:
        address = ip_address(text.decode("ascii"))
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def is_iban(text: bytes) -> bool:
    """
    Whether *text* leaves 1 when divided by 97 (ISO 13616, ISO 7064).
    """
    bare = text.replace(b" ", b"").replace(b"-", b"").decode("ascii")
    if len(bare) not in _IBAN_LENGTHS:
        return False
    return int("".join(str(int(letter, 36)) for letter in bare[4:] + bare[:4])) % 97 == 1


def is_ssn(text: bytes) -> bool:
    """
    Whether *text* is in the ranges that the Social Security Administration gives out: it has no check digit.
    """
    bare = bytes(code for code in text if chr(code).isdigit())
    return bare[:3] not in {b"000", b"666"} and bare[3:5] != b"00" and bare[5:] != b"0000"


def is_nhs(text: bytes) -> bool:
    """
    Whether the tenth digit of *text* checks the others (NHS data dictionary, modulus 11).
    """
    numbers = _digits(text)
    check = 11 - sum(weight * number for weight, number in zip(range(10, 1, -1), numbers, strict=False)) % 11
    return len(numbers) == 10 and check % 11 == numbers[9]


def is_rrn(text: bytes) -> bool:
    """
    Whether *text* is a Korean resident registration number: a day of birth, and a check digit until 2020.
    """
    numbers = _digits(text)
    year, month, day = (10 * numbers[at] + numbers[at + 1] for at in (0, 2, 4))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    if numbers[6] in {3, 4, 7, 8} and year >= _RRN_UNCHECKED:
        return True
    total = sum(weight * number for weight, number in zip(_RRN_WEIGHTS, numbers, strict=False))
    return (11 - total % 11) % 10 == numbers[12]


def is_aadhaar(text: bytes) -> bool:
    """
    Whether the last of the twelve digits of *text* checks the others by Verhoeff's scheme.
    """
    check = 0
    numbers = _digits(text)
    for place, number in enumerate(reversed(numbers)):
        turned = number
        for _ in range(place % 8):
            turned = _VERHOEFF_TURN[turned]
        check = _VERHOEFF[check][turned]
    return len(numbers) == 12 and check == 0


def is_place(text: bytes) -> bool:
    """
    Whether *text* is a latitude and a longitude in degrees.
    """
    latitude, longitude = (float(part) for part in text.split(b","))
    return abs(latitude) <= _LATITUDE and abs(longitude) <= _LONGITUDE


CHECKS: Final[dict[str, Callable[[bytes], bool]]] = {
    "": bool,
    "luhn": luhn,
    "basic": is_basic,
    "random": looks_random,
    "token": is_token,
    "phone": is_phone,
    "ip": is_ip,
    "iban": is_iban,
    "ssn": is_ssn,
    "nhs": is_nhs,
    "rrn": is_rrn,
    "aadhaar": is_aadhaar,
    "coordinates": is_place,
}
"""Every check that a shape may name, except `base64`, which needs all the other rules."""


def _digits(text: bytes) -> list[int]:
    return [code - 0x30 for code in text if 0x30 <= code <= 0x39]
