"""
Aliases in the embedded store, for the processes that share its file; `core.aliases` says what they are.
"""

import sqlite3
from typing import Final

from tracelog.core.aliases import NAMES, WINDOW_MS, Claim, answers
from tracelog.stores.sqlite_worker import transaction

_FORGET: Final = "DELETE FROM aliases WHERE at < :before OR at > :here"
_COUNT: Final = "SELECT count(*) FROM aliases WHERE at = ?"
_READ: Final = "SELECT meaning, at FROM aliases WHERE name = ?"
_WRITE: Final = "INSERT OR REPLACE INTO aliases (name, meaning, at) VALUES (?, ?, ?)"


def understand(connection: sqlite3.Connection, claim: Claim, now_ms: float) -> list[str]:
    """
    Return what the names mean that *claim* asks for, as `core.aliases.understand` does.
    """
    here = int(now_ms // WINDOW_MS)
    heard = dict.fromkeys([claim.body, *claim.told, *claim.asked])
    with transaction(connection):
        connection.execute(_FORGET, {"before": here - 1, "here": here})
        rows = {name: row for name in heard if (row := connection.execute(_READ, (name,)).fetchone())}
        meant = dict(claim.told) | {name: meaning for name, (meaning, _) in rows.items()}
        answer = answers(claim, meant.get(claim.body), meant)
        if claim.asked:
            meant[claim.body] = "\n".join(answer)
        late = [name for name in heard if name in meant and (name not in rows or rows[name][1] != here)]
        room = max(0, NAMES - connection.execute(_COUNT, (here,)).fetchone()[0]) if late else 0
        connection.executemany(_WRITE, [(name, meant[name], here) for name in late[:room]])
    return answer
