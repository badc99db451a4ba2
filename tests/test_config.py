"""
Settings: where they come from, which source wins, and what is said when one is wrong.
"""

import logging
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracelog import config
from tracelog.config import (
    ClientSettings,
    Key,
    ReaderSettings,
    ServerSettings,
    client_settings,
    reader_settings,
    server_settings,
)
from tracelog.core.redact import RedactSettings
from tracelog.errors import ConfigError

SAID = {
    "service": ("from toml", "from environment", "from keyword"),
    "level": ("error", "warn", "fatal"),
    "url": ("http://toml", "http://environment", "http://keyword"),
    "sinks": (("toml:",), ("a:", "b:"), ("keyword:",)),
    "enabled": (True, False, True),
}
VARIABLES = {
    "service": "from environment",
    "level": "warn",
    "url": "http://environment",
    "sinks": "a: , b:,",
    "enabled": "off",
}


def toml_of(values):
    return "[tool.tracelog]\n" + "\n".join(f"{name} = {as_toml(value)}" for name, value in values.items())


def as_toml(value):
    return str(value).lower() if isinstance(value, bool) else msgspec.json.encode(value).decode()


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(SAID)), st.sets(st.sampled_from([0, 1, 2]))))
def test_precedence(tmp_path_factory, said):
    """
    A keyword wins over a variable, this over pyproject.toml, this over the default; for each setting by itself.
    """
    folder = tmp_path_factory.mktemp("precedence")
    (folder / "pyproject.toml").write_text(
        toml_of({name: SAID[name][0] for name, where in said.items() if 0 in where})
    )
    environ = {f"TRACELOG_{name.upper()}": VARIABLES[name] for name, where in said.items() if 1 in where}
    given_ = {name: SAID[name][2] for name, where in said.items() if 2 in where}
    found = client_settings(given_, environ=environ, folder=folder)
    for name in SAID:
        where = said.get(name, set())
        assert getattr(found, name) == (SAID[name][max(where)] if where else getattr(ClientSettings(), name))


def test_none_is_not_given():
    """
    A keyword argument of None, and a variable that is empty, leave the word to the others.
    """
    settings = client_settings(
        {"service": None}, environ={"TRACELOG_SERVICE": "x", "TRACELOG_LEVEL": ""}, folder=Path("/")
    )
    assert (settings.service, settings.level) == ("x", "debug")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (text, value)
        for value, texts in ((True, "on true 1 yes TRUE"), (False, "off false 0 no Off"))
        for text in texts.split()
    ],
)
def test_switches(text, value):
    """
    Variables that switch something on or off take the usual words.
    """
    assert client_settings({}, environ={"TRACELOG_LIMITS": text}, folder=Path("/")).limits is value


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("WARNING", "warn"),
        ("critical", "fatal"),
        (" info ", "info"),
        (logging.DEBUG, "debug"),
        (logging.ERROR, "error"),
    ],
)
def test_forms_of_a_level(said, level):
    """
    A level is any name that loggers use for it, or a number of the standard library.
    """
    assert client_settings({"level": said}, environ={}, folder=Path("/")).level == level


WRONG = [
    ("TRACELOG_LEVEL", "loud", "TRACELOG_LEVEL must be one of debug, log, info, warn, error, fatal"),
    ("TRACELOG_SYSTEM", "My System", "TRACELOG_SYSTEM must be 1 to 32 of a-z 0-9 _ -, such as backend"),
    (
        "TRACELOG_URL",
        "localhost",
        "TRACELOG_URL must be an address such as http://127.0.0.1:8787, without user",
    ),
    ("TRACELOG_URL", "http://me:secret@host/", "TRACELOG_URL must be an address"),
    ("TRACELOG_URL", "http://host/?key=secret", "TRACELOG_URL must be an address"),
    (
        "TRACELOG_LIMITS",
        "maybe",
        "TRACELOG_LIMITS must be on or off; true, false, yes, no, 1 and 0 say the same",
    ),
    ("TRACELOG_ENABLED", "2", "TRACELOG_ENABLED must be on or off; "),
]


