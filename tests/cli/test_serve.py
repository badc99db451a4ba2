"""
`tracelog serve`: what it says, what it refuses, how it stops.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from tests.cli.started import plain_environment
from tests.stores.servers import RealServer
from tracelog.cli import commands
from tracelog.cli.failure import CommandError
from tracelog.cli.serve import missing, need_port, start_link, welcome
from tracelog.config import Key, ServerSettings

KEYS = (Key(token="a"),)


def run(*arguments):
    return CliRunner(env=dict.fromkeys(("TRACELOG_HOST", "TRACELOG_STORE"))).invoke(commands, arguments)


@pytest.mark.parametrize(
    ("settings", "address", "said"),
    [
        (ServerSettings(), "http://127.0.0.1:8787", "sqlite:///tracelog.db, kept for 60 minutes\n"),
        (ServerSettings(), "http://127.0.0.1:8787", "tracelog show test_123\n"),
        (ServerSettings(), "http://127.0.0.1:9", "tracelog show test_123 --url http://127.0.0.1:9\n"),
        (ServerSettings(), "http://127.0.0.1:9", "curl http://127.0.0.1:9/log -d"),
        (ServerSettings(), "http://127.0.0.1:9", "page   http://127.0.0.1:9/debug\n"),
        (
            ServerSettings(keys=KEYS),
            "http://h:9",
            'curl -H "Authorization: Bearer $TRACELOG_KEY" http://h:9/log',
        ),
        (ServerSettings(store="redis://me:secret@db:6379/0"), "http://h:9", "redis://db:6379/0, kept"),
        (
            ServerSettings(store="sqlite::memory:", limits=False, ttl_s=120),
            "h",
            ":memory:, kept for 2 minutes, without limits",
        ),
    ],
)
def test_the_welcome_says_what_a_person_needs(settings, address, said):
    """
    Address, store without its password, a first entry to send, how to read it back and how to stop.
    """
    text = welcome(settings, address)
    assert text.startswith(f"listening on {address}\n")
    assert said in text
    assert "secret" not in text
    assert text.endswith("Ctrl-C")


@pytest.mark.parametrize(
    ("keys", "fragment"),
    [
        ((), ""),
        ((Key(token="writer"),), ""),
        ((Key(token="boss", role="admin"), Key(token="a b#c&d", role="read")), "#key=a%20b%23c%26d"),
        ((Key(token="writer"), Key(token="boss", role="admin")), "#key=boss"),
    ],
)
def test_the_start_link_signs_in_with_the_key_that_may_do_least(keys, fragment):
    """
    A read key before an admin key, behind `#` where it is not sent; none where none is asked for or none reads.
    """
    assert start_link(ServerSettings(keys=keys), "http://h:9") == f"http://h:9/debug{fragment}"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(tmp_path, stop, start):
    """
    The curl line it prints works as printed, what it sent can be read back, and a signal ends it well, with 0
    and without a traceback.
    """
    started = start("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/logs.db")
    url = started.line(r"listening on (\S+)")
    curl = started.line(r"send +(curl .*)")
    sent = subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=10, check=True)
    assert '"success":true' in sent.stdout
    shown = CliRunner().invoke(commands, ["show", "test_123", "--url", url])
    assert "hello" in shown.stdout
    code, out, err = started.end(stop)
    assert code == 0
    assert err.splitlines()[-1] == "tracelog: stopped"
    assert out == ""
    assert "Traceback" not in err


def test_it_refuses_the_world_without_keys():
    """
    An address beyond this machine needs keys; the sentence says so and the exit code is usage.
    """
    result = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == 2
    assert "keys are needed" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def taken():
    """
    A port of this machine on which another program listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("command", [("serve", "--store", "sqlite::memory:"), ("demo",), ("demo", "--once")])
def test_a_taken_port_is_a_sentence(taken, command):
    """
    Where another program listens, one sentence says at once at which address and what to do; nothing was
    started.
    """
    result = run(*command, "--port", str(taken))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"tracelog: cannot listen at http://127.0.0.1:{taken}: address already in use; "
        "choose another address, or any free port with --port 0\n"
    )


def listening_at(host):
    return socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def has_address(host):
    try:
        listening_at(host).close()
    except OSError:
        return False
    return True


HOSTS = ["127.0.0.1", "localhost", *(host for host in ("::1",) if has_address(host))]


@pytest.mark.parametrize("host", HOSTS)
def test_a_port_is_looked_at_where_it_is_asked_for(host):
    """
    An address of each family this machine has is looked at; a free port, and none at all, are well.
    """
    with listening_at(host) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(CommandError, match=re.escape(f":{port}: address already in use")):
            need_port(host, port)
    need_port(host, port)
    need_port(host, 0)


@pytest.mark.parametrize("host", [*HOSTS, *(f"[{host}]" for host in HOSTS if ":" in host)])
def test_it_listens_where_it_says(host, tmp_path, start):
    """
    The address it prints answers, in each form in which this machine can be named.
    """
    options = ("--port", "0", "--host", host, "--store", "sqlite::memory:")
    started = start("serve", *options, cwd=tmp_path)
    with urlopen(started.line(r"listening on (\S+)") + "/readyz", timeout=10) as answer:
        assert answer.status == 200
    assert started.end(signal.SIGTERM)[0] == 0


