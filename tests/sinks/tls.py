"""
Certificates for tests: the name `localhost`, signed by themselves, one without an end and one that ended in 2020.

The key guards nothing and is known to everybody who reads this.
"""

import ssl
from pathlib import Path

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUXkw3FpT5IYolXwI
CxH7PYeNnZliKVjUUkQHFGQmrDGhRANCAATFXVYmbMNJsSGTMvzVvNgZnyEKr1KC
vc9mfv45zEJ5hBhRgRYEXvLc8PEUWy7jA08oeU13fIxovPL068p7u1wy
-----END PRIVATE KEY-----
"""

VALID = """\
-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPOTk5OTEyMzEyMzU5NTlaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMVdViZsw0mxIZMy
/NW82BmfIQqvUoK9z2Z+/jnMQnmEGFGBFgRe8tzw8RRbLuMDTyh5TXd8jGi88vTr
ynu7XDKjSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBRHglt5/Qd/zr27fwWNNFCmjTFpNzAKBggqhkjOPQQDAgNIADBF
AiAJokAgztBWO2xJ5RLuktjxM7dHkWGITbbd3eRZPunkAQIhAIer390mdNjleR7D
LKAnCxqwPCWB2y+EOqXqM73GU4AV
-----END CERTIFICATE-----
"""

EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBXzCCAQWgAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwHhcNMjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjAUMRIwEAYDVQQDDAls
b2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATFXVYmbMNJsSGTMvzV
vNgZnyEKr1KCvc9mfv45zEJ5hBhRgRYEXvLc8PEUWy7jA08oeU13fIxovPL068p7
u1wyo0gwRjAUBgNVHREEDTALgglsb2NhbGhvc3QwDwYDVR0TAQH/BAUwAwEB/zAd
BgNVHQ4EFgQUR4Jbef0Hf869u38FjTRQpo0xaTcwCgYIKoZIzj0EAwIDSAAwRQIg
AwyRPjDCm707y7SDbpv/lbcyZuBGCNKAkawD/HvLbUYCIQC4qD7oVVU4Smuqowzj
nUiATdVljdhKy/Bcv6rDeYu/+g==
-----END CERTIFICATE-----
"""


def server_context(folder: Path, certificate: str) -> ssl.SSLContext:
    """
    Return the context of a server that shows *certificate*; its files are kept in *folder*.
    """
    (folder / "key.pem").write_text(KEY)
    (folder / "certificate.pem").write_text(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
