"""
Entries straight into Redis, for programs beside it that need no server in between.

What is written is what the server's store writes: `logs:<trace_id>` as a list of entry JSON, through the same
script, so that a server on the same Redis shows it. What only a server can know stays unset: `origin`, for
nobody checked a key, and `received_at`, for nobody received. Entries are straightened and cut as by a server,
but not limited: quotas guard a server's clients, and who holds the password of the store is none.

It connects at the first parcel. Nothing is retried here: after a timeout the same parcel comes again with the
same ids, and the script knows which of them it has.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry

from tracelog.core import keys
from tracelog.core.compact import decode_batch
from tracelog.core.store_bounds import LEDGER_TTL_S
from tracelog.core.text import one_line
from tracelog.core.wire import Mint
from tracelog.errors import ConfigError, InvalidBodyError, SinkRefusedError, SinkUnavailableError
from tracelog.sinks.base import Parcel, Receipt
from tracelog.sinks.redis_call import Row, ScriptCall, read_script, script_calls, seal

TTL_S: Final = 3600
TIMEOUT_S: Final = 1.0
"""Redis answers in well under a millisecond or is in trouble."""

CLOCK_MS: Final = 60_000.0
"""How long the measured difference to Redis' clock is believed; two clocks drift by less than 10 ms in it."""

_PASSING_KINDS: Final = (
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    MasterDownError,
    ClusterDownError,
    TryAgainError,
)
_PASSING_CODES: Final = frozenset(
    {"OOM", "LOADING", "READONLY", "MISCONF", "BUSY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN"}
)
"""Refusals that pass by themselves: by redis-py's class or, inside scripts, by the code of a text."""

_REASONS: Final = {"WRONGTYPE": "wrong_type", "NOPERM": "redis_permission"}


class RedisSink:
    """
    Writes parcels to Redis or Valkey.

    Args:
        url: `redis://` or `rediss://`, with user, password and database as redis-py reads them.
        ttl_s: Seconds a trace is kept after its last entry.
        client: A redis-py client to use instead of a new one; its replies are bytes.

    Raises:
        ConfigError: When *url* is no such address.
    """

    def __init__(
        self, url: str = "redis://127.0.0.1:6379/0", ttl_s: int = TTL_S, *, client: Redis | None = None
    ) -> None:
        self._client = _connect(url) if client is None else client
        self._ttl_s = ttl_s
        self._script = read_script()
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._ahead_ms = 0.0
        self._measured_ms = -CLOCK_MS

    def __call__(self, parcel: Parcel) -> Receipt:
        if parcel.memo is None:
            parcel.memo = _read(parcel)
        delivery: _Delivery = parcel.memo
        try:
            now_ms = self._now_ms()
            duplicate, refusals = self._store(delivery.rows, now_ms)
            if delivery.report is not None:
                self._report(delivery, now_ms)
        except (RedisError, OSError, UnicodeError) as error:
            raise _explain(error) from error
        if delivery.rows and len(refusals) == len(delivery.rows):
            raise refusals[-1]
        rejected = delivery.rejected + Counter(error.reason for error in refusals)
        return Receipt(duplicate=duplicate, rejected=dict(rejected))

    def close(self) -> None:
        self._client.close()
        self._measured_ms = -CLOCK_MS

    def _store(self, rows: Sequence[Row], now_ms: float) -> tuple[int, list[SinkRefusedError]]:
        """
        Store *rows* and return how many were known, and for each that never can be stored why.

        Raises:
            SinkUnavailableError: When some cannot be stored now; all come again, the stored ones as known.
        """
        known = 0
        refusals: list[SinkRefusedError] = []
        for call in script_calls(rows, now_ms=now_ms, ttl_s=self._ttl_s):
            letters, fault = self._run(call)
            known += letters.count(b"D")
            refusals += [_WRONG_TYPE] * letters.count(b"W")
            refused = [row for letter, row in zip(letters, call.rows, strict=True) if letter == _REFUSED]
            traces = dict.fromkeys(entry.trace_id for entry, _ in refused)
            if len(traces) == 1:
                refusals += [_lasting(fault)] * len(refused)
                continue
            for trace_id in traces:  # the script tells one fault a call, so each trace is asked for apart
                again = self._store([row for row in refused if row[0].trace_id == trace_id], now_ms)
                known += again[0]
                refusals += again[1]
        return known, refusals

    def _run(self, call: ScriptCall) -> tuple[bytes, bytes]:
        """
        Return a letter for each row (A stored, D known, W its keys are not ours, X refused) and the error
        behind an X.
        """
        count, arguments = len(call.keys), [*call.keys, *call.values]
        answer: Any
        try:
            answer = self._client.evalsha(self._sha, count, *arguments)
        except NoScriptError:  # a new server, or somebody flushed its scripts; nothing was done
            answer = self._client.eval(self._script, count, *arguments)
        letters, fault = answer
        return letters, fault

    def _report(self, delivery: "_Delivery", now_ms: float) -> None:
        """
        Keep the program's own ledger where the server's store keeps those that were sent to it.
        """
        said = f"{now_ms!r} ".encode() + (delivery.report or b"")
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(keys.REPORTS, delivery.source, said)
            pipe.expire(keys.REPORTS, LEDGER_TTL_S)
            pipe.execute()

    def _now_ms(self) -> float:
        """
        Return the present by Redis' clock: a program whose clock is wrong must not push others off the lists.
        """
        passed_ms = time.monotonic() * 1000
        if passed_ms - self._measured_ms >= CLOCK_MS:
            now_ms = time.time() * 1000
            with suppress(ResponseError):  # a user that may not ask for the time: then our own clock counts
                seconds, micros = self._client.time()
                now_ms = seconds * 1000 + micros / 1000
            self._ahead_ms = now_ms - passed_ms
            self._measured_ms = passed_ms
        return passed_ms + self._ahead_ms


