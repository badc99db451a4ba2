"""
What holds for redaction of any text and any value: twice is once, both engines agree, the detector misses
nothing, JSON stays JSON.
"""

import json

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.redact import OwnRule, Redactor, RedactSettings
from tracelog.core.redact_rules import levels

SETTINGS = RedactSettings(
    tag_key=b"k",
    keys=("kunden_nummer", "nip"),
    rules=(
        OwnRule("employee", r"EMP-\d{6}"),
        OwnRule("quoted", r'id="(\w{3,9})"'),
        OwnRule("spaced", r"run\s{1,3}(\S{4,8})"),
        OwnRule("greek", "schlüssel (?:ä|b){2,3}"),
        OwnRule("any", r"<<[^>]{1,20}>>"),
    ),
    pii=tuple(sorted(levels())),
)
RE2, RE = Redactor(SETTINGS, engine="re2"), Redactor(SETTINGS, engine="re")

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEF0123456789"
SECRETS = [
    "hunter2",
    "Tr0ub4dor&3",
    f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}",
    "AKIA" + "A2B3C4D5E6F7G2H3",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_" + LETTERS,
    "npm_" + LETTERS,
    "sk-proj-" + LETTERS,
    "SK" + 4 * "0a1b2c3d",
    "123456789:AA" + LETTERS,
    "prod:happy-animal-123|" + LETTERS,
    "https://hooks.slack.com/services/T00000000/B00000000/" + LETTERS,
    "postgres://bob:hunter2@db:5432/x",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "eyJwYXNzd29yZCI6Imh1bnRlcjIiLCJhIjoxfQ==",
    "dXNlcjpwYXNz",
    "4111 1111 1111 1111",
    "bob@example.com",
    "EMP-123456",
    'id="abc1"',
    "run \n xyz12",
    "schlüssel äb",
    '<<a"\\/\tb>>',
]
WORDS = [
    "password", "Password", "passwd", "PWD", "pass", "token", "access_token", "token_count", "max_tokens",
    "accessToken", "api key", "API-KEY", "apiKey", "secret", "Authorization", "auth", "Bearer", "Basic", "Digest",
    "cookie", "Set-Cookie", "session", "session id", "sid", "jwt", "otp", "pin", "user[pin]", "cvv2", "kundenNummer",
    "kunden nummer", "nip", "credentials", "private_key", "upstash", "identified by", "?code", "&sig", "monkey",
    "пароль", "密码", "Contraseña", "key", "tokenizer", "--password", "--pin", "verification code",
]  # fmt: skip
SIGNS = [
    "=", ":", ": ", " = ", " => ", "==", "::", "://", '"', "'", "`", '\\"', '\\\\\\"', "\\", "\\\\", "\\n", "\n", "\t",
    " ", "  ", ",", ", ", ";", "; ", "&", "?", "&amp;", "%20", "%3D", "%26", "<", ">", "</", "(", ")", "[", "]", "{",
    "}", "|", "@", "#", "-", "_", ".", "/", "\x1b[31m", "\x00", "é", "日本", "\N{PARTY POPPER}", "=[", "={", "\u2028",
    "[REDACTED:", "[REDACTED:token]", "[REDACTED:token:9c41ab]", "[REDACTED:jwt:", "u0041", "\\u0041", "1", "42",
    "1234", "123456", "true", "null", "***", "${X}", "a", "x", "abc", "GET /x", "%70", "%22", "%7B", "%5B", "%252C", "\x1b[0m",
    "[0m", "\u200b", "\uff50", "\u00a0", "\\x41", "\\u200b", "-p", "--", "-u", "curl ", "mysql ", "name", "value", "\r\n\r\n", "('",
    "', '", ': "', '","value":"', '"""', "SecretStr('", ">", "|\n ",
]  # fmt: skip

PIECES = st.one_of(
    *(st.sampled_from(pieces) for pieces in (SECRETS, WORDS, SIGNS, SIGNS)),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)
COMMANDS = st.lists(
    st.one_of(
        st.sampled_from(["curl", "mysql", "-p", "-u", "--password", "-phunter22", "bob:x1", "x y", "'"]),
        TEXTS,
    ),
    min_size=2,
    max_size=5,
)
NAMES = st.one_of(st.sampled_from(WORDS), TEXTS)
SCALARS = st.one_of(
    TEXTS,
    TEXTS,
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-3, 300),
    st.sampled_from([4111111111111111, 123456]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


def nested(scalars):
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
        max_leaves=6,
    )


VALUES = nested(st.one_of(SCALARS, COMMANDS))
VALUES_WITH_BYTES = nested(st.one_of(SCALARS, COMMANDS, TEXTS.map(str.encode), st.binary(max_size=12)))


