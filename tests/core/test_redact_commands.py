"""
Secrets in commands given as lists, in labelled fields, in forms, and in objects of every kind.
"""

import collections
import dataclasses
import enum
import json
import types
import uuid
from typing import NamedTuple

import attrs
import msgspec
import pydantic
import pytest

from tracelog.core.entry import Entry
from tracelog.core.redact import Redactor

REDACTORS = {engine: Redactor(engine=engine) for engine in ("re2", "re")}
SECRET = "Zq8hunter2Kw"
KEY_LINES = [
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + 2 * SECRET,
    "aB3" * 10 + 2 * SECRET,
    "-----END PRIVATE KEY-----",
]


@dataclasses.dataclass
class Data:
    user: object
    password: str


@attrs.define
class Attrs:
    user: str
    password: str


class Struct(msgspec.Struct):
    user: str
    password: str


class Model(pydantic.BaseModel):
    user: str
    password: str


class Hidden(pydantic.BaseModel):
    password: pydantic.SecretStr


class Login(NamedTuple):
    user: str
    password: str


class Setting(enum.Enum):
    PASSWORD = "password"
    URL = f"postgres://bob:{SECRET}@db"


COMMANDS = [
    ["curl", "-u", f"bob:{SECRET}", "https://x"],
    ["curl", f"-ubob:{SECRET}"],
    ["curl", "--proxy-user", f"bob:{SECRET}"],
    ["curl", "-u", "bob:" + 20 * SECRET],
    ["curl", "-H", f"Authorization: Bearer {SECRET}"],
    ["app", "--password", SECRET],
    ["app", "--db-password", f"two words {SECRET}"],
    ["app", "--password", f'a"{SECRET}'],
    ["app", "-token", SECRET],
    ["app", f"--api-key={SECRET}"],
    ["mysql", f"-p{SECRET}"],
    ["mysql", "-h", "db", "-p" + 4 * SECRET],
    ["/usr/bin/mysql", "-uroot", f"-p{SECRET}", "shop"],
    ["sudo", "mysqldump", "-p", SECRET],
    ["redis-cli", "-a", SECRET],
    ["docker", "login", "-u", "bob", "-p", SECRET],
    ["sshpass", "-p", SECRET, "ssh", "host"],
    ["sh", "-c", f"mysql -p{SECRET} shop"],
    ["ldapsearch", "-x", "-w", SECRET],
    ["sqlcmd", "-S", "h", "-P", SECRET],
    ["password", SECRET],
    KEY_LINES,
]

FIELDS = [
    {"name": "DB_PASSWORD", "value": SECRET},
    {"env": [{"Name": "API_KEY", "Value": SECRET}]},
    {"key": "access_token", "value": SECRET},
    {"headers": [["Authorization", f"Bearer {SECRET}"], [b"x-api-key", SECRET.encode()]]},
    {"env": [f"DB_PASSWORD={SECRET}"]},
]

PRINTED = [
    f'Content-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--b',
    f'form-data; name="token"; filename="x"\r\nContent-Type: text/plain\r\n\r\n{SECRET}\r\n--b',
    repr(f'form-data; name="password"\r\n\r\n{SECRET}\r\n--b'.encode()),
    f"- name: DB_PASSWORD\n  value: {SECRET}",
    f'<add key="password" value="{SECRET}"/>',
    f'<password value="{SECRET}"/>',
    f"<password><![CDATA[{SECRET}]]></password>",
    f"[('password', '{SECRET}')]",
    f"OrderedDict([('api_token', '{SECRET}')])",
    f's:8:"password";s:12:"{SECRET}";',
    f'["password"]=>\n  string(12) "{SECRET}"',
    f'Password:(string) (len=12) "{SECRET}"',
    f"password=SecretStr('{SECRET}')",
    f"password=bytearray(b'{SECRET}')",
    f'password = """{SECRET}"""',
    f"password=f'{SECRET}'",
    f"password: |\n  first\n  {SECRET}\nuser: bob",
    f"password: !!str {SECRET}",
    f'{{\n  "password" :\n    "{SECRET}"\n}}',
    f'wrong password "{SECRET}"',
    f"ALTER USER bob WITH PASSWORD '{SECRET}' VALID UNTIL tomorrow",
    f'Authorization: Token token="{SECRET}", id="7"',
    f"Authorization: SSWS {SECRET}",
    f"Authorization: GenieKey {SECRET}",
    f"java -Dpassword={SECRET} -password {SECRET}",
    f"postgres://bob:a/{SECRET}#?@db/shop",
    f"sqlplus bob/{SECRET}@db:1521/orcl",
    f"mongodump -u bob -p {SECRET}",
    f"Passwort: {SECRET}",
    "\n".join(f"[app] {line}" for line in KEY_LINES),
    "\n".join(json.dumps({"log": f"{line}\n", "stream": "out"}) for line in KEY_LINES),
]

