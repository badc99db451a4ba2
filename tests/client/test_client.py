"""
Clients and the default one: settings, when they are wrong, and the functions of the module.
"""

import threading
from decimal import Decimal
from fractions import Fraction

import pytest

import tracelog
from tests import pair
from tracelog.client import default
from tracelog.core.entry import Entry
from tracelog.errors import ConfigError
from tracelog.sinks import HttpSink, MemorySink, StdoutSink

PATIENCE = 10.0


def sinks_of(client):
    return client._shipper.plan.sinks


WRONG = [
    ({"servce": "x"}, "unknown setting 'servce'; known are before_send, "),
    ({"level": "loud"}, "level must be one of debug, "),
    ({"system": "No Slug"}, "system must be 1 to 32 of a-z"),
    ({"url": "nonsense"}, "url must be an address such as http://127.0.0.1:8787"),
    ({"url": "http://user:secret@host"}, "url must be an address such as"),
    ({"sinks": ["nonsense"]}, "sinks: a text without a scheme opens no sink"),
    ({"sinks": [12]}, "sinks must be a list of sinks or their URLs"),
    ({"sinks": 12}, "sinks must be a list of sinks or their URLs"),
    ({"sinks": ["http://h:99999"]}, "sinks: url must be an address"),
    ({"url": "http://h:99999"}, "url must be an address such as http://127.0.0.1:8787 or"),
    ({"key": "two words", "url": "http://h"}, "url: key must be visible"),
    ({"before_send": 12}, "before_send must be a function"),
    ({"flush_interval": 0}, "flush_interval: expected `float` > 0.0"),
    ({"queue_entries": 0}, "queue_entries: expected `int` >= 1"),
    ({"limits": "maybe"}, "limits must be on or off"),
    ({"propagate_to": "api.example.com"}, "propagate_to: expected a list, got `str`"),
    ({"redact": {"pii": ["nonsense"]}}, "unknown level of pii 'nonsense'"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_wrong_settings_change_nothing(connect, wrong, sentence):
    """
    A wrong setting is one sentence that names it and no secret, and everything goes on as it was.
    """
    client, wire = connect()
    client.get_logger("till").info("before")
    before = client.settings, client._shipper
    with pytest.raises(ConfigError) as error:
        client.reconfigure(**wrong)
    assert str(error.value).startswith(sentence)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
    assert (client.settings, client._shipper) == before
    client.get_logger("till").info("after")
    client.flush(PATIENCE)
    assert wire.messages == ["before", "after"]
    with pytest.raises(ConfigError):
        tracelog.Client(**wrong)


def test_the_module_drives_one_client():
    """
    The functions of the module all drive the default client.
    """
    client = tracelog.configure(service="till", sinks=["memory:"])
    (sink,) = sinks_of(client)
    with tracelog.trace("t", user_id="u1"), tracelog.span("s"):
        tracelog.get_logger("x", bound=1).info("hello")
    assert tracelog.flush(PATIENCE) == 0
    assert [(entry.message, entry.service, entry.user_id) for entry in sink.entries] == [
        ("hello", "till", "u1"),
        ("s", "till", "u1"),
        ("t", "till", "u1"),
    ]
    assert tracelog.stats()["stored"] == 3
    own = tracelog.stats()["sources"][client.source]
    assert (own["stored"], own["max_seq"]) == (3, 2)
    assert tracelog.shutdown(PATIENCE) == 0


def test_loggers_from_before_configure(capsys):
    """
    A logger from before `configure`, and what was logged with it, go on: first to standard output, then to where
    `configure` says.
    """
    log = tracelog.get_logger("early")
    log.info("one")
    client = tracelog.configure(sinks=["memory:"])
    log.info("two")
    tracelog.flush(PATIENCE)
    (sink,) = sinks_of(client)
    assert '"message":"one"' in capsys.readouterr().out
    assert [entry.message for entry in sink.entries] == ["two"]
    assert (tracelog.stats()["emitted"], tracelog.stats()["balanced"]) == (2, True)


def test_configured_twice():
    """
    The second call of `configure` replaces the first, all of it, and the account goes on.
    """
    first = tracelog.configure(service="a", level="error", sinks=["memory:"])
    log = tracelog.get_logger("x")
    log.info("below")
    log.error("one")
    (one,) = sinks_of(first)
    second = tracelog.configure(sinks=["memory:"])
    log.info("two")
    tracelog.flush(PATIENCE)
    (two,) = sinks_of(second)
    assert second is first
    assert [(entry.message, entry.service) for entry in (*one.entries, *two.entries)] == [
        ("one", "a"),
        ("two", None),
    ]
    assert [entry.seq for entry in (*one.entries, *two.entries)] == [0, 1]
    assert tracelog.stats()["emitted"] == 2


def test_a_wrong_first_configure():
    """
    When the first `configure` is wrong, there is no default client yet, and the next one makes it.
    """
    with pytest.raises(ConfigError):
        tracelog.configure(level="loud")
    assert default.default.client is None
    tracelog.configure(sinks=["memory:"])


def test_nothing_is_made_for_nothing():
    """
    Flushing and shutting down when nothing was ever logged make no client.
    """
    assert (tracelog.flush(), tracelog.shutdown()) == (0, 0)
    assert default.default.client is None
    assert tracelog.stats()["emitted"] == 0


def test_threads_make_one_default_client():
    """
    Threads that all use the default client first get the same one.
    """
    found, begun = [], threading.Barrier(8)

    def work():
        begun.wait(PATIENCE)
        found.append(default.default())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_clients_are_independent(connect):
    """
    Two clients have their own settings, sinks, numbers and accounts.
    """
    one, first = connect(service="one")
    two, second = connect(service="two", level="error")
    one.get_logger("x").info("a")
    two.get_logger("x").info("b")
    two.get_logger("x").error("c")
    one.flush(PATIENCE)
    two.flush(PATIENCE)
    assert (first.messages, second.messages) == (["a"], ["c"])
    assert one.source != two.source
    assert [entry.service for entry in (*first.entries.values(), *second.entries.values())] == ["one", "two"]
    assert (one.stats()["emitted"], two.stats()["emitted"]) == (1, 1)


def test_what_the_header_says(connect):
    """
    Service, system, environment and release of the settings stand on every entry.
    """
    client, wire = connect(service="till", system="worker", environment="test", release="1.2")
    client.get_logger("x").info("a")
    client.flush(PATIENCE)
    (entry,) = wire.entries.values()
    assert (entry.service, entry.system, entry.environment, entry.release) == (
        "till",
        "worker",
        "test",
        "1.2",
    )


def test_switched_off(connect):
    """
    A client that is not enabled does nothing, whatever is called.
    """
    client, wire = connect(enabled=False)
    log = client.get_logger("x")
    with client.trace("t"):
        log.error("a %s", 1)
        log.exception("b")  # noqa: LOG004 - a program may do so
    client.ship(Entry(trace_id="a" * 32, message="m"))
    assert client.flush(PATIENCE) == 0
    assert (wire.tries, client.stats()["emitted"]) == ([], 0)


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({}, [StdoutSink]),
        ({"url": "http://127.0.0.1:1"}, [HttpSink]),
        ({"url": "http://127.0.0.1:1", "sinks": ["memory:"]}, [MemorySink]),
        ({"sinks": "memory:"}, [MemorySink]),
        ({"sinks": ["memory:", "stderr:json"]}, [MemorySink, StdoutSink]),
    ],
)
def test_where_entries_go(client_of, settings, kinds):
    """
    To the sinks, else to the address, else to standard output.
    """
    assert [type(sink) for sink in sinks_of(client_of(**settings))] == kinds


