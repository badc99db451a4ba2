"""
Secrets that a cue tells: a command before them, a word beside them, a name that needs chance behind it.
"""

import pytest

from tracelog.core.redact import Redactor

REDACTORS = {engine: Redactor(engine=engine) for engine in ("re2", "re")}
CHANCE = "9aKq3ZxV7bLm2WcY8tRp5NdS1fGh4JkE6uQo"
PEM_LINES = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"] + ["aB3" * 20] * 3)

REPLACED = [
    ("password", "curl -u bob:{} https://x", "hunter2"),
    ("password", "curl -s --user=bob:{} https://x", "hunter2"),
    ("password", "curl -ubob:{}", "hunter2"),
    ("password", '{{"cmd": "curl --proxy-user bob:{} https://x"}}', "hunter2"),
    ("password", 'argv ["curl", "-u", "bob:{}"]', "hunter2"),
    ("password", "mysql -uroot -p{} shop", "hunter2"),
    ("password", "sshpass -p '{}' ssh -p 2222 host", "hunter2"),
    ("password", "redis-cli -h cache -a {} ping", "hunter2"),
    ("password", "openssl enc -k {} -in x", "hunter2"),
    ("password", "redis AUTH default {}", "hunter2"),
    ("password", "machine github.com login bob password {}", "hunter2"),
    ("password", "the password is {}", "hunter2"),
    ("dsn", "bob:{}@tcp(db:3306)/shop", "hunter2"),
    ("dsn", '{{"dsn": "{}"}}', "bob:hunter2@db/shop"),
    ("dsn", "jdbc:oracle:thin:bob/{}@db:1521/x", "hunter2"),
    ("card", "credit_card={}", "4111111111111111"),
    ("card", '{{"creditCard": "{}"}}', "4111 1111 1111 1111"),
    ("otp", "{} is your Google verification code", "482913"),
    ("otp", "Your OTP is {}.", "482913"),
    ("otp", "Enter code {} at https://x/device", "WDJB-MJHT"),
    ("oauth_code", '{{"device_code": "{}"}}', "GmRhmhcxhwAzkoEqiMEg"),
    ("secret", "mnemonic: {}", " ".join(["abandon", "ability"] * 6)),
    ("paseto", "got {}", "v4.local." + 3 * CHANCE),
    ("saml", "SAMLResponse={}&RelayState=x", "PHNhbWxwOlJlc3BvbnNlIHhtbG5zOnNhbWxwPSJ1cm46"),
    ("auth", "[('Authorization', 'Token {}'), ('Accept', '*/*')]", "abcdef123456"),
    ("cookie", "(b'Cookie', b'sid={}')", "abcdef123456"),
    ("key", "STRIPE_KEY={}", CHANCE),
    ("key", '{{"key": "{}", "n": 1}}', CHANCE),
    ("token", "token {} rejected", CHANCE),
    ("token", "token {} rejected", "0a1b2c3d" * 5),
    ("private_key", "{} next", PEM_LINES),
    ("private_key", "{}\nnext", f"{'aB3d' * 16}\n-----END PRIVATE KEY-----"),
    ("webhook", "https://hooks.zapier.com/hooks/catch/{}", "123456/abcdef"),
    ("url", "https:\\\\/\\\\/bob:{}@db\\\\/shop", "hunter2"),
]
"""Rule, a text with a place for the secret, the secret."""

KEPT = [
    "docker run -u bob:staff -p 8080:80 app",
    "curl: see the manual\ntar -u bob:archive",
    "ssh -p 2222 host, ls -a file, gpg -k name",
    "curl -u 1000:1000",
    "SMTP AUTH LOGIN offered, redis AUTH failed",
    "password is required",
    "OTP service started in 4821 ms",
    "key=user:42 cache_key=9fceb02d0ae598e95dc970b74767f19372d61af8",
    "s3 key=uploads/2026/11/Avatar8405LargeSquare.png, key: AbstractSingletonProxyFactoryBean",
    f"build {CHANCE} without a cue",
    "fields ('token', 'session'), ['password', 'email']",
    "credit_card: visa, credit_card_last4=1111",
    "dsn=mydb, dsn=https://sentry.example.com/4",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQG",
    "v1.local build, v2.public release, mnemonic: mov",
]


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize(("rule", "text", "secret"), REPLACED)
def test_cue_and_secret(engine, rule, text, secret):
    """
    The secret gives way to the mark of its rule, the cue and all else stays, and a second pass changes nothing.
    """
    clean = REDACTORS[engine].text(text.format(secret))
    assert clean == text.format(f"[REDACTED:{rule}]")
    assert REDACTORS[engine].text(clean) == clean


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", KEPT)
def test_no_cue_no_secret(engine, text):
    """
    The same options, words and names without their cue, or with another kind of value, stay.
    """
    assert REDACTORS[engine].text(text) == text


@pytest.mark.parametrize("engine", REDACTORS)
def test_chance_counts_right_under_its_name_only(engine):
    """
    Under `key` a random text goes, nested ones and numbers stay: the name says little.
    """
    redactor = REDACTORS[engine]
    assert redactor.value({"bucketKey": CHANCE}) == {"bucketKey": "[REDACTED:key]"}
    value = {"key": {"inner": CHANCE, "list": [CHANCE]}, "sortKey": 4_102_444_800, "keys": [1]}
    assert redactor.value(value) is value


@pytest.mark.parametrize("engine", REDACTORS)
def test_many_secrets_of_one_shape_end_as_one(engine):
    """
    A text of more secrets of one shape than anyone reads keeps its first eighth, and its rest goes as one.
    """
    clean = REDACTORS[engine].text("postgres://bob:hunter2@db " * 3000 + "tail")
    assert clean.count("[REDACTED:url]") == 3000 // 8
    assert "hunter2" not in clean
    assert clean.endswith("[REDACTED:flood]")
    assert REDACTORS[engine].text(clean) == clean