OBJECTS = [
    *(kind("bob", SECRET) for kind in (Data, Attrs, Struct, Login)),
    Model(user="bob", password=SECRET),
    (Login("bob", SECRET),),
    Setting.URL,
    {Setting.PASSWORD: SECRET},
    {uuid.UUID(int=1): {"token": SECRET}},
    types.MappingProxyType({"password": SECRET}),
    collections.ChainMap({"password": SECRET}),
    collections.deque([f"password={SECRET}"]),
    ValueError(f"password={SECRET}"),
    bytearray(f"password={SECRET}".encode()),
    {"x": ("password", SECRET)},
    types.MappingProxyType({"value": SECRET, "name": "DB_PASSWORD"}),
]

KEPT = [
    ["app", "-v", "--max-tokens", "4096", "--token-count", "7"],
    ["docker", "run", "-p", "8080:80", "-u", "1000:1000"],
    ["ssh", "-p", "2222", "-i", "id"],
    ["curl", "-k", "https://x"],
    ("password", "email"),
    ["token", "session"],
    {"tags": ["auth", "prod"]},
    {"name": "token_count", "value": 4096},
    {"name": "password", "value": "***"},
    {"name": "Jane", "value": "password"},
    'form-data; name="author"\r\n\r\nJane\r\n--b',
    "- name: LOG_LEVEL\n  value: debug",
    "password |\n next column",
    'the field "password" "is required"',
    "Authorization: granted to 12345678 users",
    "SELECT * FROM users WHERE password IS NULL",
    "etag=9fceb02d0ae598e95dc970b74767f19372d61af8 checksum: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "password_reset_at=2026-11-22T15:40:38Z secretary=Ann passive=true",
    "postgres://db:5432/shop?application_name=a@b",
    Hidden(password="x1"),
    Data("bob", ""),
    Login("bob", "none"),
    {"at": 1, "id": uuid.UUID(int=7)},
]


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize(
    "value", [*COMMANDS, *FIELDS, *PRINTED, *OBJECTS], ids=lambda value: repr(value)[:60]
)
def test_it_goes(engine, value):
    """
    The secret goes from the value, and from its JSON within a string, and a second pass changes nothing.
    """
    redactor = REDACTORS[engine]
    clean = redactor.value(value)
    assert SECRET not in repr(clean)
    assert redactor.value(clean) == clean
    if isinstance(value, dict | list | str):
        try:
            document = msgspec.json.encode(value).decode()
        except TypeError:
            return
        assert SECRET not in redactor.text(document)
        msgspec.json.decode(redactor.text(document))


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("value", [*COMMANDS, *FIELDS, *PRINTED], ids=lambda value: repr(value)[:60])
def test_the_detector_sees_it(engine, value):
    """
    In the encoded entry, JSON or msgpack, the detector sees what redaction would change.
    """
    entry = Entry(message="m", context={"deep": value})
    assert REDACTORS[engine].suspect(msgspec.json.encode(entry))
    assert REDACTORS[engine].suspect(msgspec.msgpack.encode(entry))


@pytest.mark.parametrize("engine", REDACTORS)
@pytest.mark.parametrize("value", KEPT, ids=lambda value: repr(value)[:60])
def test_it_stays(engine, value):
    """
    Commands, fields and objects without a secret are given back themselves.
    """
    assert REDACTORS[engine].value(value) is value


@pytest.mark.parametrize("engine", REDACTORS)
def test_only_the_secret_of_a_command_goes(engine):
    """
    The other words of a command stay, and so does the sort of the list.
    """
    command = ("mysql", "-uroot", f"-p{SECRET}", "shop")
    assert REDACTORS[engine].value(command) == ("mysql", "-uroot", "-p[REDACTED:password]", "shop")


def test_an_object_that_holds_itself():
    """
    A cycle of objects ends.
    """
    loop = Data(None, SECRET)
    loop.user = loop
    assert SECRET not in repr(REDACTORS["re"].value(loop))