@pytest.mark.parametrize(("value", "color"), [("1", False), ("", None)])
def test_no_color(client_of, monkeypatch, value, color):
    """
    `NO_COLOR` switches the colours of standard output off, unless it is empty.
    """
    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setenv("TERM", "xterm")
    (sink,) = sinks_of(client_of())
    assert sink._color is color


def test_the_environment_is_read_when_a_client_is_made(client_of, monkeypatch):
    """
    Variables hold for clients made after they were set; keyword arguments win.
    """
    monkeypatch.setenv("TRACELOG_SERVICE", "from the environment")
    monkeypatch.setenv("TRACELOG_LEVEL", "error")
    client = client_of(level="info")
    assert (client.settings.service, client.settings.level) == ("from the environment", "info")


def test_a_wrong_environment(monkeypatch, capsys):
    """
    The default client leaves wrong variables out and says so once; `configure` and `Client` raise and name them.
    """
    monkeypatch.setenv("TRACELOG_LEVEL", "loud")
    monkeypatch.setenv("TRACELOG_SINKS", "nonsense")
    monkeypatch.setenv("TRACELOG_SERVICE", "till")
    client = default.default()
    assert (client.settings.level, client.settings.service) == ("debug", "till")
    assert isinstance(sinks_of(client)[0], StdoutSink)
    assert capsys.readouterr().err == (
        "tracelog: TRACELOG_LEVEL must be one of debug, log, info, warn, error, fatal; "
        "TRACELOG_SINKS: a text without a scheme opens no sink; give a callable or a URL that begins with "
        "http:, https:, redis:, rediss:, stdout:, stderr:, file:, logflare:, logflare+http:, otlp+http:, otlp+https:, memory:; going on without\n"
    )
    with pytest.raises(ConfigError, match="TRACELOG_LEVEL must be"):
        tracelog.configure()
    monkeypatch.delenv("TRACELOG_LEVEL")
    with pytest.raises(ConfigError, match="TRACELOG_SINKS: a text without"):
        tracelog.Client()


def test_settings_from_pyproject(client_of, tmp_path):
    """
    `[tool.tracelog]` of the nearest pyproject.toml is read, its values checked like any other.
    """
    (tmp_path / "pyproject.toml").write_text('[tool.tracelog]\nservice = "till"\nsinks = ["memory:"]\n')
    client = client_of()
    assert client.settings.service == "till"
    assert isinstance(sinks_of(client)[0], MemorySink)
    (tmp_path / "pyproject.toml").write_text('[tool.tracelog]\nsinks = ["nonsense"]\n')
    with pytest.raises(ConfigError, match=r"\[tool.tracelog\] sinks: a text without"):
        client_of()


