"""
One Workers runtime for all tests, with the workers they need, before real servers; each test has a trace of its own.
"""

import json
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

import pytest

from tests.browser import conftest as browser
from tests.browser.site import Logs, Site, open_site
from tests.cli.started import ROOT, plain_environment
from tests.server.running import Running
from tracelog.config import Key
from tracelog.core.quota_settings import QuotaSettings, TraceQuota

HERE = Path(__file__).parent
PAGE_ORIGIN = "https://shop.example"
EXAMPLE = ROOT / "examples" / "cloudflare-worker" / "src" / "index.js"
PROXY = ROOT / "examples" / "cloudflare-proxy" / "src" / "index.js"

chromium = browser.chromium
pytest_runtest_teardown = browser.pytest_runtest_teardown
"""The same browser for both folders, and its end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Keep these tests together in one process: they share a runtime.
    """
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("worker"))


class Reply(NamedTuple):
    """
    What came back; names of headers in lower case.
    """

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, *, method: str = "GET", body: bytes | Iterator[bytes] | None = None, **headers: str
) -> Reply:
    """
    Make one request, whatever its answer.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Reply(answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()})
    except HTTPError as answer:
        with answer:
            return Reply(answer.code, answer.read(), {k.lower(): v for k, v in answer.headers.items()})


class Moody:
    """
    A server that answers what it is told to, and keeps what it was sent.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.heard = threading.Event()

    def answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if not body:  # a call that is no delivery
            return 200, {}, b"{}"
        self.bodies.append(json.loads(body))
        self.heard.set()
        if self.answers:
            return self.answers.pop(0)
        return 200, {}, json.dumps({"accepted": len(self.bodies[-1]["entries"])}).encode()


@contextmanager
def open_moody() -> Iterator[Moody]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            moody.paths.append(self.path)
            status, headers, body = moody.answer(
                self.rfile.read(int(self.headers.get("content-length", "0")))
            )
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    moody = Moody(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield moody
    server.shutdown()
    thread.join()
    server.server_close()


class Runtime(NamedTuple):
    """
    The workers, by name, with their addresses.
    """

    urls: dict[str, str]
    process: "subprocess.Popen[str]"

    def tell(self, command: dict[str, Any]) -> Any:
        """
        Have the runtime do something that no request does.
        """
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class World(NamedTuple):
    """
    Everything that runs: the log server, one that limits, one with moods, and the workers before them.
    """

    logs: Logs
    limited: Logs
    moody: Moody
    site: Site
    keyed: str
    runtime: Runtime

    def get(self, worker: str, path: str, **headers: str) -> Reply:
        return ask(self.runtime.urls[worker] + path, **headers)


def worker(
    name: str, modules: list[tuple[str, Path]], bindings: dict[str, str], **options: Any
) -> dict[str, Any]:
    told = [(path, str(file)) for path, file in modules]
    return {"name": name, "modules": told, "bindings": bindings, **options}


def proxy(
    name: str, url: str, *, limit: int = 10_000, origin: str = "https://a.example", **bindings: str
) -> dict[str, Any]:
    told = {"TRACELOG_URL": url, "ALLOWED_ORIGINS": f"{origin}, {PAGE_ORIGIN}", **bindings}
    return worker(
        name, [("index.js", PROXY)], told, ratelimits={"RATE": {"simple": {"limit": limit, "period": 60}}}
    )


@contextmanager
def open_runtime(workers: list[dict[str, Any]]) -> Iterator[Runtime]:
    command = ["node", str(HERE / "runtime.mjs"), json.dumps({"workers": workers})]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Runtime(json.loads(process.stdout.readline()), process)
        process.stdin.close()
        process.wait(20)


@contextmanager
def open_backend(url: str) -> Iterator[str]:
    command = [sys.executable, str(HERE / "backend.py"), url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plain_environment(), cwd=ROOT)
    with process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """
    All of it, started once.
    """
    client = tmp_path_factory.mktemp("worker") / "tracelog-worker.js"
    keys = (
        Key(token="page key", role="ingest", public=True, system="browser"),
        Key(token="reader", role="read"),
    )
    with ExitStack() as stack:
        running = stack.enter_context(Running())
        small = stack.enter_context(
            Running(limits=True, quota=QuotaSettings(limit=20), trace_quota=TraceQuota(normal=1_000))
        )
        guarded = stack.enter_context(Running(keys=keys))
        moody = stack.enter_context(open_moody())
        site = stack.enter_context(open_site())
        main, limited, keyed = (f"http://127.0.0.1:{each.port}" for each in (running, small, guarded))
        client.write_bytes(ask(f"{main}/tracelog-worker.js").body)
        backend = stack.enter_context(open_backend(main))
        modules = [("edge.js", HERE / "edge.js"), ("tracelog-worker.js", client)]
        runtime = stack.enter_context(
            open_runtime(
                [
                    worker(
                        "edge",
                        modules,
                        {"TRACELOG_URL": main, "BACKEND": backend},
                        durableObjects={"COUNTER": "Counter"},
                        queueProducers={"QUEUE": {"queueName": "orders"}},
                        queueConsumers={"orders": {"maxBatchTimeout": 0}},
                    ),
                    worker("alone", modules, {"TRACELOG_URL": "http://127.0.0.1:1"}),
                    worker("limited", modules, {"TRACELOG_URL": limited, "TRACELOG_LIMITS": "off"}),
                    worker("moody", modules, {"TRACELOG_URL": moody.url, "TRACELOG_LIMITS": "off"}),
                    worker("sampling", modules, {"TRACELOG_URL": main, "TRACELOG_SAMPLE": "0"}),
                    worker(
                        "example",
                        [("index.js", EXAMPLE), ("tracelog-worker.js", client)],
                        {"TRACELOG_URL": main, "TRACELOG_SERVICE": "shop-edge", "BACKEND": backend},
                    ),
                    proxy("proxy", main, origin=site.url.replace("127.0.0.1", "shop.example")),
                    proxy("keyed", keyed, TRACELOG_KEY="page key"),
                    proxy("wrong key", keyed, TRACELOG_KEY="an old one"),
                    proxy("dark", "http://127.0.0.1:1", PREFIX="/logs"),
                    proxy("slow", main, limit=3),
                    proxy("networks", main, limit=3),
                    proxy("below", f"{moody.url}/base/", origin=f"{PAGE_ORIGIN}/, https://b.example"),
                    proxy("no address", "shop.example"),
                    {**proxy("no limiter", main), "ratelimits": {}},
                ]
            )
        )
        yield World(Logs(main), Logs(limited), moody, site, keyed, runtime)


@pytest.fixture
def trace() -> str:
    """
    A trace id that no other test uses.
    """
    return uuid.uuid4().hex
