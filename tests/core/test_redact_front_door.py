"""
Secrets in whatever a program hands to a log call: none reaches a sink.
"""

import dataclasses
import json

import attrs
import msgspec
import pydantic
import pytest

import tracelog
from tracelog.sinks import MemorySink

SECRET = "Hunter2zzQ"
KEY = "ghp_" + 3 * "0a1B2c3D4e5F"


@dataclasses.dataclass
class Data:
    user: str
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


class Plain:
    """
    An object that only its `repr` tells about.
    """

    def __init__(self, user, password):
        self.user, self.password = user, password

    def __repr__(self):
        return f"Plain(user={self.user!r}, password={self.password!r})"


OBJECTS = [Data, Attrs, Struct, Model, Plain]

VALUES = {
    "nested": {"db": [{"password": SECRET, "port": 5432}]},
    "headers": {"Authorization": f"Bearer {SECRET}", "Cookie": f"sid={SECRET}"},
    "header pairs": [("x-api-key", SECRET), ("accept", "*/*")],
    "JSON in JSON": json.dumps({"body": json.dumps({"password": SECRET})}),
    "bytes": f"user=bob&password={SECRET}".encode(),
    "bytes under bytes": {b"password": SECRET.encode()},
    "set": {f"token={SECRET}"},
    "URL": f"postgres://bob:{SECRET}@db/shop",
    "key of a vendor": {"deep": ({"list": [KEY]},)},
    "exception": ValueError(f"login failed password={SECRET}"),
}


@pytest.fixture
def logged():
    """
    A logger, and what reached the sink as JSON.
    """
    sink = MemorySink()
    client = tracelog.Client(sinks=[sink])

    def shown():
        client.flush(5)
        assert len(sink.entries) == 1
        return msgspec.json.encode(sink.entries[0]).decode()

    yield client.get_logger("shop"), shown
    client.shutdown(1)


def is_clean(shown):
    return SECRET not in shown and KEY not in shown and "[REDACTED:" in shown


@pytest.mark.parametrize("kind", OBJECTS, ids=lambda kind: kind.__name__)
def test_objects(logged, kind):
    """
    A field named like a secret goes from objects of every kind; the others stay.
    """
    log, shown = logged
    log.info("signed in", account=kind(user="bob", password=SECRET), more=[kind(user="eve", password=SECRET)])
    assert is_clean(shown())
    assert "bob" in shown()
    assert "eve" in shown()


@pytest.mark.parametrize("name", VALUES)
def test_values(logged, name):
    """
    Nested values, headers, JSON in strings, bytes, addresses and exceptions lose their secrets.
    """
    log, shown = logged
    log.info("got", value=VALUES[name])
    assert is_clean(shown())


def test_exceptions_and_their_causes(logged):
    """
    Neither message, nor cause, nor note, nor a member of a group carries a secret out.
    """
    log, shown = logged
    group = ExceptionGroup("many", [KeyError(f"redis://:{SECRET}@cache"), OSError({"token": SECRET})])
    group.add_note(f"tried api_key={SECRET}")
    group.__cause__ = ValueError(f"login failed password={SECRET}")
    try:
        raise group
    except ExceptionGroup:
        log.exception("boom", extra={"password": SECRET})
    assert is_clean(shown())


def test_message_arguments_and_bound_fields(logged):
    """
    Secrets in format arguments, bound fields, a key and the user's id go as well.
    """
    log, shown = logged
    log.bind(client_secret=SECRET).info(
        "conf %s", {"password": SECRET}, user_id=f"token:{SECRET}", **{f"password={SECRET}": 1}
    )
    assert is_clean(shown())