def test_an_entry_shipped_below_the_level(connect):
    """
    An entry made elsewhere is subject to the level and the bound of the client that ships it.
    """
    client, wire = connect(level="error", queue_entries=1)
    client.ship(Entry(trace_id="a" * 32, level="info", message="below"))
    client.ship(Entry(trace_id="a" * 32, level="error", message="above"))
    client.ship(Entry(trace_id="a" * 32, level="error", message="crooked", span_id="zz"))
    client.flush(PATIENCE)
    assert wire.messages == ["above"]
    assert client.stats()["balanced"]


def test_reconfiguring_takes_no_longer_than_the_exit_timeout(connect):
    """
    What an old sink that hangs does not take is counted, and the new one is in use within the exit timeout.
    """
    stuck = threading.Event()
    client, _ = connect(pair.hangs(stuck), exit_timeout=0.1)
    log = client.get_logger("x")
    log.info("lost")
    client.flush(0.02)
    other = pair.Wire()
    client.reconfigure(sinks=[other], flush_interval=0.01)
    log.info("kept")
    client.flush(PATIENCE)
    stats = client.stats()
    assert other.messages == ["kept"]
    assert (stats["dropped"], stats["stored"], stats["balanced"]) == ({"shutdown": 1}, 1, True)
    stuck.set()
    log.info("kept, too")
    client.flush(PATIENCE)
    assert other.messages == ["kept", "kept, too"]
    assert client.stats()["balanced"]


def test_the_entries_of_a_memory_sink_are_a_list(client_of):
    """
    What a program has logged can be indexed, sliced and compared as any list, also when the oldest went.
    """
    sink = MemorySink(capacity=3)
    client = client_of(sinks=[sink])
    assert sink.entries == []
    for text in "abcde":
        client.get_logger("shop").info(text)
    client.flush(PATIENCE)
    assert [entry.message for entry in sink.entries[1:]] == ["d", "e"]
    assert (sink.entries[-1].message, type(sink.entries)) == ("e", list)


def test_any_name_can_be_a_field(connect):
    """
    Fields may be called as our own arguments are, in every call that takes fields.
    """
    client, wire = connect()
    fields = {"self": 1, "name": "bob", "client": 2, "fields": 3, "bound": 4}
    with client.trace("t", **fields), client.span("s", **fields):
        client.get_logger("shop", **fields).info("said", message=5, args=6)
    client.flush(5.0)
    said, *closings = wire.entries.values()
    assert (said.logger, said.context) == ("shop", {**fields, "message": 5, "args": 6})
    assert [(entry.message, entry.context) for entry in closings] == [("s", fields), ("t", fields)]


def test_any_name_can_be_a_field_of_the_module():
    """
    The functions of the module take the same fields as the methods.
    """
    client = tracelog.configure(sinks=["memory:"])
    with tracelog.trace("t", name="bob", self=1), tracelog.span("s", name="eve"):
        tracelog.get_logger("shop", name="amy").info("said")
    client.flush(5.0)
    assert [entry.context for entry in sinks_of(client)[0].entries] == [
        {"name": "amy"},
        {"name": "eve"},
        {"name": "bob", "self": 1},
    ]


@pytest.mark.parametrize("settings", [{"self": 1}, {"name": 1}])
def test_a_setting_of_any_name_is_refused_as_one(client_of, settings):
    """
    A setting that is none is one sentence, also where it is called as an argument of ours.
    """
    with pytest.raises(ConfigError, match="unknown setting"):
        client_of(**settings)


@pytest.mark.parametrize(
    "timeout", [None, "x", "2", [], object(), float("nan"), Decimal(2), Fraction(2), 10**400]
)
@pytest.mark.parametrize("end", ["flush", "shutdown"])
def test_a_timeout_that_is_no_number_is_the_usual_one(connect, timeout, end):
    """
    Whatever `flush` and `shutdown` are given, they deliver what waits.
    """
    client, wire = connect()
    client.get_logger("shop").info("said")
    assert getattr(client, end)(timeout) == 0
    assert wire.messages == ["said"]


@pytest.mark.parametrize("answer", [None, 12, "entry"], ids=["raises", "a number", "a text"])
def test_a_scrubber_that_fails_lets_nothing_out(connect, capsys, answer):
    """
    An entry that `before_send` fails on reaches no sink; it is counted, and one line says what went wrong.
    """

    def scrub(entry):
        if "card" not in entry.message:
            return entry
        return {"no": "card"}["card"] if answer is None else answer

    client, wire = connect(before_send=scrub)
    log = client.get_logger("shop")
    log.info("hello")
    log.info("card of Ann")
    log.info("card of Bob")
    assert client.flush(5.0) == 0
    assert wire.messages == ["hello"]
    stats = client.stats()
    assert (stats["stored"], stats["dropped"], stats["balanced"]) == (1, {"before_send_error": 2}, True)
    err = capsys.readouterr().err
    assert err.startswith("tracelog: before_send failed and its entries are dropped: ")
    assert err.count("\n") == 1
