"""
Entries to any OpenTelemetry backend or Collector by OTLP/HTTP: JSON, or protobuf with the extra `otlp`.

After the OTLP specification 1.11: 429, 502, 503 and 504 are tried again; a partial success is not, for what
was taken would be taken twice. The id of an entry travels as `log.record.uid`, by which a backend can know
repeats.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from tracelog.core.encoding import Compressor
from tracelog.core.entry import Entry
from tracelog.core.otlp_json import logs_request, logs_tree
from tracelog.core.text import one_line
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks.answer import SAID_CHARS, refusal
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.post import Answer, Post, address_of, bearer_of

SIGNAL: Final = "/v1/logs"
JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"

ATTEMPT_S: Final = 10.0
"""The default of OTEL_EXPORTER_OTLP_TIMEOUT."""

HEADER: Final = "header."
"""Beginning of an option of the URL that sets a header."""


class OtlpSink:
    """
    Posts parcels as requests for logs.

    Args:
        url: Of the receiver, as OTEL_EXPORTER_OTLP_ENDPOINT: `/v1/logs` is added unless it ends so.
        key: Sent as a bearer token.
        headers: Further ones, such as that in which a vendor takes its key.
        protobuf: Whether to write protobuf, else JSON.
        timeout: Seconds for one attempt.

    Raises:
        ConfigError: When *url* is no HTTP address, a header cannot be sent, or the extra is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        protobuf: bool = False,
        timeout: float = ATTEMPT_S,
    ) -> None:
        address = address_of(url)
        path = address.path.rstrip("/").removesuffix(SIGNAL)
        self._post = Post(address._replace(path=path), SIGNAL, timeout=timeout)
        key = bearer_of(key)
        self._compress = Compressor(zstd=False)  # the specification names gzip only
        self._write: Callable[[Sequence[Entry]], bytes] = logs_request
        self._read: Callable[[bytes], tuple[int, str]] = _partial
        if protobuf:
            form = open_protobuf()
            self._write = lambda entries: form.write(logs_tree(entries))
            self._read = form.read_answer
        self._secrets = [text.encode() for text in (key, *(headers or {}).values()) if text]
        self._headers = {
            "User-Agent": "tracelog-python/1",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **{name: _fit(name, value) for name, value in (headers or {}).items()},
            "Content-Type": PROTOBUF if protobuf else JSON,
        }

    @classmethod
    def from_url(cls, url: str, *, key: str | None = None) -> "OtlpSink":
        """
        Return the sink of `otlp+https://host:4318`, `otlp+http://…`; a token may stand before the host, as in
        `otlp+https://TOKEN@host`, and `?encoding=protobuf&header.x-api-key=…` says the rest.

        Raises:
            ConfigError: When it is none of these.
        """
        parts = urlsplit(url)
        said = dict(parse_qsl(parts.query))
        headers = {
            name.removeprefix(HEADER): said.pop(name) for name in list(said) if name.startswith(HEADER)
        }
        encoding = said.pop("encoding", "json")
        if said or encoding not in {"json", "protobuf"}:
            raise ConfigError(
                "sinks: options of OTLP are encoding=json, encoding=protobuf and header.NAME=VALUE"
            )
        token = unquote(parts.username or parts.password or "") or key
        host = parts.netloc.rpartition("@")[2]
        scheme = parts.scheme.rpartition("+")[2]
        address = f"{scheme}://{host}{parts.path}"
        return cls(address, key=token, headers=headers, protobuf=encoding == "protobuf")

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
            SinkUnavailableError: When they may pass later.
            ParcelTooLargeError: When fewer may pass.
            SinkRefusedError: When they never will.
        """
        if not entries:
            return Receipt()
        encoding, body = self._compress(self._write(entries))
        more = {"Content-Encoding": encoding} if encoding else {}
        answer = self._post(body, {**self._headers, **more})
        if 200 <= answer.status < 300:
            return self._taken(answer, len(entries))
        raise refusal(answer.status, answer.headers, self._said(answer.body), time.time())

    def close(self) -> None:
        self._post.close()

    def _taken(self, answer: Answer, sent: int) -> Receipt:
        try:
            rejected, _ = self._read(answer.body)
        except ValueError:
            raise SinkUnavailableError("the answer is 200, but not one of OTLP; check the url") from None
        return Receipt(rejected={"otlp_rejected": min(rejected, sent)} if rejected > 0 else {})

    def _said(self, body: bytes) -> str:
        for secret in self._secrets:
            body = body.replace(secret, b"[key]")
        return one_line(body[:SAID_CHARS].decode(errors="replace"))


def open_protobuf() -> ModuleType:
    """
    Return the module that writes protobuf.

    Raises:
        ConfigError: When its library is not installed.
    """
    try:
        from tracelog.core import otlp_protobuf  # noqa: PLC0415 - needs the extra `otlp`
    except ImportError:
        raise ConfigError(
            "sinks: protobuf needs the extra `otlp`; install it, or use encoding=json"
        ) from None
    return otlp_protobuf


def _partial(body: bytes) -> tuple[int, str]:
    """
    Return how many records an answer in JSON says were rejected, and why.
    """
    try:
        reply: Any = msgspec.json.decode(body) if body.strip() else {}
        partial = reply.get("partialSuccess") or {}
        return int(partial.get("rejectedLogRecords") or 0), str(partial.get("errorMessage", ""))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, AttributeError, TypeError) as error:
        raise ValueError("no answer to an OTLP request") from error


def _fit(name: str, value: str) -> str:
    """
    Raises:
        ConfigError: When a header cannot be sent; its value is not shown.
    """
    fits = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not fits or not value.isascii() or not value.isprintable():
        raise ConfigError(f"sinks: the header {one_line(name[:32])!r} of OTLP cannot be sent")
    return value