@pytest.mark.parametrize(("variable", "text", "sentence"), WRONG)
def test_a_wrong_variable_is_named(variable, text, sentence):
    """
    A wrong variable is one sentence that names it and does not repeat it, for it may hold a secret.
    """
    with pytest.raises(ConfigError) as error:
        client_settings({}, environ={variable: text}, folder=Path("/"))
    assert str(error.value).startswith(sentence)
    assert "secret" not in str(error.value)
    assert error.value.reason == "config"


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"level": 7}, "level must be one of"),
        ({"level": True}, "level must be one of"),
        ({"level": None, "nonsense": 1}, "unknown setting 'nonsense'; known are before_send, "),
        ({"system": 7}, "system must be"),
        ({"url": 7}, "url must be"),
        ({"limits": "secret"}, "limits must be on or off; "),
        ({"enabled": 2}, "enabled must be on or off; "),
        ({"service": 7}, "service: expected `str | null`, got `int`"),
        ({"retry_for": -1}, "retry_for: expected `float` >= 0.0"),
        ({"flush_interval": float("nan")}, "flush_interval: expected `float` > 0.0"),
        ({"flush_interval": 1e300}, "flush_interval: expected `float` <= 31536000"),
        ({"queue_bytes": 0}, "queue_bytes: expected `int` >= 1"),
        ({"sinks": {"a": 1}}, "sinks must be a list"),
        ({"sinks": ["a:", None]}, "sinks must be a list"),
        ({"before_send": "f"}, "before_send must be a function"),
    ],
)
def test_a_wrong_keyword_is_named(given_, sentence):
    """
    A wrong keyword argument is one sentence that names it.
    """
    with pytest.raises(ConfigError) as error:
        client_settings(given_, environ={}, folder=Path("/"))
    assert str(error.value).startswith(sentence)


def test_wrong_values_may_be_left_out():
    """
    Where raising would stop a program, each wrong value is told and left out, and the right ones hold.
    """
    told = []
    environ = {"TRACELOG_LEVEL": "loud", "TRACELOG_LIMITS": "maybe", "TRACELOG_SERVICE": "till"}
    settings = client_settings(
        {}, environ=environ, folder=Path("/"), wrong=lambda error: told.append(str(error))
    )
    assert settings == ClientSettings(service="till")
    assert [text.split()[0].rstrip(":") for text in told] == ["TRACELOG_LEVEL", "TRACELOG_LIMITS"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[tool.tracelog]\nlevel = 'loud'", "[tool.tracelog] level must be one of"),
        ("[tool.tracelog]\nservce = 'x'", "[tool.tracelog] servce is no setting; known are"),
        ("[tool.tracelog]\nqueue_entries = 'many'", "[tool.tracelog] queue_entries: expected `int`"),
        ("[tool.tracelog]\nport = 'x'", None),
        ("[tool.tracelog]\nkeys = 3", None),
        ("[tool]\ntracelog = 3", None),
        ("tool = 'tracelog'", None),
        ("[other]\ntracelog = 3", None),
        ("", None),
    ],
)
def test_pyproject(tmp_path, text, problem):
    """
    What is wrong in our section is told; what is not ours is left alone. The client does not look at the server's
    settings.
    """
    (tmp_path / "pyproject.toml").write_text(text)
    if problem is None:
        assert client_settings({}, environ={}, folder=tmp_path) == ClientSettings()
        return
    with pytest.raises(ConfigError) as error:
        client_settings({}, environ={}, folder=tmp_path)
    assert str(error.value).startswith(problem)


BROKEN = [
    pytest.param(
        b"[tool.tracelog]\nservice = shop\n", r"Invalid value \(at line 2, column 11\)", id="no TOML"
    ),
    pytest.param(
        b"[tool.tracelog]\r\n\r\nservice =\r\n", r"Invalid value \(at line 3, column 10\)", id="CRLF"
    ),
    pytest.param(b"<<<<<<< main\n[tool.tracelog]\n", r"\(at line 1, column 1\)", id="a merge left open"),
    pytest.param(
        b"[tool.tracelog]\n\nservice = '\xff'", r"it is no UTF-8 text \(at line 3\)", id="another encoding"
    ),
    pytest.param(b"tracelog = " + b"[" * 100_000, "it is nested too deeply", id="nested"),
]


