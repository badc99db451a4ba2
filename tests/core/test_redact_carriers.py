"""
What carries a secret far from its name or writes the pair in another way: YAML, arrows, HTML, SQL, commands, URLs.
"""

import json

import msgspec
import pytest

from tracelog.core.redact import Redactor

ENGINES = {engine: Redactor(engine=engine) for engine in ("re2", "re")}
SECRET = "hunter2x77"
CODE = "SplxlOBeZQQYbYS6WxSbIA"
LONG = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T"

GONE = [
    # OAuth
    f"GET /cb?state=xyz&code={CODE}", f"code={CODE}&state=xyz", f"https://a/#code={CODE}&state=af0", "?code=a1b2c3d4&scope=x&state=zz",
    "/cb?state=1&iss=x&code=abcdefghijklmn", f"?code={CODE}&amp;state=9",
    # YAML
    f"password:\n  {SECRET}", f"db:\n  password:\n    {SECRET}\n  host: x", f"- api_key:\n    {SECRET}", f"password: |\n  {SECRET}\n\n  more",
    f"password: >-\n  {SECRET}", f"password:\r\n  {SECRET}\r\nuser: bob", f"password: |2-\n  {SECRET}",
    # arrows
    f"secret -> {SECRET}", f"password -> {SECRET} was set", f"token => {SECRET}", f"password \u2192 {SECRET}", f"pin -> 482913 # {SECRET[:0]}",
    # Redis
    f"AUTH bob {SECRET}", f"AUTH default {SECRET}", f'"AUTH" "default" "{SECRET}"', f'17.1 [0 10.0.0.7:5] "AUTH" "{SECRET}"',
    f"['AUTH', 'default', '{SECRET}']", f"HELLO 3 AUTH default {SECRET}", f"127.0.0.1:6379> AUTH {SECRET}",
    # HTML
    f"password=&quot;{SECRET}&quot;", f"&quot;password&quot;:&quot;{SECRET}&quot;", f"pin=&#34;{SECRET}&#34;", f"password&#x3D;&#x27;{SECRET}&#x27;",
    f"&amp;quot;api_key&amp;quot;: &amp;quot;{SECRET}&amp;quot;",
    # SQL
    f"INSERT INTO users (name, password) VALUES ('bob','{SECRET}')", f'insert into u(password,n) values ("{SECRET}","bob")',
    f"INSERT INTO u (`id`, `token`) VALUES (1, 'abc'), (2, '{SECRET}')", f"REPLACE INTO u (id, [api_key])\nVALUES (NOW(), N'{SECRET}')",
    f"INSERT INTO u (pw, n) VALUES (crypt('{SECRET}', gen_salt('bf')), 'bob')", f"INSERT INTO u (n, pin) VALUES ('O''Brien', '{SECRET}')",
    f"INSERT INTO u (id, secret) VALUES (?, '{SECRET}')",
    # tokens
    f"cfut_{LONG}", f"FlyV1 fm2_{LONG},fm2_{LONG}", "re_aBcDeFgH_123456789abcdefghijkLMN", f"using AX0nACQg{LONG} now", f"AZ8pAAIncDE{LONG}",
    # colours, commands
    f"\x1b[35mpassword\x1b[0m=\x1b[36m{SECRET}\x1b[0m", f"\x1b[1msecret\x1b[0m -> {SECRET}", f'["mysql","-p","{SECRET}"]', f'["--password","{SECRET}"]',
]  # fmt: skip

KEPT = [
    "?code=94105&state=CA", "?code=invalid_request&state=xyz", "zipcode=94105X1&state=CA", "country_code=DE12345&state=BY", "?code=E1234&state=open",
    "password:\n  type: string\n  minLength: 8", "token:\n  at parse (x.js:1:2)", "Enter password:\nWelcome bob77", "password:\n    required",
    "secrets:\n  - name: db7", "flow: password -> otp -> done", "renamed password -> password_hash", "secret -> configmap migration done",
    "$this->token->next7", "AUTH service v2.3.1 started", "AUTH error E1234", "250-AUTH PLAIN LOGIN CRAM-MD5", "AUTH failed 401ms", '["AUTH", "CRAM-MD5"]',
    "INSERT INTO users (name, password) VALUES (?, ?)", "INSERT INTO u (n, password) VALUES ($1, $2), (:a, %s)", "INSERT INTO t (id, token_count) VALUES (1, 2345)",
    "INSERT INTO o (id, name) VALUES (12345, 'bob12345')", "INSERT INTO u (password) VALUES (NULL), (DEFAULT)", "re_render_took_12345678_0123456789abcdefgh",
    "core_featureX_flagsEnabledForEveryone1", "the values (password) and (token)", "&quot;passwords&quot; are many", "password=&quot;&quot;",
]  # fmt: skip

