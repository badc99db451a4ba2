"""
What programs say when they fail, chatter and give up, as programs of six languages say it.

Every pool is cut in two: seeds that the analysis was tuned on draw from one half, seeds that it is judged on from the
other. So no sentence that was seen in tuning is seen in judging, and a list of words would win nothing.
"""

import random
from collections.abc import Sequence
from typing import Final

FAILURES: Final = {
    "refused": (
        ("Error", "connect ECONNREFUSED {host}:{port}"),
        ("ConnectionRefusedError", "[Errno 111] Connection refused"),
        ("java.net.ConnectException", "Failed to connect to /{host}:{port}"),
        ("*net.OpError", "dial tcp {host}:{port}: connect: connection refused"),
        ("Faraday::ConnectionFailed", "Couldn't open TCP connection to {host}:{port}"),
        (
            "HttpRequestException",
            "No connection could be made because the target machine actively refused it ({host}:{port})",
        ),
    ),
    "statement": (
        ("psycopg.errors.QueryCanceled", "canceling statement due to statement timeout"),
        (
            "com.mysql.cj.jdbc.exceptions.MySQLTimeoutException",
            "Statement cancelled due to timeout or client request",
        ),
        ("MongoServerError", "operation exceeded time limit"),
        (
            "PG::LockNotAvailable",
            'canceling statement due to lock timeout while updating tuple in relation "{table}"',
        ),
        (
            "SqlException",
            "Execution Timeout Expired. The timeout period elapsed prior to completion of the operation on {table}",
        ),
        ("sqlite3.OperationalError", "database is locked"),
    ),
    "giving_up": (
        ("TimeoutError", "deadline of {ms} ms passed while waiting for {peer}"),
        ("AxiosError", "timeout of {ms}ms exceeded"),
        ("httpx.ReadTimeout", "The read operation timed out"),
        ("context.deadlineExceededError", 'Post "http://{peer}/v1/{noun}": context deadline exceeded'),
        (
            "TaskCanceledException",
            "The request was canceled due to the configured HttpClient.Timeout of {ms} ms elapsing",
        ),
        ("java.net.SocketTimeoutException", "Read timed out"),
        ("DOMException", "The user aborted a request"),
        ("Net::ReadTimeout", "Net::ReadTimeout with #<TCPSocket:(closed)>"),
    ),
    "bug": (
        ("TypeError", "Cannot read properties of undefined (reading '{field}')"),
        ("AttributeError", "'NoneType' object has no attribute '{field}'"),
        ("KeyError", "'{field}'"),
        ("java.lang.NullPointerException", 'Cannot invoke "Customer.{field}()" because "customer" is null'),
        ("runtime.Error", "invalid memory address or nil pointer dereference"),
        ("NoMethodError", "undefined method `{field}' for nil:NilClass"),
        (
            "ArgumentOutOfRangeException",
            "Index was out of range. Must be non-negative and less than the size of the collection",
        ),
        ("ZeroDivisionError", "division by zero"),
        ("ValidationError", "1 validation error for Quote: {field} field required"),
        ("ReferenceError", "{field} is not defined"),
    ),
    "unique": (
        (
            "psycopg.errors.UniqueViolation",
            'duplicate key value violates unique constraint "{table}_{field}_key"',
        ),
        ("SQLIntegrityConstraintViolationException", "Duplicate entry '{id}' for key '{table}.{field}'"),
        (
            "MongoServerError",
            'E11000 duplicate key error collection: app.{table} index: {field}_1 dup key: {{ {field}: "{id}" }}',
        ),
        (
            "ActiveRecord::RecordNotUnique",
            "SQLite3::ConstraintException: UNIQUE constraint failed: {table}.{field}",
        ),
    ),
    "conflict": (
        ("StaleDataError", "UPDATE statement on table '{table}' expected to update 1 row(s); 0 were matched"),
        (
            "org.hibernate.StaleObjectStateException",
            "Row was updated or deleted by another transaction: [{table}#{id}]",
        ),
        (
            "OptimisticConcurrencyControlFailure",
            'Documents read from or written to the table "{table}" changed while this mutation was being run',
        ),
        ("VersionConflict", "{table}/{id}: expected version 7, found 8"),
        ("psycopg.errors.SerializationFailure", "could not serialize access due to concurrent update"),
        (
            "DbUpdateConcurrencyException",
            "The database operation was expected to affect 1 row(s), but actually affected 0 row(s)",
        ),
    ),
    "poison": (
        ("JSONDecodeError", "Expecting ',' delimiter: line 1 column 482 (char 481)"),
        ("SyntaxError", "Unexpected token < in JSON at position 0"),
        (
            "com.fasterxml.jackson.core.JsonParseException",
            "Unrecognized token 'NaN': was expecting (JSON String, Number, Array)",
        ),
        ("google.protobuf.DecodeError", "Error parsing message with type 'shop.{noun}'"),
        (
            "json.UnmarshalTypeError",
            "json: cannot unmarshal string into Go struct field {field} of type int64",
        ),
        ("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position 118: invalid start byte"),
    ),
    "expired": (
        ("jwt.exceptions.ExpiredSignatureError", "Signature has expired"),
        ("TokenExpiredError", "jwt expired"),
        ("io.jsonwebtoken.ExpiredJwtException", "JWT expired 41000 milliseconds ago"),
        ("InvalidGrantError", "refresh token is past its lifetime"),
        ("SecurityTokenExpiredException", "IDX10223: Lifetime validation failed. The token is expired"),
        ("oauth2.RetrieveError", "cannot fetch token: invalid_grant, session ended"),
    ),
    "limited": (
        ("RateLimitError", "Too many requests, please retry after 30 s"),
        ("stripe.error.RateLimitError", "Request rate limit exceeded"),
        ("ThrottlingException", "Rate exceeded for operation {noun}"),
        ("ResourceExhausted", "quota of 600 calls per minute used up for project {id}"),
    ),
    "pool": (
        (
            "sqlalchemy.exc.TimeoutError",
            "QueuePool limit of size 5 overflow 10 reached, connection timed out",
        ),
        (
            "java.sql.SQLTransientConnectionException",
            "HikariPool-1 - Connection is not available, request was not served in {ms}ms",
        ),
        (
            "ActiveRecord::ConnectionTimeoutError",
            "could not obtain a connection from the pool within {ms} ms",
        ),
        ("Error", "Knex: acquiring a connection took too long. The pool is probably full"),
    ),
    "disk": (
        ("OSError", "[Errno 28] No space left on device: '/var/lib/{noun}/wal'"),
        ("IOException", "write /data/{table}: no space left on device"),
        ("psycopg.errors.DiskFull", 'could not extend file "base/16384/{port}": No space left on device'),
        ("*fs.PathError", "open /var/spool/{noun}: read-only file system"),
    ),
}
"""Exceptions by what went wrong: class and text."""

