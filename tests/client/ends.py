"""
Other ends of a wire that judge what they are sent, by the rules of a server and on the clock of the test.
"""

from collections import Counter

from tests.sinks.parcels import row
from tracelog.client.books import Books
from tracelog.client.gate import Gate
from tracelog.client.guarded import GuardedOutbox
from tracelog.client.load import Load
from tracelog.client.lots import Report, Terms
from tracelog.core.compact import Header, decode_batch
from tracelog.core.guard import Guard, GuardSettings
from tracelog.core.wire import Mint, decode_json
from tracelog.errors import SinkUnavailableError
from tracelog.sinks.base import Receipt, Told

NOW_MS = 1_795_350_664_123.0
UNSAMPLED = GuardSettings(sample_mode="off")


class Judge:
    """
    A server as a sink: it keeps what its guard keeps and says what became of the rest.

    Attributes:
        settings: Of its guard; None for a server that takes all.
        silent: Whether it takes all without a word.
        away: How many parcels it does not answer.
        entries: What it kept; *rows* are those about entries held back, *parcels* the sizes of what was tried.
        refused: What it did not keep, by reason.
        reports: The ledgers that came along.
        remaining: The room that it says it has.
    """

    guarded = True

    def __init__(self, settings=UNSAMPLED, *, silent=False, clock=lambda: 0.0):
        self.guard = None if settings is None or silent else Guard(settings)
        self.silent = silent
        self.clock = clock
        self.away = 0
        self.entries = []
        self.rows = []
        self.parcels = []
        self.refused = Counter()
        self.reports = []
        self.remaining = None

    def __call__(self, parcel):
        is_told = isinstance(parcel, Told)
        mint = Mint(trace_id=lambda: "e" * 32, entry_id=lambda: "none")
        batch = (decode_json if is_told else decode_batch)(parcel.body, now_ms=NOW_MS, mint=mint)
        assert batch.drops == []
        self.parcels.append(len(batch.entries))
        if self.away > 0:
            self.away -= 1
            raise SinkUnavailableError("nobody answers")
        self.reports += [parcel.header.report] if parcel.header.report is not None else []
        if is_told:
            self.rows += batch.entries
            return Receipt()
        gone = Counter()
        for entry in batch.entries:
            verdict = self.guard.decide(entry, self.clock()) if self.guard is not None else None
            if verdict is None or verdict.kept:
                self.entries.append(entry)
            else:
                gone[verdict.word] += 1
        self.refused += gone
        if self.silent:
            return Receipt(silent=True)
        return Receipt(suppressed=dict(gone), remaining=self.remaining)

    def close(self):
        pass

    @property
    def counted(self):
        """
        How many entries the rows about entries held back stand for.
        """
        return sum(row.count for row in self.rows if row.kind != "context")

    @property
    def context(self):
        return [row.message for row in self.rows if row.kind == "context"]

    def kinds(self):
        return Counter(row.kind for row in self.rows)


class Desk:
    """
    A guarded outbox on a clock of its own, and a judge at its other end.
    """

    def __init__(self, settings=UNSAMPLED, **options):
        self.now = 1_000.0
        self.judge = Judge(settings, clock=lambda: self.now, **options)
        self.books = Books(Gate())
        header = Header(v=1, source=self.books.source, system="backend")
        terms = Terms(header, 300.0, self.books, lambda: self.now, lambda: 1.8e9, chance=lambda: 0.0)
        self.outbox = GuardedOutbox(self.judge, terms)
        self.logged = 0

    def put(self, *messages, rows=None, **fields):
        made = [row(message, **fields) for message in messages] if rows is None else rows
        self.logged += len(made)
        with self.books.lock:
            self.outbox.put(self.books.give_numbers(len(made)), Load(made))

    def send(self):
        """
        Deliver all that is due now.
        """
        while self.outbox.send(lambda: Report({"emitted": self.logged}, 0)):
            pass

    def tell(self):
        """
        Do what a flush does.
        """
        self.outbox.tell()
        self.send()

    def say(self, *messages, **fields):
        self.put(*messages, **fields)
        self.send()

    @property
    def unsent(self):
        return dict(self.outbox.unsent)


WORDS = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay")


def words(n):
    """
    Return a text for *n* that shares its form with no other number's.
    """
    return " ".join(WORDS[int(digit)] for digit in str(n))
