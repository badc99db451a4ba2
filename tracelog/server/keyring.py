"""
The keys of a server: those of its settings, and those that operators made and the store keeps.

Only digests are kept of the latter: SHA-256 of 32 random bytes, which nobody finds by trying. The token is
shown once, when it is made.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from tracelog.config import Key
from tracelog.errors import ConfigError

ROLES: Final = {"ingest": {"ingest"}, "read": {"read"}, "admin": {"read", "admin"}}
"""What each kind of key may do. Writing needs an ingest key: a leaked reader cannot forge entries."""

TOKEN_BYTES: Final = 32

PREFIX: Final = "tlk_"
"""By which a scanner of repositories knows a token of ours."""


class Known(NamedTuple):
    """
    A key that opens something.

    Attributes:
        digest: SHA-256 of its token.
        key: What it may do; without its token, when the store keeps it.
        name: What the audit calls it.
    """

    digest: bytes
    key: Key
    name: str


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """
    A key as the store keeps it.

    Attributes:
        digest: SHA-256 of its token, hexadecimal.
        name: What its maker calls it; *by* who that was, *created_ms* when, Unix milliseconds.
        role: With *origins*, *system* and *public* as in `Key`.
    """

    id: str
    digest: str
    role: str
    name: str = ""
    origins: tuple[str, ...] = ()
    system: str | None = None
    public: bool = False
    created_ms: float = 0.0
    by: str = ""

    @property
    def known(self) -> Known:
        key = Key(token="", role=self.role, origins=self.origins, system=self.system, public=self.public)
        return Known(bytes.fromhex(self.digest), key, self.id)


class Keyring:
    """
    All keys of this moment.

    Args:
        keys: Of the settings.

    Attributes:
        all: Every key; *readers* those that may read.
        version: Changes whenever the keys do.
        on_loss: Called when a key is gone, and when the first one came: streams that are open have to be
            closed, for who reads them may not any more.

    Raises:
        ConfigError: When two keys are the same or a role is unknown.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        if unknown := {key.role for key in keys} - set(ROLES):
            raise ConfigError(f"keys: role {unknown.pop()!r} is unknown; use ingest, read or admin")
        self.given = tuple(
            Known(digest_of(key.token), key, f"settings-{at}") for at, key in enumerate(keys, start=1)
        )
        if len({known.digest for known in self.given}) != len(self.given):
            raise ConfigError("keys: two keys have the same token; give each its own")
        self.version = 0
        self.on_loss: Callable[[], None] = lambda: None
        self._locked = False
        self._hold(())

    @property
    def is_open(self) -> bool:
        """
        Whether local programs need no key. A server that had one stays shut when the store forgets it.
        """
        return not self.all and not self._locked

    def learn(self, stored: Sequence[Known], *, opened: bool) -> None:
        """
        Take over what the store keeps; *opened* says that the last key was given up on purpose.
        """
        before, was_open = self._by_digest.keys(), self.is_open
        self._locked = bool(stored) or (self._locked and not opened)
        self._hold(stored)
        self.version += 1
        if before - self._by_digest.keys() or (was_open and not self.is_open):
            self.on_loss()

    def find(self, token: str) -> Known | None:
        """
        Return the key of *token*. How long that takes tells something of the digest only, from which no token
        follows.
        """
        return self._by_digest.get(digest_of(token))

    def _hold(self, stored: Sequence[Known]) -> None:
        self.all = (*self.given, *stored)
        self.readers = tuple(known for known in self.all if "read" in ROLES[known.key.role])
        self._by_digest = {known.digest: known for known in reversed(self.all)}


def new_token(role: str) -> str:
    """
    Return a token that nobody has seen.
    """
    secret = base64.urlsafe_b64encode(os.urandom(TOKEN_BYTES)).rstrip(b"=").decode()
    return f"{PREFIX}{role}_{secret}"


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
