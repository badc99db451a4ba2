"""
Entries to an ingestion server by HTTP: one kept-alive connection, compact batches, compressed once.
"""

import time
from typing import Final

from tracelog.core.encoding import Compressor
from tracelog.sinks.answer import read_answer
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.post import ATTEMPT_S, Answer, Post, address_of, bearer_of


class HttpSink:
    """
    Posts parcels to `<url>/log`.

    Args:
        url: Address of the server, `http://` or `https://`, with or without a path prefix.
        key: Ingest key, sent as a bearer token.
        timeout: Seconds for one attempt.

    Raises:
        ConfigError: When *url* is no HTTP address or *key* cannot stand in a header.
    """

    guarded: Final = True

    def __init__(self, url: str, *, key: str | None = None, timeout: float = ATTEMPT_S) -> None:
        self._post = Post(address_of(url), "/log", timeout=timeout)
        key = bearer_of(key)
        self._key = key.encode()
        self._compress = Compressor()
        self._headers = {
            "User-Agent": "tracelog-python/1",
            **({"Authorization": f"Bearer {key}"} if key else {}),
        }

    @property
    def url(self) -> str:
        return self._post.url

    def __call__(self, parcel: Parcel) -> Receipt:
        answer = self._send(parcel)
        if answer.status == 415 and parcel.memo[0] == "zstd":  # a server without the library for it
            self._compress = Compressor(zstd=False)
            parcel.memo = None
            answer = self._send(parcel)
        body = answer.body.replace(self._key, b"[key]") if self._key else answer.body
        return read_answer(answer.status, answer.headers, body, sent=parcel.kept, now=time.time())

    def close(self) -> None:
        self._post.close()

    def _send(self, parcel: Parcel) -> Answer:
        if parcel.memo is None:
            parcel.memo = self._compress(parcel.body)
        encoding, body = parcel.memo
        headers = {**self._headers, "Content-Type": parcel.content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        return self._post(body, headers)