@pytest.mark.parametrize(("data", "why"), BROKEN)
def test_a_pyproject_that_cannot_be_read(tmp_path, data, why):
    """
    A server and a command that asks one refuse to guess, naming file and line; a client goes on without the file and
    tells whoever listens.
    """
    file = tmp_path / "pyproject.toml"
    file.write_bytes(data)
    sentence = f"{re.escape(str(file))} cannot be read: .*{why}$"
    for resolve in (server_settings, reader_settings):
        with pytest.raises(ConfigError, match=sentence):
            resolve({}, environ={}, folder=tmp_path)
    environ = {"TRACELOG_SERVICE": "till"}
    for listener in ("wrong", "broken"):
        told = []
        settings = client_settings({}, environ=environ, folder=tmp_path, **{listener: told.append})
        assert settings == ClientSettings(service="till")
        assert [re.fullmatch(sentence, str(error)) is not None for error in told] == [True]
    assert client_settings({}, environ=environ, folder=tmp_path).service == "till"


def test_a_program_goes_on_without_a_pyproject_that_cannot_be_read(tmp_path):
    """
    A program in a folder with a broken file logs all the same, and says once, in one line, which file and where.
    """
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog]\nservice = shop\n")
    program = "import tracelog; log = tracelog.get_logger('a'); log.info('one'); log.info('two')"
    command = [sys.executable, "-c", program]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert [word in done.stdout for word in ("one", "two")] == [True, True]
    (line,) = done.stderr.splitlines()
    assert "pyproject.toml cannot be read: Invalid value (at line 2, column 11); going on without" in line


@pytest.mark.parametrize(
    ("environ", "text", "settings"),
    [
        ({}, "", ReaderSettings()),
        ({"TRACELOG_URL": "http://a", "TRACELOG_KEY": "k"}, "", ReaderSettings(url="http://a", key="k")),
        ({"TRACELOG_LEVEL": "loud", "TRACELOG_LIMITS": "maybe"}, "", ReaderSettings()),
        (
            {"TRACELOG_KEY": "k"},
            "url = 'http://t'\nlevel = 'loud'\nport = 'x'",
            ReaderSettings(url="http://t", key="k"),
        ),
    ],
)
def test_a_command_that_reads_looks_at_address_and_key_alone(tmp_path, environ, text, settings):
    """
    What else is said of clients and servers is not the business of a command that asks one, right or wrong.
    """
    (tmp_path / "pyproject.toml").write_text(f"[tool.tracelog]\n{text}")
    assert reader_settings({}, environ=environ, folder=tmp_path) == settings
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog]\nurll = 'http://t'")
    with pytest.raises(
        ConfigError, match=r"\[tool.tracelog\] urll is no setting; known are .*, level, .*, port, "
    ):
        reader_settings({}, environ=environ, folder=tmp_path)


def test_the_nearest_pyproject_counts(tmp_path):
    """
    The first pyproject.toml upwards is read, whether it has our section or not.
    """
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog]\nservice = 'outer'")
    assert client_settings({}, environ={}, folder=inner).service == "outer"
    (tmp_path / "a" / "pyproject.toml").write_bytes(b"\xff\xfe")
    assert client_settings({}, environ={}, folder=inner).service is None


def test_redaction_in_pyproject(tmp_path):
    """
    Own rules of redaction may stand in pyproject.toml.
    """
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog.redact]\nkeys = ['customer_no']")
    assert client_settings({}, environ={}, folder=tmp_path).redact == RedactSettings(keys=("customer_no",))


def test_the_working_folder_is_where_the_search_begins(tmp_path, monkeypatch):
    """
    Without another word pyproject.toml is looked for from the working folder upwards, and not at all when that is gone.
    """
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog]\nservice = 'here'\nhost = '127.0.0.2'")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert client_settings({}, environ={}).service == "here"
    assert server_settings({}, environ={}).host == "127.0.0.2"
    (tmp_path / "gone").rmdir()
    assert client_settings({}, environ={}) == ClientSettings()


