"""
Who may do what: host names, web origins and keys, decided from headers before a body is read.

Without keys the server answers this machine only, and a web page only when its origin is local or listed:
that stops DNS rebinding (Host) and foreign pages (Origin), as CVE-2025-66414 and CVE-2025-24010 taught
others.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tracelog.config import Key, ServerSettings, is_loopback
from tracelog.core.detect import detect_system
from tracelog.errors import AccessError, ConfigError
from tracelog.server import session
from tracelog.server.forwarded import Proxies
from tracelog.server.heads import DECIDING, canonical, host_name, is_own, token_of
from tracelog.server.keyring import ROLES, Keyring, Known

LOCAL: Final = "local"
"""Who asks where no key is needed: somebody on this machine."""

CORS_HEADERS: Final = (
    "content-type, content-encoding, authorization, traceparent, tracestate, baggage, "
    "x-trace-id, x-request-id"
)

CHALLENGE: Final = (b"www-authenticate", b"Bearer")
"""What every 401 must carry (RFC 9110 §15.5.2)."""

LOCAL_ORIGIN: Final = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")

PREFLIGHT_AGE: Final = "7200"
"""Seconds; the longest that Chromium keeps an answer."""


Address = tuple[str, int]


class Sender(msgspec.Struct, frozen=True):
    """
    Who sends.

    Attributes:
        origin: Trust label of its entries: `local`, `public` or `server`.
        system: The system they are from when the entries do not say.
        forced: Whether *system* counts whatever the entries say: it is bound to the key.
        web_origin: The page's origin when a browser sends, to be allowed in the answer.
        peer: Address that a page or a public sender speaks from: the one thing of its that it cannot make up.
    """

    origin: str
    system: str
    forced: bool = False
    web_origin: str | None = None
    peer: str | None = None


class Access:
    """
    The rules of one server; *clock* returns Unix seconds.

    Raises:
        ConfigError: When two keys are the same or a role is unknown.
    """

    def __init__(self, settings: ServerSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.ring = Keyring(settings.keys)
        self._cors = frozenset(map(canonical, settings.cors_origins))
        if "*" in self._cors or "null" in self._cors:
            raise ConfigError("cors_origins: list each origin by name; * and null would let any page in")
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self.proxies = Proxies(settings.trusted_proxies)
        self._known: dict[tuple[bytes | None, ...], Sender] = {}
        self._version = 0

    @property
    def _open(self) -> bool:
        return self.ring.is_open

    def check_host(self, headers: Mapping[bytes, bytes]) -> None:
        """
        Raises:
            AccessError: When the request names a host that this server is not (421).
        """
        host = host_name(headers.get(b"host", b"").decode("latin-1"))
        if host in self._hosts or (self._open and is_loopback(host)) or (not self._open and not self._hosts):
            return
        raise AccessError(
            f"this server does not answer for host {host[:100]!r}; use its address, or list the name in "
            "allowed_hosts",
            reason="host",
            status=421,
        )

    def check_ingest(
        self, headers: Mapping[bytes, bytes], query: bytes, client: Address | None = None
    ) -> Sender:
        """
        Return who sends.

        The answer depends on a few headers only, so it is remembered: most requests come from few senders.

        Args:
            headers: Of the request.
            query: Of its address.
            client: Address and port that it came from, as ASGI tells them.

        Raises:
            AccessError: When host, origin or key does not allow it.
        """
        get = headers.get
        told = (*[get(name) for name in DECIDING], query)
        if self._version != self.ring.version:  # keys came or went
            self._version = self.ring.version
            self._known.clear()
        sender = self._known.get(told)
        if sender is None:
            sender = self._decide(headers, query)
            if sum(len(part) for part in told if part is not None) <= LARGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[told] = sender
        if client is not None and (sender.origin == "public" or sender.web_origin is not None):
            return msgspec.structs.replace(sender, peer=self.proxies.peer(headers, client[0]))
        return sender

    def _decide(self, headers: Mapping[bytes, bytes], query: bytes) -> Sender:
        self.check_host(headers)
        key = None if self._open else self._key(headers, query, "ingest").key
        web_origin = headers.get(b"origin")
        allowed = None if web_origin is None else self._allowed_origin(web_origin, headers, key)
        names = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers.items()
            if name in _TELLING
        }
        if key is None:
            return Sender("local", detect_system(names), web_origin=allowed)
        label = "public" if key.public or key.origins else "server"
        return Sender(
            label, key.system or detect_system(names), forced=key.system is not None, web_origin=allowed
        )

    def check_read(
        self,
        headers: Mapping[bytes, bytes],
        query: bytes = b"",
        *,
        right: str = "read",
        changes: bool = False,
    ) -> str:
        """
        Return the name of the key that allows it, `local` where none is needed.

        Raises:
            AccessError: When host, origin or key does not allow reading (or the *right* asked for). A request
                that *changes* something and is signed in by cookie has to name this server as its origin.
        """
        self.check_host(headers)
        origin = headers.get(b"origin")
        who = LOCAL
        if not self._open:
            signed = self._signed_in(headers, query, right, changes=changes)
            who = (signed or self._key(headers, query, right)).name
        if origin is not None and not is_own(origin, headers):
            raise AccessError("pages of another origin may not read logs", reason="origin")
        if headers.get(b"sec-fetch-site") == b"cross-site":
            raise AccessError("another site's page may not read logs", reason="origin")
        return who

    def check_own(self, headers: Mapping[bytes, bytes]) -> None:
        """
        Raises:
            AccessError: When the request is not one of a page of this server itself.
        """
        self.check_host(headers)
        if not is_own(headers.get(b"origin", b""), headers):
            raise AccessError("only this server's own pages may sign in", reason="origin")

    def sign_in(self, token: str, headers: Mapping[bytes, bytes], *, secure: bool, path: str) -> str:
        """
        Return the cookie that a page gets for the key *token*, as `session.cookie_of` makes it.

        Raises:
            AccessError: When there is no such key, or it is one that may not read.
        """
        known = self._key({b"authorization": b"Bearer " + token.encode("utf-8", "replace")}, b"", "read")
        host = headers.get(b"host", b"")
        return session.cookie_of(known.digest, self._clock(), host=host, secure=secure, path=path)

    def sign_out(self, headers: Mapping[bytes, bytes], *, path: str) -> list[str]:
        """
        Return what takes the cookies away that open this server, as `session.no_cookies` makes it.
        """
        return session.no_cookies(headers, self.ring.readers, self._clock(), path)

    def _signed_in(
        self, headers: Mapping[bytes, bytes], query: bytes, right: str, *, changes: bool
    ) -> Known | None:
        if token_of(headers, query) is not None:
            return None
        known = session.key_of(headers, self.ring.readers, self._clock())
        if known is None or right not in ROLES[known.key.role]:
            return None
        return None if changes and not is_own(headers.get(b"origin", b""), headers) else known

    def preflight(self, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """
        Return the headers that answer a CORS preflight; without permission when the origin has none.
        """
        self.check_host(headers)
        origin = headers.get(b"origin", b"")
        known = any(
            canonical(text) == canonical(origin.decode("latin-1"))
            for held in self.ring.all
            for text in held.key.origins
        )
        if not (known or self._may_send(origin)):
            return [(b"vary", b"origin")]
        return [
            *cors(origin.decode("latin-1")),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", CORS_HEADERS.encode()),
            (b"access-control-max-age", PREFLIGHT_AGE.encode()),
        ]

    def _allowed_origin(self, origin: bytes, headers: Mapping[bytes, bytes], key: Key | None) -> str:
        text = origin.decode("latin-1")
        if key is not None and key.origins:
            allowed = canonical(text) in set(map(canonical, key.origins))
        else:
            allowed = self._may_send(origin) or is_own(origin, headers)
        if not allowed:
            raise AccessError(
                f"pages of origin {text[:100]!r} may not send here; list it in cors_origins", reason="origin"
            )
        return text

    def _may_send(self, origin: bytes) -> bool:
        text = canonical(origin.decode("latin-1"))
        return text in self._cors or (self._open and LOCAL_ORIGIN.fullmatch(text) is not None)

    def _key(self, headers: Mapping[bytes, bytes], query: bytes, right: str) -> Known:
        token = token_of(headers, query)
        if token is None:
            raise AccessError(
                "a key is needed; send it as Authorization: Bearer … or ?key=…",
                reason="key_missing",
                status=401,
            )
        found = self.ring.find(token)
        if found is None:
            raise AccessError("the key is unknown or revoked", reason="key_unknown", status=401)
        if right not in ROLES[found.key.role]:
            raise AccessError(
                f"this key may not do that: it is a key of role {found.key.role}", reason="key_role"
            )
        return found


_TELLING: Final = frozenset({b"user-agent", b"cf-worker", b"sec-fetch-site", b"origin"})

REMEMBERED: Final = 1_024
"""Senders remembered; a flood of made-up headers only empties the memory."""

LARGEST_REMEMBERED: Final = 1_024
"""Bytes of headers worth remembering: those of honest senders."""


def cors(web_origin: str) -> list[tuple[bytes, bytes]]:
    """
    Return the headers that let a page of *web_origin* read the answer.
    """
    return [
        (b"access-control-allow-origin", web_origin.encode("latin-1")),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    ]
