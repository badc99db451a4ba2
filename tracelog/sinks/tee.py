"""
One parcel to several sinks: the first decides what became of it, the others get a copy.
"""

from collections.abc import Sequence

from tracelog.sinks.base import Parcel, Receipt, Sink


class TeeSink:
    """
    Hands each parcel to *first*, and once that took it, to each of *others*.

    A failing other never holds up or repeats the first. Where each sink needs its own retries, give
    `configure(sinks=[…])` a list instead.

    Attributes:
        lost: Entries that one of the others did not take, by the name of its class.
        last_error: What the last of them said.
    """

    def __init__(self, first: Sink, *others: Sink) -> None:
        self.first = first
        self.others: Sequence[Sink] = others
        self.lost: dict[str, int] = {}
        self.last_error: str | None = None

    def __call__(self, parcel: Parcel) -> Receipt:
        receipt = self.first(parcel)
        for sink in self.others:
            copy = Parcel(parcel.header, parcel.rows)  # a memo is one sink's own
            try:
                sink(copy)
            except Exception as error:  # the parcel reached its end: raising now would deliver it twice
                self._count(sink, parcel.kept, error)
        return receipt

    def close(self) -> None:
        for sink in (self.first, *self.others):
            try:
                sink.close()
            except Exception as error:  # the others have connections to let go of, too
                self._count(sink, 0, error)

    def _count(self, sink: Sink, entries: int, error: Exception) -> None:
        name = type(sink).__name__
        self.lost[name] = self.lost.get(name, 0) + entries
        self.last_error = f"{name}: {error}"
