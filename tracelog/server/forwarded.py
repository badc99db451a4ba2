"""
What a reverse proxy says of a request that it passes on: who sent it, and whether it came by HTTPS.

Anybody can write these headers, so they count only when the connection comes from a proxy that was named.
Each proxy adds the address it saw at the end of `X-Forwarded-For`; the last one that no trusted proxy has
is the sender's, and what stands before it the sender may have made up.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final

from tracelog.errors import ConfigError

MOST: Final = 32
"""Addresses of one header that are read, from the end: more proxies than stand in a row anywhere."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """
    The proxies that are believed.

    Args:
        trusted: Addresses and networks, such as `127.0.0.1` or `10.0.0.0/8`.

    Raises:
        ConfigError: When one of them is neither.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = [_network(text) for text in trusted]

    def peer(self, headers: Mapping[bytes, bytes], address: str) -> str:
        """
        Return the address that a request comes from.

        Args:
            headers: Of the request.
            address: Of the other end of its connection.
        """
        if not self._trusted or not self._is_trusted(address):
            return address
        said = headers.get(b"x-forwarded-for", b"").decode("latin-1")
        for text in reversed(said.rsplit(",", MOST)):
            name = text.strip().strip("[]")
            if not _is_address(name):
                break
            address = name
            if not self._is_trusted(name):
                break
        return address

    def is_https(self, headers: Mapping[bytes, bytes], scheme: str, address: str) -> bool:
        """
        Whether the sender's part of the way was HTTPS; *scheme* is that of the last part.
        """
        said = headers.get(b"x-forwarded-proto")
        if said is None or not self._trusted or not self._is_trusted(address):
            return scheme == "https"
        return said.rpartition(b",")[2].strip().lower() == b"https"

    def _is_trusted(self, text: str) -> bool:
        if not _is_address(text):
            return False
        address = ipaddress.ip_address(text)
        return any(address in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(
            f"trusted_proxies: {text[:64]!r} is no address or network, such as 127.0.0.1 or 10.0.0.0/8"
        ) from None
