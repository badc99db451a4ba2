"""
One call switches on what a program uses, whenever it is loaded, and nothing else.
"""

import logging
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import tracelog.integrations
from tests.cli.started import plain_environment
from tracelog.errors import ConfigError
from tracelog.integrations import TRIGGERS, instrument
from tracelog.integrations.arrival import upon

LATE = """
import logging, sys
from tracelog.integrations import instrument
import tracelog
from tracelog.sinks import MemorySink

sink = MemorySink()
tracelog.configure(service="shop", sinks=[sink], redact=False)
undo = instrument("auto")
heavy = {"structlog", "httpx", "starlette", "urllib3"} & sys.modules.keys()
assert not heavy, heavy

import fastapi, httpx, structlog
from starlette.testclient import TestClient

assert httpx.__spec__.loader is httpx.__loader__
assert type(httpx.__loader__).__name__ == "SourceFileLoader"
app = fastapi.FastAPI()

@app.get("/orders")
def order():
    logging.getLogger("shop").warning("by logging")
    structlog.get_logger().info("by structlog")
    other = httpx.Client(transport=httpx.WSGITransport(stock))
    return other.get("http://localhost/stock").text

def stock(environ, start_response):
    start_response("200 OK", [])
    return [environ["HTTP_TRACEPARENT"].encode()]

TestClient(app).get("/orders")
tracelog.flush()
entries = [entry for entry in sink.entries if entry.message != "GET http://testserver/orders"]
print(sorted(entry.message for entry in entries), len({entry.trace_id for entry in entries}))
undo()
"""


def run(program):
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(
        command, env=plain_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def test_auto_switches_on_what_is_loaded_later():
    """
    Five lines give one trace of request, log lines and outgoing call; nothing is loaded for it that the program
    does not load.
    """
    done = run(LATE)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last == "['GET /orders', 'GET http://localhost/stock', 'by logging', 'by structlog'] 1"


def test_what_is_loaded_is_switched_on_at_once(told):
    """
    Libraries that are loaded already are switched on by the call, and off again by what it returns.
    """
    transport = httpx.HTTPTransport.__dict__["handle_request"]
    undo = instrument("logging", "httpx")
    logging.getLogger("auto").error("one")
    assert httpx.HTTPTransport.__dict__["handle_request"] is not transport
    undo()
    undo()
    logging.getLogger("auto").error("two")
    assert httpx.HTTPTransport.__dict__["handle_request"] is transport
    assert [entry.message for entry in told()] == ["one"]


FIRST = """
import tracelog
undo = tracelog.instrument("{name}")
from {module} import {kind}
from {home} import {app}
assert hasattr({app}.__call__, "__tracelog__")
undo()
assert not hasattr({app}.__call__, "__tracelog__")
"""


@pytest.mark.parametrize(
    ("name", "module", "kind", "home", "app"),
    [
        ("django", "django.core.asgi", "get_asgi_application", "django.core.handlers.asgi", "ASGIHandler"),
        ("django", "django.core.wsgi", "get_wsgi_application", "django.core.handlers.wsgi", "WSGIHandler"),
        ("litestar", "litestar", "Litestar", "litestar", "Litestar"),
    ],
    ids=lambda said: said.rpartition(".")[2],
)
def test_a_framework_may_be_loaded_by_any_of_its_doors(name, module, kind, home, app):
    """
    A framework that is loaded as its users load it, after the switch, is watched without a word: some of its modules
    are half done while others, which these need, are loaded.
    """
    done = run(FIRST.format(name=name, module=module, kind=kind, home=home, app=app))
    assert (done.returncode, done.stderr) == (0, "")


def test_two_wait_for_one_library(tmp_path, monkeypatch):
    """
    Who waits for a module keeps no other from it, and forgets nothing but what is its own.
    """
    seen = []
    (tmp_path / "awaited_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    forgets = [upon("awaited_module", lambda n=n: seen.append(n)) for n in range(3)]
    forgets[1]()
    import awaited_module  # noqa: F401

    assert seen == [0, 2]
    del sys.modules["awaited_module"]


def test_an_unknown_name_is_told():
    """
    A name that is no integration is one sentence.
    """
    with pytest.raises(ConfigError, match=r"instrument\('htpx'\): no such integration; known are auto, "):
        instrument("htpx")


@pytest.mark.parametrize("name", TRIGGERS)
def test_each_integration_stands_in_its_file(name):
    """
    Every name has its file.
    """
    assert (Path(tracelog.integrations.__path__[0]) / f"{name}.py").is_file()


def test_a_failing_integration_stops_no_import(tmp_path, monkeypatch, capsys):
    """
    Where switching on fails, the program gets its module all the same, and one line says why.
    """
    (tmp_path / "late_module.py").write_text("value = 7\n")
    monkeypatch.syspath_prepend(tmp_path)

    def act():
        raise RuntimeError("unknown version")

    upon("late_module", act)
    import late_module

    assert late_module.value == 7
    assert late_module.__loader__ is late_module.__spec__.loader
    assert capsys.readouterr().err == "tracelog: RuntimeError: unknown version\n"
    del sys.modules["late_module"]


def test_what_is_not_there_is_waited_for(tmp_path, monkeypatch):
    """
    A module that cannot be found is missing as ever; when it appears it is noticed, unless nobody waits any more.
    """
    seen = []
    upon("absent_module", lambda: seen.append("absent"))
    forget = upon("other_module", lambda: seen.append("other"))
    with pytest.raises(ModuleNotFoundError):
        import absent_module
    forget()
    forget()
    for name in ("absent_module", "other_module"):
        (tmp_path / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    import absent_module  # noqa: F401
    import other_module  # noqa: F401

    assert seen == ["absent"]
    del sys.modules["absent_module"], sys.modules["other_module"]
