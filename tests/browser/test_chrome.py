"""
`tracelog chrome`: a browser whose pages hold no code of ours is watched from its debugging port.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import FLAGS, NAMES
from tests.browser.test_delivery import sent, until
from tests.cli.started import Started, free_port
from tracelog.cli.chrome.websocket import WebSocket

EVERYTHING = """
console.log("l %s %d", "x", 4, {a: 1, b: {c: 2}, s: "str"}, [1, "two"], new Map([[1, {a: 2}]]), null, undefined, -0, 12n, /x/g);
console.debug("d"); console.info("i"); console.warn("w"); console.error("e", new TypeError("bad", {cause: new RangeError("root")}));
console.assert(false, "as %d", 3); console.trace("tr"); console.table([{c: 3}]); console.count(); console.time("t"); console.timeEnd("t");
console.log("password=hunter2hunter2 " + "x".repeat(300000), "half \\ud800");
setTimeout(() => { throw new TypeError("late", {cause: new RangeError("root")}); });
setTimeout(() => { Promise.reject(new Error("nobody")); }, 30);
setTimeout(async () => {
  await fetch("/status/200"); await fetch("/status/404"); await fetch("/status/503", {method: "POST"});
  await fetch("http://localhost:1/").catch(() => {});
  await fetch("/slow"); console.log("end");
}, 60);
"""

SAID = [
    ("log", "l x 4 {a: 1, b: {…}, s: 'str'} [1, 'two'] Map(1) {1 => {a: 2}} null undefined -0 12n /x/g"),
    ("debug", "d"),
    ("info", "i"),
    ("warn", "w"),
    ("error", "e TypeError: bad"),
    ("error", "Assertion failed: as 3"),
    ("log", "tr"),
    ("log", "[{c: 3}]"),
    ("info", "default: 1"),
    ("info", "t"),
    ("log", "password=[REDACTED:password:"),
    ("error", "Uncaught TypeError: late"),
    ("error", "Uncaught (in promise) Error: nobody"),
    ("log", "end"),
]

ASKED = [
    ("error", "GET http://localhost:1/ failed: net::ERR_UNSAFE_PORT"),
    ("info", "GET …/slow 200"),
    ("warn", "GET …/status/404 404"),
    ("error", "POST …/status/503 503"),
]


SLOW_MS = 1_500
"""What even a busy machine answers sooner; the site's `/slow` takes longer."""


