"""
`tracelog status`: how the server is, in a form that adds up.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import click
import msgspec

from tracelog.cli.api import open_api
from tracelog.cli.options import format_option, server_options, write
from tracelog.cli.store_lines import store_lines
from tracelog.core.ledger import REASONED
from tracelog.core.text import one_line

DAYS_SHOWN = 7
MONTHS_SHOWN = 6
"""As much of the history as fits on a line; the JSON has two months of days and two years of months."""


@click.command()
@click.option("--store", "store", is_flag=True, help="Look closely at the store, and say what to do.")
@format_option("human", "json")
@server_options
def status(form: str, url: str | None, key: str | None, *, store: bool) -> None:
    """
    Show how the server is, and what became of entries.
    """
    api = open_api(url, key)
    if store:
        looked = api.read("/api/v1/health/store", dict)
        write(msgspec.json.encode(looked).decode() if form == "json" else "\n".join(store_lines(looked)))
        return
    shown = api.read("/api/v1/status", dict)
    if form == "json":
        write(msgspec.json.encode(shown).decode())
        return
    for name, text in rows(shown, api.url):
        write(f"{name:<10}{one_line(text)}")


def rows(shown: Mapping[str, Any], url: str) -> Iterator[tuple[str, str]]:
    """
    Yield the lines of a status as name and text.
    """
    store = shown["store"]
    yield "server", f"{url}, {shown['phase']}, up {_span(shown['uptime_s'])}"
    health = "well" if store.get("ok") else f"not well: {store.get('cause') or 'no cause given'}"
    yield "store", ", ".join([f"{store.get('kind', 'store')}, {health}", *_sizes(store)])
    for warning in store.get("warnings") or ():
        yield "", str(warning)
    name = "systems"
    for system, seen in sorted(shown["systems"].items(), key=lambda item: -item[1]["last_seen"]):
        ago = _span(max(0.0, (shown["now"] - seen["last_seen"]) / 1000.0))
        yield name, f"{system:<10} heard {ago} ago, from {_count(seen['sources'], 'source')}"
        name = ""
    if not shown["systems"]:
        unknown = shown["ledger"] is None
        yield name, "not known while the store is away" if unknown else "none has logged yet"
    yield from _limits(shown)
    yield from _running(shown)
    ledger = shown["ledger"]
    yield "ledger", "not known while the store is away" if ledger is None else sum_of(ledger)
    redacted = shown.get("redacted") or {}
    if redacted:
        kinds = ", ".join(
            f"{n:,} {kind}" for kind, n in sorted(redacted.items(), key=lambda item: (-item[1], item[0]))
        )
        yield "secrets", f"{sum(redacted.values()):,} replaced: {kinds}"


def _running(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    Yield how processing and archives go, what operators have said, and what became of alerts.
    """
    queue, alerts = shown.get("processing"), shown.get("alerts") or {}
    if queue:
        cut = f", {queue['cut']:,} entries did not fit" if queue["cut"] else ""
        waits = f"{_count(queue['waiting'], 'write')} waiting for {_span(queue['lag_s'])} at most"
        yield "queue", (waits if queue["waiting"] else "nothing waits") + cut
        for name, ends in queue["archived"].items():
            yield "archive", f"{name}: " + ", ".join(f"{n:,} {end}" for end, n in ends.items())
    if shown.get("switches", {}).get("capture") is False:
        yield "capture", "off: pages send nothing"
    if shown.get("mutes"):
        yield "muted", f"{_count(shown['mutes'], 'mute')}; list them with `tracelog mute`"
    lost = {name: alerts[name] for name in ("failed", "dropped") if alerts.get(name)}
    if lost:
        yield "alerts", ", ".join(f"{n:,} {name}" for name, n in lost.items())


def _limits(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    Yield the lines about quotas, budget and sources that are heard less.
    """
    if shown.get("limits") is False:
        yield "limits", "off"
    quotas, budget, guard = (shown.get(name) or {} for name in ("quotas", "budget", "guard"))
    if quotas:
        reserve = quotas["essential"]
        yield (
            "hour",
            (
                f"{quotas['current']:,} of {quotas['limit']:,} rows, "
                f"{reserve['used']:,} of {reserve['limit']:,} in the reserve for errors"
            ),
        )
    for system, held in quotas.get("systems", {}).items():
        yield "", f"{system:<10} {_share(held)}"
    if budget:
        yield (
            "month",
            (
                f"{budget['used']:,} of {budget['limit']:,} rows (${budget['usd']:,.2f} of "
                f"${budget['budget_usd']:,.2f}), {budget['remaining']:,} left, {budget['level']}; "
                f"{budget['projection']['sentence']}"
            ),
        )
        yield from _history(budget)
    for slow in guard.get("slowed", ()):
        yield (
            "slowed",
            (
                f"{slow['system']} {slow['source'] or ''}: {slow['limit']} ordinary entries a minute, "
                f"step {slow['step'] + 1} of {len(guard['steps'])}"
            ),
        )


def _history(budget: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    Yield what the last days and months stored.
    """
    days = budget.get("days", ())[:DAYS_SHOWN]
    if days:
        yield "days", ", ".join(f"{day['day']} {day['writes']:,} (${day['usd']:,.2f})" for day in days)
    totals = {month: sum(systems.values()) for month, systems in budget.get("months", {}).items()}
    if totals:
        shown = sorted(totals, reverse=True)[:MONTHS_SHOWN]
        yield "months", ", ".join(f"{month} {totals[month]:,}" for month in shown)


def _share(held: Mapping[str, Any]) -> str:
    parts = [f"{held['current']:,} of {held['limit']:,}", f"{held['remaining']:,} left"]
    parts += [f"{held[name]:,} {name}" for name in ("borrowed", "lent") if held[name]]
    if held.get("reserve"):
        parts.append(f"{held['reserve']:,} in the reserve")
    if held["reset_ms"]:
        parts.append(f"the first free again in {_span(held['reset_ms'] / 1000.0)}")
    return ", ".join(parts)


def sum_of(ledger: Mapping[str, Any]) -> str:
    """
    Return a ledger as one sum: what was logged, and what became of it.
    """
    parts = [f"{ledger['stored']:,} stored"]
    for outcome in REASONED:
        parts += [f"{n:,} {outcome} ({reason})" for reason, n in ledger[outcome].items() if n]
    parts += [f"{ledger[name]:,} {text}" for name, text in _OPEN.items() if ledger.get(name)]
    end = "" if ledger["balanced"] else "; this does not add up"
    again = f"; {ledger['duplicate']:,} came twice and were kept once" if ledger.get("duplicate") else ""
    return f"{ledger['emitted']:,} logged = {' + '.join(parts)}{again}{end}"


_OPEN = {"in_flight": "on their way", "unreported": "missing without a word"}
_UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def _span(seconds: float) -> str:
    """
    Return *seconds* in the largest unit that holds one whole.
    """
    for size, unit in _UNITS:
        if seconds >= size:
            return _count(int(seconds // size), unit)
    return "less than a second"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _sizes(store: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(store.get("keys"), int):
        yield _count(store["keys"], "trace" if store.get("kind") == "sqlite" else "key")
    if isinstance(store.get("size_bytes"), int):
        yield f"{store['size_bytes'] / 1e6:,.1f} MB"
