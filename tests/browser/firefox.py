"""
Firefox driven by its own protocol, Marionette: as much of it as the tests need.

The protocol is Firefox's own (`remote/marionette`): packets `length:json` over a local socket, a command being
`[0, id, name, parameters]` and its answer `[1, id, error, result]`.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("firefox-esr", "firefox")
PREFERENCES = {
    "marionette.port": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.ipc.processPrelaunch.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
START_S = 30


class Firefox:
    """
    One Firefox with one window.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), START_S)
        self._file = self._socket.makefile("rb")
        self._asked = 0
        self._read()
        self._ask("WebDriver:NewSession", pageLoadStrategy="eager")

    def goto(self, url: str) -> None:
        """
        Load a page, up to the end of its scripts.
        """
        self._ask("WebDriver:Navigate", url=url)

    def run(self, script: str) -> Any:
        """
        Return what *script* returns, run as the body of an async function of the page.
        """
        body = f"const done = arguments[0]; (async () => {{ {script} }})().then(done, (e) => done(String(e)))"
        asked = {"script": body, "args": [], "sandbox": None, "newSandbox": False}
        return self._ask("WebDriver:ExecuteAsyncScript", **asked)["value"]

    def printed(self) -> list[dict[str, Any]]:
        """
        Return what consoles printed, as the developer tools list it: `level`, `filename`, `lineNumber`.
        """
        script = """
            const { classes, interfaces } = Components;
            const storage = classes["@mozilla.org/consoleAPI-storage;1"].getService(interfaces.nsIConsoleAPIStorage);
            return storage.getEvents().map(({ level, filename, lineNumber }) => ({ level, filename, lineNumber }));
        """
        return self._ask("WebDriver:ExecuteScript", script=script, args=[], sandbox="system")["value"]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _ask(self, name: str, **parameters: Any) -> Any:
        self._asked += 1
        packet = json.dumps([0, self._asked, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(packet), packet))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        digits = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox has gone"
            digits += byte
        return json.loads(self._file.read(int(digits)))


@contextmanager
def open_firefox() -> Iterator[Firefox]:
    """
    Start the Firefox of the system with an empty profile.
    """
    program = next(filter(None, map(shutil.which, NAMES)))
    profile = Path(tempfile.mkdtemp())
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
    profile.joinpath("user.js").write_text("".join(lines))
    command = [
        program,
        "--headless",
        "--marionette",
        "--remote-allow-system-access",
        "--no-remote",
        "--profile",
        str(profile),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        firefox = Firefox(_port(profile / "MarionetteActivePort"))
        yield firefox
        firefox.close()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _port(file: Path) -> int:
    deadline = time.monotonic() + START_S
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, "Firefox does not listen"
        time.sleep(0.02)  # it needs the processor, too
    return int(file.read_text())