class _Delivery(msgspec.Struct, frozen=True):
    """
    A parcel as it goes into Redis, made once for all its tries.
    """

    rows: list[Row]
    rejected: Counter[str]
    source: str
    report: bytes | None


def _connect(url: str) -> Redis:
    try:
        return Redis.from_url(
            url,
            protocol=2,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise ConfigError("sinks: a redis URL is an address such as redis://127.0.0.1:6379/0") from None


def _read(parcel: Parcel) -> _Delivery:
    """
    Return what *parcel* holds as a server would store it.

    Raises:
        SinkRefusedError: When it is no batch at all.
    """
    try:
        batch = decode_batch(parcel.body, now_ms=time.time() * 1000, mint=_MINT)
    except InvalidBodyError as error:
        raise SinkRefusedError(str(error), reason=error.reason) from error
    rejected = Counter(drop.reason for drop in batch.drops)
    return _Delivery(seal(batch.entries), rejected, batch.source or "", batch.report)


def _lasting(fault: bytes) -> SinkRefusedError:
    """
    Return *fault*, an error reply inside the script, when it stays; raise it when it passes.
    """
    error = _explain(ResponseError(fault.decode(errors="replace")))
    if isinstance(error, SinkUnavailableError):
        raise error
    return error


def _explain(error: Exception) -> SinkUnavailableError | SinkRefusedError:
    """
    Return *error*, whatever redis-py or a socket raised, as what a sink raises; its text holds no password.
    """
    said = one_line(str(error)[:200])
    code = said.partition(" ")[0]
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return SinkRefusedError(f"Redis refuses this user: {said}", reason="redis_permission")
    if isinstance(error, MovedError):
        return SinkRefusedError(
            "this Redis is part of a cluster; send to a server instead", reason="redis_cluster"
        )
    if isinstance(error, _PASSING_KINDS) or code in _PASSING_CODES:
        return SinkUnavailableError(f"Redis takes nothing now: {said}")
    if isinstance(error, ResponseError | UnicodeError):
        return SinkRefusedError(f"Redis refused: {said}", reason=_REASONS.get(code, "redis_refused"))
    return SinkUnavailableError(f"Redis did not answer: {said}")


_MINT: Final = Mint(trace_id=lambda: os.urandom(16).hex(), entry_id=lambda: os.urandom(16).hex())
_REFUSED: Final = ord("X")
_WRONG_TYPE: Final = SinkRefusedError(
    "Redis refused: WRONGTYPE, a key of the trace holds something else; delete it", reason="wrong_type"
)