REPORTS: Final = (
    "{peer} returned {status}",
    "request to http://{peer}/v1/{noun} failed with status code {status}",
    "{peer} responded with {status} for /v1/{noun}",
    "call to {peer} failed: HTTP {status}",
    "upstream answered {status}, giving up on {noun}",
    "POST http://{peer}/{noun} => {status}",
    "{noun} request rejected by {peer}: status={status}",
    "got {status} from {peer} after {ms} ms",
    "could not complete {noun}",
    "{noun} aborted",
    "rolling back {noun} {id}",
    "unable to process {noun} {id}: dependency failed",
    "handler for {noun} raised",
    "unhandled error in {noun} controller",
)
"""How a caller tells of a call that failed; some name the called or its answer, some neither."""

PAGE_ENDS: Final = (
    "Uncaught (in promise) Error: {noun} failed",
    "Unhandled Promise Rejection: request failed with status code {status}",
    "[api] {noun} → {status}",
    "Failed to load resource: the server responded with a status of {status} ()",
    "Something broke while loading {noun}",
    "FetchError: {noun} could not be loaded",
    "ErrorBoundary caught: Minified React error",
    "showing error page for {noun}",
)

CHATTER: Final = (
    ("info", "handling {noun} {id}"),
    ("debug", "cache miss: {noun}:{id}"),
    ("debug", "feature flag new-{noun} is off, 0 errors so far"),
    ("info", "loaded 3 items for {id}"),
    ("debug", "retry budget 100 %, circuit closed"),
    ("info", "session ok"),
    ("debug", "parsed body, 418 bytes"),
    ("info", "locale de-AT, currency EUR"),
    ("debug", "SELECT 1 took 0.4 ms"),
    ("info", "applied rule set 12 without failure"),
    ("debug", "gc pause 3.1 ms"),
    ("info", "priced {noun} {id} at 49.90"),
    ("debug", "serialising reply, 1.2 kB"),
    ("info", "audit: {noun} read by u-{port}"),
)