class Chrome:
    """
    A Chromium with a debugging port, which can be started again.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        program = next(filter(None, map(shutil.which, NAMES)))
        options = [f"--remote-debugging-port={self.port}", f"--user-data-dir={self._folder}"]
        self.process = subprocess.Popen(
            [program, *FLAGS, "--site-per-process", "--disable-popup-blocking", *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(self._answers, bool)

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def blank(self) -> None:
        """
        Open an empty tab.
        """
        self._ask("new?about:blank", "PUT")

    def go(self, url: str, where: str = "about:blank") -> None:
        """
        Go to *url* in a tab that was there before: the newest whose address begins with *where*.
        """
        tab = next(tab for tab in self._ask("list") if tab["url"].startswith(where))
        with WebSocket(tab["webSocketDebuggerUrl"]) as socket:
            socket.send(json.dumps({"id": 1, "method": "Page.navigate", "params": {"url": url}}).encode())
            with contextlib.suppress(ConnectionError):  # a page that crashes answers nobody
                while json.loads(socket.receive()).get("id") != 1:
                    pass

    def _ask(self, path: str, method: str = "GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return any(tab["url"] == "about:blank" for tab in self._ask("list"))
        return False


class Watcher(Started):
    """
    `tracelog chrome` as a process; what it says is noted.
    """

    def __init__(self, port: int, *more: str) -> None:
        super().__init__("chrome", "--port", str(port), *more)
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.said += line.decode()

    def watches(self, times: int = 1) -> None:
        until(lambda: self.said.count("watching every tab"), lambda count: count >= times)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self._reader.join()
        return code


@pytest.fixture(scope="module")
def chrome(tmp_path_factory) -> Iterator[Chrome]:
    """
    One browser for these tests.
    """
    chrome = Chrome(tmp_path_factory.mktemp("profile"))
    chrome.start()
    yield chrome
    chrome.stop()


@pytest.fixture
def watch(chrome, logs) -> Iterator[Watcher]:
    """
    The browser watched.
    """
    chrome.blank()
    watcher = Watcher(chrome.port, "--url", logs.url, "--slow", str(SLOW_MS))
    watcher.watches()
    yield watcher
    watcher.clear()


def shown(entry):
    text = re.sub(r"http://127\.0\.0\.1:\d+", "…", entry["message"])
    return entry["level"], text


def shown_text(entry):
    return shown(entry)[1]


def test_what_a_page_says_and_does_arrives_once_and_in_order(chrome, watch, site, logs, trace):
    """
    Console, errors with causes and stacks, requests that fail or are slow: under the trace of the answer that
    the page was made of, redacted, from the first line on.
    """
    page = site.page(
        f"<!doctype html><link rel=icon href=data:,><script>{EVERYTHING}</script>", x_trace_id=trace
    )
    chrome.go(page)
    entries = until(lambda: sent(logs, trace), lambda found: len(found) >= len(SAID) + len(ASKED))
    asked = sorted((entry for entry in entries if entry["logger"] == "network"), key=shown_text)
    said = [entry for entry in entries if entry["logger"] != "network"]
    for found, expected in ((said, SAID), (asked, ASKED)):
        for entry, (level, text) in zip(found, expected, strict=True):
            assert shown(entry)[0] == level, entry
            assert shown(entry)[1].startswith(text), entry
    by_text = {entry["message"]: entry for entry in entries}
    late = by_text["Uncaught TypeError: late"]
    assert late["error"] == {
        "type": "TypeError",
        "message": "late",
        "cause": {"type": "RangeError", "message": "root"},
    }
    assert late["stack"].startswith(f"TypeError: late\n    at {page}:")
    assert "\nCaused by: RangeError: root\n    at " in late["stack"]
    assert by_text["e TypeError: bad"]["error"]["type"] == "TypeError"
    assert page in by_text["tr"]["stack"]
    assert by_text["d"]["context"]["at"].startswith(page)
    assert asked[1]["duration_ms"] >= SLOW_MS
    assert {entry["system"] for entry in entries} == {"browser"}
    numbers = [entry["seq"] for entry in entries]
    assert numbers == sorted(set(numbers)), "what other tabs said meanwhile stands between them"
    assert "hunter2" not in str(entries)


WORK = 'console.warn("from " + NAME); fetch("/status/500").then(() => { throw new Error("broke " + NAME); });'


def test_frames_and_workers_are_watched_under_the_trace_of_their_page(
    chrome, watch, site, other, logs, trace
):
    """
    A worker that a page makes and a frame of another origin share its trace; a service worker and a tab that a
    page opens are watched, too, each with a trace of its own.
    """
    script = site.page(WORK.replace("NAME", "'worker'"), kind="text/javascript")
    service = site.page(WORK.replace("NAME", "'service worker'"), kind="text/javascript")
    inner = other.page("<script>console.log('from frame')</script>").replace("127.0.0.1", "localhost")
    opened = site.page(
        "<link rel=icon href=data:,><script>console.log('from opened')</script>", x_trace_id=f"{trace}-opened"
    )
    chrome.go(
        site.page(
            f"""<link rel=icon href=data:,><script>new Worker("{script}"); navigator.serviceWorker.register("{service}");
            document.write('<iframe src="{inner}"></iframe>'); open("{opened}");</script>""",
            x_trace_id=trace,
        )
    )
    expected = {
        ("warn", "from worker"),
        ("error", "GET …/status/500 500"),
        ("error", "Uncaught (in promise) Error: broke worker"),
        ("log", "from frame"),
    }
    entries = until(lambda: sent(logs, trace), lambda found: {shown(entry) for entry in found} >= expected)
    assert len(entries) == len(expected)
    assert {entry["context"]["kind"] for entry in entries} == {"worker", "iframe"}
    until(
        lambda: sent(logs, f"{trace}-opened"), lambda found: [e["message"] for e in found] == ["from opened"]
    )
    found = until(lambda: logs.read("search?q=%22broke+service+worker%22")["entries"], bool)
    assert [entry["context"]["kind"] for entry in found] == ["service_worker"]


def test_calls_belong_to_the_trace_that_their_headers_name(chrome, watch, site, logs, trace):
    """
    A request that carries a trace takes its page into it, and its entry is the hop that the server below it
    names as its parent.
    """
    span = "b7ad6b7169203331"
    script = f"""
        fetch("/status/500", {{headers: {{traceparent: "00-{trace}-{span}-01"}}}}).then(() => console.log("after"));
    """
    chrome.go(site.page(f"<link rel=icon href=data:,><script>{script}</script>"))
    entries = until(lambda: sent(logs, trace), lambda found: len(found) == 2)
    after, call = sorted(entries, key=lambda entry: entry["logger"])
    assert (after["message"], call["context"]["status"]) == ("after", 500)
    assert (call["span_id"], call["parent_id"]) == (span, after["span_id"])


def test_what_is_sent_to_the_server_itself_is_no_news(chrome, watch, site, logs, trace):
    """
    A page that logs by itself is watched, and its batches, refused or slow, are not told: nothing goes round.
    """
    script = f"""
        Promise.all([fetch("{logs.url}/log", {{method: "POST", body: "["}}), fetch("{logs.url}/none")].map((call) => call.catch(() => {{}})))
          .then(() => console.log("told"));
    """
    chrome.go(site.page(f"<link rel=icon href=data:,><script>{script}</script>", x_trace_id=trace))
    entries = until(lambda: sent(logs, trace), lambda found: found and found[-1]["message"] == "told")
    told = [entry["message"] for entry in entries if entry["logger"] == "network"]
    assert [message for message in told if logs.url in message] == []


def test_a_crash_is_told(chrome, watch, site, logs, trace):
    """
    A page whose process dies is a fatal entry of its trace.
    """
    chrome.go(
        site.page(
            "<link rel=icon href=data:,><script>console.log('alive')</script>",
            x_trace_id=trace,
        )
    )
    until(lambda: sent(logs, trace), bool)
    chrome.go("chrome://crash", site.url)
    found = until(lambda: sent(logs, trace), lambda found: len(found) == 2)
    assert (found[1]["level"], found[1]["logger"], found[1]["context"]["kind"]) == ("fatal", "crash", "page")
    assert "is gone: crashed" in found[1]["message"]


def test_it_goes_on_when_the_browser_is_started_again(chrome, site, logs, trace):
    """
    A browser that went is waited for; what a page said before is not told twice; Ctrl-C ends it with
    everything delivered and the sum of it.
    """
    chrome.blank()
    watcher = Watcher(chrome.port, "--url", logs.url, "--slow", "60000")
    try:
        watcher.watches()
        chrome.go(
            site.page("<link rel=icon href=data:,><script>console.log('first')</script>", x_trace_id=trace)
        )
        until(lambda: sent(logs, trace), lambda found: len(found) == 1)
        chrome.stop()
        until(lambda: watcher.said, lambda said: "waiting for it to come back" in said)
        chrome.start()
        watcher.watches(2)
        chrome.go(
            site.page("<link rel=icon href=data:,><script>console.log('second')</script>", x_trace_id=trace)
        )
        until(lambda: sent(logs, trace), lambda found: len(found) == 2)
        assert watcher.stop() == 0
    finally:
        watcher.clear()
    assert logs.messages(trace) == ["first", "second"]
    assert re.search(r"pages and workers; (\d+) logged = \1 stored at", watcher.said)
    assert "Traceback" not in watcher.said


def test_without_a_browser_it_says_how_to_start_one():
    """
    Nobody at the port: one sentence, exit code 3.
    """
    port = free_port()
    done = Started("chrome", "--port", str(port))
    code, _, err = done.end()
    assert code == 3
    assert f"no browser at port {port}" in err
    assert f"--remote-debugging-port={port}" in err
    done.clear()
