"""
What the headers of a request say about who asks: host, key, origin; and what they may not say twice.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs

from tracelog.errors import AccessError

DECIDING: Final = (b"authorization", b"cf-worker", b"host", b"origin", b"sec-fetch-site", b"user-agent")
"""Headers that decide who sends."""

_SINGLE: Final = frozenset({*DECIDING, b"content-type", b"content-encoding", b"content-length"})


def once(given: Iterable[tuple[bytes, bytes]], headers: Mapping[bytes, bytes]) -> None:
    """
    Refuse headers that say twice what can be said once only: who reads the first and who reads the last of
    them would not agree on what the request is (RFC 9110 §5.3, RFC 9112 §3.2).

    Args:
        given: Names and values as they came.
        headers: The same as a mapping.

    Raises:
        AccessError: Naming the header (400).
    """
    given = list(given)
    if len(given) == len(headers):
        return
    names = [name for name, _ in given]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise AccessError(
                f"the header {name.decode()} stands twice; send it once", reason="header", status=400
            )


def token_of(headers: Mapping[bytes, bytes], query: bytes) -> str | None:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if b"key=" not in query:
        return None
    return parse_qs(query.decode("latin-1")).get("key", [None])[0]


def host_name(host: str) -> str:
    """
    Return the name in a `Host` header without its port, brackets and a final dot kept as they make it
    foreign.
    """
    if host.startswith("["):
        return host[: host.find("]") + 1].lower()
    return host.partition(":")[0].lower()


def canonical(origin: str) -> str:
    return origin.strip().lower().rstrip("/")


def is_own(origin: bytes, headers: Mapping[bytes, bytes]) -> bool:
    host = headers.get(b"host", b"").lower()
    return host != b"" and origin.lower() in {b"http://" + host, b"https://" + host}
