"""
The status in the text format of Prometheus (version 0.0.4), for who scrapes `GET /metrics`.

It is made of what `GET /api/v1/status` shows, so both agree. What only the store knows is left out while the
store is away. Entries are a gauge: they are those of sources heard within a day, and old ones are forgotten.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tracelog.core.budget import LEVELS
from tracelog.core.ledger import REASONED

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and a value."""


class Family(NamedTuple):
    """
    One metric: its name without `tracelog_`, what it is, and its samples.
    """

    name: str
    kind: str
    help: str
    samples: Iterable[Sample]


def exposition(shown: Mapping[str, Any]) -> str:
    """
    Return the metrics of a status.

    Args:
        shown: As `GET /api/v1/status` answers it.
    """
    lines = []
    for family in (family for part in _PARTS for family in part(shown)):
        samples = [_line(f"tracelog_{family.name}", *sample) for sample in family.samples]
        if samples:
            lines += [
                f"# HELP tracelog_{family.name} {family.help}",
                f"# TYPE tracelog_{family.name} {family.kind}",
                *samples,
            ]
    return "\n".join(lines) + "\n"


def _server(shown: Mapping[str, Any]) -> Iterator[Family]:
    store = shown["store"]
    yield Family("ready", "gauge", "Whether the server takes entries.", _one(shown["phase"] == "ready"))
    yield Family("uptime_seconds", "gauge", "Since it began.", _one(shown["uptime_s"]))
    yield Family("faults_total", "counter", "Errors inside this server process.", _one(shown["faults"]))
    yield Family("store_ok", "gauge", "Whether the store works.", _one(bool(store.get("ok"))))
    yield Family("store_bytes", "gauge", "Size of the store.", _one(store.get("size_bytes")))
    yield Family(
        "redacted_total",
        "counter",
        "Secrets that this server process replaced.",
        _each("rule", shown["redacted_here"]),
    )


def _entries(shown: Mapping[str, Any]) -> Iterator[Family]:
    ledger = shown["ledger"]
    if ledger is None:
        return
    ends: list[Sample] = [({"outcome": "stored", "reason": ""}, ledger["stored"])]
    ends += [
        ({"outcome": outcome, "reason": reason}, n)
        for outcome in REASONED
        for reason, n in ledger[outcome].items()
    ]
    yield Family("entries", "gauge", "Entries of sources heard within a day, by what became of them.", ends)
    yield Family("entries_emitted", "gauge", "All of them.", _one(ledger["emitted"]))
    yield Family("entries_duplicate", "gauge", "Deliveries that were repeats.", _one(ledger["duplicate"]))


def _processing(shown: Mapping[str, Any]) -> Iterator[Family]:
    told = shown["processing"]
    if told is None:
        return
    yield Family("queue_writes", "gauge", "Writes that wait to be processed.", _one(told["waiting"]))
    yield Family("queue_bytes", "gauge", "Their size.", _one(told["bytes"]))
    yield Family("queue_limit_bytes", "gauge", "What the queue holds at most.", _one(told["limit_bytes"]))
    yield Family("queue_lag_seconds", "gauge", "Age of the oldest of them.", _one(told["lag_s"]))
    yield Family("queue_cut", "gauge", "Entries unprocessed because the queue was full.", _one(told["cut"]))
    yield Family(
        "processed", "gauge", "What processors counted of this store.", _each("what", told["counts"])
    )
    kept = told["archived"].items()
    rows = [({"archive": name, "outcome": end}, n[end]) for name, n in kept for end in ("sent", "dead")]
    yield Family("archive_rows", "gauge", "Rows that archives took, or refused for good.", rows)
    failed = _each("archive", {name: n["failed"] for name, n in kept})
    yield Family("archive_failures", "gauge", "Tries of archives that failed.", failed)
    yield Family("live_readers", "gauge", "Readers of the live view here.", _one(told["readers"]))


def _operators(shown: Mapping[str, Any]) -> Iterator[Family]:
    alerts = shown["alerts"]
    ends = {name: alerts[name] for name in ("sent", "failed", "dropped", "left_to_others")}
    yield Family("alerts_total", "counter", "Alerts that this process noticed.", _each("outcome", ends))
    yield Family("alerts_waiting", "gauge", "Alerts on their way from here.", _one(alerts["waiting"]))
    yield Family("mutes", "gauge", "Systems and sources that are muted.", _one(shown["mutes"]))
    yield Family("capture", "gauge", "Whether pages shall capture.", _one(shown["switches"]["capture"]))


def _gate(shown: Mapping[str, Any]) -> Iterator[Family]:
    gate = shown["gate"]
    if gate is None:
        return
    yield Family("gate_calls_total", "counter", "Calls of the quotas by this process.", _one(gate["calls"]))
    yield Family("gate_unanswered_total", "counter", "Of them without an answer.", _one(gate["unanswered"]))


def _hour(shown: Mapping[str, Any]) -> Iterator[Family]:
    quotas = shown["quotas"]
    if quotas is None:
        return
    yield Family("servers", "gauge", "Server processes that share the quotas.", _one(quotas["servers"]))
    yield Family("quota_limit_rows", "gauge", "Rows an hour over all systems.", _one(quotas["limit"]))
    for name, key, said in (
        ("quota_rows", "current", "Rows of this hour."),
        ("quota_share_rows", "limit", "Rows an hour that are the system's own."),
        ("quota_remaining_rows", "remaining", "Rows that it could store now, loans included."),
        ("quota_borrowed_rows", "borrowed", "Rows charged to other systems' shares."),
        ("quota_lent_rows", "lent", "Rows of others charged to its share."),
    ):
        held = {system: values[key] for system, values in quotas["systems"].items()}
        yield Family(name, "gauge", said, _each("system", held))
    pools = {pool: quotas[pool] for pool in ("essential", "critical")}
    for name, key, said in (
        ("reserve_rows", "used", "Rows of this hour in a reserve."),
        ("reserve_limit_rows", "limit", "Rows an hour that it holds."),
    ):
        yield Family(name, "gauge", said, _each("pool", {pool: held[key] for pool, held in pools.items()}))


def _month(shown: Mapping[str, Any]) -> Iterator[Family]:
    budget = shown["budget"]
    if budget is None:
        return
    level = LEVELS.index(budget["level"])
    yield Family("budget_writes", "gauge", "Writes of this month.", _one(budget["used"]))
    yield Family("budget_limit_writes", "gauge", "Writes a month.", _one(budget["limit"]))
    yield Family("budget_projected_writes", "gauge", "At its end.", _one(budget["projection"]["writes"]))
    yield Family("budget_usd", "gauge", "Their cost.", _one(budget["usd"]))
    yield Family("budget_limit_usd", "gauge", "Dollars a month.", _one(budget["budget_usd"]))
    yield Family(
        "budget_level", "gauge", ", ".join(f"{at} {name}" for at, name in enumerate(LEVELS)), _one(level)
    )


def _one(value: float | None) -> Iterable[Sample]:
    return [] if value is None else [({}, value)]


def _each(label: str, values: Mapping[str, float]) -> Iterable[Sample]:
    return [({label: name}, value) for name, value in values.items()]


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{said}}} {float(value):.12g}" if said else f"{name} {float(value):.12g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_PARTS: Final = (_server, _entries, _processing, _operators, _gate, _hour, _month)
