"""
`tracelog redact`: a text without its secrets, and an explanation of what went where.

It uses the rules and settings that clients and servers use, so it shows beforehand what they will do. The
text goes to standard output, the explanation to standard error: lines, columns, rules, never a secret.
"""

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import click
import msgspec

from tracelog.cli.failure import FOUND
from tracelog.config import client_settings, redact_settings
from tracelog.core.redact import Hit, Redactor, RedactSettings
from tracelog.core.redact_rules import levels

CHUNK: Final = 64 * 1024
"""Bytes read at once; what a pipe has less than that is passed on at once."""

LONGEST_BLOCK: Final = 256 * 1024
"""Bytes of an open key block or an open line that are waited for; a longer one is redacted in parts."""

_BLOCK_BEGINS, _BLOCK_ENDS = b"-----BEGIN ", b"-----END "


class Place(msgspec.Struct, frozen=True):
    """
    Where a secret stood: lines and columns from 1, the last column included.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    category: str


@click.command()
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), default="-")
@click.option("--explain", is_flag=True, help="Tell on standard error which rule hit where.")
@click.option(
    "--pii",
    metavar="LEVEL",
    multiple=True,
    type=click.Choice(sorted(levels())),
    help="Redact personal data as well; again for more: " + ", ".join(sorted(levels())) + ".",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Form of the explanation; json is one object a line.",
)
@click.option("--check", is_flag=True, help="Exit with 1 when a secret was found.")
def redact(source: BinaryIO, *, explain: bool, pii: tuple[str, ...], form: str, check: bool) -> None:
    """
    Pass a text on without its secrets.

    The settings are those of a client here: own rules and key names of [tool.tracelog.redact] count.
    """
    redactor = Redactor(_settings(pii))
    show = _FORMS[form]
    found = 0
    line = 1
    for piece in pieces(source):
        text = piece.decode("utf-8", "surrogateescape")
        explained = redactor.explain(text)
        sys.stdout.buffer.write(explained.text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
        found += len(explained.hits)
        for place in places(text, explained.hits, line) if explain else ():
            click.echo(show(place), err=True)
        line += text.count("\n")
    if check and found:
        raise SystemExit(FOUND)


def pieces(source: BinaryIO) -> Iterator[bytes]:
    """
    Yield *source* in pieces of whole lines, as soon as they come; a key block is kept together.
    """
    waiting = b""
    while chunk := _read(source):
        waiting += chunk
        end = _whole(waiting)
        if end == 0 and len(waiting) > LONGEST_BLOCK:
            end = len(waiting)
        if end:
            yield waiting[:end]
            waiting = waiting[end:]
    if waiting:
        yield waiting


def places(text: str, hits: list[Hit], line: int) -> Iterator[Place]:
    """
    Yield where the *hits* in *text* stand, whose first line has the number *line*.
    """
    at = begin = 0
    for hit in hits:
        line, begin = line + text.count("\n", at, hit.start), max(begin, text.rfind("\n", 0, hit.start) + 1)
        last = max(hit.start, hit.end - 1)
        last_begin = max(begin, text.rfind("\n", begin, last) + 1)
        yield Place(
            line=line,
            column=hit.start - begin + 1,
            end_line=line + text.count("\n", hit.start, last),
            end_column=last - last_begin + 1,
            rule=hit.rule,
            category=hit.category,
        )
        at = hit.start


def _read(source: BinaryIO) -> bytes:
    chunk: bytes = source.read1(CHUNK) if hasattr(source, "read1") else source.read(CHUNK)
    return chunk


def _whole(data: bytes) -> int:
    """
    Return how many bytes of *data* are whole lines without an open key block at their end.
    """
    end = data.rfind(b"\n") + 1
    opened = data.rfind(_BLOCK_BEGINS, 0, end)
    if opened < 0 or data.find(_BLOCK_ENDS, opened, end) >= 0 or len(data) - opened > LONGEST_BLOCK:
        return end
    return data.rfind(b"\n", 0, opened) + 1


def _settings(pii: tuple[str, ...]) -> RedactSettings:
    settings = redact_settings(client_settings({}).redact)
    return msgspec.structs.replace(settings, enabled=True, pii=tuple(dict.fromkeys((*settings.pii, *pii))))


def _human(place: Place) -> str:
    where = f"line {place.line}, columns {place.column}-{place.end_column}"
    if place.end_line != place.line:
        where = (
            f"line {place.line}, column {place.column} to line {place.end_line}, column {place.end_column}"
        )
    return f"{where}: {place.rule} ({place.category})"


def _json(place: Place) -> str:
    return msgspec.json.encode(place).decode()


_FORMS: Final[dict[str, Callable[[Place], str]]] = {"human": _human, "json": _json}
