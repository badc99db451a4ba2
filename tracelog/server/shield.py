"""
The guard on duty: its verdicts for whole batches, and the rows that it tells later.

A batch may come twice, because its answer was lost or the store could take only a part. What became of an
entry is therefore remembered by its id for a while: it is the same the second time, and is not counted again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.guard import Guard, GuardSettings
from tracelog.core.outline import weigh
from tracelog.core.prints import NO_PRINT, print_of
from tracelog.core.quota_values import LETTER_OF
from tracelog.core.reasons import MEANINGS
from tracelog.core.stage import Batch, Drop
from tracelog.core.verdict import ECHOED, Verdict
from tracelog.server.access import Sender
from tracelog.server.mutes import MUTED
from tracelog.stores import DUPLICATE, ECHO, STORED, Fates, Row

REMEMBERED: Final = 16_384
"""Entries whose course is kept, at most twice as many: more than two of the largest batches."""

TRUSTED: Final = frozenset({"server", "local"})
"""Origins whose word that an entry is critical counts. What a page says of itself does not."""

Name = tuple[str, str]
"""Trace id and id of an entry: an id is unique within its trace."""


class Course(msgspec.Struct, gc=False):
    """
    What became of an entry so far.

    Attributes:
        verdict: Of the guard; None for an entry that never reached it.
        print: By what the store compares it to others.
        stored: Whether the store has it.
        counted: Whether its end is in the ledger; *refused* whether its trace was told that it is missing.
    """

    verdict: Verdict | None = None
    print: str = NO_PRINT
    stored: bool = False
    counted: bool = False
    refused: bool = False


class Shield:
    """
    What one server process decides before it asks the store.

    Args:
        settings: Of the guard.
        clock: Returns monotonic seconds.
    """

    def __init__(self, settings: GuardSettings, *, clock: Callable[[], float]) -> None:
        self.guard = Guard(settings)
        self._steps = settings.normal
        self._clock = clock
        self._courses: Bounded[Name, Course] = Bounded(REMEMBERED)

    def judge(self, batch: Batch, rows: Sequence[Row], sender: Sender) -> tuple[str, list[str], list[Row]]:
        """
        Take out of *batch* what goes no further, and hold what an error may bring out later.

        Args:
            batch: Of complete entries.
            rows: Its entries with their sealed JSON: no secret may reach what is remembered here.
            sender: Of the batch; only a trusted one may call entries critical.

        Returns:
            A class letter for each row that is left, the print of each, and these rows.
        """
        now = self._clock()
        trusted = sender.origin in TRUSTED and sender.web_origin is None
        refused: dict[int, Drop] = {}
        letters: list[str] = []
        prints: list[str] = []
        kept: list[Row] = []
        for at, (entry, body) in enumerate(rows):
            course = self._course(entry)
            verdict = course.verdict
            if verdict is None:
                critical = trusted and entry.is_critical
                verdict = self.guard.decide(entry, now, critical=critical, peer=sender.peer)
                course.verdict = verdict
                if verdict.held:
                    self.hold(entry, body)
                elif verdict.kept and entry.kind is None:
                    course.print = print_of(entry.system, entry.level, self.guard.form)
            if not verdict.kept:
                sentence = MEANINGS["suppressed"][verdict.word]
                refused[at] = Drop(batch.places[at], "suppressed", verdict.word, sentence, entry)
                continue
            letters.append(LETTER_OF[verdict.word])
            prints.append(course.print)
            kept.append((entry, body) if verdict.sample_rate == 1.0 else _sampled(entry, verdict.sample_rate))
        batch.drop(refused)
        return "".join(letters), prints, kept

    def learn(self, entries: Sequence[Entry], fates: Fates) -> Fates:
        """
        Remember which *entries* are stored, and return their fates with what was stored before as duplicates:
        quotas refuse without looking at ids, and who sends again must not be told that all was refused.

        What the store told as an echo is one for good: by the time it comes again its window is over.
        """
        learned = []
        for entry, fate in zip(entries, fates, strict=True):
            course = self._course(entry)
            if fate == STORED:
                course.stored = True
            elif fate == ECHO and not course.stored:
                course.verdict = ECHOED
            learned.append(DUPLICATE if course.stored and fate != STORED else fate)
        return "".join(learned)

    def take_back(self, refused: Mapping[int, Drop], rows: Sequence[Row]) -> None:
        """
        Note what the store or its gate did not keep, once however often it comes again.

        Args:
            refused: Drops by the place of their row; what was rejected is nothing to the guard.
            rows: With their sealed JSON.
        """
        now = self._clock()
        for at, drop in refused.items():
            entry = drop.entry
            if drop.outcome == "rejected" or entry is None or self._course(entry).refused:
                continue
            self._course(entry).refused = True
            self.guard.take_back(entry, drop.reason, now)
            self.hold(entry, rows[at][1])

    def mute(self, entries: Sequence[Entry]) -> None:
        """
        Note *entries* that an operator does not want: offered, nothing against them, and refused after all.
        """
        for entry in entries:
            course = self._course(entry)
            if not course.refused:
                course.refused = True
                weight = weigh(entry)
                self.guard.offered += weight
                self.guard.passed += weight
                self.guard.take_back(entry, MUTED, self._clock())

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
        Take back a row of the guard's that was refused.
        """
        self.guard.put_back(row, self._clock())

    def so_far(self) -> list[Entry]:
        """
        Return the rows that are nearly due, for who reads now.
        """
        return self.guard.so_far(self._clock())

    def untold(self, trace_id: str) -> list[bytes]:
        """
        Return what is known here of a trace's entries that were not kept, and that no row has told of yet.
        """
        return [encode_entry(row) for row in self.guard.untold(trace_id)]

    def first_time(self, entry: Entry) -> bool:
        """
        Whether the end of *entry* is to be counted, which is so once.
        """
        if not entry.id:
            return True
        course = self._course(entry)
        is_first = not course.counted
        course.counted = True
        return is_first

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
            {"system": system, "source": source, "limit": limit, "step": self._steps.index(limit)}
            for (system, source), limit in shown["slowed"]
        ]
        shown["steps"] = list(self._steps)
        return shown

    def pressure(self, system: str, used: float) -> None:
        """
        Note which part (0 to 1) of its share *system* has used.
        """
        self.guard.sampler.pressure(system, used)

    def _course(self, entry: Entry) -> Course:
        fresh = Course()
        return self._courses.meet((entry.trace_id, entry.id), fresh) or fresh


def _sampled(entry: Entry, rate: float) -> Row:
    entry.sample_rate = rate
    return entry, encode_entry(entry)