HOW = [
    "credentials: 'same-origin'", "credentials=include", '{"credentials":"omit"}', "session=active", "session: closed", '{"session":{"state":"active","user":"bob"}}',
    "auth=oauth2", "auth: {type: 'basic'}", '{"auth":"ldap"}', "token=bearer", '{"token":"refresh"}', "token=IDENTIFIER", "jwt=RS256", "cookies=all", "otp=sent",
    '{"otp":"email"}', "pin=GPIO13", "pin=top", "password=reset", "password: verified", '{"password":["This field is required."]}',
    '{"password":"must contain at least 8 characters"}', "password = req.body.password", "token = request.headers", "api_key = os.environ[7]",
    "let secret = process.env.SECRET_7", "self.token = user.token", "password: z.string().min(8)", "api_key=primary", "secretKeyRef: db-credentials7",
    "secretsmanager:GetSecretValue7", "credential=instance-profile", "const token = await getToken();", "auth=publickey", "csrf=disabled",
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", GONE, ids=ascii)
def test_secrets_are_found(text, engine):
    """
    The secret goes, in the text, in JSON and in a list of words; the question before says so, and twice is once.
    """
    redactor = ENGINES[engine]
    secrets = [
        part
        for part in (SECRET, CODE, LONG, "482913", "a1b2c3d4", "abcdefghijklmn", "123456789abc")
        if part in text
    ]
    for given in (text, json.dumps({"message": text, "n": 7}), json.dumps({"body": json.dumps([text])})):
        clean = redactor.text(given)
        assert not any(secret in clean for secret in secrets), clean
        assert redactor.text(clean) == clean
        assert redactor.suspect(given.encode())
        if given is not text:
            json.loads(clean)
    assert redactor.suspect(msgspec.msgpack.encode([1.5, text, {"a": 1}]))
    explained = redactor.explain(text)
    assert explained.text == redactor.text(text)
    assert all(hit.category != "own" for hit in explained.hits)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", KEPT + HOW, ids=ascii)
def test_what_only_looks_like_it_stays(text, engine):
    """
    Statements with placeholders, steps, states, kinds of credentials and code are no secrets.
    """
    assert ENGINES[engine].text(text) == text


def test_each_value_of_a_row_is_judged_by_its_column():
    """
    In all rows, in any number of columns, what stands under a sensitive name goes and nothing else.
    """
    text = "INSERT INTO u (id, pin, n, token) VALUES (1, 123456, 'a', 'abcdef12'), (2, 654321, 'b', NULL)"
    clean = ENGINES["re2"].text(text)
    assert clean == (
        "INSERT INTO u (id, pin, n, token) VALUES (1, '[REDACTED:otp]', 'a', '[REDACTED:token]'), (2, '[REDACTED:otp]', 'b', NULL)"
    )


def test_a_command_of_redis_as_words():
    """
    The password of `AUTH` goes from a list of words; a list of methods stays.
    """
    redactor = ENGINES["re2"]
    assert redactor.value(["AUTH", "default", SECRET]) == ["AUTH", "default", "[REDACTED:password]"]
    assert redactor.value(["AUTH", "PLAIN", "CRAM-MD5"]) == ["AUTH", "PLAIN", "CRAM-MD5"]


def test_a_dump_of_names_is_replaced_from_there_on():
    """
    A text with thousands of sensitive names keeps its first eighth; its rest is replaced as one.
    """
    clean = ENGINES["re2"].text("token_id: x, " + "session: open, " * 3_000 + SECRET)
    assert clean.endswith("[REDACTED:flood]")
    assert clean.count("session: open") == 3_000 // 8 - 1
    assert ENGINES["re2"].text(clean) == clean


GIVEN = [
    ("INSERT INTO users (name, password) VALUES (?, ?)", ["bob", SECRET], 1),
    ("UPDATE users SET name = $1, password = $2 WHERE id = $3", ["bob", SECRET, 7], 1),
    ("SELECT * FROM t WHERE token = %s", (SECRET,), 0),
]


@pytest.mark.parametrize(("statement", "given", "at"), GIVEN, ids=lambda each: str(each)[:30])
@pytest.mark.parametrize("field", ["params", "args", "bindings"])
def test_parameters_beside_their_statement(statement, given, at, field):
    """
    What is given for a sensitive column goes, also where a log has the statement in another field, in every row.
    """
    for redactor in ENGINES.values():
        entry = {"sql": statement, field: given}
        clean = redactor.value(entry)
        assert clean[field][at].startswith("[REDACTED:")
        assert [*clean[field][:at], *clean[field][at + 1 :]] == [*given[:at], *given[at + 1 :]]
        assert redactor.value(clean) == clean
        assert redactor.suspect(msgspec.msgpack.encode(entry))
        many = redactor.value({"query": statement, field: [given, given]})
        assert [row[at] for row in many[field]] == 2 * [clean[field][at]]


def test_parameters_of_harmless_columns_stay():
    """
    What is given for other columns stays itself, and so does a list beside a text that is no statement.
    """
    for value in (
        {"sql": "UPDATE users SET name = ?, token_count = ?", "params": ["bob", 7]},
        {"query": "which password is it?", "args": ["a1b2c3d4"]},
        {"sql": "SELECT 1", "params": []},
        {"sql": None, "params": [SECRET]},
    ):
        assert ENGINES["re2"].value(value) is value


def test_rows_of_a_statement_are_bounded():
    """
    Of more rows than are looked into, the others go as one.
    """
    rows = [["bob", SECRET] for _ in range(1_200)]
    clean = ENGINES["re2"].value({"sql": GIVEN[0][0], "params": rows})
    assert SECRET not in str(clean)
    assert len(clean["params"]) == 1_001
