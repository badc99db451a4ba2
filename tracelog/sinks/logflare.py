"""
Entries to Logflare, or to a server of its own kind, by its batch API.

Logflare takes the events of a batch one by one: where it answers 406, those that it does not name are stored.
So a batch with errors is not sent again, and the number of errors is counted as rejected.
"""

import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from tracelog.core.encoding import Compressor
from tracelog.core.entry import Entry
from tracelog.core.logflare import batch
from tracelog.core.text import one_line
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks.answer import SAID_CHARS, refusal
from tracelog.sinks.base import Parcel, ParcelTooLargeError, Receipt
from tracelog.sinks.post import Answer, Post, address_of, bearer_of

HOST: Final = "api.logflare.app"
BODY_BYTES: Final = 12_000_000
"""What Logflare takes in one request, before compression."""

ATTEMPT_S: Final = 10.0
"""It answers after it has put events into its own buffers."""

REFUSED: Final = 406
MOST_COLUMNS: Final = 50
"""A tenth of the columns that a source of the free plan may have."""


class LogflareSink:
    """
    Posts parcels as batches of events.

    Args:
        source: Id of the source, or its name as `name:<name>`.
        key: Ingest key of the account.
        url: Of the server, for who runs one.
        columns: Keys of the context that become columns of their own.
        timeout: Seconds for one attempt.

    Raises:
        ConfigError: When one of them is missing or cannot be used.
    """

    def __init__(
        self,
        source: str,
        *,
        key: str,
        url: str = f"https://{HOST}",
        columns: Sequence[str] = (),
        timeout: float = ATTEMPT_S,
    ) -> None:
        key = bearer_of(key)
        if not source or not key:
            raise ConfigError(
                "sinks: Logflare needs a source and an ingest key, logflare://KEY@host?source=ID"
            )
        if len(columns) > MOST_COLUMNS:
            raise ConfigError(f"sinks: at most {MOST_COLUMNS} columns of Logflare may be named")
        name, given = ("source_name", source[5:]) if source.startswith("name:") else ("source", source)
        self._post = Post(address_of(url), f"/api/logs?{name}={quote(given, safe='')}", timeout=timeout)
        self._columns = tuple(columns)
        self._compress = Compressor(zstd=False)  # it reads gzip only
        self._key = key.encode()
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": "tracelog-python/1",
        }

    @classmethod
    def from_url(cls, url: str, *, key: str | None = None) -> "LogflareSink":
        """
        Return the sink of `logflare://KEY@host?source=ID`; *host* may be left out, `logflare+http://` is
        for a server without TLS, `&columns=a,b` names columns.

        Raises:
            ConfigError: When something is missing or unknown.
        """
        parts = urlsplit(url)
        said = dict(parse_qsl(parts.query))
        if unknown := sorted(said.keys() - {"source", "source_name", "columns"}):
            name = one_line(unknown[0][:32])
            raise ConfigError(f"sinks: {name!r} is no option of Logflare; use source, source_name or columns")
        scheme = "http" if parts.scheme == "logflare+http" else "https"
        host = parts.netloc.rpartition("@")[2] or HOST
        source = said.get("source") or (f"name:{said['source_name']}" if "source_name" in said else "")
        columns = tuple(name for name in said.get("columns", "").split(",") if name)
        token = unquote(parts.username or parts.password or "") or key or ""
        return cls(source, key=token, url=f"{scheme}://{host}{parts.path.rstrip('/')}", columns=columns)

    @property
    def url(self) -> str:
        return self._post.url

    def __call__(self, parcel: Parcel) -> Receipt:
        receipt = self.send(parcel.entries)
        return msgspec.structs.replace(receipt, rejected={**receipt.rejected, **parcel.unreadable})

    def send(self, entries: Sequence[Entry]) -> Receipt:
        """
        Post *entries* and return what became of them.

        Raises:
            SinkUnavailableError: When they may pass later: no answer, 429, 5xx.
            ParcelTooLargeError: When fewer may pass.
            SinkRefusedError: When they never will.
        """
        if not entries:
            return Receipt()
        body = batch(entries, self._columns)
        if len(body) > BODY_BYTES:
            raise ParcelTooLargeError(f"Logflare takes {BODY_BYTES:,} bytes at once")
        encoding, packed = self._compress(body)
        more = {"Content-Encoding": encoding} if encoding else {}
        answer = self._post(packed, {**self._headers, **more})
        return _read(answer, answer.body.replace(self._key, b"[key]"), sent=len(entries), now=time.time())

    def close(self) -> None:
        self._post.close()


def _read(answer: Answer, body: bytes, *, sent: int, now: float) -> Receipt:
    """
    Return what *answer* says became of *sent* events.
    """
    reply = _json(body)
    said = reply.get("message", reply.get("error"))
    if answer.status == REFUSED:
        errors = said if isinstance(said, list) else [said]
        return Receipt(rejected={"logflare_refused": max(1, min(len(errors), sent))})
    if answer.status == 200 and isinstance(said, str):
        return Receipt()
    if answer.status == 200:
        raise SinkUnavailableError("the answer is 200, but not one of Logflare; check the url")
    raise refusal(answer.status, answer.headers, one_line(str(said)[:SAID_CHARS]), now)


def _json(body: bytes) -> dict[str, Any]:
    try:
        reply = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return reply if isinstance(reply, dict) else {}
