"""
What the demo says besides the report: what was checked, and where to go on. Pure.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tracelog.cli.demo.facts import SERVICES, Facts
from tracelog.cli.demo.play import Played
from tracelog.cli.status import sum_of
from tracelog.config import DEFAULT_PORT
from tracelog.render.paint import paint


def checks(facts: Facts, *, color: bool) -> str:
    """
    Return what the demo looked up about its own claims.
    """
    lines = [paint("checked just now, against what is stored", "dim", color=color)]
    lines += [f"  {paint('✓', 'ok', color=color)} {text}" for text in _held(facts)]
    return "\n".join(lines)


def links(told: Played, *, color: bool) -> str:
    """
    Return the page and the commands to go on with.
    """
    where = "" if urlsplit(told.url).port == DEFAULT_PORT else f" --url {told.url}"
    commands = (
        f"tracelog show latest-error{where}",
        f"tracelog search 'level:error'{where}",
        f"tracelog export latest-error --format md{where}",
        f"curl {told.url}/api/v1/traces/latest-error/report",
    )
    return "\n".join(
        [
            paint("go on, in a browser", "dim", color=color),
            f"  {told.url}/debug/latest-error",
            paint("or in another terminal", "dim", color=color),
            *(f"  {text}" for text in commands),
        ]
    )


def _held(facts: Facts) -> Iterator[str]:
    cause = facts.cause()
    folded = facts.report["ledger"]["folded"]
    yield f"one trace id through {len(SERVICES)} processes: {' → '.join(SERVICES)}"
    if cause is not None:
        yield f"the first cause is {cause.service}'s: {cause.message}"
    yield f"{folded:,} repeated lines are folded, none is lost"
    yield f"the session token is nowhere in the store; in worker and shop it is {facts.shared_tags()[0]}"
    yield f"the ledger adds up: {sum_of(facts.ledger)}"
