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
]
VALUES = [
    {"field": "password", "old": "x1", "new": SECRET},
    {"env": "DB_PASSWORD", "value": SECRET},
    {"k": "password", "v": SECRET},
    {"loc": ["body", "password", 0], "msg": "too short", "input": SECRET},
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


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_fields_that_speak_of_a_name(value):
    """
    What an audit, an environment or a validation says of a name goes, and its JSON is suspect.
    """
    assert SECRET not in str(REDACTORS["re2"].value(value))


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
