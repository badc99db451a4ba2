"""
One of several server processes behind a port: what `workers.py` starts, `python -m tracelog.server.worker`.

It reads its job as a line of JSON from standard input, serves on sockets that it inherited, and writes a
line to standard output when it does. When standard input ends the one who started it is gone, and it stops,
too.
"""

import os
import signal
import socket
import sys
import threading
from types import FrameType

import msgspec

from tracelog.config import server_settings
from tracelog.errors import TracelogError
from tracelog.server.app import App
from tracelog.server.run import Server, spare_the_collector
from tracelog.server.workers import READY, Job


def main() -> int:
    """
    Serve until told to stop; return the exit code: 1 when it never listened.
    """
    with open(0, "rb", buffering=0, closefd=False) as told:
        job = msgspec.json.decode(told.readline(), type=Job)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _heard)  # the server stops at either, and raises it again when it has
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of the whole group; it is for the one who started this
    threading.Thread(target=_follow, daemon=True).start()
    try:
        settings = server_settings(job.given)
        server = Server(App(settings), settings, lambda _: _begun())
    except TracelogError as error:
        sys.stderr.write(f"tracelog: {error}\n")
        return 1
    server.run([socket.socket(fileno=number) for number in job.sockets])
    return 0 if server.started else 1


def _begun() -> None:
    spare_the_collector()
    _say(READY)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """
    Let a stop that lost nothing be an ordinary end.
    """


def _follow() -> None:
    while os.read(0, 1):  # not by `sys.stdin`, whose lock this thread would hold when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