@given(st.one_of(TEXTS, st.text(max_size=60)))
@settings(max_examples=150)
def test_texts(text):
    """
    Both engines give the same text, and redacting it again changes nothing.
    """
    clean = RE2.text(text)
    assert RE.text(text) == clean
    assert RE2.text(clean) == clean


@given(VALUES_WITH_BYTES)
@settings(max_examples=150)
def test_values(value):
    """
    Both engines give the same value, and redacting it again changes nothing.
    """
    clean = RE2.value(value)
    assert RE.value(value) == clean
    assert RE2.value(clean) == clean


def encodings(entry):
    plain = msgspec.to_builtins(entry)
    yield msgspec.json.encode(entry)
    yield json.dumps(plain, indent=1).encode()
    yield msgspec.msgpack.encode(entry)
    yield msgspec.msgpack.encode([1.5, ["info", "x"], list(plain.items())])


@given(VALUES, TEXTS, st.sampled_from(["", "x" * 30, "y" * 60, '"\\\n', "é"]))
@settings(max_examples=120)
def test_detector_sees_what_redaction_changes(value, text, before):
    """
    If redaction changes an entry, the detector fires on its JSON and its msgpack, alone and in a batch.
    """
    entry = Entry(id="a-1", trace_id="t" * 32, timestamp=1.5, message=before + text, context={"k": value})
    other = Entry(id="a-2", message="ok", context={"n": 1, "at": 2.5})
    for redactor in (RE2, RE):
        if redactor.entry(entry) is not entry:
            for encoded, around in zip(encodings(entry), encodings(other), strict=True):
                assert redactor.suspect(encoded)
                assert redactor.suspect(around + encoded + around)


@given(VALUES_WITH_BYTES)
@settings(max_examples=100)
def test_detector_sees_bytes_in_msgpack(value):
    """
    Bytes, which only msgpack has, are seen as text is.
    """
    entry = Entry(message="m", context={"k": value})
    for redactor in (RE2, RE):
        if redactor.entry(entry) is not entry:
            assert redactor.suspect(msgspec.msgpack.encode(entry))


@given(TEXTS, st.integers(0, 8))
@settings(max_examples=100)
def test_detector_sees_through_escapes(text, every):
    """
    An encoder that writes letters as escapes hides nothing from the detector.
    """
    encoded = "".join(
        f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 and number % 9 <= every else json.dumps(letter)[1:-1]
        for number, letter in enumerate(text)
    )
    entry = Entry(message=text)
    assert json.loads(f'"{encoded}"') == text
    if RE2.entry(entry) is not entry:
        assert RE2.suspect(f'{{"message":"{encoded}"}}'.encode())
        assert RE.suspect(f'{{"message":"{encoded}"}}'.encode())


def frame(value):
    """
    Return *value* without its texts: what redaction within JSON must keep.
    """
    if isinstance(value, dict):
        return [frame(item) for item in value["pairs"]]
    if isinstance(value, list):
        return [frame(item) for item in value]
    return value if value is None or isinstance(value, bool) else "scalar"


def pairs(items):
    return {"pairs": [item for _, item in items]}


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
@example(value={"password": [1e16]}, indent=None, ascii_only=False)
@settings(max_examples=120)
def test_json_in_strings_stays_json(value, indent, ascii_only):
    """
    JSON in a string, and JSON in JSON in a string, still parses and has the same structure.
    """
    document = json.dumps({"a": value, "b": 1}, indent=indent, ensure_ascii=ascii_only)
    expected = frame(json.loads(document, object_pairs_hook=pairs))
    assert frame(json.loads(RE2.text(document), object_pairs_hook=pairs)) == expected
    inner = json.loads(RE2.text(json.dumps(document, ensure_ascii=ascii_only)))
    assert frame(json.loads(inner, object_pairs_hook=pairs)) == expected


@given(
    st.text(LETTERS, min_size=12, max_size=40),
    st.sampled_from(["password", "client_secret", "API-Key", "otp"]),
)
def test_no_secret_survives_beside_a_name(secret, name):
    """
    A secret beside or under a sensitive name is gone from text, JSON, query strings and objects.
    """
    secret = f"Z9{secret}"
    texts = [
        f"{name}={secret}",
        f'x "{name}": "{secret}" y',
        f"/p?a=1&{name}={secret}&b=2",
        f"{name} = '{secret}'",
    ]
    for redactor in (RE2, RE):
        assert all(secret not in redactor.text(text) for text in texts)
        assert secret not in str(redactor.value({"a": [{name: {"b": [secret]}}, {name: secret.encode()}]}))
