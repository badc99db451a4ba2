"""
Sign-in of a person's browser: a key once, then a cookie that scripts cannot read and other sites cannot use.

The cookie holds no key. It is a moment of expiry, signed with the key's digest, so that every server with the
same keys accepts it, none has to remember it, and it ends when its key is taken away. It is named by the
port, and read under any: which server signed it, the signature says.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

from tracelog.server.keyring import Known

NAME: Final = "tracelog_session"

LASTS_S: Final = 12 * 3600
"""A working day."""

LONGEST: Final = 64 * 1024
"""Bytes of a Cookie header that are read: all programs on a host share it, and no larger head is read."""

MOST: Final = 16
"""Cookies that are tried: as many servers has a host, and each try computes a signature for each key."""

PORT: Final = re.compile(r"[0-9]{1,5}")
OURS: Final = re.compile(rf"{NAME}(_[0-9]{{1,5}})?")


def cookie_of(digest: bytes, now_s: float, *, host: bytes, secure: bool, path: str) -> str:
    """
    Return the `Set-Cookie` value that signs in with the key of *digest*.

    Args:
        digest: SHA-256 of the key.
        now_s: The present, Unix seconds.
        host: The `Host` header of the request, whose port names the cookie.
        secure: Whether the page came by HTTPS; then the cookie never travels without.
        path: Where this server is mounted.
    """
    ends = int(now_s) + LASTS_S
    tail = "; Secure" if secure else ""
    said = f"{_name(host)}={_signed(digest, ends)}"
    return f"{said}; Max-Age={LASTS_S}; Path={path}; HttpOnly; SameSite=Strict{tail}"


def no_cookies(headers: Mapping[bytes, bytes], keys: Sequence[Known], now_s: float, path: str) -> list[str]:
    """
    Return the `Set-Cookie` values that sign out: of every cookie that opens this server, whatever port named
    it, and of no other one.
    """
    said = _said(headers.get(b"cookie", b""))
    names = {_name(headers.get(b"host", b"")), *(name for name, value in said if _opens(value, keys, now_s))}
    return [f"{name}=; Max-Age=0; Path={path}; HttpOnly; SameSite=Strict" for name in sorted(names)]


def key_of(headers: Mapping[bytes, bytes], keys: Sequence[Known], now_s: float) -> Known | None:
    """
    Return the key that the request is signed in with, or None: one that is revoked has signed nothing.

    Args:
        headers: Of the request.
        keys: All that may sign in.
        now_s: The present, Unix seconds.
    """
    for _, value in _said(headers.get(b"cookie", b"")):
        if known := _opens(value, keys, now_s):
            return known
    return None


def _opens(said: str, keys: Sequence[Known], now_s: float) -> Known | None:
    ends, _, _ = said.partition(".")
    if not ends.isascii() or not ends.isdigit() or len(ends) > 12 or int(ends) <= now_s:
        return None
    found = None
    for known in keys:  # every key is compared, so that the time tells nothing
        if hmac.compare_digest(_signed(known.digest, int(ends)).encode(), said.encode()):
            found = known
    return found


def _name(host: bytes) -> str:
    """
    Return the name of the cookie of a server at *host*: browsers give all ports of a host the same cookies
    (RFC 6265 §8.5), so two servers on one machine would else sign one another's visitors out.
    """
    port = host.rpartition(b":")[2].decode("latin-1")
    return f"{NAME}_{port}" if PORT.fullmatch(port) else NAME


def _signed(digest: bytes, ends: int) -> str:
    return f"{ends}.{hmac.new(digest, f'{NAME}:{ends}'.encode(), hashlib.sha256).hexdigest()}"


def _said(header: bytes) -> list[tuple[str, str]]:
    """
    Return the cookies of this name and any port, the first ones only. What other programs of this host said
    is passed over, readable or not (RFC 6265 §5.4).
    """
    if len(header) > LONGEST:
        return []
    parts = (part.strip().partition("=") for part in header.decode("latin-1").split(";"))
    return [(name, value) for name, _, value in parts if OURS.fullmatch(name)][:MOST]
