"""
The guard on duty: its verdicts for whole batches, and the rows that it tells later.

A batch may come twice, because its answer was lost or the store could take only a part. What was decided
about an entry is therefore remembered by its id for a while: it is the same the second time, and is not
counted again.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry, decode_entry
from tracelog.core.guard import Guard, GuardSettings
from tracelog.core.reasons import MEANINGS
from tracelog.core.stage import Batch, Drop
from tracelog.core.verdict import Verdict
from tracelog.stores import DUPLICATE, STORED, Fates

REMEMBERED: Final = 16_384
"""Ids whose verdicts are kept, at most twice as many: more than two of the largest batches."""

TRUSTED: Final = frozenset({"server", "local"})
"""Origins whose word that an entry is critical counts. What a page says of itself does not."""

LETTERS: Final = {"critical": "c", "essential": "e", "privileged": "p", "normal": "n"}
"""The letters that stores know classes by."""

Name = tuple[str, str]
"""Trace id and id of an entry: an id is unique within its trace."""


class Shield:
    """
    What one server process decides before it asks the store.

    Args:
        settings: Of the guard.
        clock: Returns monotonic seconds.
    """

    def __init__(self, settings: GuardSettings, *, clock: Callable[[], float]) -> None:
        self.guard = Guard(settings)
        self._clock = clock
        self._verdicts: Bounded[Name, Verdict] = Bounded(REMEMBERED)
        self._counted: Bounded[Name, int] = Bounded(REMEMBERED)
        self._stored: Bounded[Name, int] = Bounded(REMEMBERED)

    def judge(self, batch: Batch, *, trusted: bool) -> tuple[str, list[Entry]]:
        """
        Take out of *batch* what goes no further.

        Args:
            batch: Of complete entries.
            trusted: Whether its sender may call entries critical.

        Returns:
            A class letter for each entry that is left, and those taken out that the recorder shall hold.
        """
        now = self._clock()
        refused: dict[int, Drop] = {}
        letters: list[str] = []
        held: list[Entry] = []
        for at, entry in enumerate(batch.entries):
            name = (entry.trace_id, entry.id)
            verdict = self._verdicts.get(name)
            if verdict is None:
                verdict = self.guard.decide(entry, now, critical=trusted and _is_critical(entry))
                self._verdicts.put(name, verdict)
                if verdict.held:
                    held.append(entry)
            if verdict.kept:
                letters.append(LETTERS[verdict.word])
                if verdict.sample_rate < 1.0:
                    entry.sample_rate = verdict.sample_rate
            else:
                sentence = MEANINGS["suppressed"][verdict.word]
                refused[at] = Drop(batch.places[at], "suppressed", verdict.word, sentence, entry)
        batch.drop(refused)
        return "".join(letters), held

    def learn(self, entries: Sequence[Entry], fates: Fates) -> Fates:
        """
        Remember which *entries* are stored, and return their fates with what was stored before as duplicates:
        quotas refuse without looking at ids, and who sends again must not be told that all was refused.
        """
        learned = []
        for entry, fate in zip(entries, fates, strict=True):
            name = (entry.trace_id, entry.id)
            if fate == STORED:
                self._stored.put(name, 1)
                learned.append(fate)
            else:
                learned.append(DUPLICATE if self._stored.get(name) else fate)
        return "".join(learned)

    def limited(self, entry: Entry, reason: str, body: bytes) -> None:
        """
        Note that the store or its gate refused *entry*, whose sealed JSON is *body*.
        """
        self.guard.take_back(entry, reason, self._clock())
        self.hold(entry, body)

    def hold(self, entry: Entry, body: bytes) -> None:
        """
        Keep *entry* for an error that may come; *body* is its sealed JSON.
        """
        self.guard.recorder.keep(entry.trace_id, body, entry.timestamp)

    def released(self, trace_id: str) -> list[Entry]:
        """
        Return the entries that an error of the trace brings out, in the order of their times.
        """
        return [decode_entry(body) for body in self.guard.recorder.release(trace_id)]

    def put_back(self, row: Entry) -> None:
        """
        Take back a row of the guard's that nobody could store.
        """
        self.guard.put_back(row, self._clock())

    def first_time(self, entry: Entry) -> bool:
        """
        Whether the end of *entry* is to be counted, which is so once.
        """
        name = (entry.trace_id, entry.id)
        if entry.id and self._counted.get(name):
            return False
        self._counted.put(name, 1)
        return True

    def due(self) -> list[Entry]:
        """
        Return the rows about folded and refused entries that are due now.
        """
        now = self._clock()
        return self.guard.due(now) + self.guard.suppressed_rows(now)

    def view(self) -> dict[str, Any]:
        """
        Return what the guard has done, and which sources it listens to less, for a status page.
        """
        shown = dict(self.guard.status(self._clock()))
        shown["slowed"] = [
            {"system": system, "source": source, "limit": limit}
            for (system, source), limit in shown["slowed"]
        ]
        return shown

    def pressure(self, system: str, used: float) -> None:
        """
        Note which part (0 to 1) of its share *system* has used.
        """
        self.guard.sampler.pressure(system, used)


def _is_critical(entry: Entry) -> bool:
    return entry.context is not None and entry.context.get("critical") is True
