"""
The ledger: what became of every entry, so that nothing is lost without a count.

    emitted = stored + suppressed + limited + rejected + dropped + in flight

A duplicate is a second delivery of an entry that is stored already: it is counted apart and ends
nothing. One shape on client and server, in `tracelog.stats()` and `GET /api/v1/ledger`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

REASONS: Final = 64
"""Distinct reasons counted for one outcome. We name about twenty; a foreign report may invent any number."""

LARGEST_SAID: Final = 10**12
"""More no process logs in its life; larger numbers of a sender are none. So sums of all sources stay far
below what 64 bits hold."""

UNSEEN: Final = "http_"
"""How reasons begin for which a client counts entries as rejected that the server never could read: a whole
batch was answered with that status."""

OTHER: Final = "other"
"""Where reasons beyond the first `REASONS` are counted."""

WITHHELD: Final = "withheld"
"""Limited by the client itself, because the server had said that its quota is used up. All other limits are
counted by the server, and known to the client from its answers."""

CRASHED: Final = "crashed"
"""Dropped because its process was killed, as far as is known: what did arrive all the same is none of it."""

UNSURE: Final = ("dropped/shutdown", "dropped/retry_expired", "dropped/sink_error", f"dropped/{CRASHED}")
"""What a client gave up while nobody had answered: a batch under way may have been stored. So of these counts
in a report a server believes no more than it misses, the last ones least."""

TOLD: Final = "told"
"""Before an outcome and a reason in what is taken from a report: how many entries were refused, as the client
was told. A server that is killed forgets a second of these; what is missing then is taken from here."""

REASONED: Final = ("suppressed", "limited", "rejected", "dropped")
"""Outcomes that name a reason."""


class Ledger(msgspec.Struct):
    """
    Running totals of one speaker. Counters only grow; one thread owns each ledger.
    """

    stored: int = 0
    duplicate: int = 0
    suppressed: dict[str, int] = msgspec.field(default_factory=dict)
    limited: dict[str, int] = msgspec.field(default_factory=dict)
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    dropped: dict[str, int] = msgspec.field(default_factory=dict)

    def count(self, outcome: str, reason: str = "", n: int = 1) -> None:
        """
        Count *n* entries that ended as *outcome*, for *reason* where the outcome has one.
        """
        if n <= 0:
            return
        if outcome in REASONED:
            reasons: dict[str, int] = getattr(self, outcome)
            if reason not in reasons and len(reasons) >= REASONS:
                reason = OTHER
            reasons[reason] = reasons.get(reason, 0) + n
        else:
            setattr(self, outcome, getattr(self, outcome) + n)

    def ended(self) -> int:
        """
        Return how many entries have reached their end.
        """
        return self.stored + sum(sum(getattr(self, outcome).values()) for outcome in REASONED)

    def add(self, other: "Ledger") -> None:
        """
        Add the totals of *other*.
        """
        self.stored += other.stored
        self.duplicate += other.duplicate
        for outcome in REASONED:
            for reason, n in getattr(other, outcome).items():
                self.count(outcome, reason, n)


def view(ledger: Ledger, *, emitted: int, in_flight: int, unreported: int = 0) -> dict[str, Any]:
    """
    Return the promised shape: totals by outcome and reason, and whether they add up to *emitted*.

    Args:
        ledger: The totals.
        emitted: Log calls made, counted apart from the outcomes.
        in_flight: Entries that have not reached their end yet.
        unreported: Entries known to be missing (holes in running numbers) that no one reported.
    """
    return {
        "emitted": emitted,
        "stored": ledger.stored,
        "duplicate": ledger.duplicate,
        **{outcome: dict(sorted(getattr(ledger, outcome).items())) for outcome in REASONED},
        "in_flight": in_flight,
        "unreported": unreported,
        "balanced": emitted == ledger.ended() + in_flight and unreported == 0,
    }


def from_view(report: Mapping[str, Any]) -> Ledger:
    """
    Return the totals of *report*, a ledger in its promised shape from elsewhere, without what is no count.
    """
    ledger = Ledger()
    for outcome in ("stored", "duplicate"):
        ledger.count(outcome, n=_count(report.get(outcome)))
    for outcome in REASONED:
        reasons = report.get(outcome)
        for reason, n in reasons.items() if isinstance(reasons, Mapping) else ():
            ledger.count(outcome, str(reason)[:64], _count(n))
    return ledger


def counts_in(report: bytes) -> dict[str, int]:
    """
    Return what the server takes from a client's own *report*, JSON: `emitted`, and as `outcome/reason` what
    only the client can know, namely what it dropped, withheld, folded, or was told that nobody could read;
    and as `told/outcome/reason` all that it knows to be refused.

    Anybody may have written it, so what can be no count is left out.
    """
    try:
        said = msgspec.json.decode(report)
    except msgspec.DecodeError:
        return {}
    if not isinstance(said, dict):
        return {}
    ledger = from_view(said)
    counts = {f"dropped/{reason}": n for reason, n in ledger.dropped.items()}
    counts |= {f"limited/{reason}": n for reason, n in ledger.limited.items() if reason == WITHHELD}
    counts |= {f"rejected/{reason}": n for reason, n in ledger.rejected.items() if reason.startswith(UNSEEN)}
    unsent = from_view({"suppressed": said.get("unsent")})
    counts |= {f"suppressed/{reason}": n for reason, n in unsent.suppressed.items()}
    counts["emitted"] = _count(said.get("emitted"))
    for outcome in ("suppressed", "limited", "rejected"):
        counts |= {f"{TOLD}/{outcome}/{reason}": n for reason, n in getattr(ledger, outcome).items()}
    return {"_".join(name.split()): n for name, n in counts.items() if 0 < n <= LARGEST_SAID}


def larger(one: Mapping[str, int], two: Mapping[str, int], most: int) -> dict[str, int]:
    """
    Return the larger count of each name of two reports, which are cumulative; new names up to *most* in all.
    """
    out = dict(one)
    for name, n in two.items():
        if name in out or len(out) < most:
            out[name] = max(n, out.get(name, 0))
    return out


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
