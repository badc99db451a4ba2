"""
What the processor asks of an archive: take rows, once, or say that it cannot now.

Obligations of an archive:

* `store` returns only when the archive has every row of the batch as durably as it can, or has set aside and
  counted the rows that it will never take.
* A batch that comes again has the same *batch_id* and the same rows, and changes nothing: a processor that
  died before it could acknowledge leaves its batch to another. What lies behind an archive tells repeats by
  the batch id and the row's place in the batch, or by the row's own `id`, which no other row has.
* What cannot be taken now raises `StoreUnavailableError`; the batch stays in the queue and comes again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol


class Archive(Protocol):
    """
    A place where processed rows are kept for long; the obligations stand at the top of this file.

    Attributes:
        name: A short word for status and metrics; no two archives of a processor share one.

    It may have `counted`, a mapping in which it counts `rows` kept, `failed` tries and rows that were
    `refused` and set aside; else each call counts, once.
    """

    name: str

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Keep *rows*.

        Args:
            batch_id: The same for the same rows, whoever sends them and how often; sorted by age as text.
            rows: Entries in the names of the contract, each JSON; not to be changed.

        Raises:
            StoreUnavailableError: When the archive cannot take them now.
        """
        ...


class Account:
    """
    What *archive* does from now on.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._before = dict(_counted(archive) or {})

    def of(self, rows: int, *, kept: bool) -> dict[str, int]:
        """
        Return what a call with so many *rows* has changed, by the names of the status; no zeros.
        """
        now = _counted(self._archive)
        if now is None:
            changes = {"sent": rows if kept else 0, "failed": 0 if kept else 1}
        else:
            changes = {name: now.get(own, 0) - self._before.get(own, 0) for name, own in _OWN.items()}
        return {archived(self._archive.name, name): n for name, n in changes.items() if n}


_OWN: Final = {"sent": "rows", "failed": "failed", "dead": "refused"}
"""What the status says of an archive, and how archives call it."""

ARCHIVED: Final = "archive/"
"""How counts of archives begin among those of the queue."""


def archived(name: str, what: str) -> str:
    """
    Return the name under which all processors of a store count *what* of the archive *name*.
    """
    return f"{ARCHIVED}{name}/{what}"


def archived_of(names: Iterable[str], counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """
    Return `{name: {"sent", "failed", "dead"}}` of the archives *names* and of all that have been counted.
    """
    found = {name: dict.fromkeys(_OWN, 0) for name in names}
    for path, n in counts.items():
        if path.startswith(ARCHIVED):
            name, _, what = path.removeprefix(ARCHIVED).rpartition("/")
            found.setdefault(name, dict.fromkeys(_OWN, 0))[what] = n
    return found


def _counted(archive: Archive) -> Mapping[str, int] | None:
    counted: Mapping[str, int] | None = getattr(archive, "counted", None)
    return counted


class NullArchive:
    """
    Keeps nothing: where entries need to live for their hour only.
    """

    name = "none"

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Take *rows* and forget them.
        """