def test_the_server_reads_its_own(tmp_path):
    """
    The server resolves its settings alike: keys from keywords, host, port and lists from variables.
    """
    environ = {
        "TRACELOG_HOST": "0.0.0.0",
        "TRACELOG_PORT": "80",
        "TRACELOG_CORS_ORIGINS": "https://a, https://b",
        "TRACELOG_LEVEL": "loud",
        "TRACELOG_STORE": "redis://r",
    }
    settings = server_settings({"keys": [{"token": "t", "role": "read"}]}, environ=environ, folder=tmp_path)
    assert settings == ServerSettings(
        host="0.0.0.0",
        port=80,
        store="redis://r",
        cors_origins=("https://a", "https://b"),
        keys=(Key(token="t", role="read"),),
    )


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "192.168.1.2", "example.com", "127.0.0.1.evil.com", "localhost.evil.com", ""]
)
def test_no_keys_no_strangers(host):
    """
    Beyond loopback the server refuses to run without keys.
    """
    with pytest.raises(ConfigError, match="can be reached from other machines, so keys are needed"):
        server_settings({"host": host}, environ={}, folder=Path("/"))
    assert (
        server_settings({"host": host, "keys": [{"token": "t"}]}, environ={}, folder=Path("/")).host == host
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback(host):
    """
    These names mean this machine only, and need no keys.
    """
    assert server_settings({"host": host}, environ={}, folder=Path("/")).host == host


WRONG_ORIGINS = (
    "TRACELOG_CORS_ORIGINS must name each web origin by scheme and host, such as https://app.example.com; "
    "* and null would let any page in"
)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        *(
            ({"TRACELOG_PORT": port}, "TRACELOG_PORT must be a number from 0 to 65535; 0 takes a free port")
            for port in ("http", "70000", "-1", "80.5", "9" * 20, "\N{SUPERSCRIPT TWO}")
        ),
        *(
            (
                {"TRACELOG_CORS_ORIGINS": origins},
                WRONG_ORIGINS,
            )
            for origins in (
                "*",
                "null",
                "app.example.com",
                "https://a,https://b/page",
                "https://*.a",
                "https://",
            )
        ),
        (
            {"TRACELOG_LIMITS": "few"},
            "TRACELOG_LIMITS must be on or off; true, false, yes, no, 1 and 0 say the same",
        ),
    ],
)
def test_wrong_server_variables(environ, sentence):
    """
    A wrong variable of the server is one sentence that names it and says what is taken.
    """
    with pytest.raises(ConfigError) as error:
        server_settings({}, environ=environ, folder=Path("/"))
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("environ", "wants"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "false"}, False),
    ],
)
def test_colours(environ, wants):
    """
    `NO_COLOR` with any text, or a terminal without colours, means none.
    """
    assert config.wants_color(environ=environ) is wants


def test_what_was_handed_down():
    """
    `TRACEPARENT` is what the parent process handed down.
    """
    assert config.inherited_traceparent(environ={"TRACEPARENT": "x"}) == "x"
    assert config.inherited_traceparent(environ={}) == ""


@pytest.mark.parametrize(
    ("given_", "environ", "place"),
    [
        ({"url": "x"}, {"TRACELOG_URL": "y"}, "url"),
        ({"url": None}, {"TRACELOG_URL": "y"}, "TRACELOG_URL"),
        ({}, {}, "[tool.tracelog] url"),
    ],
)
def test_where_a_setting_was_said(given_, environ, place):
    """
    The place of a setting that turns out wrong later can be told.
    """
    assert config.place_of("url", given_, environ=environ) == place


def test_one_key_for_the_tags_of_this_user(tmp_path):
    """
    Programs of one user share a key, made on first use in a file that only they can read.
    """
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = config.redact_settings(said=True, environ=environ).tag_key
    assert len(first) == config.KEY_BYTES
    assert config.redact_settings(said=True, environ=environ).tag_key == first
    file = tmp_path / "state" / "tracelog" / "redact.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]
    home = {"HOME": str(tmp_path)}
    assert config.redact_settings(said=True, environ=home).tag_key != first
    assert (tmp_path / ".local" / "state" / "tracelog" / "redact.key").exists()


