"""
The guard: what one process decides about an entry before any shared quota is asked.

In this order: exact runs and noise, hot templates, the class of the entry, and for ordinary ones sampling and
the adaptive limiter. What folds comes back as a row with a count (`due`), what is refused is counted in its
trace (`suppressed_rows`), so at every moment

    offered = passed + told in summary rows + waiting to be told + suppressed

It is owned by one thread at a time. With limits switched off there is no guard at all.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

import msgspec

from tracelog.core.bounded import Bounded
from tracelog.core.entry import Entry
from tracelog.core.fold import COLD, HOT, LOOP, LOOP_TEMPLATE, Runs, Templates
from tracelog.core.guard_settings import ROWS, SYSTEMS, GuardSettings
from tracelog.core.hearing import Hearing
from tracelog.core.limit import Adaptive
from tracelog.core.loops import Loops
from tracelog.core.marks import Marks
from tracelog.core.noise import HEAD, REQUEST, Noise
from tracelog.core.outline import own_id, weigh
from tracelog.core.recorder import Recorder
from tracelog.core.sample import Sampler, keep
from tracelog.core.suppressed import OTHER, SHARED, Suppressed
from tracelog.core.template import template
from tracelog.core.verdict import (
    CRITICAL,
    ESSENTIAL,
    FOLDED,
    FOLDED_TEMPLATE,
    NOISE,
    NORMAL,
    PRIVILEGED,
    RATE,
    UNSAMPLED,
    Verdict,
)

__all__ = ["Guard", "GuardSettings", "Verdict", "own_id"]

_ERRORS: Final = frozenset({"error", "fatal"})


class Guard:
    """
    Decides, folds and counts.

    Args:
        settings: Its numbers.
        new_id: Makes the id of a row from the first entry that it stands for. An entry is first in one
            row only, so ids made of entries' ids are unique.

    Attributes:
        recorder: For entries whose verdict says `held`; an error that is stored releases those of its trace.
        sampler: To be told how much of its quota a system has used.
        offered: Entries that came, rows with all they stand for; *passed* those that were kept.
        told: Entries that stand in rows that `due` and `close` have handed out.
        suppressed: How many were refused, by reason.
        templates: To be told what other servers have met.
        form: Template of the ordinary entry that was decided on last and did not fold as a run.
    """

    def __init__(
        self, settings: GuardSettings | None = None, *, new_id: Callable[[Entry], str] = own_id
    ) -> None:
        s = settings or GuardSettings()
        self._noise = Noise(s.own_noise, use_built_in=s.noise)
        self._run_loops = Loops(LOOP, s.run_quiet_s, s, tell=self._tell, new_id=new_id)
        self._runs = Runs(s.run_burst, s.run_window_s, s.runs, self._run_loops)
        self._hot_loops = Loops(LOOP_TEMPLATE, s.hot_quiet_s, s, tell=self._tell, new_id=new_id)
        self.templates = Templates(s.hot_above, s.hot_window_s, s.templates, self._hot_loops)
        self._hearing = Hearing(s)
        self._hot_first = Adaptive(s.normal, s.templates)
        self._spare = s.sample_spare if s.sample_mode == "pressure" else 0
        self._accounts = Suppressed(
            s.suppressed_rows, s.suppressed_traces, s.suppressed_first_s, s.longest_s, new_id
        )
        self._traces: Bounded[str, int] = Bounded(s.traces)
        self._marks = Marks(SYSTEMS)
        self.sampler = Sampler(s.sample_mode, s.sample_rate, s.sample_above)
        self._in_sample = msgspec.structs.replace(NORMAL, sample_rate=s.sample_rate)
        self._rows: list[Entry] = []
        self._now = 0.0
        self.recorder = Recorder(
            rows=s.recorder_rows,
            traces=s.recorder_traces,
            size=s.recorder_bytes,
            row=s.recorder_row_bytes,
            released=s.recorder_released,
        )
        self.offered = self.passed = self.told = 0
        self.form = ""
        self.suppressed: dict[str, int] = {}

    def decide(
        self, entry: Entry, now_s: float, *, critical: bool = False, peer: str | None = None
    ) -> Verdict:
        """
        Return what is to become of *entry*, and count it.

        Args:
            entry: A complete entry. A folded one may be held until its row is told, so do not change it.
            now_s: Seconds, monotonic.
            critical: Whether a trusted key flagged its trace. It is never limited, but it folds.
            peer: Address that an untrusted sender speaks from. A flood of made-up sources is one source.
        """
        self._now = now_s
        if entry.kind is not None:
            return self._decide_row(entry, peer, critical=critical)
        self.offered += 1
        trace, system, level, message = entry.trace_id, entry.system, entry.level, entry.message
        noise = self._noise
        may_be = message[:HEAD] in noise.heads or REQUEST in message or noise.asks_all  # saves a call
        if may_be and noise.which(message, level) is not None:
            return self._refuse(NOISE, entry)
        # Hashes of 64 bits keep no text alive, however long; among 8,192 two are equal once in 10^11 times.
        key = hash((trace, system, level, message))
        run = self._runs.earlier(key, now_s)
        if run is not None and self._runs.folds(key, run, entry, now_s):
            return FOLDED
        self.form = template(message)
        form = hash((system, level, self.form))
        mark = self._marks[system]
        is_error = level in _ERRORS
        if is_error:
            mark |= mark << 1
        seen = self._traces.young.get(trace) or self._traces.get(trace) or 0
        is_first = mark & ~seen != 0
        heat = self.templates.earlier(form, now_s)
        warmth = COLD if heat is None else self.templates.heat(form, heat, now_s, entry)
        if warmth == HOT or (warmth and not is_first):
            if not (is_first and self._hot_first.allows(form, now_s)):
                self.templates.fold(form, entry, now_s)
                return FOLDED_TEMPLATE
            verdict = CRITICAL if critical else NORMAL
        else:
            verdict = CRITICAL if critical else self._classify(entry, is_first, is_error, peer)
            if not verdict.kept:
                return self._refuse(verdict, entry)
        if is_first:
            self._traces.put(trace, seen | mark)
        self.passed += 1
        return verdict

    def take_back(self, entry: Entry, why: str, now_s: float) -> None:
        """
        Count *entry*, which was kept, as refused after all for the reason *why*: there was no room for it.
        """
        self._now = now_s
        self.passed -= weigh(entry)
        self._refuse(Verdict(kept=False, word=why, held=True), entry)

    def put_back(self, row: Entry, now_s: float) -> None:
        """
        Take back *row*, handed out here, that nobody could store: what it counts is told later.
        """
        name = row.trace_id if row.trace_id in self._traces else SHARED + row.system
        self._accounts.add(name, row.why or OTHER, row, now_s)

    def due(self, now_s: float) -> list[Entry]:
        """
        Return the summary rows that are due: of open loops, of those that ended, and of those that had to.

        They are `privileged` and pass no guard again.
        """
        self._run_loops.sweep(now_s)
        self._hot_loops.sweep(now_s)
        return self._hand_over()

    def so_far(self, now_s: float = inf) -> list[Entry]:
        """
        Return rows about what no row has told of yet and is nearly due at *now_s*: everything, unless given.
        """
        self._run_loops.tell(now_s)
        self._hot_loops.tell(now_s)
        return self._hand_over() + self._accounts.tell(now_s)

    def suppressed_rows(self, now_s: float) -> list[Entry]:
        """
        Return the rows that are due about what was not kept. They pass no guard again.
        """
        return self._accounts.due(now_s)

    def untold(self, trace_id: str) -> list[Entry]:
        """
        Return what of a trace was not kept and stands in no row yet, as rows that stay to be told.
        """
        loops = self._run_loops.of(trace_id) + self._hot_loops.of(trace_id)
        return loops + self._accounts.untold(trace_id)

    def close(self) -> list[Entry]:
        """
        Return all rows that something waits to be told in, before the process ends.
        """
        rows: list[Entry] = []
        while self._run_loops or self._hot_loops or self._rows:
            self._run_loops.end()
            self._hot_loops.end()
            rows += self._hand_over()
        return rows + self._accounts.end()

    @property
    def waiting(self) -> int:
        """
        How many folded entries stand in no row that was handed out.
        """
        rows = sum(row.count or 0 for row in self._rows)
        return rows + self._run_loops.waiting + self._hot_loops.waiting

    def status(self, now_s: float) -> Mapping[str, Any]:
        """
        Return totals, how much is remembered, and which sources are heard less, for a status page.
        """
        return {
            "offered": self.offered,
            "passed": self.passed,
            "told": self.told,
            "waiting": self.waiting,
            "suppressed": dict(sorted(self.suppressed.items())),
            "untold": self._accounts.waiting,
            "loops": len(self._run_loops) + len(self._hot_loops),
            "runs": len(self._runs),
            "templates": len(self.templates),
            "accounts": len(self._accounts),
            "largest_account": self._accounts.largest,
            "slowed": self._hearing.normal.slowed(now_s),
            "recorder": {"traces": len(self.recorder), "bytes": self.recorder.bytes},
        }

    def _classify(self, entry: Entry, is_first: bool, is_error: bool, peer: str | None) -> Verdict:
        """
        Return the verdict about an entry that nothing folds; *is_first* when its hop has nothing stored yet.
        """
        now_s, hearing = self._now, self._hearing
        source = entry.system, entry.source or entry.service
        if peer is not None:
            source = hearing.speaker(source, peer, now_s)
        if is_error:
            return ESSENTIAL if hearing.error(source, peer, now_s) else NORMAL
        if is_first and hearing.first.allows(source, now_s):
            return PRIVILEGED
        verdict = NORMAL
        if self.sampler.is_active:
            rate = self.sampler.rate(entry.system, entry.level)
            if rate < 1.0 and hearing.normal.offered(source, now_s) >= self._spare:
                if not keep(entry.trace_id, rate):
                    return UNSAMPLED
                verdict = self._in_sample
        return verdict if hearing.normal.allows(source, now_s) else RATE

    def _decide_row(self, entry: Entry, peer: str | None, *, critical: bool) -> Verdict:
        """
        Decide about a row that stands for entries decided elsewhere: it neither folds nor is sampled.
        """
        weight, hearing, now_s = weigh(entry), self._hearing, self._now
        self.offered += weight
        source = hearing.speaker((entry.system, entry.source or entry.service), peer, now_s)
        verdict = CRITICAL if critical else PRIVILEGED
        if not critical and not hearing.first.allows(source, now_s):
            is_kept = entry.level in _ERRORS or hearing.normal.allows(source, now_s)
            verdict = NORMAL if is_kept else RATE
        if not verdict.kept:
            return self._refuse(verdict, entry)
        seen = self._traces.get(entry.trace_id) or 0
        self._traces.put(entry.trace_id, seen | self._marks[entry.system])
        self.passed += weight
        return verdict

    def _refuse(self, verdict: Verdict, entry: Entry) -> Verdict:
        """
        Count *entry* as not kept, for the reason that *verdict* gives and which is returned: in its trace if
        that has something stored, else among all of its system.
        """
        trace = entry.trace_id
        name = trace if trace in self._traces.young or trace in self._traces.old else SHARED + entry.system
        word = verdict.word
        count = self._accounts.add(name, word, entry, self._now)
        self.suppressed[word] = self.suppressed.get(word, 0) + count
        return verdict

    def _tell(self, row: Entry) -> None:
        """
        Keep a summary row until it is handed over; where too many wait, its count joins what was not kept.
        """
        if len(self._rows) < ROWS:
            self._rows.append(row)
        else:
            self._refuse(FOLDED if row.why == LOOP else FOLDED_TEMPLATE, row)

    def _hand_over(self) -> list[Entry]:
        rows, self._rows = self._rows, []
        self.told += sum(row.count or 0 for row in rows)
        return rows
