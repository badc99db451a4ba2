"""
Which system a request comes from, told by its headers, when neither key nor entry says so.

Headers can be forged by whoever calls directly: they name a system for people to read, they raise no trust.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Sign(NamedTuple):
    """
    A header that gives a system away: *value* must occur in it (lower case); empty means presence is enough.
    """

    header: str
    value: str
    system: str


SIGNS: Final = (
    Sign("user-agent", "convex/", "convex"),
    Sign("cf-worker", "", "worker"),
    Sign("sec-fetch-site", "", "browser"),
    Sign("origin", "http", "browser"),
    Sign("user-agent", "python", "backend"),
    Sign("user-agent", "node", "backend"),
    Sign("user-agent", "undici", "backend"),
    Sign("user-agent", "bun/", "backend"),
    Sign("user-agent", "deno/", "backend"),
    Sign("user-agent", "axios/", "backend"),
    Sign("user-agent", "go-http-client", "backend"),
    Sign("user-agent", "java/", "backend"),
    Sign("user-agent", "java-http-client/", "backend"),
    Sign("user-agent", "apache-httpclient/", "backend"),
    Sign("user-agent", "ruby", "backend"),
    Sign("user-agent", "faraday", "backend"),
    Sign("user-agent", "guzzlehttp/", "backend"),
    Sign("user-agent", "otel-otlp-exporter-", "backend"),
    Sign("user-agent", "mozilla/", "browser"),
)
"""First match wins. Subrequests of workers always carry `CF-Worker`; a page's script cannot set
`Sec-Fetch-Site`, `Origin` or, in Chromium, `User-Agent`. Each row says what its callers send by default. What
people type with (curl) and what phones share with servers (okhttp, Dart) tells nothing."""

UNKNOWN: Final = "manual"


def detect_system(headers: Mapping[str, str]) -> str:
    """
    Return the system that *headers* (lower-case names) speak of, `manual` when nothing tells.
    """
    for sign in SIGNS:
        value = headers.get(sign.header)
        if value is not None and sign.value in value.lower():
            return sign.system
    return UNKNOWN
