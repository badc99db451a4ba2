"""
The demo's processes: started, listened to, ended; none is left behind.

Each program runs until its standard input ends, so that all of them end with this process however it ends. A
terminal's Ctrl-C is for this process only, which then ends the others in their order.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tracelog.cli.failure import FOUND, CommandError

READY_S: Final = 20.0
"""How long a program may take to say it is ready: a busy machine of two cores starts five of them in
three."""

STOP_S: Final = 8.0
KEPT_LINES: Final = 20
"""Last lines of a program's output, told when it fails."""

PACKAGES: Final = Path(__file__).resolve().parents[3]
"""Where this package stands: what the programs import is what runs here."""


class Actor:
    """
    One process.

    Args:
        name: As the story calls it.
        module: What `python -m` runs, with *arguments*.
        environ: Its environment.
        folder: Its working folder.
    """

    def __init__(
        self, name: str, module: str, *arguments: str, environ: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=folder,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, timeout: float = READY_S) -> str:
        """
        Return the first group of *pattern* in the next line of output that has it.

        Raises:
            CommandError: When the process ends or says nothing like it in time.
        """
        while True:
            try:
                line = self._lines.get(timeout=timeout)
            except queue.Empty:
                line = None
            if line is None:
                said = " | ".join(self._last) or "nothing"
                raise CommandError(f"the demo's {self.name} did not do its part; it said: {said}", FOUND)
            if found := re.search(pattern, line):
                return found[1]

    def ask(self, line: str, pattern: str) -> str:
        """
        Hand *line* to the program and return what `wait_for` finds in its answer.
        """
        assert self._process.stdin is not None  # noqa: S101 - Popen was told so above
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.wait_for(pattern)

    def wait(self) -> None:
        """
        Return when the process has ended by itself.
        """
        self._process.wait()

    def stop(self, *, by_signal: bool = False) -> None:
        """
        End the process and wait for it; the reluctant are killed.

        Args:
            by_signal: Which ends a server as in real life, and any program at once.
        """
        if by_signal:
            self._process.terminate()
        else:
            self._hang_up()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._hang_up()
        self._reader.join(1.0)
        self._process.stdout.close()  # type: ignore[union-attr]

    def _hang_up(self) -> None:
        with suppress(OSError):  # it is gone already
            self._process.stdin.close()  # type: ignore[union-attr]

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._last.append(line.rstrip())
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def unbroken() -> Iterator[None]:
    """
    Let a signal that ends this process wait until the block is left: half started, a process is nobody's.
    """
    waiting: list[int] = []
    ending = (signal.SIGTERM, signal.SIGINT)
    before = {
        number: signal.signal(number, lambda number, _frame: waiting.append(number)) for number in ending
    }
    try:
        yield
    finally:
        for ended, handler in before.items():
            signal.signal(ended, handler)
    for number in waiting:
        signal.raise_signal(number)


def surroundings(secret: str) -> dict[str, str]:
    """
    Return the environment of the story: this one without the person's own settings of tracelog, and
    *secret*, the key under which all of them name equal secrets alike.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACELOG_")}
    kept.pop("TRACEPARENT", None)
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH", "")]))
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "TRACELOG_REDACT_KEY": secret}
