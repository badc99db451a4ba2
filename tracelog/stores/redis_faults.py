"""
What Redis says when it cannot, put into one sentence: which faults pass by themselves, which need a person.

No sentence holds an address or a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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
from redis.exceptions import TimeoutError as RedisTimeoutError

from tracelog.errors import StoreUnavailableError

RETRY_S: Final = 1.0
PERMANENT_RETRY_S: Final = 30.0
"""A fault that a person must mend is not asked after every second."""

_PASSING: Final = {
    "OOM": "Redis is full and refuses writes; raise maxmemory or let it evict with volatile-ttl",
    "LOADING": "Redis is still loading its data",
    "READONLY": "Redis is a read-only replica; give the address of the primary",
    "MISCONF": "Redis refuses writes because it cannot save to disk; see its log",
    "BUSY": "Redis is busy with a script of somebody else",
    "MASTERDOWN": "the Redis replica has lost its primary",
    "NOREPLICAS": "Redis refuses writes because too few replicas are connected",
    "CLUSTERDOWN": "the Redis cluster is down",
    "TRYAGAIN": "the Redis cluster is moving this slot",
}

_LASTING: Final = {
    "WRONGTYPE": "a key of tracelog in Redis holds something else; delete that key or use another database",
    "NOPERM": "the Redis user may not use the commands or keys of tracelog; extend its access list",
    "NOAUTH": "Redis wants a password; put it into the store's URL",
    "WRONGPASS": "Redis refuses the user name or password of the store's URL",
    "MOVED": "this Redis is part of a cluster; use a redis+cluster:// URL",
}


_LIMITS: Final = (
    ("limit exceeded", "Upstash refuses because the plan's requests are used up", PERMANENT_RETRY_S),
    ("capacity quota exceeded", "Upstash refuses writes because the database is full", RETRY_S),
    ("size exceeded", "Upstash refuses what is larger than the plan allows", RETRY_S),
)
"""What Upstash says under the code ERR."""

_CODES: Final = (
    (OutOfMemoryError, "OOM"),
    (BusyLoadingError, "LOADING"),
    (ReadOnlyError, "READONLY"),
    (MasterDownError, "MASTERDOWN"),
    (ClusterDownError, "CLUSTERDOWN"),
    (TryAgainError, "TRYAGAIN"),
    (MovedError, "MOVED"),
    (NoPermissionError, "NOPERM"),
)
"""redis-py takes these codes off the reply and chooses a class; other replies keep theirs in the text."""


def explain(error: BaseException) -> StoreUnavailableError:
    """
    Return *error*, anything that redis-py or the socket raised, as what a store raises.
    """
    for kind, code in _CODES:
        if isinstance(error, kind):
            return explain_text(code)
    if isinstance(error, AuthenticationError | AuthorizationError):
        return explain_text("NOAUTH" if "required" in str(error).lower() else "WRONGPASS")
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return StoreUnavailableError("Redis did not answer in time", retry_after=RETRY_S)
    if isinstance(error, ResponseError):
        return explain_text(str(error))
    return StoreUnavailableError("Redis cannot be reached", retry_after=RETRY_S)


def explain_text(text: str) -> StoreUnavailableError:
    """
    Return *text*, an error reply beginning with its code, as what a store raises.
    """
    for part, sentence, wait in _LIMITS:
        if part in text:
            return StoreUnavailableError(sentence, retry_after=wait)
    code = text.split(" ", 1)[0]
    if code in _LASTING:
        return StoreUnavailableError(_LASTING[code], retry_after=PERMANENT_RETRY_S)
    return StoreUnavailableError(_PASSING.get(code, f"Redis refused: {text[:200]}"), retry_after=RETRY_S)


def is_lasting(fault: StoreUnavailableError) -> bool:
    """
    Whether *fault* stays until a person mends it.
    """
    return fault.retry_after >= PERMANENT_RETRY_S


def refusal(text: str) -> ResponseError:
    """
    Return *text*, an error reply beginning with its code, as redis-py raises it.
    """
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)


@contextmanager
def explained() -> Iterator[None]:
    """
    Turn whatever Redis raises inside into `StoreUnavailableError`.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise explain(error) from error
