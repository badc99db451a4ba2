"""
What log calls say beyond what they are given, and the level of each logger: only where it is asked for.
"""

import logging
from pathlib import Path

import loguru
import pytest
import structlog

import tracelog
from tests.pair import pair
from tracelog.errors import ConfigError
from tracelog.integrations.logging import Handler
from tracelog.integrations.loguru import sink
from tracelog.integrations.structlog import Processor


def entries_of(wire, client):
    assert client.shutdown(10) == 0
    return sorted(wire.entries.values(), key=lambda entry: entry.seq)


def by_logging(client, name):
    logger = logging.Logger(name, 1)  # noqa: LOG001 - outside the tree
    logger.addHandler(Handler(client=client))
    return logger.info


def by_structlog(client, _name):
    return structlog.wrap_logger(None, processors=[Processor(client=client)]).bind().info


def by_loguru(client, _name):
    loguru.logger.remove()
    loguru.logger.add(sink(client=client), format="", catch=False)
    return loguru.logger.info


DOORS = {
    "ours": lambda client, name: client.get_logger(name).info,
    "logging": by_logging,
    "structlog": by_structlog,
    "loguru": by_loguru,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_a_call_says_where_it_stands(door, asked):
    """
    With `caller` each entry names the line that logged it, whichever library it came by; else none does.
    """
    client, wire = pair(capture=["caller"] if asked else [])
    info = DOORS[door](client, "shop")
    for _ in range(3):
        info("here")
    said = [(entry.context or {}).get("code") for entry in entries_of(wire, client)]
    assert len(set(said)) == 1
    assert len(said) == 3
    if asked:
        file, _, rest = said[0].rpartition(":")
        line, _, function = rest.partition(" in ")
        assert (file, function) == (__file__, "test_a_call_says_where_it_stands")
        assert "info(" in Path(file).read_text().split("\n")[int(line) - 1]
    else:
        assert said[0] is None


class Bad:
    def __repr__(self):
        raise RuntimeError("no text")


def fail():
    password = "hunter2-of-nobody"
    long = "eyJhbGciOiJIUzI1NiJ9." + "x" * 500
    cart = {"items": [1, 2], "of": Bad()}
    many = list(range(5000))
    raise ValueError((password and long and cart and many and "") or "no money")


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_frames_say_what_their_variables_held(asked):
    """
    With `locals` the stack shows variables below their frame, bounded, without secrets or halves of them; else
    none.
    """
    client, wire = pair(capture=["locals"] if asked else [], redact=True)
    try:
        fail()
    except ValueError:
        client.get_logger("shop").exception("failed")
    (entry,) = entries_of(wire, client)
    assert entry.stack.endswith("ValueError: no money")
    assert ("cart = {" in entry.stack) == asked
    assert ("many = <list of 5,000 items>" in entry.stack) == asked
    assert "password = 'hunter2" not in entry.stack
    assert "eyJhbGciOiJIUzI1NiJ9.xx" not in entry.stack
    assert len(entry.stack) < 5000


def test_variables_are_read_while_somebody_wants_them():
    """
    A client that is configured anew without it reads none.
    """
    client, wire = pair(capture=["locals"])
    client.reconfigure(sinks=client.settings.sinks)
    try:
        fail()
    except ValueError:
        client.get_logger("shop").exception("failed")
    (entry,) = entries_of(wire, client)
    assert "cart =" not in entry.stack


@pytest.mark.parametrize("door", ["ours", "logging"])
def test_loggers_have_levels_of_their_own(door):
    """
    The longest name that is configured decides, for a logger and what is below it; also for lines seen before.
    """
    client, wire = pair(level="info", levels={"noisy": "error", "noisy.but": "debug"})
    for name in ("noisy", "noisy.deep.er", "noisy.but", "noisy.but.this", "noisyish", "other"):
        info = DOORS[door](client, name)
        info("one")
        info("two")
    heard = [entry.logger for entry in entries_of(wire, client)]
    assert heard == [n for n in ("noisy.but", "noisy.but.this", "noisyish", "other") for _ in range(2)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("levels", {"a": "loud"}), ("levels", ["a"]), ("levels", {1: "info"}), ("capture", ["everything"])],
)
def test_wrong_wishes_are_one_sentence(setting, value):
    """
    What is no level or no capture is refused, by name.
    """
    with pytest.raises(ConfigError, match=setting):
        tracelog.Client(sinks=["memory:"], **{setting: value})
