"""
Every rule of redaction: which secrets go under which name, what stays, what settings change.

The secrets are put together at run time, so that no scanner takes this file for a leak.
"""

import base64
import json
import uuid
from datetime import UTC, datetime
from functools import cache

import msgspec
import pytest

from tracelog.core.entry import Entry
from tracelog.core.redact import OwnRule, Redactor, RedactSettings
from tracelog.errors import ConfigError

ENGINES = ("re2", "re")


def body(length, letters="a1B2c3D4e5F6g7H8"):
    """
    Return *length* letters that look like chance.
    """
    return (letters * (length // len(letters) + 1))[:length]


def b64(text):
    return base64.b64encode(text.encode()).decode()


HEX = body(32, "0a1b2c3d4e5f6789")
JWT = f"eyJ{body(20)}.eyJ{body(30)}.{body(27)}-_"
AWS_KEY = "AKIA" + body(16, "A2B3C4D5E6F7G2H3")
AWS_SECRET = body(40, "wJalrXUtnFEMI/K7MDENG+bPx")
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----"

SHAPES = [
    ("bearer", "Bearer {} sent", body(24)),
    ("bearer", "curl -H 'Authorization: Bearer {}' https://x", body(40, "abc.DEF-123_~+/=")),
    ("auth", "Authorization: Bearer {}", "abcdef"),
    ("basic", "Basic {} sent", b64("bob:pw")),
    ("basic", "proxy-authorization: Basic {}", b64("bob:hunter2")),
    ("auth", "Authorization: {}", f'Digest username="Mufasa", response="{HEX}"'),
    ("auth", "authorization: {}", f"AWS4-HMAC-SHA256 Credential={body(16)}/us-east-1, Signature={HEX}"),
    ("jwt", "token {} ok", JWT),
    ("jwt", "cut {}", JWT[:40]),
    ("aws_key", "using {}.", AWS_KEY),
    ("secret", "aws_secret_access_key={}", AWS_SECRET),
    ("aws_secret", "AWS secret is {}", AWS_SECRET),
    ("github", "remote: {}", "ghp_" + body(36)),
    ("github", "gho {}", "gho_" + body(36)),
    ("tracelog", "made {}", "tlk_read_" + body(43)),
    ("github", "pat {}", "github_pat_" + body(22) + "_" + body(40)),
    ("gitlab", "pat {}", "glpat-" + body(20)),
    ("slack", "bot {}", "xoxb-" + body(12, "0123456789") + "-" + body(24)),
    ("slack", "app {}", "xapp-1-" + body(30)),
    ("stripe", "live {}", "sk_live_" + body(24)),
    ("stripe", "restricted {}", "rk_live_" + body(24)),
    ("stripe", "hook {}", "whsec_" + body(32)),
    ("openai", "key {}", "sk-proj-" + body(40)),
    ("anthropic", "key {}", "sk-ant-api03-" + body(40)),
    ("google", "maps {}", "AIza" + body(35)),
    ("google", "oauth {}", "ya29." + body(40)),
    ("google", "client {}", "GOCSPX-" + body(28)),
    ("npm", "publish {}", "npm_" + body(36)),
    ("pypi", "upload {}", "pypi-AgEIcHlwaS5vcmc" + body(40)),
    ("sendgrid", "mail {}", f"SG.{body(22)}.{body(43)}"),
    ("twilio", "sms {}", "SK" + HEX),
    ("shopify", "shop {}", "shpat_" + HEX),
    ("telegram", "https://api.telegram.org/bot{}/getMe", "123456789:AA" + body(33)),
    ("vault", "vault {}", "hvs." + body(24)),
    ("convex", "prod:happy-animal-123|{}", "eyJ2MiI6" + body(30)),
    ("convex", "convex-self-hosted|{}", HEX),
    ("token", "UPSTASH_REDIS_REST_TOKEN={}", "A" + body(20)),
    ("upstash", "the Upstash token is {}", "A" + body(40)),
    ("api_token", "model {}", "hf_" + body(34)),
    ("databricks", "job {}", "dapi" + HEX),
    ("age_key", "age {}", "AGE-SECRET-KEY-1" + body(58, "QPZRY9X8GF2TVDW0")),
    ("webhook", "https://hooks.slack.com/services/{} 200", f"T{body(8)}/B{body(8)}/{body(24)}"),
    ("webhook", "https://discord.com/api/webhooks/{}", f"123456789/{body(40)}"),
    ("webhook", "https://o.webhook.office.com/webhookb2/{}", f"{body(36)}@{body(36)}/IncomingWebhook/{HEX}"),
    ("signature", "https://b.s3.amazonaws.com/x?X-Amz-Expires=60&X-Amz-Signature={}&y=1", HEX + HEX),
    ("signature", "https://a.blob.core.windows.net/c?sv=1&sig={}", body(40) + "%3D"),
    ("oauth_code", "GET /callback?code={}&state=x", "4/0" + body(30)),
    ("url", "postgres://bob:{}@db:5432/shop", "hunter2"),
    ("url", "redis://:{}@cache:6379/0", "p%40ss"),
    ("url", "amqps://bob:{}@mq/vhost", "p@ss"),
    ("url", "https:\\/\\/bob:{}@db\\/shop", "hunter2"),
    ("url", "https://{}@github.com/o/r.git", body(40)),
    ("cookie", "Cookie: sid={}", body(12)),
    ("cookie", "Set-Cookie: sid={}; Path=/; HttpOnly; SameSite=Lax", body(12)),
    ("cookie", '{{"cookie": "sid={}; path=/"}}', body(12)),
    ("private_key", "pem {} end", PEM),
    ("private_key", "pem {} end", PEM.replace("\n", "\\n")),
    ("private_key", "cut {}", PEM.split("-----END", maxsplit=1)[0]),
    ("private_key", '{{\\"pem\\": \\"{}\\"}}', PEM.split("abc", maxsplit=1)[0].replace("\n", "\\\\n") + "Q"),
    ("private_key", "pgp {}", PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK")),
    ("private_key", "ssh {}", PEM.replace("RSA", "OPENSSH")),
    ("base64", "state {} ok", b64(json.dumps({"user": "bob", "password": "hunter2"}))),
    ("base64", "state {} ok", base64.urlsafe_b64encode(b'{"a\xbf\xbf":1,"password":"hunter2"}').decode()),
]
"""Rule, a text with a place for the secret, the secret."""

PAIRS = [
    ("password", "password={}", "hunter2"),
    ("password", "password: {} for bob", "swordfish"),
    ("password", "userPassword={}", "x1"),
    ("password", "DB_PASSWORD={}\nnext", "a,b;c)d"),
    ("password", "PGPASSWORD='{}' psql", "correct horse battery"),
    ("password", "mysql --user bob --password {} --host db", "hunter2"),
    ("api_key", "deploy --api-key={}", "abc123"),
    ("otp", "unlock --pin {}", "1234"),
    ("password", "/login?user=bob&password={}&next=/", "hunter2"),
    ("password", "user[password]={}&x=1", "hunter2"),
    ("password", "Server=db;User Id=sa;Password={};Database=x", "hunter2"),
    ("api_key", "AccountKey={};EndpointSuffix=core", "abc/def=="),
    ("password", "pass={}", "hunter2"),
    ("password", "DBPWD={}", "hunter2"),
    ("password", '{{"user":"bob","password":"{}"}}', "hunter2"),
    ("password", '{{"a": {{"password": "{}"}}, "b": [1]}}', 'quote\\"d'),
    ("password", "password='{}", "never closed"),
    ("token", "{{'token': '{}', 'x': 1}}", "abcdef123"),
    ("token", '{{\\"token\\": \\"{}\\"}}', "abcdef123"),
    ("token", "access_token => '{}'", "abcdef123"),
    ("token", "token%3D{}%26x%3D1", "abcdef123"),
    ("secret", "client secret = {}", "abcdef123"),
    ("api_key", "your API key: {}", "abc123def"),
    ("api_key", "x-api-key: {}", "abcdefgh"),
    ("auth", "x-auth={}", "abcdef123"),
    ("session", "PHPSESSID={}", body(26)),
    ("session", "session_id={}", body(26)),
    ("otp", "otp: {}", "123456"),
    ("otp", "verification code: {}", "123456"),
    ("cvv", "cvv={}", "123"),
    ("token", "access_token={}", "12345678"),
    ("password", "<wsse:Password Type='x'>{}</wsse:Password>", "hunter2"),
    ("password", "ALTER USER bob WITH PASSWORD '{}'", "hunter2"),
    ("password", "CREATE USER bob IDENTIFIED BY '{}'", "hunter2"),
    ("password", "\x1b[31mpassword={}", "hunter2"),
    ("password", "contrase\u00f1a password={} \u2028", "contrase\u00f1a9"),
    ("token", "trace\\ntoken={}", "abcdef123"),
]
"""Rule, a text with a place for the secret beside a name, the secret."""

HARMLESS = [
    "session started for user 42",
    "authorization check passed",
    "GET /auth/callback 200",
    "token_count=12",
    "max_tokens: 4096",
    "prompt_tokens=12 completion_tokens=3000 tokens_per_second=88.1 tokens: 4096",
    '{"token_count": 12, "max_tokens": 4096, "usage": {"total_tokens": 99}}',
    "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
    "550e8400-e29b-41d4-a716-446655440000",
    "password reset mail sent",
    "secret santa",
    "Secret Santa: Bob",
    "author: Jane Doe, author=Jane, authors: 3",
    "/home/bob/secret/file.txt and C:\\secrets\\token.txt",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    "Unexpected token } in JSON at position 0",
    "SyntaxError: Unexpected token: punc (})",
    "invalid token: expired",
    "token: null, token=undefined, secret: none",
    "PWD=/home/bob OLDPWD=/srv/app",
    "pass: 12, fail: 3",
    "12 passed, 1 failed",
    "bearer of bad news, Bearer authentication required",
    "Basic authentication required, basic plan chosen",
    "task-queue-worker-for-mail-delivery started",
    "risk-assessment-framework disk-usage-monitor",
    "if token == other: password != confirm",
    "std::token::Kind, secret://vault/x",
    "primary key: id, cache_key=user:42, sort key = date",
    "monkey=banana, keyboard: qwerty, key=value",
    "session_duration=12 session: 42",
    "csrf_valid=true",
    "tokenizer: gpt2-large-tokenizer",
    "status_code=200 code=ENOENT exit code: 137",
    "https://example.com:8080/x@y",
    "mail bob@example.com, git@github.com:org/repo.git",
    "password: ********, token=***, secret=<secret>, api_key=${API_KEY}, password=%(password)s",
    "image repo/app:1.2@sha256:abcdef",
    "pinned: yes, side: left, spin=3, outsider=1",
    "authorized: true, authentication=ok, oauth provider: google",
    "npm_config_registry=https://registry.npmjs.org/ npm_package_version=1.0.0",
    "enter your password: please",
    "dev: started, prod:main|x",
    "card 4111 1111 1111 1111",
    "cursor eyJpZCI6MTIzNDU2Nzg5MCwic29ydCI6Im5hbWUifQ==",
    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
    "Cookie: none",
    "2025-03-09T12:30:45.678Z 10.0.0.7 12:30",
    '{"msg": "enter token:", "n": 1}',
]

MARKED = [
    "password=[REDACTED:password]",
    '{"token": "[REDACTED:token:9c41ab]"}',
    "Bearer [REDACTED:jwt:9c41ab]",
    "https://bob:[REDACTED:url:9c41ab]@db",
    "Cookie: sid=[REDACTED:cookie:9c41ab]; theme=[REDACTED:cookie:001122]",
    "[REDACTED:token:9c41ab]",
]


@cache
def shared(engine):
    """
    Return the one redactor of *engine*: making one takes longer than most tests, and a program keeps its own, too.
    """
    return Redactor(engine=engine)


@pytest.fixture(params=ENGINES)
def redactor(request):
    return shared(request.param)


@pytest.mark.parametrize(("rule", "text", "secret"), SHAPES + PAIRS)
def test_secret_goes(redactor, rule, text, secret):
    """
    Each secret is replaced by the mark of its rule, and everything around it stays.
    """
    assert redactor.text(text.format(secret)) == text.format(f"[REDACTED:{rule}]")


@pytest.mark.parametrize("text", HARMLESS + MARKED)
def test_harmless_text_stays(redactor, text):
    """
    Text that only looks or sounds like a secret, and text redacted before, is given back itself.
    """
    assert redactor.text(text) is text


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_context_stays(redactor, text):
    """
    Harmless words are harmless as a key and as a value, too.
    """
    value = {text: 1, "note": [text]}
    assert redactor.value(value) is value


def test_pair_of_aws(redactor):
    """
    An access key and the secret beside it go both.
    """
    assert redactor.text(f"{AWS_KEY}:{AWS_SECRET}") == "[REDACTED:aws_key]:[REDACTED:aws_secret]"


CARRIERS = {
    "message": lambda s: {"message": f"login with password={s} failed"},
    "json in a string": lambda s: {"message": json.dumps({"user": "bob", "password": s})},
    "json in json in a string": lambda s: {"message": json.dumps({"body": json.dumps({"password": s})})},
    "list in json in a string": lambda s: {"message": f'body={{"passwords": ["x1y2", "{s}"], "n": 1}}'},
    "url query": lambda s: {"message": f"GET https://x.example/cb?user=bob&access_token={s}&n=1"},
    "user-info": lambda s: {"message": f"connect postgres://bob:{s}@db/shop"},
    "nested context": lambda s: {"context": {"a": [{"b": {"db_password": s}}]}},
    "object under a key": lambda s: {"context": {"credentials": {"user": "bob", "list": [s, {"x": s}]}}},
    "header object": lambda s: {"context": {"headers": {"Authorization": f"Bearer {s}", "X-Api-Key": s}}},
    "header pairs": lambda s: {"context": {"headers": [["accept", "*/*"], ["X-Auth-Token", s]]}},
    "raw header pairs": lambda s: {"context": {"headers": [(b"x-api-key", s.encode())]}},
    "cookie": lambda s: {"context": {"Cookie": f"theme=dark; sid={s}"}},
    "key": lambda s: {"context": {f"password={s}": 1}},
    "key of a shape": lambda s: {"context": {f"ghp_{s}": {"n": 1}}},
    "bytes": lambda s: {"context": {"body": f"user=bob&password={s}".encode()}},
    "bytes under a key": lambda s: {"context": {"password": s.encode()}},
    "base64 of json": lambda s: {"message": b64(json.dumps({"password": s}))},
    "cause chain": lambda s: {
        "error": {"type": "E", "message": "x", "cause": {"type": "E", "message": f"password={s}"}}
    },
    "stack": lambda s: {"stack": f'File "a.py", line 3\n  connect(password="{s}")\nE: no'},
    "user id": lambda s: {"user_id": f"token:{s}"},
    "why": lambda s: {"why": f"secret={s}"},
}


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS.keys())
def test_no_carrier_keeps_a_secret(redactor, carrier):
    """
    Wherever in an entry a secret stands, none of it is left in any encoding.
    """
    secret = "S3cr3t" + body(24)
    clean = redactor.entry(Entry(**{"id": "a-1", "message": "m"} | carrier(secret)))
    for encoded in (msgspec.msgpack.encode(clean), msgspec.json.encode(clean), repr(clean).encode()):
        assert secret.encode() not in encoded
        assert b64(json.dumps({"password": secret})).encode() not in encoded
    assert sum(redactor.hits.values()) >= 1


def test_ids_stay(redactor):
    """
    What systems join by is never touched, whatever it looks like.
    """
    odd = "ghp_" + body(36)
    ids = dict.fromkeys(("id", "trace_id", "span_id", "parent_id", "source", "level", "system"), odd)
    entry = Entry(**ids, message="token=abc123")
    clean = redactor.entry(entry)
    assert clean == Entry(**ids, message="token=[REDACTED:token]")
    assert entry.message == "token=abc123"


def test_clean_entry_is_itself(redactor):
    """
    An entry without secrets is given back itself, so that nobody encodes it again.
    """
    context = {"a": [1, {"b": None}], "c": b"x"}
    entry = Entry(id="a-1", message="ok", context=context, error={"type": "E", "message": ""})
    assert redactor.entry(entry) is entry


UNDER_KEYS = [
    ("password", "x", "[REDACTED:password]"),
    ("pin", 123456, "[REDACTED:otp]"),
    ("X-Api-Key", 12345678, "[REDACTED:api_key]"),
    ("Token", ["a1", ("b2",), {"c3"}, frozenset({"d4"})], None),
    ("api_key", {"type": "live", "id": uuid.UUID(int=7)}, None),
    ("Authorization", "Bearer abcdef", "Bearer [REDACTED:auth]"),
    ("cookie", "sid=a1; theme=b2", "sid=[REDACTED:cookie]; theme=[REDACTED:cookie]"),
    ("cookie", "a1b2c3", "[REDACTED:cookie]"),
    ("cookie", 'odd "one"=2', "[REDACTED:cookie]"),
    ("credentials", {"password": "1234", "n": 3}, {"password": "[REDACTED:credential]", "n": 3}),
    ("auth", {"pin": "123", "n": 300}, {"pin": "[REDACTED:otp]", "n": "[REDACTED:auth]"}),
    ("token", None, None),
    ("secret", True, True),
    ("user_secret", "", ""),
    ("client_secret", "none", "none"),
    ("tokens", 4096, 4096),
    ("password_attempts", 300, 300),
    ("otp", 7, 7),
    ("token", float("nan"), None),
]


@pytest.mark.parametrize(("key", "value", "expected"), UNDER_KEYS)
def test_values_under_sensitive_keys(redactor, key, value, expected):
    """
    Under a sensitive key all texts, large numbers and unknown objects go; what says nothing stays.
    """
    clean = redactor.value({key: value, "n": 1})
    assert clean["n"] == 1
    if expected is not None:
        assert clean[key] == expected
    elif key == "Token":
        mark = "[REDACTED:token]"
        assert clean[key] == [mark, (mark,), {mark}, frozenset({mark})]
    elif key == "api_key":
        assert clean[key] == {"type": "[REDACTED:api_key]", "id": "[REDACTED:api_key]"}


def test_objects_elsewhere_stay(redactor):
    """
    Objects that are no JSON are left alone where no name says that they are secret.
    """
    value = {"at": datetime(2025, 3, 9, tzinfo=UTC), "id": uuid.UUID(int=7), "password": {1: b""}}
    assert redactor.value(value) is value


def test_numbers_in_json_become_strings(redactor):
    """
    A bare number in JSON within a string becomes a string, so that the JSON still parses, at any depth.
    """
    document = json.dumps({"pin": 123456, "n": [1], "otps": {"otp": [123456, 7]}}, indent=1)
    expected = {"pin": "[REDACTED:otp]", "n": [1], "otps": {"otp": ["[REDACTED:otp]", 7]}}
    assert json.loads(redactor.text(document)) == expected
    assert json.loads(json.loads(redactor.text(json.dumps(document)))) == expected
    assert json.loads(json.loads(json.loads(redactor.text(json.dumps(json.dumps(document)))))) == expected


def test_equal_secrets_share_a_tag():
    """
    The same secret has the same tag in every place and shape; another key or secret gives another tag.
    """
    redactor, other = Redactor(RedactSettings(tag_key=b"k")), Redactor(RedactSettings(tag_key=b"l" * 100))
    texts = [f"Authorization: Bearer {JWT}", f"token={JWT}", JWT, json.dumps({"access_token": JWT})]
    tags = {redactor.text(text).split("REDACTED:")[1].split(":")[1].split("]")[0] for text in texts}
    tags.add(redactor.value({"password": JWT})["password"].split(":")[2][:-1])
    assert len(tags) == 1
    assert all(len(tag) == 6 and int(tag, 16) >= 0 for tag in tags)
    assert redactor.text("token=abc123") != redactor.text("token=abc124")
    assert other.text(JWT) != redactor.text(JWT)


@pytest.mark.parametrize("engine", ENGINES)
def test_hits_count_by_rule(engine):
    """
    Each replaced secret is counted once under its rule.
    """
    redactor = Redactor(engine=engine)
    redactor.text("password=a1 password=b2 token=abc123")
    redactor.value({"password": "c3", "n": 1})
    assert redactor.hits == {"password": 3, "token": 1}


def test_switched_off():
    """
    Without redaction everything passes, and nothing is suspect.
    """
    redactor = Redactor(RedactSettings(enabled=False))
    entry = Entry(message="password=hunter2")
    assert redactor.entry(entry) is entry
    assert redactor.text("password=hunter2") == "password=hunter2"
    assert redactor.value({"password": "x"}) == {"password": "x"}
    assert not redactor.suspect(b"password=hunter2")


@pytest.mark.parametrize("engine", ENGINES)
def test_own_names(engine):
    """
    Own names count in every spelling and against the safe words; safe names count against everything.
    """
    settings = RedactSettings(
        keys=("customer_no", "nip", "token count"), safe_keys=("api-key", "publicToken")
    )
    redactor = Redactor(settings, engine=engine)
    mark = "[REDACTED:customer_no]"
    assert redactor.value(
        {"CustomerNo": "a1", "old-customer-no": "b2", "customerno": "c3", "customer": "d4"}
    ) == {
        "CustomerNo": mark,
        "old-customer-no": mark,
        "customerno": mark,
        "customer": "d4",
    }
    assert redactor.text("nip=123-456, snip=1, customer no: 77x") == (
        f"nip=[REDACTED:nip], snip=1, customer no: {mark}"
    )
    assert redactor.text("token_count=9999") == "token_count=[REDACTED:token_count]"
    assert redactor.value({"the customer no (old)": "a1"}) == {"the customer no (old)": "a1"}
    assert redactor.value({"customer no (old)": "a1"}) == {"customer no (old)": mark}
    safe = {"apiKey": "x", "API_KEY": ["y"], "public_token": "z", "auth": {"api key": "k"}}
    assert redactor.value(safe) is safe
    assert redactor.text("api_key=abc123 your API key: abc123") == "api_key=abc123 your API key: abc123"


@pytest.mark.parametrize("engine", ENGINES)
def test_own_patterns(engine):
    """
    An own pattern replaces its first group, or all of what it matches, in whole letters.
    """
    rules = (
        OwnRule("employee", r"(?i)EMP-\d{6}"),
        OwnRule("order", r"order (\w{4,9})(?:!|\?)"),
        OwnRule("either", r"one(1)|two2"),
        OwnRule("greek", r"αβ.{1,3}"),
        OwnRule("umlaut", r"(?:ä|ö|u)x{2}"),
        OwnRule("notq", r"(?s)Q[^q\s]\D\S.{1,2}?Q"),
    )
    redactor = Redactor(RedactSettings(rules=rules), engine=engine)
    text = "emp-123456 order ab12! order ab12. one1 two2 αβγδε öxx oxx ux uxx Qab \nQ Qqb \nQ"
    assert redactor.text(text) == (
        "[REDACTED:employee] order [REDACTED:order]! order ab12. one[REDACTED:either] [REDACTED:either] "
        "[REDACTED:greek]ε [REDACTED:umlaut] oxx ux [REDACTED:umlaut] Qab \nQ Qqb \nQ"
    )
    assert redactor.text("QabcdQ") == "[REDACTED:notq]"
    assert redactor.value({"n": "EMP-1234567"}) == {"n": "[REDACTED:employee]7"}


@pytest.mark.parametrize("engine", ENGINES)
def test_personal_data_is_opt_in(engine):
    """
    Mail addresses and card numbers go when their level is switched on, and only real card numbers do.
    """
    text = "bob@example.com paid 4111 1111 1111 1111, not 4111 1111 1111 1112, at 1732277353123"
    assert Redactor(engine=engine).text(text) == text
    redactor = Redactor(RedactSettings(pii=("email", "card")), engine=engine)
    assert redactor.text(text) == (
        "[REDACTED:email] paid [REDACTED:card], not 4111 1111 1111 1112, at 1732277353123"
    )
    assert redactor.text('{"n": "\\nbob@example.com"}') == '{"n": "\\n[REDACTED:email]"}'
    assert redactor.text('{"n": "\\u0007bob@example.com"}') == '{"n": "\\u0007[REDACTED:email]"}'
    assert redactor.value({"card_number": 4111111111111111}) == {"card_number": "[REDACTED:card]"}
    document = json.dumps({"n": [1, 4111111111111111], "x": 5105105105105100})
    expected = {"n": [1, "[REDACTED:card]"], "x": "[REDACTED:card]"}
    assert json.loads(redactor.text(document)) == expected
    assert json.loads(json.loads(redactor.text(json.dumps(document)))) == expected


BAD_SETTINGS = [
    ({"pii": ("iris",)}, "unknown level of pii 'iris'"),
    ({"keys": ("schlüssel",)}, "own sensitive key 'schlüssel'"),
    ({"keys": ("--",)}, "own sensitive key '--'"),
    ({"rules": (OwnRule("Bad Name", "abc"),)}, "'Bad Name' needs a name"),
    ({"rules": (OwnRule("a", "(abc"),)}, "'a' is no regular expression"),
    ({"rules": (OwnRule("a", "x" * 1001),)}, "'a' is longer than 1000"),
    ({"rules": (OwnRule("a", "a(?=b)"),)}, "'a' looks ahead or behind"),
    ({"rules": (OwnRule("a", "(?<!x)b"),)}, "'a' looks ahead or behind"),
    ({"rules": (OwnRule("a", r"(a)\1"),)}, "'a' refers back to a group"),
    ({"rules": (OwnRule("a", "(a)?(?(1)b|c)"),)}, "'a' asks whether a group matched"),
    ({"rules": (OwnRule("a", "a++"),)}, "'a' has a possessive quantifier"),
    ({"rules": (OwnRule("a", "(?>ab)"),)}, "'a' has an atomic group"),
    ({"rules": (OwnRule("a", r"a\Z"),)}, "'a' asks for the begin or end of the whole text"),
    (
        {"rules": (OwnRule("a", "[[:alpha:]]x"),)},
        "'a' is no regular expression that RE2 and Python read alike",
    ),
    ({"rules": (OwnRule("a", "a{0,3}"),)}, "'a' may match nothing"),
    ({"rules": (OwnRule("a", r"\S+@corp"),)}, "'a' repeats without an upper bound"),
    ({"rules": (OwnRule("a", "(?:ab)+"),)}, "'a' repeats without an upper bound"),
    ({"rules": (OwnRule("a", "(?:a+b){2}"),)}, "'a' repeats without an upper bound"),
    ({"rules": (OwnRule("a", "ba{1,1001}"),)}, "'a' repeats more than 1000 times"),
    ({"rules": (OwnRule("a", "[ä-ü]"),)}, "'a' has a range of letters beyond ASCII"),
    ({"rules": (OwnRule("a", "[^ä]"),)}, "'a' excludes a letter beyond ASCII"),
    ({"rules": (OwnRule("a", r"[^\s\S]x"),)}, "'a' has a class that no character belongs to"),
    (
        {"rules": tuple(OwnRule(f"r{n}", "abc") for n in range(101))},
        "101 own redaction rules are more than 100",
    ),
]


@pytest.mark.parametrize(("settings", "message"), BAD_SETTINGS)
@pytest.mark.parametrize("engine", ENGINES)
def test_bad_settings_are_refused(engine, settings, message):
    """
    A setting that cannot be honoured is refused at once, in one sentence that names it and says why.
    """
    with pytest.raises(ConfigError, match=r"\A[^\n]*\Z") as refused:
        Redactor(RedactSettings(**settings), engine=engine)
    assert message in str(refused.value)


def test_slow_patterns_need_re2():
    """
    A pattern that backtracking can try in many ways is refused without RE2, and taken with it.
    """
    rules = (OwnRule("nested", "(?:a{1,9}b{0,9}){1,9}c"), OwnRule("branches", "(?:a|ab){1,20}c"))
    Redactor(RedactSettings(rules=rules), engine="re2")
    for rule in rules:
        with pytest.raises(ConfigError, match=f"'{rule.name}' can be tried in more than 1000 ways"):
            Redactor(RedactSettings(rules=(rule,)), engine="re")


def test_too_large_patterns():
    """
    A pattern that RE2 itself refuses is refused with its words.
    """
    rule = OwnRule("large", "(?:(?:ab){1,900}c){1,900}")
    with pytest.raises(ConfigError, match=r"'large' is too large for re2 \("):
        Redactor(RedactSettings(rules=(rule,)), engine="re2")


FINE = [
    "(?:[A-Z0-9]{4} ?){4,7}",
    r"[A-Z]{2}\d{2}\w+",
    "ab(?:c|d)*",
    r"\bx\B\d{3,9}$",
    "^a.b",
    "(?:x|y(?:z|w)){3}",
]


@pytest.mark.parametrize("pattern", FINE)
@pytest.mark.parametrize("engine", ENGINES)
def test_bounded_patterns_are_taken(engine, pattern):
    """
    Bounded repetitions, one endless class at the end, places and alternatives are fine in both engines.
    """
    assert Redactor(RedactSettings(rules=(OwnRule("fine", pattern),)), engine=engine).engine == engine


def test_settings_come_from_plain_data():
    """
    Settings can be read from a configuration file.
    """
    data = {"rules": [{"name": "employee", "pattern": "EMP-[0-9]{6}"}], "keys": ["nip"], "pii": ["email"]}
    settings = msgspec.convert(data, RedactSettings)
    assert Redactor(settings).text("EMP-123456") == "[REDACTED:employee]"


def test_deep_values_are_replaced(redactor):
    """
    What lies deeper than can be looked into is replaced, not passed on.
    """
    value = "password=hunter2"
    for _ in range(100):
        value = [value]
    assert "hunter2" not in str(redactor.value(value))
    assert "[REDACTED:depth]" in str(redactor.value(value))
    nested = {"a": {"b": [{"c": "token=abc123"}]}}
    assert redactor.value(nested) == {"a": {"b": [{"c": "token=[REDACTED:token]"}]}}


def test_equal_marks_of_keys_stay_apart(redactor):
    """
    Keys that become the same mark all keep their values.
    """
    value = {"ghp_" + body(30 + n): n for n in range(3)} | {7: 4, b"k": 5}
    mark = "[REDACTED:github]"
    assert redactor.value(value) == {mark: 0, f"{mark}~2": 1, f"{mark}~3": 2, 7: 4, b"k": 5}


def test_dump_of_secrets(redactor):
    """
    A text with more secrets than anyone reads has its rest replaced as one.
    """
    clean = redactor.text(" ".join(f"password=pw{n}" for n in range(1500)) + " tail")
    assert clean.count("[REDACTED:password]") == 1000
    assert clean.endswith("password=[REDACTED:flood]")
    assert redactor.text(clean) == clean


def test_half_letters(redactor):
    """
    Half characters of UTF-16, bytes that are no UTF-8 and NULs neither stop redaction nor change.
    """
    assert redactor.text("\ud800 password=a\udfffb \x00") == "\ud800 password=[REDACTED:password] \x00"
    assert (
        redactor.value(b"\xff\xfe password=\xff\xfe1 \x00") == b"\xff\xfe password=[REDACTED:password] \x00"
    )


def test_many_names_and_keys(redactor):
    """
    More names than are remembered give the same answers.
    """
    value = {f"key{n}": 1 for n in range(5000)} | {f"password{n}": "x" for n in range(5000)}
    first, second = redactor.value(value), redactor.value(value)
    assert first == second
    assert first["key4999"] == 1
    assert first["password4999"] == "[REDACTED:password]"


def test_missing_engine(monkeypatch):
    """
    Asking for RE2 where it is not installed is refused; not asking takes the other engine.
    """
    monkeypatch.setattr("tracelog.core.redact_engine.re2", None)
    assert Redactor().engine == "re"
    with pytest.raises(ConfigError, match="re2 is not installed"):
        Redactor(engine="re2")
