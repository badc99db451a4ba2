"""
What a person's terminal gets: its width is kept, its colours used, its alphabet respected.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.cli.started import plain_environment

COLUMNS = 70
PAINT = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*arguments, **environment):
    """
    Run a command with its standard output on a terminal of 70 columns, and return what it wrote there.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
    env = {**plain_environment(), "TERM": "xterm-256color", **environment}
    for name in ("COLUMNS", "NO_COLOR"):
        if name not in environment:
            env.pop(name, None)
    with subprocess.Popen([sys.executable, "-m", "tracelog", *arguments], stdout=theirs, env=env):
        os.close(theirs)
        shown = b""
        while piece := read(ours):
            shown += piece
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.parametrize("command", ["search", "show"])
def test_a_terminal_gets_its_width_and_colours(served, trace, command):
    """
    On a terminal lines are painted and no wider than it is.
    """
    served.post({"trace_id": trace, "message": "word " * 50, "level": "error"})
    query = f"trace:{trace}" if command == "search" else trace
    shown = on_terminal(command, query, "--url", served.url)
    assert "\x1b[" in shown
    assert max(len(PAINT.sub("", line)) for line in shown.splitlines()) <= COLUMNS


@pytest.mark.parametrize(
    ("environment", "options", "painted"),
    [({"NO_COLOR": "1"}, [], False), ({"TERM": "dumb"}, [], False), ({"NO_COLOR": "1"}, ["--color"], True)],
)
def test_colours_can_be_switched_off(served, trace, environment, options, painted):
    """
    `NO_COLOR` and a terminal without colours get plain text, unless `--color` asks for paint.
    """
    served.post({"trace_id": trace, "message": "hello", "level": "error"})
    shown = on_terminal("search", f"trace:{trace}", "--url", served.url, *options, **environment)
    assert "hello" in shown
    assert ("\x1b" in shown) == painted


def test_a_small_alphabet_is_no_obstacle(served, trace):
    """
    Where the output cannot say a character it is shown as its escape; nothing fails.
    """
    served.post({"trace_id": trace, "message": "naïve ✗ 日本", "level": "error"})
    command = [sys.executable, "-m", "tracelog", "show", trace, "--url", served.url]
    env = {**plain_environment(), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"na\xefve \\u2717 \\u65e5" in done.stdout
