"""
The tables of the embedded store, and how a file of them is opened.

One file, write-ahead log: readers never wait for the writer, and what was committed survives the death of the
process (`synchronous=NORMAL`; a power cut may take the last moments).
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from tracelog.errors import ConfigError, StoreUnavailableError
from tracelog.stores import sqlite_queue

VERSION: Final = 1

MEMORY: Final = ":memory:"

LAST_LETTER: Final = "\U0010ffff"
"""Sorts behind every character: a prefix and it are the end of the range that begins with the prefix."""

BUSY_S: Final = 1.0
"""Another process may be writing the same file; it is waited for so long."""

LOG_PAGES: Final = 8_000
"""Pages of the write-ahead log (32 MB) before they go to the file: one page is then written once for many
commits. With SQLite's 1,000 a single-entry write cost nearly three times as much."""

OLDEST_SQLITE: Final = (3, 35, 0)
"""Older ones lack what the statements here say (2021)."""

_TABLES: Final = """
CREATE TABLE traces (
  trace_id TEXT PRIMARY KEY,
  touched REAL NOT NULL,      -- moment of the last write
  failed REAL,                -- moment of the last error's write
  expires_at REAL NOT NULL,
  entries INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  first_ms REAL NOT NULL,
  last_ms REAL NOT NULL,
  systems TEXT NOT NULL,      -- joined by commas, which no system's name has
  opening TEXT NOT NULL,
  failure TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX traces_touched ON traces (touched, trace_id);
CREATE INDEX traces_failed ON traces (failed, trace_id) WHERE failed IS NOT NULL;

CREATE TABLE entries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, for the text index names entries by it
  trace_id TEXT NOT NULL,
  id TEXT NOT NULL,
  arrived REAL NOT NULL,
  timestamp REAL NOT NULL,
  rank INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (trace_id, id)
);
CREATE INDEX entries_arrived ON entries (arrived, timestamp);
CREATE INDEX entries_errors ON entries (arrived, timestamp) WHERE rank >= 3;

CREATE TABLE tallies (
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  received INTEGER NOT NULL,
  duplicate INTEGER NOT NULL,
  max_seq INTEGER NOT NULL,   -- -1 for none
  seen_ms REAL NOT NULL,
  PRIMARY KEY (source, system)
) WITHOUT ROWID;
CREATE TABLE outcomes (
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (source, system, outcome, reason)
) WITHOUT ROWID;
CREATE TABLE reports (source TEXT PRIMARY KEY, report BLOB NOT NULL, seen_ms REAL NOT NULL) WITHOUT ROWID;

CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('version', 1), ('indexed', 0), ('dropped', 0);
"""

_ADDED: Final = """
CREATE TABLE IF NOT EXISTS quotas (
  trace_id TEXT PRIMARY KEY,
  rows INTEGER NOT NULL,
  extra INTEGER NOT NULL,
  size INTEGER NOT NULL,
  is_critical INTEGER NOT NULL,
  since_ms REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended (   -- which running numbers have, as core/ended.py writes it
  source TEXT NOT NULL,
  system TEXT NOT NULL,
  runs TEXT NOT NULL,
  PRIMARY KEY (source, system)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS said (    -- the largest counts of all reports of a source, JSON
  source TEXT PRIMARY KEY,
  counts BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS others (  -- what the sources had counted that made room for others
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  system TEXT NOT NULL,
  n INTEGER NOT NULL,
  seen_ms REAL NOT NULL,
  PRIMARY KEY (outcome, reason, system)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (   -- the last call of each server that counts
  server TEXT PRIMARY KEY,
  number TEXT NOT NULL,
  seen_ms REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS echoes (
  trace_id TEXT PRIMARY KEY,
  voices TEXT NOT NULL,
  forms TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (    -- of a trace whose quota refused something, or that has rows of our own
  trace_id TEXT PRIMARY KEY,
  own INTEGER NOT NULL,              -- such rows beyond the quota, in the window of its quota
  refused INTEGER NOT NULL,
  notes TEXT NOT NULL,
  heard TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pins (
  trace_id TEXT PRIMARY KEY,
  pinned_ms REAL NOT NULL,
  until_ms REAL NOT NULL,
  bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (    -- tombstones: traces that were here, both moments those of writes
  trace_id TEXT PRIMARY KEY,
  first_ms REAL NOT NULL,
  last_ms REAL NOT NULL,
  entries INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  systems TEXT NOT NULL,
  gone_ms REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gone_when ON gone (gone_ms);
CREATE TABLE IF NOT EXISTS board (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS claims (
  name TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  until_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heat (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (
  name TEXT PRIMARY KEY,
  meaning TEXT NOT NULL,
  at INTEGER NOT NULL                -- number of the window in which it was last heard
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_when ON aliases (at);
"""
"""What came after version 1 and is nothing to a program of that version."""

CONTENTS: Final = (
    "traces",
    "entries",
    "quotas",
    "echoes",
    "told",
    "pins",
    "gone",
    "heat",
    "aliases",
    "tallies",
    "outcomes",
    "reports",
    "ended",
    "said",
    "others",
    "calls",
    *sqlite_queue.CONTENTS,
)
"""Tables that `clear` empties."""


def open_file(path: str) -> sqlite3.Connection:
    """
    Return a connection to the store in *path*, its tables made if it is new.

    Raises:
        ConfigError: When this can never be a store: a newer version, another program's file, a directory.
        StoreUnavailableError: When it cannot be opened now.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old; the embedded store needs 3.35 or later"
        )
    if path != MEMORY:
        _make_private(Path(path))
    try:
        connection = connect(path)
        _prepare(connection, path)
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(f"the store {path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is no file of tracelog; give the store another path") from error
    return connection


def connect(path: str) -> sqlite3.Connection:
    """
    Return a bare connection: transactions are begun and ended by whoever uses it.
    """
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, cached_statements=64)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -16000")  # 16 MB: the busy end of the indexes
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    with suppress(sqlite3.OperationalError):  # a network drive may refuse; the store works without it
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("BEGIN IMMEDIATE")
    with closing(connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'")) as found:
        is_new = found.fetchone()[0] == 0
    connection.execute("COMMIT")
    if is_new:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    _check_version(connection, path)
    connection.executescript(_ADDED)
    connection.executescript(sqlite_queue.TABLES)
    _add_column(connection)


def _add_column(connection: sqlite3.Connection) -> None:
    """
    Give traces the moment of their first write, which the first version did not keep.
    """
    found = connection.execute("SELECT 1 FROM pragma_table_info('traces') WHERE name = 'begun'")
    if found.fetchone() is None:
        connection.execute("ALTER TABLE traces ADD COLUMN begun REAL")


def _check_version(connection: sqlite3.Connection, path: str) -> None:
    try:
        [version] = connection.execute("SELECT value FROM state WHERE name = 'version'").fetchone()
    except (sqlite3.OperationalError, TypeError) as error:
        raise ConfigError(f"{path} is a database of another program; give the store another path") from error
    if version != VERSION:
        raise ConfigError(
            f"{path} was written by another version of tracelog (tables {version}, not {VERSION})"
        )


def _make_private(path: Path) -> None:
    """
    Make the file and its folder for their owner alone: logs are nobody else's.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except IsADirectoryError as error:
        raise ConfigError(f"the store {path} is a directory; give it a file") from error
    except OSError as error:
        raise StoreUnavailableError(f"the store {path} cannot be opened: {error.strerror}") from error
