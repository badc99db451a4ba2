"""
The text index of the embedded store: which entries may hold the words of a search.

It is built behind the acknowledgement, when nothing else is to be done, from the same case-folded text that
the predicate looks at; entries it has not reached yet are simply visited. It holds every three letters in a
row (trigram), so that words match anywhere inside words, and no copies of the text. Without FTS5 a search
visits every entry.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from tracelog.core.entry import decode_entry
from tracelog.core.search_text import text_of
from tracelog.core.wire import DECODE_ERRORS
from tracelog.stores.sqlite_worker import transaction

STEP: Final = 200
"""Entries indexed at a time: a write that comes meanwhile waits some milliseconds."""

GRAM: Final = 3

MAX_GRAMS: Final = 24
"""Trigrams asked for; more would narrow no further."""

MAX_CANDIDATES: Final = 20_000
"""Words that so many entries hold narrow nothing: visiting the newest entries finds them sooner."""

STALE: Final = 50_000
"""Index rows whose entries are gone; past it, and past the number of entries left, the index is made anew."""


class TextIndex:
    """
    The index, on connections that are given to it.

    Args:
        wanted: False keeps it off where FTS5 is there.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        self.on = wanted

    def prepare(self, connection: sqlite3.Connection) -> None:
        """
        Make the index unless it is there; switch it off where SQLite was built without FTS5 or trigrams.
        """
        if not self.on:
            return
        try:
            connection.execute(
                "CREATE VIRTUAL TABLE IF NOT EXISTS entries_text"
                " USING fts5(text, content='', detail=none, tokenize='trigram case_sensitive 1')"
            )
            connection.execute("SELECT rowid FROM entries_text LIMIT 0")
        except sqlite3.OperationalError:
            self.on = False

    def step(self, connection: sqlite3.Connection) -> bool:
        """
        Index the next few entries and return whether there are more. On the writing thread.
        """
        if not self.on:
            return False
        rows = connection.execute(
            "SELECT seq, body FROM entries WHERE seq > (SELECT value FROM state WHERE name = 'indexed')"
            " ORDER BY seq LIMIT ?",
            (STEP,),
        ).fetchall()
        if not rows:
            return False
        texts = [(seq, text) for seq, body in rows if (text := _text(body))]
        with transaction(connection):
            connection.executemany("INSERT INTO entries_text (rowid, text) VALUES (?, ?)", texts)
            connection.execute("UPDATE state SET value = ? WHERE name = 'indexed'", (rows[-1][0],))
        return len(rows) == STEP

    def note_dropped(self, connection: sqlite3.Connection, entries: int) -> None:
        """
        Note that so many entries were removed; a mostly stale index begins again. Inside a transaction.
        """
        if not self.on or not entries:
            return
        connection.execute("UPDATE state SET value = value + ? WHERE name = 'dropped'", (entries,))
        [dropped] = connection.execute("SELECT value FROM state WHERE name = 'dropped'").fetchone()
        if dropped > STALE and dropped > connection.execute("SELECT count(*) FROM entries").fetchone()[0]:
            self.restart(connection)

    def restart(self, connection: sqlite3.Connection) -> None:
        """
        Empty the index, to be built again. Inside a transaction.
        """
        if self.on:
            connection.execute("INSERT INTO entries_text (entries_text) VALUES ('delete-all')")
        connection.execute("UPDATE state SET value = 0 WHERE name IN ('indexed', 'dropped')")

    def candidates(
        self, connection: sqlite3.Connection, texts: Iterable[str]
    ) -> tuple[list[int], int] | None:
        """
        Return the entries that may hold all *texts*, and the number up to which that is known.

        None means that the index is of no use: it is off, the texts are too short, or too many hold them.
        """
        grams = list(
            dict.fromkeys(text[at : at + GRAM] for text in texts for at in range(len(text) - GRAM + 1))
        )
        if not self.on or not grams:
            return None
        [indexed] = connection.execute("SELECT value FROM state WHERE name = 'indexed'").fetchone()
        asked = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams[:MAX_GRAMS])
        found = connection.execute(
            "SELECT rowid FROM entries_text WHERE entries_text MATCH ? LIMIT ?", (asked, MAX_CANDIDATES + 1)
        ).fetchall()
        if len(found) > MAX_CANDIDATES:
            return None
        return [
            seq for (seq,) in found if seq <= indexed
        ], indexed  # the index may have grown since it was asked


def _text(body: bytes) -> str | None:
    try:
        return text_of(decode_entry(body))
    except DECODE_ERRORS:
        return None
