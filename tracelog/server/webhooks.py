"""
The doors for other systems: OTLP, Convex Log Streams, Cloudflare Workers; and which address each has.
"""

from typing import Final

import msgspec

from tracelog.core.encoding import inflate
from tracelog.core.stage import Batch
from tracelog.errors import AccessError
from tracelog.server.access import Sender
from tracelog.server.answers import Answer
from tracelog.server.doors import Asked, Door, House
from tracelog.server.otlp_answer import translate, wants_protobuf
from tracelog.server.receivers import cloudflare, convex, otlp
from tracelog.server.receivers.aliases import Aliases
from tracelog.server.receivers.items import decode
from tracelog.server.signature import check_fresh, check_signature, signature_of

CONVEX: Final = "convex"
GZIP: Final = b"\x1f\x8b"
"""How each member of a gzip file begins (RFC 1952 §2.3.1), and no JSON."""


class NamingDoor(Door):
    """
    Takes events that name requests, and asks the other processes by the store what these mean.
    """

    def __init__(self, house: House, aliases: Aliases) -> None:
        super().__init__(house)
        self._aliases = aliases

    async def understand(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        batch = self.read(asked, sent, body, now_ms)
        question = self._aliases.question()
        if question is None:
            return batch
        meant = await self.house.store.understand(question.claim)
        return self.read(asked, sent, body, now_ms) if self._aliases.accept(question, meant) else batch


class OtlpDoor(NamingDoor):
    """
    Takes *signal*, `logs` or `traces`, from any OpenTelemetry exporter.

    An exporter repeats 429 and 503 only and takes every other refusal for final, so temporary trouble refuses
    the whole request.
    """

    def __init__(self, house: House, signal: str, aliases: Aliases) -> None:
        super().__init__(house, aliases)
        self._signal = signal
        self._receiver = otlp.Receiver(signal, aliases)

    def read(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        del sent
        mint, limits = self.house.mint, self.house.settings.limit
        return self._receiver.receive(body, asked.content_type, now_ms=now_ms, mint=mint, limits=limits)

    def word(self, asked: Asked, answer: Answer, batch: Batch | None) -> tuple[bytes, bytes]:
        protobuf = wants_protobuf(asked.content_type)
        return translate(answer, batch, signal=self._signal, protobuf=protobuf)


class ConvexDoor(NamingDoor):
    """
    Takes the webhook of Convex Log Streams: signed when `convex_secret` is set, else by key or loopback.

    Convex repeats 5xx, 408, 425 and 429 and drops a batch for any other refusal.
    """

    def __init__(self, house: House, aliases: Aliases) -> None:
        super().__init__(house, aliases)
        self._receiver = convex.Receiver(aliases)

    def admit(self, asked: Asked) -> Sender:
        if not self.house.settings.convex_secret:
            return _from(CONVEX, super().admit(asked))
        self.house.access.check_host(asked.headers)
        signature_of(asked.pairs)
        return Sender("webhook", CONVEX, forced=True)

    def read(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        secret = self.house.settings.convex_secret
        if secret:
            check_signature(sent, signature_of(asked.pairs), secret)
        mint, limits = self.house.mint, self.house.settings.limit
        kind = asked.content_type
        batch = self._receiver.receive(body, kind, now_ms=now_ms, mint=mint, limits=limits)
        if secret:
            check_fresh(batch, now_ms)
        return batch


class CloudflareDoor(Door):
    """
    Takes what a tail worker or a Logpush job sends.
    """

    def admit(self, asked: Asked) -> Sender:
        return _from("worker", super().admit(asked))

    def read(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        del sent
        limits = self.house.settings.limit
        if body.startswith(GZIP):  # a file that was sent as it stands, its encoding not told
            body = inflate(body, b"gzip", limit=limits.body)
        return cloudflare.receive(
            body, asked.content_type, now_ms=now_ms, mint=self.house.mint, limits=limits
        )


class DecideDoor(Door):
    """
    Answers what Convex's OTLP exporter asks when it is set up: whether its token, our ingest key, is known.

    It is made for PostHog, so the key stands in the body.
    """

    def admit(self, asked: Asked) -> Sender:
        self.house.access.check_host(asked.headers)
        return Sender("public", CONVEX)

    def read(self, asked: Asked, sent: bytes, body: bytes, now_ms: float) -> Batch:
        del sent, now_ms
        if not self.house.access.ring.is_open:
            said = decode(body)
            key = said.get("api_key") if isinstance(said, dict) else None
            if not isinstance(key, str):
                raise AccessError("api_key is missing in the body", reason="key_missing", status=401)
            bearer = {b"authorization": b"Bearer " + key.encode("latin-1", "replace")}
            self.house.access.check_ingest({**asked.headers, **bearer}, b"")
        return Batch(entries=[], places=[])


def doors(house: House) -> dict[str, Door]:
    """
    Return every address and the door behind it. They share what they learn about Convex's requests, with each
    other and, by the store, with those of other processes.
    """
    aliases = Aliases()
    logs = OtlpDoor(house, "logs", aliases)
    return {
        "/v1/logs": logs,
        "/v1/traces": OtlpDoor(house, "traces", aliases),
        "/i/v1/logs": logs,  # where Convex's OTLP exporter sends, below the host it is given
        "/decide": DecideDoor(house),
        "/webhooks/convex": ConvexDoor(house, aliases),
        "/webhooks/cloudflare": CloudflareDoor(house),
    }


def _from(system: str, sender: Sender) -> Sender:
    """
    Return *sender* with the *system* that only this door serves, unless its key is bound to another.
    """
    return sender if sender.forced else msgspec.structs.replace(sender, system=system)
