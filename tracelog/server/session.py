"""
Sign-in of a person's browser: a key once, then a cookie that scripts cannot read and other sites cannot use.

The cookie holds no key. It is a moment of expiry, signed with the key's digest, so that every server with the
same keys accepts it, none has to remember it, and it ends when its key is taken away.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Final

from tracelog.server.keyring import Known

NAME: Final = "tracelog_session"

LASTS_S: Final = 12 * 3600
"""A working day."""

LONGEST: Final = 4_096
"""Bytes of a Cookie header that are read: what a browser keeps for one cookie (RFC 6265 §6.1)."""


def cookie_of(digest: bytes, now_s: float, *, secure: bool, path: str) -> str:
    """
    Return the `Set-Cookie` value that signs in with the key of *digest*.

    Args:
        digest: SHA-256 of the key.
        now_s: The present, Unix seconds.
        secure: Whether the page came by HTTPS; then the cookie never travels without.
        path: Where this server is mounted.
    """
    ends = int(now_s) + LASTS_S
    tail = "; Secure" if secure else ""
    return f"{NAME}={_signed(digest, ends)}; Max-Age={LASTS_S}; Path={path}; HttpOnly; SameSite=Strict{tail}"


def no_cookie(path: str) -> str:
    """
    Return the `Set-Cookie` value that signs out.
    """
    return f"{NAME}=; Max-Age=0; Path={path}; HttpOnly; SameSite=Strict"


def key_of(headers: Mapping[bytes, bytes], keys: Sequence[Known], now_s: float) -> Known | None:
    """
    Return the key that the request is signed in with, or None: one that is revoked has signed nothing.

    Args:
        headers: Of the request.
        keys: All that may sign in.
        now_s: The present, Unix seconds.
    """
    said = _said(headers.get(b"cookie", b""))
    ends, _, _ = said.partition(".")
    if not ends.isascii() or not ends.isdigit() or len(ends) > 12 or int(ends) <= now_s:
        return None
    found = None
    for known in keys:  # every key is compared, so that the time tells nothing
        if hmac.compare_digest(_signed(known.digest, int(ends)).encode(), said.encode()):
            found = known
    return found


def _signed(digest: bytes, ends: int) -> str:
    return f"{ends}.{hmac.new(digest, f'{NAME}:{ends}'.encode(), hashlib.sha256).hexdigest()}"


def _said(header: bytes) -> str:
    if len(header) > LONGEST:
        return ""
    try:
        cookies = SimpleCookie(header.decode("latin-1"))
    except CookieError:  # of another program on this host; ours is not among what cannot be read
        return ""
    return cookies[NAME].value if NAME in cookies else ""
