"""
The demo's culprit: a month-end job that began a transaction on billing's file and forgot to end it.
"""

import contextlib
import sqlite3
import sys

from tracelog.cli.demo.calls import say


def main() -> None:
    with contextlib.closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # SQLite: from here on nobody else can write
        say("ready")
        sys.stdin.read()


if __name__ == "__main__":
    main()
