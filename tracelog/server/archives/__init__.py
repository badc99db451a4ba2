"""
Where processed entries are kept for long: archives, by URL.

An archive has a `name` and `await store(batch_id, rows)`. It returns when every row of the batch is kept,
or in the file of what was refused; it raises `StoreUnavailableError` when the batch is to be given again,
under the same id. A batch that was kept and comes again, because the processor was killed before it could
note that, is kept once, as far as the other end can tell: files exactly, HTTP by the ids of entries.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tracelog.errors import ConfigError
from tracelog.server.archives.dead import DeadLetters
from tracelog.server.archives.ndjson import NdjsonArchive
from tracelog.server.archives.sent import End, SentArchive
from tracelog.server.archiving import Archive, NullArchive
from tracelog.sinks.logflare import LogflareSink
from tracelog.sinks.otlp import OtlpSink

__all__ = ["NdjsonArchive", "SentArchive", "open_archive", "open_archives"]

REFUSED_FILE: Final = "dead_letter"
"""Option of an HTTP archive's URL: the file of what its other end refused."""

_ENDS: Final[Mapping[str, tuple[str, Callable[[str], End]]]] = {
    "logflare": ("logflare", LogflareSink.from_url),
    "logflare+http": ("logflare", LogflareSink.from_url),
    "otlp+http": ("otlp", OtlpSink.from_url),
    "otlp+https": ("otlp", OtlpSink.from_url),
}
"""Beginnings of URLs: the archive's name and what sends to it."""


def open_archives(urls: Iterable[str]) -> list[Archive]:
    """
    Return the archives that *urls* mean, as `open_archive` does; the second of a name gets `-2` behind it.
    """
    archives, seen = [], Counter[str]()
    for archive in map(open_archive, urls):
        seen[archive.name] += 1
        if seen[archive.name] > 1:
            archive.name = f"{archive.name}-{seen[archive.name]}"
        archives.append(archive)
    return archives


def open_archive(url: str) -> Archive:
    """
    Return the archive that *url* means.

    Args:
        url: `ndjson:///path/archive.ndjson?rotate=day&packing=zstd`, `logflare://KEY@host?source=ID` or
            `otlp+https://host:4318`; the latter two with `&dead_letter=FILE`. `none:` keeps nothing.

    Raises:
        ConfigError: When it means none, or an option is wrong; nothing secret of it is shown.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "none":
        return NullArchive()
    if scheme == "ndjson":
        return NdjsonArchive.from_url(url)
    if scheme not in _ENDS:
        known = ", ".join(f"{name}:" for name in ("ndjson", *_ENDS, "none"))
        raise ConfigError(f"archive: {scheme[:32]!r} opens no archive; give a URL that begins with {known}")
    name, opener = _ENDS[scheme]
    parts = urlsplit(url)
    said = parse_qsl(parts.query)
    file = dict(said).get(REFUSED_FILE, f"tracelog-{name}.dead.ndjson")
    rest = urlencode([pair for pair in said if pair[0] != REFUSED_FILE])
    return SentArchive(name, opener(urlunsplit(parts._replace(query=rest))), DeadLetters(file))
