"""
The console of a client: who gets which one, and that no line of a program is shown twice or not at all.
"""

import io
import os
import pty
import subprocess
import sys

import pytest

from tests.sinks.test_stdout import Terminal
from tracelog.client.opening import open_sinks
from tracelog.config import client_settings
from tracelog.core.surroundings import AGENT_SIGNS, is_agent
from tracelog.errors import ConfigError
from tracelog.sinks import ConsoleSink, MemorySink, StdoutSink, TeeSink

HERE = "http://127.0.0.1:8787"
FORMS = [
    # a terminal, an agent, settings, what is shown
    (True, False, {}, "pretty"),
    (False, False, {}, None),
    (False, True, {}, "compact"),
    (True, True, {}, "compact"),
    (True, True, {"console": "off"}, None),
    (True, True, {"console": False}, None),
    (True, True, {"console": "pretty"}, "pretty"),
    (False, False, {"console": True}, "pretty"),
    (False, False, {"console": "on"}, "pretty"),
    (False, False, {"console": "compact"}, "compact"),
    (True, False, {"sinks": ["stdout:"]}, None),
    (True, False, {"sinks": [HERE, "stderr:json"]}, None),
    (True, False, {"sinks": [HERE, "file:/nowhere/x.ndjson"]}, "pretty"),
    (True, False, {"sinks": [MemorySink()]}, None),
    (True, False, {"sinks": [lambda _: None]}, "pretty"),
    (True, False, {"sinks": [TeeSink(MemorySink(), StdoutSink("stderr"))], "console": "on"}, None),
    (True, False, {"sinks": [StdoutSink(io.StringIO())], "console": "on"}, "pretty"),
]


@pytest.mark.parametrize(("terminal", "agent", "said", "form"), FORMS, ids=range(len(FORMS)))
def test_who_gets_which_console(terminal, agent, said, form, monkeypatch):
    """
    People at a terminal get pretty lines, agents compact ones, others none, unless a setting says otherwise; and
    nobody gets them beside a sink that writes to the same place, or in place of shipping.
    """
    for sign in AGENT_SIGNS:
        monkeypatch.delenv(sign, raising=False)
    monkeypatch.setenv("CLAUDECODE", "1" if agent else "")
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    given = said if "sinks" in said else {"url": HERE, **said}
    sinks = open_sinks(client_settings(given, environ={}), given)

    assert [sink.form for sink in sinks if isinstance(sink, ConsoleSink)] == ([form] if form else [])


@pytest.mark.parametrize(
    ("said", "where"), [("loud", "console"), (3, "console"), ("", None)], ids=["word", "number", "nothing"]
)
def test_a_wrong_value_is_named(said, where):
    """
    A console that there is none of is one sentence that names the setting and what it takes.
    """
    if where is None:
        assert client_settings({}, environ={"TRACELOG_CONSOLE": said}).console == "auto"
        return
    with pytest.raises(ConfigError, match=where):
        client_settings({"console": said}, environ={})


@pytest.mark.parametrize(
    ("environ", "agent"),
    [({}, False), ({"CLAUDECODE": "1"}, True), ({"AI_AGENT": "x"}, True), ({"CODEX_CI": "0"}, False)],
    ids=str,
)
def test_what_tells_an_agent(environ, agent):
    """
    An agent is told by what it sets for its commands; a sign that says no is none.
    """
    assert is_agent({"PATH": "/bin", **environ}) is agent


PROGRAM = """
import logging, sys, threading, structlog, tracelog
from loguru import logger as loguru
tracelog.configure(service="shop", url="http://127.0.0.1:9", retry_for=0, exit_timeout=1)
tracelog.instrument("auto")
shown = logging.getLogger("shown")
shown.addHandler(logging.StreamHandler())
hidden = logging.getLogger("hidden")
hidden.addHandler(logging.NullHandler())
for each in (shown, hidden):
    each.setLevel("INFO")
    each.propagate = False
for n in range(3):
    shown.info("by a handler %d;", n)
    hidden.info("by no handler %d;", n)
    logging.getLogger("nowhere").warning("by the last resort %d;", n)
    structlog.get_logger().info(f"by structlog {n};")
    loguru.info(f"by loguru {n};")
    tracelog.get_logger("own").info(f"by ourselves {n};", password="hunter2secret")
hidden.info("caf\\u00e9 \\x1b[2J\\n00:00 forged;")
with tracelog.trace("place order;"):
    pass
def fail():
    raise RuntimeError("in a thread;")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
tracelog.flush()
print(tracelog.stats()["sinks"][-1]["sink"], file=sys.stdout)
"""
LINES = [
    *(f"by {who} {n};" for who in ("a handler", "no handler", "ourselves", "structlog") for n in range(3)),
    *(f"by {who} {n};" for who in ("the last resort", "loguru") for n in range(3)),
    "forged;",
    "place order;",
    "in a thread;",
]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in {*AGENT_SIGNS, "NO_COLOR"}}
    return {**kept, "TRACELOG_CONSOLE": "auto", "TERM": "xterm", **more}