def test_a_key_that_was_given(tmp_path):
    """
    A key of the settings or of `TRACELOG_REDACT_KEY` is used as it is, and no file is made.
    """
    environ = {"XDG_STATE_HOME": str(tmp_path), "TRACELOG_REDACT_KEY": "shared"}
    own = RedactSettings(tag_key=b"own", keys=("customer_no",))
    assert config.redact_settings(own, environ=environ) is own
    assert config.redact_settings(said=True, environ=environ) == RedactSettings(tag_key=b"shared")
    assert config.redact_settings(said=False, environ=environ).enabled is False
    assert list(tmp_path.iterdir()) == []


def readable_by_others(file):
    file.write_bytes(b"k" * 32)
    file.chmod(0o644)


def cut_short(file):
    file.write_bytes(b"k" * 31)
    file.chmod(0o600)


def elsewhere(file):
    other = file.parent / "other"
    other.write_bytes(b"k" * 32)
    other.chmod(0o600)
    file.symlink_to(other)


@pytest.mark.parametrize(
    "spoil", [readable_by_others, cut_short, elsewhere, Path.mkdir], ids=lambda f: f.__name__
)
def test_a_key_file_that_cannot_be_trusted(tmp_path, spoil):
    """
    A file that others could have read or written, that is damaged, or that leads elsewhere, is not used: the key is
    this process's own then, and the file stays as it is.
    """
    (tmp_path / "tracelog").mkdir(mode=0o700)
    spoil(tmp_path / "tracelog" / "redact.key")
    before = sorted(tmp_path.rglob("*"))
    keys = {
        config.redact_settings(said=True, environ={"XDG_STATE_HOME": str(tmp_path)}).tag_key for _ in range(2)
    }
    assert len(keys) == 2
    assert b"k" * 32 not in keys
    assert {len(key) for key in keys} == {config.KEY_BYTES}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "environ", [{}, {"XDG_STATE_HOME": "relative"}, {"XDG_STATE_HOME": "/dev/null"}, {"HOME": "/dev/null"}]
)
def test_no_place_for_a_key(environ):
    """
    Where no file can be kept, each process has its own key.
    """
    keys = {config.redact_settings(said=True, environ=environ).tag_key for _ in range(2)}
    assert {len(key) for key in keys} == {config.KEY_BYTES}
    assert len(keys) == 2


def test_a_full_disk(tmp_path, monkeypatch):
    """
    When the key cannot be written, nothing half-written is left behind.
    """

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    key = config.redact_settings(said=True, environ={"XDG_STATE_HOME": str(tmp_path)}).tag_key
    assert len(key) == config.KEY_BYTES
    assert list((tmp_path / "tracelog").iterdir()) == []


def test_programs_that_start_together_share_the_key(tmp_path):
    """
    Of programs that make the key at the same moment all end up with the same one.
    """
    program = (
        "import sys, time; from tracelog.config import redact_settings\n"
        "time.sleep(max(0.0, float(sys.argv[1]) - time.time()))\n"
        "print(redact_settings(True, environ={'XDG_STATE_HOME': sys.argv[2]}).tag_key.hex())"
    )
    import time

    start = str(time.time() + 1.0)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, start, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        for _ in range(4)
    ]
    keys = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert len(set(keys)) == 1
    assert len(keys[0].strip()) == 2 * config.KEY_BYTES


def test_another_program_was_faster(tmp_path, monkeypatch):
    """
    When another program's key appears in the last moment, that one is used.
    """
    link = os.link

    def late(draft, file):
        other = Path(f"{file}.other")
        other.write_bytes(b"o" * 32)
        other.chmod(0o600)
        link(other, file)
        other.unlink()
        link(draft, file)

    monkeypatch.setattr(os, "link", late)
    assert config.redact_settings(said=True, environ={"XDG_STATE_HOME": str(tmp_path)}).tag_key == b"o" * 32
