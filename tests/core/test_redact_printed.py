"""
Secrets as libraries print them: parameters of statements, validations, audits, calls, comparisons, tables.
"""

import json
import time

import msgspec
import pytest

from tracelog.core.redact import Redactor

REDACTORS = {engine: Redactor(engine=engine) for engine in ("re2", "re")}
SECRET = "kV7pQz3mXw9Tb2"

GONE = [
    f"[SQL: INSERT INTO u (name, password) VALUES (?, ?)]\n[parameters: ('bob', '{SECRET}')]",
    f"[SQL: INSERT INTO u (n, pin, at) VALUES (%s, %s, now()), (%s, %s, now())]\n[parameters: ('a', '{SECRET}', 'b', '{SECRET}')]",
    f"[SQL: INSERT INTO u (n, password) VALUES (?, ?)]\n[parameters: [('a', '{SECRET}'), ('b', '{SECRET}')]]",
    f"[SQL: UPDATE u SET name=?, password=? WHERE u.id = ?]\n[parameters: ('bob', '{SECRET}', 7)]",
    f"[SQL: SELECT id FROM u WHERE mail = ? AND token = ?\n LIMIT ?]\n[parameters: ('a@b', '{SECRET}', 1)]",
    f'(0.001) UPDATE "u" SET "password" = %s WHERE "id" = %s; args=(\'{SECRET}\', 7); alias=default',
    f"1 validation error for L\nuser.password\n  String should have 20 characters [type=string_too_short, input_value='{SECRET}', input_type=str]",
    str([{"loc": ("body", "password"), "msg": "String should 'x'", "input": SECRET}]),
    f"UPDATE u SET n=1 WHERE password <> '{SECRET}'",
    f'if password == "{SECRET}":',
    f"WHERE password LIKE '{SECRET}'",
    f"user.set_password('{SECRET}')",
    f"auth=('bob', '{SECRET}')",
    f"HTTPBasicAuth('bob', '{SECRET}')",
    f"password=[{SECRET}]",
    f"password=({SECRET}) user=bob",
    f'<property name="password">{SECRET}</property>',
    f"<key>password</key>\n<string>{SECRET}</string>",
    f"| password | {SECRET} |",
    f"Password for user bob: {SECRET}",
    f"login failed for bob with password {SECRET}",
    f"password changed to {SECRET}",
    f"<Cookie sid={SECRET} for x/>",
    f"twine upload -u bob -p {SECRET} dist/x",
    f'{{"field": "password", "old_value": "{SECRET}"}}',
    f'http.Header{{"X-Api-Key":[]string{{"{SECRET}"}}}}',
    f"rawHeaders: [ 'Host', 'db', 'X-Api-Key', '{SECRET}' ]",
    f'1700000000.1 [0 10.0.0.7:50] "HSET" "user:1" "password" "{SECRET}"',
    f"    password: str = '{SECRET}'",
    f'let password: &str = "{SECRET}";',
    f"Driver={{ODBC Driver 18}};UID=sa;PWD={{{SECRET}}};Database=x",
    f"keytool -list -storepass {SECRET} -alias x",
    f'psk="{SECRET}"',
    f"$2b$12${SECRET * 4}"[:60],
    f"root:$6$rounds=5000$salt${SECRET * 4}:18000:0:99999",
    f"$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ${SECRET * 3}",
    f"pbkdf2_sha256$260000$salt${SECRET * 3}=",
]
CODES = [
    "Your code: 829471",
    "Your Acme code is 829 471",
    "SMS to +49123: 829471 is your Acme code",
    "code 829471 expires in 5 minutes",
    "mfa=829471",
    "two_factor_code: 829471",
]
"""One-time codes, as they stand in messages of mail and telephone."""
VALUES = [
    {"field": "password", "old": "x1", "new": SECRET},
    {"env": "DB_PASSWORD", "value": SECRET},
    {"k": "password", "v": SECRET},
    {"loc": ["body", "password", 0], "msg": "too short", "input": SECRET},
    {"op": "replace", "path": "/user/password", "value": SECRET},
    {"raw": ["Host", "db", "X-Api-Key", SECRET]},
    ["Accept", "*/*", "Cookie", f"sid={SECRET}"],
]
KEPT = [
    "[SQL: INSERT INTO o (id, name) VALUES (?, ?)]\n[parameters: (123456, 'bob77')]",
    "[SQL: INSERT INTO u (name, password) VALUES (%(name)s, %(password)s)]",
    "name\n  String should [type=x, input_value='bob77', input_type=str]",
    "password\n  Field required [type=missing, input_value={'user': 'bob77'}, input_type=dict]",
    "if token == 'EOF7':",
    "getSecret('prod/db-7')",
    "password | varchar(255) | not null",
    "token=<object at 0x7f12>",
    "token (3 of 7)",
    "password [optional7]",
    '<label name="password">Your password</label>',
    '<property name="token_ttl">3600</property>',
    "with password sha256",
    "password for user bob was reset",
    "secret is 32 bytes",
    '{"name":"reset token mail","content":"Dear bob77"}',
    "at async TokenService.refresh (/app/dist/token.service.js:123:15)",
    "src/auth/password.service.ts:1234:7 - error TS2345",
    "token_type=bearer expires_in=3600",
    "GET key session:active:count",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "--- PASS: TestToken1 (0.00s)",
    "passwd = _raw_input(prompt, stream, input=input)",
    'password=config.get("db", "password"),',
    '{"scopes":["token:read","secret:write"]}',
    'eos_token_id=50256 pad_token="<pad>"',
    "CancellationToken: canceled",
    "ERC20 token 0xdAC17F958D2ee523a2206206994597C13D831ec7 transfer",
    "GOOGLE_APPLICATION_CREDENTIALS=/srv/app/gcp.json",
    "password=/run/secrets/db_password",
    "PASSWORD_HASHERS=argon2",
    "UPDATE users SET password = $1, token = @p0 WHERE id = $2",
    "--api-key-env OPENAI_API_KEY",
    'curl -u "$USER:$PASS" https://x',
    "mysql -u root -p$MYSQL_PWD shop",
    "exit code 137, error code: 104512",
    "status code is 829471",
    '"GET" "password" "required"',
    "password: str = field(default=1)",
    "PWD={password1};",
]
KEPT_VALUES = [
    {"pass": 1200, "fail": 3},
    {"pad_token_id": 50256, "eos_token_id": [50256, 50257]},
    {"path": "/auth/token", "value": "x7"},
    ["Host", "db7", "Accept", "x77"],
]


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", GONE, ids=ascii)
def test_what_is_printed_goes(text, engine):
    """
    The secret goes from the text and from JSON around it, which stays JSON, the detector sees it, twice is once.
    """
    redactor = REDACTORS[engine]
    for given in (text, json.dumps({"message": text})):
        clean = redactor.text(given)
        assert SECRET not in clean
        assert redactor.text(clean) == clean
        assert redactor.suspect(given.encode())
    assert redactor.suspect(msgspec.msgpack.encode([text]))
    json.loads(redactor.text(json.dumps({"message": text})))


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", CODES)
def test_codes_of_messages_go(text, engine):
    """
    The code goes, and nothing else of the message.
    """
    redactor = REDACTORS[engine]
    clean = redactor.text(text)
    before, mark, after = clean.partition("[REDACTED:otp]")
    assert mark
    assert text.startswith(before)
    assert text.endswith(after)
    assert text[len(before) : len(text) - len(after)] in {"829471", "829 471"}
    assert redactor.suspect(msgspec.msgpack.encode([text]))


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_fields_that_speak_of_a_name(value, engine):
    """
    What an audit, an environment, a validation or a list of headers says of a name goes, it is suspect, and
    twice is once.
    """
    redactor = REDACTORS[engine]
    clean = redactor.value(value)
    assert SECRET not in str(clean)
    assert redactor.value(clean) == clean
    assert redactor.suspect(msgspec.msgpack.encode(value))


@pytest.mark.parametrize("value", KEPT_VALUES, ids=str)
def test_fields_that_only_look_like_it_stay(value):
    """
    Results of tests, ids of tokenizers and other lists are given back themselves.
    """
    assert REDACTORS["re2"].value(value) is value


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("text", KEPT, ids=ascii)
def test_what_only_looks_like_it_stays(text, engine):
    """
    Placeholders, types, remarks and code without a secret stay.
    """
    assert REDACTORS[engine].text(text) == text


@pytest.mark.parametrize("unit", [r"\u1234", r"\b", r"\\"], ids=ascii)
@pytest.mark.parametrize("begin", ["login ", "x://", "jdbc:oracle:thin:", "@tcp("])
def test_escapes_without_end_cost_no_more_than_they_are_long(begin, unit):
    """
    A run of escapes behind a literal, whose end is missing, is read in one way only.
    """
    begun = time.thread_time()
    REDACTORS["re"].suspect(f'"{begin}{unit * 2_000}"'.encode())
    assert time.thread_time() - begun < 1
