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

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Archive(Protocol):
    """
    A place where processed rows are kept for long; the obligations stand at the top of this file.

    Attributes:
        name: A short word for status and metrics; no two archives of a processor share one.
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


class NullArchive:
    """
    Keeps nothing: where entries need to live for their hour only.
    """

    name = "none"

    async def store(self, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Take *rows* and forget them.
        """