def at_a_terminal(command, env):
    """
    Return what *command* prints at a real terminal.
    """
    reader, end = pty.openpty()
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=env)
    os.close(end)
    said = b""
    try:
        while more := os.read(reader, 65536):
            said += more
    except OSError:  # its other end is closed
        pass
    finally:
        os.close(reader)
        process.wait(timeout=20)
    return said.decode().replace("\r\n", "\n")


def test_at_a_terminal_each_line_is_shown_once():
    """
    At a real terminal, every line of a program is there once, whichever library logged it and whoever shows it;
    secrets are not, and what a message holds moves no cursor.
    """
    said = at_a_terminal([sys.executable, "-c", PROGRAM], environment())

    assert {line: said.count(line) for line in LINES} == dict.fromkeys(LINES, 1)
    assert "\x1b[36minfo \x1b[0m" in said
    assert "hunter2secret" not in said
    assert "\x1b[2J" not in said
    assert "caf\N{LATIN SMALL LETTER E WITH ACUTE} \\x1b[2J\\n00:00 forged;" in said
    assert "tracelog brief" not in said


def test_no_color_is_heeded():
    """
    With NO_COLOR the lines at a terminal are without colours of ours.
    """
    program = "import tracelog; tracelog.configure(url='http://127.0.0.1:9', retry_for=0)\n"
    program += "tracelog.get_logger('own').info('plain')"

    assert "info   own  plain" in at_a_terminal([sys.executable, "-c", program], environment(NO_COLOR="1"))


def test_an_agent_reads_each_line_once_and_how_to_go_on():
    """
    An agent's pipe gets each line once, compact and without colours, and at the end the command that shows more.
    """
    env = environment(CURSOR_AGENT="1", TRACELOG_CONSOLE="")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
    )
    said = done.stdout + done.stderr
    *_, last = done.stderr.splitlines()

    assert {line: said.count(line) for line in LINES} == dict.fromkeys(LINES, 1)
    assert "info own: by ourselves 0; password=[REDACTED:password" in done.stderr
    assert last.startswith("tracelog: 2 traces, 1 with errors: tracelog brief ")
    assert last.partition("(")[0].rstrip().endswith(" --url http://127.0.0.1:9")
    assert done.stdout.endswith("ConsoleSink\n")


def test_others_get_nothing():
    """
    Without a terminal and an agent, a program's standard error is its own, also when it forks and ends.
    """
    program = (
        "import os, tracelog; tracelog.configure(sinks=[lambda parcel: None])\n"
        "tracelog.get_logger().info('x')\nchild = os.fork()\ntracelog.get_logger().info('y')\n"
        "child and os.waitpid(child, 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_forked_child_speaks_for_itself():
    """
    A forked child ends with the traces of its own, and a closed standard error stops nobody.
    """
    program = (
        "import os, tracelog; tracelog.configure(sinks=[lambda parcel: None], console='compact')\n"
        "with tracelog.trace(trace_id='of_parent'): tracelog.get_logger().info('x')\n"
        "tracelog.flush()\nchild = os.fork()\n"
        "if child: os.waitpid(child, 0); os.close(2)\n"
        "with tracelog.trace(trace_id=f'of_child'): tracelog.get_logger().info('y')\n"
        "tracelog.flush(); print(tracelog.stats()['sinks'][-1]['rejected'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )

    assert [line for line in done.stderr.splitlines() if line.startswith("tracelog:")] == [
        "tracelog: 1 trace: of_child"
    ]
    assert sorted(done.stdout.splitlines()) == ["{'stream_closed': 2}", "{}"]
