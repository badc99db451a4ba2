"""
What the demo claims, checked against what the server has: nothing is taken on trust. Pure, but for asking.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from tracelog.cli.api import Api, trace_path
from tracelog.cli.demo.play import Played
from tracelog.cli.status import sum_of
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.ledger import REASONED

SERVICES: Final = ("web", "edge", "shop", "billing")
"""The four programs that the request passes."""


class Facts(msgspec.Struct, frozen=True):
    """
    What is stored about the story.

    Attributes:
        entries: Of the trace that failed.
        report: About it, as `GET …/report` gives it.
        ledger: Of the sources of the story.
        leaks: Where a part of the secret was found.
    """

    entries: list[Entry]
    report: dict[str, Any]
    ledger: dict[str, Any]
    leaks: list[str]

    def cause(self) -> Entry | None:
        """
        Return the entry that the report takes for the first cause.
        """
        chains = self.report["chains"]
        return next((entry for entry in self.entries if chains and entry.id == chains[0]["root"]), None)

    def shared_tags(self) -> list[str]:
        """
        Return the names that stand for a secret both in the worker's entries and in the shop's.
        """
        return sorted(self._tags("edge") & self._tags("shop"))

    def _tags(self, service: str) -> set[str]:
        return {
            mark
            for entry in self.entries
            if entry.service == service
            for mark in _MARK.findall(encode_entry(entry).decode())
        }


def ask(api: Api, told: Played) -> Facts:
    """
    Return the facts about the story that was *told*.
    """
    exports = {
        (ref, form): api.get(trace_path(ref, "/export"), format=form)
        for ref in told.traces
        for form in _FORMS
    }
    entries = [
        decode_entry(line) for ref in told.traces for line in exports[ref, "ndjson"].splitlines() if line
    ]
    sources = {entry.source for entry in entries}
    books = api.read("/api/v1/ledger", dict)["sources"]
    failed = told.traces[-1]
    return Facts(
        entries=[entry for entry in entries if entry.trace_id == failed],
        report=api.read(trace_path(failed, "/report"), dict),
        ledger=sum_up([book for source, book in books.items() if source in sources]),
        leaks=[
            f"the {form} export of trace {ref[:8]}"
            for (ref, form), data in exports.items()
            if _has(data, told.secrets)
        ],
    )


def leaks_in(files: Iterable[Path], secrets: list[str]) -> list[str]:
    """
    Return the names of *files* that hold a part of the secret.
    """
    return [path.name for path in sorted(set(files)) if path.is_file() and _has(path.read_bytes(), secrets)]


def sum_up(books: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Return the ledgers of several sources as one.
    """
    total: dict[str, Any] = {name: sum(book[name] for book in books) for name in _NUMBERS}
    for outcome in REASONED:
        reasons = {reason for book in books for reason in book[outcome]}
        total[outcome] = {
            reason: sum(book[outcome].get(reason, 0) for book in books) for reason in sorted(reasons)
        }
    total["balanced"] = all(book["balanced"] for book in books)
    return total


def wrong(facts: Facts) -> Iterator[str]:
    """
    Yield a sentence for each claim of the demo that the facts do not bear out.
    """
    services = {entry.service for entry in facts.entries}
    if missing := [name for name in SERVICES if name not in services]:
        yield f"the trace has nothing from {', '.join(missing)}"
    cause = facts.cause()
    if cause is None:
        yield "the report names no cause"
    elif cause.service != "billing" or "locked" not in f"{cause.message} {cause.error}":
        yield f"the report takes {cause.message!r} of {cause.service} for the cause, not billing's database"
    yield from (f"the session token can be read in {place}" for place in facts.leaks)
    if not facts.report["ledger"]["folded"]:
        yield "nothing was folded, though one program repeated itself"
    if lost := sum(facts.report["ledger"]["lost"].values()):
        yield f"{lost:,} entries of the trace were lost"
    if not facts.shared_tags():
        yield "the session token has no name that worker and shop share"
    if not facts.ledger["balanced"] or facts.ledger["in_flight"]:
        yield f"the ledger does not add up: {sum_of(facts.ledger)}"


def _has(data: bytes, secrets: list[str]) -> bool:
    return any(secret.encode() in data for secret in secrets)


_FORMS: Final = ("json", "ndjson", "md")
_MARK: Final = re.compile(r"\[REDACTED:([^\]]+)\]")
_NUMBERS: Final = ("emitted", "stored", "duplicate", "in_flight", "unreported")