NOISE: Final = (
    ("browser", "error", "ResizeObserver loop completed with undelivered notifications."),
    ("browser", "error", "GET https://metrics.example.net/beacon net::ERR_BLOCKED_BY_CLIENT"),
    ("browser", "warn", "Third-party cookie will be blocked in future versions"),
    (
        "browser",
        "error",
        "Unchecked runtime.lastError: The message port closed before a response was received.",
    ),
    ("worker", "warn", "compatibility_date is older than 180 days"),
    ("worker", "warn", "waitUntil() tasks did not settle within 30 s of the previous request"),
    ("backend", "warn", "DeprecationWarning: datetime.utcnow() is deprecated"),
    ("backend", "warn", "slow consumer on metrics socket, dropping 12 samples"),
    ("backend", "warn", "config key legacy.{noun}.mode is unknown, ignored"),
    ("backend", "warn", "certificate of internal CA expires in 21 days"),
)
"""What is wrong on any good day and has no part in any incident."""

HANDLED: Final = (
    (
        "redis.exceptions.ConnectionError",
        "Error 104 while reading from socket",
        "recommendations skipped, going on without",
    ),
    ("LaunchDarklyTimeout", "flag service gave no answer", "flags unavailable, defaults in use"),
    ("StatsdError", "cannot resolve statsd.internal", "metrics not sent"),
    ("AvatarNotFound", "no picture for u-77", "placeholder avatar shown"),
    ("GeoIPError", "address 10.4.1.7 is not in the database", "country unknown, using default store"),
    ("MailchimpError", "list is archived", "newsletter tick box hidden"),
)
"""Failures that a program survives in the same request: exception, its text, and how the program goes on."""

FLOODS: Final = (
    ("browser", "debug", "render loop: effect run {n}"),
    ("browser", "debug", "mousemove {n},92"),
    ("backend", "debug", "poll {n}: nothing to do"),
    ("worker", "info", "websocket frame {n} relayed"),
    ("backend", "info", "heartbeat {n} from scheduler"),
    ("browser", "warn", "[HMR] update {n} skipped"),
)

FIELDS: Final = (
    "price",
    "email",
    "currency",
    "quantity",
    "address",
    "tax_rate",
    "plan",
    "locale",
    "coupon",
    "sku",
)
NOUNS: Final = (
    "checkout",
    "booking",
    "invoice",
    "search",
    "signup",
    "upload",
    "transfer",
    "subscription",
    "quote",
    "shipment",
)
SERVICES: Final = (
    *(
        "orders",
        "billing",
        "inventory",
        "pricing",
        "catalog",
        "ledger-api",
        "shipping",
        "fraud-check",
        "mailer",
        "profile",
    ),
    *(
        "identity",
        "payments-gw",
        "recommender",
        "search-index",
        "quota-svc",
        "tax-engine",
        "warehouse",
        "media",
        "geo",
        "vault",
    ),
)


class Speech:
    """
    Sentences of one incident: drawn by its seed, from its half of every pool.
    """

    def __init__(self, draw: random.Random, *, held_out: bool) -> None:
        self._draw = draw
        self._half = int(held_out)
        self.noun = self.pick(NOUNS)
        self.field = self.pick(FIELDS)
        self.id = f"{self.noun[:3]}_{draw.randrange(16**8):08x}"
        self.table = f"{self.noun}s"
        self._services = list(SERVICES[self._half :: 2])
        draw.shuffle(self._services)

    def pick(self, pool: Sequence):
        return self._draw.choice(pool[self._half :: 2])

    def service(self) -> str:
        return self._services.pop()

    def words(self, text: str, **known: object) -> str:
        draw = self._draw
        usual = {
            "noun": self.noun,
            "field": self.field,
            "id": self.id,
            "table": self.table,
            "peer": "upstream",
            "status": 500,
            "ms": draw.choice((1500, 2000, 3000, 5000)),
            "host": f"10.{draw.randrange(255)}.{draw.randrange(255)}.{draw.randrange(255)}",
            "port": draw.choice((5432, 6379, 8080, 9092)),
        }
        return text.format(**{**usual, **known})

    def failure(self, kind: str, **known: object) -> dict[str, str]:
        """
        Return an exception of this *kind*, as an entry's `error`.
        """
        name, text = self.pick(FAILURES[kind])
        return {"type": name, "message": self.words(text, **known)}
