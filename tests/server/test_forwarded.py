"""
Headers of reverse proxies: believed from those that were named, from nobody else.
"""

import pytest

from tests.server.running import Running
from tracelog.config import Key, server_settings
from tracelog.errors import ConfigError
from tracelog.server.access import Access
from tracelog.server.forwarded import Proxies

PROXIES = Proxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])

PEERS = [
    ("127.0.0.1", b"203.0.113.7", "203.0.113.7"),
    ("127.0.0.1", b"6.6.6.6, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
    ("fd00::1", b"2001:db8::7", "2001:db8::7"),
    ("127.0.0.1", b"10.1.1.1, 10.2.2.2", "10.1.1.1"),
    ("127.0.0.1", b"", "127.0.0.1"),
    ("127.0.0.1", b"203.0.113.7, no address", "127.0.0.1"),
    ("127.0.0.1", b"," * 9_000 + b"203.0.113.7", "203.0.113.7"),
    ("203.0.113.9", b"6.6.6.6", "203.0.113.9"),
    ("testclient", b"6.6.6.6", "testclient"),
]


@pytest.mark.parametrize(("address", "said", "peer"), PEERS)
def test_the_last_address_that_no_proxy_has_is_the_sender(address: str, said: bytes, peer: str) -> None:
    """
    What a sender wrote itself stands before what a trusted proxy saw, and is not looked at.
    """
    assert PROXIES.peer({b"x-forwarded-for": said}, address) == peer
    assert Proxies([]).peer({b"x-forwarded-for": said}, address) == address


@pytest.mark.parametrize(
    ("address", "said", "scheme", "is_https"),
    [
        ("127.0.0.1", b"https", "http", True),
        ("127.0.0.1", b"https, http", "https", False),
        ("127.0.0.1", None, "https", True),
        ("203.0.113.9", b"https", "http", False),
    ],
)
def test_https_ends_at_a_proxy(address: str, said: bytes | None, scheme: str, is_https: bool) -> None:
    """
    A trusted proxy says how the sender came; of all others the connection says it.
    """
    headers = {} if said is None else {b"x-forwarded-proto": said}
    assert PROXIES.is_https(headers, scheme, address) is is_https


def test_pages_behind_a_proxy_are_told_apart() -> None:
    """
    The sender of a page is the address that the proxy saw, at the real door, too: its cookie is then for HTTPS
    only.
    """
    key = Key(token="r" * 16, role="read")
    keys = (Key(token="p" * 16, public=True, origins=("https://shop.example",)), key)
    settings = server_settings({"keys": keys, "trusted_proxies": ("127.0.0.1",)}, environ={}, folder=None)
    headers = {b"host": b"h", b"origin": b"https://shop.example", b"x-forwarded-for": b"203.0.113.7"}
    query = b"key=" + b"p" * 16
    peers = [
        Access(settings).check_ingest(headers, query, (address, 1)).peer
        for address in ("127.0.0.1", "8.8.8.8")
    ]
    assert peers == ["203.0.113.7", "8.8.8.8"]
    with Running(keys=keys, trusted_proxies=("127.0.0.0/8",)) as running:
        own = ("Origin", "http://127.0.0.1")
        cookies = [
            running.post(b"r" * 16, own, ("X-Forwarded-Proto", proto), target="/api/v1/session").header(name)
            for proto, name in (("https", "set-cookie"), ("http", "set-cookie"))
        ]
    assert ["Secure" in str(cookie) for cookie in cookies] == [True, False]


def test_a_proxy_that_is_none_is_told() -> None:
    """
    A name cannot be trusted: it may mean another address tomorrow.
    """
    with pytest.raises(ConfigError, match=r"trusted_proxies: 'proxy\.local' is no address"):
        Proxies(["proxy.local"])