def test_a_store_that_cannot_be_opened_is_a_sentence(tmp_path, start):
    """
    A file that cannot be made ends the start with its reason, without a traceback.
    """
    started = start("serve", "--port", "0", "--store", f"sqlite:///{os.devnull}/logs.db", cwd=tmp_path)
    code, out, err = started.end()
    assert (code, out) == (1, "")
    assert f"the store {os.devnull}/logs.db cannot be opened" in err
    assert err.endswith("tracelog: the server did not start at http://127.0.0.1:0; the lines above say why\n")
    assert "Traceback" not in err


def test_a_store_that_is_away_is_told_and_so_is_its_return(tmp_path, start):
    """
    A server whose Redis is away starts, says once that entries are refused until it is back and why, and says
    when it is back; from then on it takes them.
    """
    redis = RealServer(tmp_path)
    started = start("serve", "--port", "0", "--store", redis.url, cwd=tmp_path)
    url = started.line(r"listening on (\S+)")
    cause = started.line(
        r"^tracelog: the store is away, so entries are answered with 503 until it is back: (.*)"
    )
    assert str(redis.port) not in url
    assert cause.startswith("Redis")
    with pytest.raises(HTTPError, match="503"):
        urlopen(Request(f"{url}/log", b'{"message":"too early"}'), timeout=10)
    with redis:
        assert started.line(r"(the store is .*)") == "the store is back"
        with urlopen(Request(f"{url}/log", b'{"message":"now"}'), timeout=10) as answer:
            assert answer.status == 200
        code, _, err = started.end(signal.SIGINT)
    assert (code, err) == (0, "tracelog: stopped\n")


def test_a_store_that_is_there_is_not_told(tmp_path, start):
    """
    Where the store is there, nothing is said of it besides its address; a stop in the middle of waiting for
    one that is away is as quick.
    """
    started = start("serve", "--port", "0", "--store", "sqlite::memory:", cwd=tmp_path)
    url = started.line(r"listening on (\S+)")
    with urlopen(f"{url}/readyz", timeout=10) as answer:
        assert answer.status == 200
    assert "away" not in started.end(signal.SIGINT)[2]
    away = start("serve", "--port", "0", "--store", RealServer(tmp_path).url, cwd=tmp_path)
    away.line(r"(the store is away)")
    assert away.end(signal.SIGTERM)[0::2] == (0, "tracelog: stopped\n")


def test_the_signals_of_the_caller_are_left_as_they_were():
    """
    A command that ran within another program leaves its handler of SIGTERM in place.
    """
    before = signal.getsignal(signal.SIGTERM)
    assert run("serve", "--port", "0", "--store", "carrier-pigeon://coop").exit_code == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_store_that_is_none_is_a_usage_error():
    """
    A store URL that nothing opens is told with those that work.
    """
    result = run("serve", "--port", "0", "--store", "carrier-pigeon://coop")
    assert result.exit_code == 2
    assert "carrier-pigeon" in result.stderr


def test_open_shows_the_address_in_a_browser(tmp_path, start):
    """
    `--open` hands the address of the recent traces to the person's browser.
    """
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    browser = f'{shlex.quote(sys.executable)} -c \'import sys; open("{opened}", "w").write(sys.argv[1])\' %s'
    options = ("--port", "0", "--store", "sqlite::memory:")
    started = start("serve", *options, "--open", cwd=tmp_path, env={"BROWSER": browser})
    url = started.line(r"listening on (\S+)")
    assert opened.read_text() == f"{url}/debug"
    assert started.end(signal.SIGINT)[0] == 0


MISSING = """
import sys
sys.modules[{name!r}] = None
from tracelog.cli import main
main()
"""


@pytest.mark.parametrize(
    ("name", "command"), [("starlette", "serve"), ("uvicorn", "demo"), ("httptools", "serve")]
)
def test_a_missing_library_is_named_with_its_extra(name, command):
    """
    Without the server's libraries, one sentence says which extra of which distribution brings them.
    """
    done = subprocess.run(
        [sys.executable, "-c", MISSING.format(name=name), command],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"tracelog: {name} is not installed; it comes with the extra `server` of tracelog-kit: "
        "install tracelog-kit[server]\n"
    )


@pytest.mark.parametrize(
    ("library", "extra"), [("uvicorn", "server"), ("mcp", "mcp"), ("unheard-of", "server"), ("red", "server")]
)
def test_a_library_is_looked_up_where_it_is_declared(library, extra):
    """
    The extra named is the one of the package's own metadata, never the one that holds everything.
    """
    assert missing(library).endswith(f"install tracelog-kit[{extra}]")


def test_reading_loads_no_server():
    """
    The command line without `serve` loads nothing of the server's libraries.
    """
    program = (
        "import sys, tracelog.cli; print(*sys.modules.keys() & {'starlette', 'uvicorn', 'redis', 'asyncio'})"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env=plain_environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []
