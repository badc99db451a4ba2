"""
`tracelog show`, `brief`, `search` and `export`: what is stored, read by a person or handed on.
"""

from pathlib import Path
from typing import Final

import click
import msgspec

from tracelog.cli.api import Api, open_api, trace_path
from tracelog.cli.asked import SearchCommand
from tracelog.cli.failure import FOUND, USAGE, CommandError
from tracelog.cli.fenced import fenced
from tracelog.cli.line import Lines
from tracelog.cli.options import color_option, format_option, screen, server_options, tell, write
from tracelog.core.entry import Entry, decode_entry, encode_entry
from tracelog.core.shared_names import decode_entries
from tracelog.render.reported import Report, correlate

MOST: Final = 1000
"""Entries that the server gives at a time."""

BUDGET: Final = 2_000
"""Tokens of a brief: the story and some sixty rows, small beside what an agent reads otherwise."""

MOST_TOKENS: Final = 1_000_000
"""More is no brief; an export has it all."""

FORMATS: Final = {
    ".otlp.json": "otlp",
    ".json": "json",
    ".ndjson": "ndjson",
    ".md": "md",
    ".html": "html",
}
"""Forms of an export, by how the name of a file that holds it ends; the first that fits counts."""


class Missing(msgspec.Struct):
    """
    A trace that went while pages were read.
    """

    trace_id: str
    entries: int
    why: str


class Page(msgspec.Struct):
    """
    A page of entries as the server writes it, latest arrival first; *missing* went since the page before.
    """

    entries: list[msgspec.Raw]
    cursor: str | None = None
    missing: list[Missing] = []


class _Stored(msgspec.Struct):
    trace_id: str
    entries: list[msgspec.Raw]
    evicted: int = 0
    complete: bool = True


@click.command()
@click.argument("ref")
@format_option("human", "json", "md", "ndjson")
@color_option
@server_options
def show(ref: str, form: str, color: bool | None, url: str | None, key: str | None) -> None:
    """
    Show a trace: what failed, where, and the timeline.

    REF is a trace id, its first 8 characters or more, a whole traceparent, `latest` or `latest-error`.
    """
    api = open_api(url, key)
    if form == "json":
        write(api.get(trace_path(ref, "/report")).decode())
    elif form in {"md", "ndjson"}:
        write(api.get(trace_path(ref, "/export"), format=form).decode())
    else:
        place = screen(color)
        write(story(api, ref, width=place.width, color=place.color))


def story(api: Api, ref: str, *, width: int, color: bool, url: str | None = None) -> str:
    """
    Return the trace that *ref* means, told for a terminal of *width* columns.

    Args:
        api: The server.
        ref: As the server understands it.
        width: Columns.
        color: Whether to paint.
        url: Where the trace can be read, shown with it.

    Raises:
        CommandError: When there is no such trace, or no server.
    """
    return report_of(api, ref).to_terminal(width=width, color=color, url=url)


def report_of(api: Api, ref: str) -> Report:
    """
    Return what the entries of the trace that *ref* means tell, and what the store has dropped of it.

    Raises:
        CommandError: When there is no such trace, or no server.
    """
    stored = api.read(trace_path(ref), _Stored)
    entries = decode_entries(map(bytes, stored.entries))
    report = correlate(entries, trace_id=stored.trace_id, evicted=stored.evicted)
    report.complete = report.complete and stored.complete
    return report


def _tokens(_ctx: click.Context, _option: click.Parameter, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < len(str(MOST_TOKENS)) and int(text)):
        raise click.BadParameter(
            f"a number of tokens such as {BUDGET}, below {MOST_TOKENS:,}, not {text[:20]!r}"
        )
    return int(text)


@click.command()
@click.argument("ref")
@click.option(
    "--budget",
    metavar="TOKENS",
    callback=_tokens,
    default=str(BUDGET),
    show_default=True,
    help="Tokens at most, counted as four bytes each.",
)
@server_options
def brief(ref: str, budget: int, url: str | None, key: str | None) -> None:
    """
    Tell a trace within a number of tokens: for an agent, or for a ticket.

    What happened and whether all of it is here stand first, then causes and sums, then the most telling rows
    of the timeline.
    """
    write(open_api(url, key).get(trace_path(ref, "/export"), format="md", budget=budget).decode())


@click.command(cls=SearchCommand)
@click.argument("query", default="")
@click.option("--since", metavar="TIME", help="Not before: 15m, 2h, a date or Unix time.")
@click.option("--until", metavar="TIME", help="Before.")
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=100, show_default=True, help="Entries at most."
)
@click.option("--exit-code", "judged", is_flag=True, help="Exit with 1 when something is found.")
@format_option("human", "json", "md", "ndjson")
@color_option
@server_options
def search(
    query: str,
    since: str | None,
    until: str | None,
    limit: int,
    judged: bool,
    form: str,
    color: bool | None,
    url: str | None,
    key: str | None,
) -> None:
    """
    Show the entries that QUERY finds, one a line.

    Such as: level:error system:worker "card declined" -noise dur:>100 user:u1 area:checkout trace:ab12
    since:15m
    """
    entries, more = collect(open_api(url, key), limit, q=query, since=since, until=until)
    note = f"these are the latest {len(entries):,}; there are more, see --limit" if more else ""
    if form == "md":
        write(fenced(entries, note))
    else:
        _list(entries, form, color)
    if note:
        tell(note)
    if not entries:
        tell("nothing found")
    if judged and entries:
        raise click.exceptions.Exit(FOUND)


def _list(entries: list[Entry], form: str, color: bool | None) -> None:
    if form == "human":
        place = screen(color)
        lines = Lines(color=place.color, width=place.limit)
        lines.fit(entries)
        shown = [lines(entry) for entry in entries]
    else:
        shown = [encode_entry(entry).decode() for entry in entries]
    for line in [f"[{','.join(shown)}]"] if form == "json" else shown:
        write(line)


@click.command()
@click.argument("ref")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; default: standard output."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS.values())),
    help="Form of the data; default: as the file's suffix says, else json.",
)
@server_options
def export(ref: str, output: Path | None, form: str | None, url: str | None, key: str | None) -> None:
    """
    Write a whole trace to a file.

    `json` and `ndjson` hold every entry as it is stored, `otlp` the same for any collector, `md` is the story
    for people and agents, `html` a page that opens anywhere and holds the entries, too. `tracelog import`
    takes all but `md` back.
    """
    form = form or _form_of(output)
    data = open_api(url, key).get(trace_path(ref, "/export"), format=form)
    if output is None:
        write(data.decode())
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}", FOUND) from error
    tell(f"{len(data):,} bytes written to {output}")


def _form_of(output: Path | None) -> str:
    """
    Return the form that the name of *output* asks for.

    Raises:
        CommandError: When its suffix is none of ours: a file must not hold something else than its name says.
    """
    if output is None or not output.suffix:
        return "json"
    for ending, form in FORMATS.items():
        if output.name.lower().endswith(ending):
            return form
    raise CommandError(
        f"what {output} shall hold cannot be told by {output.suffix.lower()}; name it {', '.join(FORMATS)}, "
        "or use --format",
        USAGE,
    )


def collect(api: Api, limit: int, **asked: str | None) -> tuple[list[Entry], bool]:
    """
    Return the latest entries that a search finds, in the order of their time, and whether there are more.

    Args:
        api: The server.
        limit: Entries at most.
        asked: Options of the search: `q`, `since`, `until`.
    """
    found: list[Entry] = []
    cursor: str | None = None
    while True:
        page = api.read("/api/v1/search", Page, **asked, limit=min(MOST, limit - len(found)), cursor=cursor)
        for gone in page.missing:
            tell(f"trace {gone.trace_id} {gone.why} while this was read; it held {gone.entries:,} entries")
        found += [decode_entry(bytes(raw)) for raw in page.entries]
        cursor = page.cursor
        if cursor is None or len(found) >= limit:
            return sorted(found, key=in_time), cursor is not None


def in_time(entry: Entry) -> tuple[float, str, int]:
    """
    Return what sorts entries by time, and those of one moment by their running number within a source.
    """
    return entry.timestamp, entry.source or "", entry.seq or 0
