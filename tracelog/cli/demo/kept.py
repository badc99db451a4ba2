"""
A command of tracelog that ends as by SIGTERM when its standard input does: `python -m … serve --port 0`.

The demo's server runs so: it ends with the demo, however that ends.
"""

import os
import signal
import threading
from typing import Final

from tracelog.cli import main as command_line

STDIN: Final = 0


def _end_with_input() -> None:
    while os.read(STDIN, 1024):  # not `sys.stdin`, whose lock would be held when this process ends otherwise
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    command_line()


if __name__ == "__main__":
    main()
