"""
Redaction as its users meet it: secrets go, everything else stays, and the cheap detector never misses.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import Entry
from tracelog.core.redact import Redactor, RedactSettings
from tracelog.errors import ConfigError

SETTINGS = RedactSettings(tag_key=b"0123456789abcdef0123456789abcdef")
RE2 = Redactor(SETTINGS, engine="re2")
PURE = Redactor(SETTINGS, engine="re")

SECRETS = [
    ("AKIAIOSFODNN7EXAMPLE", "{}"),
    ("ghp_0123456789abcdefABCDEF0123456789abcd", "{}"),
    ("xoxb-123456789012-abcdefghijklmnop", "{}"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "{}"),
    ("abcdef1234567890abcdef", "Authorization: Bearer {}"),
    ("dXNlcjpwYXNzd29yZA==", "authorization: Basic {}"),
    ("hunter2zz", "password={}"),
    ("hunter2zz", "login failed, password: {} tried"),
    ("hunter2zz", "mysql --password {} -h db"),
    ("s3cretpw", "redis://default:{}@cache:6379/0"),
    ("s3cretpw", "https://user:{}@example.com/path"),
    ("k9f8s7d6f5", "https://example.com/hook?token={}&page=2"),
    ("k9f8s7d6f5", "Cookie: sid={}"),
    ("k9f8s7d6f5", "X-Api-Key: {}"),
]
"""A secret, and a text that it stands in."""

CLEAN = [
    "session started for user 42",
    "authorization check passed",
    "GET /auth/callback 200 in 12 ms",
    "token_count=12 max_tokens: 4096",
    "password reset mail sent to the user",
    "secret santa list is ready",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "request 4bf92f3577b34da6a3ce929d0e0e4736 took 00f067aa0ba902b7",
    "job 550e8400-e29b-41d4-a716-446655440000 done",
    "/usr/lib/python3.11/site-packages/keyring/backend.py",
    "monkey business on the keyboard by the author",
]

CARRIERS = {
    "message": lambda text: {"message": text},
    "stack": lambda text: {"message": "m", "stack": f"Traceback\n  {text}\nend"},
    "field": lambda text: {"message": "m", "context": {"note": text}},
    "nested": lambda text: {"message": "m", "context": {"a": [{"b": {"c": text}}]}},
    "JSON in a string": lambda text: {
        "message": "m",
        "context": {"body": msgspec.json.encode({"x": text}).decode()},
    },
    "cause": lambda text: {
        "message": "m",
        "error": {"type": "E", "message": "e", "cause": {"type": "E", "message": text}},
    },
    "header pairs": lambda text: {"message": "m", "context": {"headers": [["via", text]]}},
}


def entry(**fields):
    return Entry(
        id="a-1",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        timestamp=1.0,
        system="s",
        level="info",
        **fields,
    )


@pytest.mark.parametrize("engine", [RE2, PURE], ids=["re2", "re"])
@pytest.mark.parametrize("carrier", CARRIERS, ids=str)
@pytest.mark.parametrize(("secret", "text"), SECRETS, ids=[text[:24] for _, text in SECRETS])
def test_a_planted_secret_goes(engine, carrier, secret, text):
    """
    No secret survives in any place an entry can carry text, and its mark takes its place.
    """
    clean = msgspec.json.encode(engine.entry(entry(**CARRIERS[carrier](text.format(secret)))))
    assert secret.encode() not in clean
    assert b"[REDACTED:" in clean


@pytest.mark.parametrize(
    "name", ["password", "userPassword", "API-Key", "db_password", "access_token", "clientSecret"]
)
@pytest.mark.parametrize("value", ["pw-12", ["a", "b"], {"inner": "x"}], ids=repr)
def test_a_telling_name_hides_its_value(name, value):
    """
    What stands under a sensitive name goes, in any spelling and shape; the structure stays.
    """
    clean = RE2.entry(entry(message="m", context={"login": {name: value, "user": "bob"}})).context["login"]
    assert clean["user"] == "bob"
    assert clean[name] != value
    assert type(clean[name]) is type(value)


@pytest.mark.parametrize("engine", [RE2, PURE], ids=["re2", "re"])
@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_stays(engine, text):
    """
    Ordinary lines with words that sound sensitive, digests and ids are given back unchanged.
    """
    assert engine.text(text) == text


def test_ids_are_never_touched():
    """
    Ids join systems: they stay whatever they look like.
    """
    given_ = Entry(
        id="ghp_0123456789abcdefABCDEF0123456789abcd",
        trace_id="AKIAIOSFODNN7EXAMPLE",
        timestamp=1.0,
        system="s",
        level="info",
        message="m",
    )
    clean = RE2.entry(given_)
    assert (clean.id, clean.trace_id) == (given_.id, given_.trace_id)


def test_equal_secrets_share_a_tag():
    """
    The same secret has the same tag wherever the key is shared, another key or secret another.
    """
    other = Redactor(RedactSettings(tag_key=b"another key, just as long as that"))
    first, second = RE2.text("password=hunter2zz"), PURE.text("password: hunter2zz")
    assert first.split(":")[-1] == second.split(":")[-1]
    assert other.text("password=hunter2zz") != first
    assert RE2.text("password=hunter3zz") != first
    assert "hunter2zz" not in first


def test_what_was_replaced_is_counted():
    """
    Each rule counts its hits by name.
    """
    own = Redactor(SETTINGS)
    own.text("password=hunter2zz and AKIAIOSFODNN7EXAMPLE")
    assert own.hits == {"password": 1, "aws_key": 1}


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(?=x)secret", r"(x)\1", "(", ".*"],
    ids=["nested", "lookahead", "backreference", "broken", "endless"],
)
def test_an_own_rule_that_could_be_slow_is_refused(pattern):
    """
    An own pattern that is not bounded work is refused when it is loaded, by name.
    """
    from tracelog.core.redact_settings import OwnRule

    with pytest.raises(ConfigError, match="mine"):
        Redactor(RedactSettings(rules=(OwnRule("mine", pattern),)))


pieces = st.one_of(
    st.sampled_from([text.format(secret) for secret, text in SECRETS] + CLEAN), st.text(max_size=30)
)
texts = st.lists(pieces, min_size=1, max_size=4).map(" ".join)
values = st.recursive(
    st.one_of(texts, st.integers(-(2**31), 2**31), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["a", "password", "note", "token_count", "headers"]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


@given(texts)
def test_twice_is_once(text):
    """
    Redacting what was redacted changes nothing more, and both engines say the same.
    """
    once = RE2.text(text)
    assert RE2.text(once) == once
    assert PURE.text(text) == once


@given(texts, st.dictionaries(st.sampled_from(["x", "apiKey", "body"]), values, max_size=3))
def test_the_detector_never_misses(message, context):
    """
    Whatever redaction would change, the detector sees in the encoded bytes, JSON and msgpack alike.
    """
    try:
        before = entry(message=message, context=context or None)
        encoded = (msgspec.json.encode(before), msgspec.msgpack.encode(before))
    except UnicodeEncodeError:
        return  # half characters never reach an encoder: they are cleaned before
    if RE2.entry(before) != before:
        assert all(engine.suspect(data) for engine in (RE2, PURE) for data in encoded)


@given(
    st.dictionaries(
        st.sampled_from(["user", "password", "list"]), st.one_of(texts, st.integers()), max_size=3
    )
)
def test_json_in_text_stays_json(value):
    """
    A JSON document inside a string can still be read after redaction.
    """
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return  # as above
    clean = msgspec.json.decode(RE2.text(text))
    assert set(clean) == set(value)
